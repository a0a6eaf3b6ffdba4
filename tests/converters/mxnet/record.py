"""Run the cases in real MXNet, and keep what it gives: ``recorded/FAMILY.json`` (symbols, arrays) and ``.npz`` (outputs).

    MXNET_PYTHON tests/converters/mxnet/record.py [--check] [FAMILY ...]

Needs an interpreter with mxnet 1.9.1 and a numpy below 2, nothing of Dragoman. ``--check`` compares with what is kept, and writes
nothing. A case that MXNet refuses is kept as refused, with its words; one that only its oneDNN kernels can't do is left out.
"""

import argparse
import json
import os
import pickle
import sys
from pathlib import Path

import numpy as np

for _name, _type in (("bool", bool), ("object", object), ("int", int), ("float", float)):
    if _name not in np.__dict__:
        setattr(np, _name, _type)
import mxnet as mx

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import cases
from cases.case import arrays


def run(case, described):
    """The outputs of one case, in order."""
    mx.random.seed(0)
    feeds, params = arrays(case.id, described["inputs"]), arrays(case.id, described["params"])
    symbol = mx.sym.load_json(described["symbol"])
    known = set(symbol.list_arguments())
    if any(name in described["symbol"] for name in ("boolean_mask", "nonzero")):  # an executor wants to know sizes that only the values say
        block = mx.gluon.SymbolBlock(symbol, [mx.sym.Variable(name) for name in feeds])
        return [block(*(mx.nd.array(value, dtype=value.dtype) for value in feeds.values())).asnumpy()]
    types = {name: value.dtype for name, value in {**feeds, **params}.items() if name in known}
    shapes = {n: v.shape for n, v in feeds.items() if n in known}
    try:
        executor = symbol.simple_bind(mx.cpu(), grad_req="null", type_dict=types, **shapes)
    except RuntimeError as error:
        if "cannot decide shapes" not in str(error):
            raise
        # loops and conditions, which it runs but infers nothing of
        values = {n: mx.nd.array(v, dtype=v.dtype) for n, v in {**feeds, **params}.items()}
        executor = symbol.bind(mx.cpu(), {n: values[n] for n in symbol.list_arguments()}, grad_req="null")
    for name, value in {**feeds, **params}.items():
        target = executor.arg_dict.get(name, executor.aux_dict.get(name))
        if target is None:
            raise ValueError(f"the symbol has no variable {name}")
        if target.shape != value.shape:
            raise ValueError(f"{name} is {value.shape}, MXNet wants {target.shape}")
        target[:] = mx.nd.array(value, dtype=value.dtype)
    return [output.asnumpy() for output in executor.forward(is_train=False)]


def run_apart(case, described):
    """The same in a process of its own: some that MXNet refuses, or should have, leave it in pieces."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            with mx.util.np_shape(case.numpy):
                answer = run(case, described), ""
        except Exception as error:
            answer = [], str(error)
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        written = pipe.read()
    os.waitpid(child, 0)
    values, refusal = pickle.loads(written) if written else ([], "MXNet crashed")
    if refusal:
        raise ValueError(refusal)
    return values


def record(family):
    """Every case of a family: its entry and its outputs."""
    entries, outputs = {}, {}
    for case in cases.load(family, mx).values():
        with mx.util.np_shape(case.numpy):
            symbol = case.symbol.tojson()
        entry = {
            "symbol": json.dumps(json.loads(symbol), separators=(",", ":")),
            "outputs": case.symbol.list_outputs(),
            "inputs": {name: array.plain() for name, array in case.inputs.items()},
            "params": {name: array.plain() for name, array in case.params.items()},
            "dynamic": case.dynamic,
            "tolerance": case.tolerance,
        }
        entry |= {"random": True} if case.random else {}
        entry = json.loads(json.dumps(entry))
        try:
            values = run_apart(case, entry)
        except Exception as error:
            words = str(error).splitlines()
            if any("descriptor" in line for line in words):
                print(f"{family}: {case.id}: oneDNN can't; left out", file=sys.stderr)
                continue
            entry["refused"] = next((line for line in words if "Check failed" in line), words[0]).strip()[-200:]
            values = []
        entries[case.id] = entry
        outputs.update({f"{len(entries)}/{number}": value for number, value in enumerate(values)})
    return entries, outputs


def main():
    """Record or check; the status counts the cases that differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*", metavar="FAMILY")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    different = 0
    for family in arguments.families or cases.FAMILIES:
        entries, outputs = record(family)
        for name, entry in entries.items():
            if "refused" in entry:
                print(f"{family}: {name} is refused: {entry['refused']}", file=sys.stderr)
        home = HERE / "recorded"
        if arguments.check:
            different += compare(family, entries, outputs, home)
            continue
        home.mkdir(exist_ok=True)
        lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(entry)}" for key, entry in entries.items())
        (home / f"{family}.json").write_text(f"{{\n{lines}\n}}\n")
        np.savez_compressed(home / f"{family}.npz", **outputs)
        print(f"{family}: {len(entries)} cases, {sum('refused' in e for e in entries.values())} refused")
    return min(different, 100)


def timeless(entry):
    """An entry without the words of its refusal, which have the time in them."""
    return {**entry, "refused": True} if entry and "refused" in entry else entry


def compare(family, entries, outputs, home):
    """How many cases of a family give now something else than what is kept."""
    kept = json.loads((home / f"{family}.json").read_text())
    stored = np.load(home / f"{family}.npz")
    different = [name for name in {**kept, **entries} if timeless(kept.get(name)) != timeless(entries.get(name))]
    for key in {*stored.files, *outputs}:
        same = key in outputs and key in stored.files and np.allclose(outputs[key], stored[key], rtol=1e-5, atol=1e-6, equal_nan=True)
        if not same:
            different.append(f"output {key}")
    print(f"{family}: {len(entries)} cases run, {len(different)} differ from what is kept", *different[:5])
    return len(different)


if __name__ == "__main__":
    sys.exit(main())
