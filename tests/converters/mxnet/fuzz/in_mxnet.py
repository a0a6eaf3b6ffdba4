"""Draws and runs in real MXNet: each seed gets a folder with symbol, parameters, feeds and outputs, or what MXNet says against it.

    MXNET_PYTHON tests/converters/mxnet/fuzz/in_mxnet.py operators|networks FIRST COUNT FOLDER

Every seed has a process of its own. Needs an interpreter with mxnet 1.9.1, nothing of Dragoman.
"""

import importlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path

import numpy as np

for _name, _type in (("bool", bool), ("object", object), ("int", int), ("float", float)):
    if _name not in np.__dict__:
        setattr(np, _name, _type)
os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"
"""Its fusions have faults of their own: a FullyConnected that is an output too loses its LeakyReLU, a BatchNorm of another axis
joins a convolution as if it were 1, Groups aren't bound at all."""
import mxnet as mx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def run(symbol, feeds, stored, numpy):
    """The outputs, in order."""
    mx.random.seed(0)
    values = {name: mx.nd.array(value, dtype=value.dtype) for name, value in feeds.items()}
    values.update(stored)
    known = set(symbol.list_arguments())
    with mx.util.np_shape(numpy):
        if any(name in symbol.tojson() for name in ("boolean_mask", "nonzero")):
            block = mx.gluon.SymbolBlock(symbol, [mx.sym.Variable(name) for name in feeds])
            found = block(*(values[name] for name in feeds))
            return [one.asnumpy() for one in (found if isinstance(found, (list, tuple)) else [found])]
        types = {name: value.dtype for name, value in values.items() if name in known}
        shapes = {name: value.shape for name, value in values.items() if name in known}
        executor = symbol.simple_bind(mx.cpu(), grad_req="null", type_dict=types, **shapes)
        for name, target in [*executor.arg_dict.items(), *executor.aux_dict.items()]:
            if name in values:
                if target.shape != values[name].shape:
                    raise ValueError(f"{name} is {values[name].shape}, MXNet wants {target.shape}")
                target[:] = values[name]
        return [output.asnumpy() for output in executor.forward(is_train=False)]


def written(symbol, seed, draw):
    """A symbol's text, at times as an older version has it, and what MXNet reads of it."""
    own = symbol.tojson()
    if seed % 3 == 0 and draw.__module__ == "fuzz.networks":
        from fuzz.older import rewrite

        text = rewrite(own, seed)
        try:
            read = mx.sym.load_json(text)
            if read.list_outputs() == symbol.list_outputs() and read.list_inputs() == symbol.list_inputs():
                return text, read
        except Exception:  # this version doesn't read it
            pass
    return own, symbol


def job(draw, seed, folder):
    """One seed, whole."""
    status = {}
    try:
        symbol, inputs, params, numpy, *more = draw(mx, seed)
        batches = more[0] if more else {}
        key = f"fuzz{seed}"
        with mx.util.np_shape(numpy):
            text, symbol = written(symbol, seed, draw)
            (folder / "net-symbol.json").write_text(text)
            stored = {}
            for name, array in params.items():
                value = array.make(f"{key}/{name}")
                stored[name] = mx.nd.array(value, dtype=value.dtype)
            auxiliary = set(symbol.list_auxiliary_states())
            if stored:
                saved = {("aux:" if name in auxiliary else "arg:") + name: value for name, value in stored.items()}
                mx.nd.save(str(folder / "net-0000.params"), saved)
            if len(more) > 2 and more[2] is not None and stored:  # under the names that save_parameters gives
                more[2].initialize()
                for name, parameter in more[2].collect_params().items():
                    parameter.shape = stored[name].shape
                    parameter.set_data(stored[name])
                more[2](mx.nd.array(inputs["data"].make(f"{key}/data")))
                more[2].save_parameters(str(folder / "net-0000.params"))
        feeds = {name: array.make(f"{key}/{name}") for name, array in inputs.items()}
        np.savez(folder / "feeds0.npz", **feeds)
        status = {
            "outputs": symbol.list_outputs(),
            "inputs": [n for n in symbol.list_inputs() if n in inputs],
            "batches": batches,
            "runs": 1,
        }
        status["tolerance"] = more[1] if len(more) > 1 else 1e-5
        (folder / "status.json").write_text(json.dumps({**status, "refused": "MXNet crashed"}))
        np.savez(folder / "outputs0.npz", *run(symbol, feeds, stored, numpy))
        if batches:  # one more sample in each
            other = {
                n: np.concatenate([v, v[:1] * 0.5], axis=0).astype(v.dtype) if n in batches else v for n, v in feeds.items()
            }
            np.savez(folder / "feeds1.npz", **other)
            try:
                np.savez(folder / "outputs1.npz", *run(symbol, other, stored, numpy))
                status["runs"] = 2
            except Exception:
                status["batches"] = {}
    except Exception as error:
        words = str(error).splitlines() or [type(error).__name__]
        status["refused"] = next((line for line in words if "Check failed" in line), words[0]).strip()[-200:]
        if not (folder / "net-symbol.json").exists():
            status["unborn"] = True
        status["trace"] = traceback.format_exc()[-1500:]
    (folder / "status.json").write_text(json.dumps(status))


def main():
    """Every seed."""
    kind, first, count, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    draw = importlib.import_module(f"fuzz.{kind}").draw
    for seed in range(first, first + count):
        own = folder / f"{seed:07d}"
        own.mkdir(parents=True, exist_ok=True)
        child = os.fork()
        if not child:
            signal.alarm(60)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            job(draw, seed, own)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
