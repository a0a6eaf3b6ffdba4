"""``draw(mx, seed)``: one operator with every setting that MXNet registers for it drawn at random. Runs in MXNet's Python."""

import ctypes
import json
import random
import re
from functools import lru_cache
from pathlib import Path

from cases.case import FLAGS, normal, uniform

from .arrays import DTYPES, inputs_of

LEFT_OUT = {
    "_cond", "_foreach", "_while_loop", "_random_normal", "_random_uniform", "_sample_multinomial", "_contrib_quantized_conv",
    "_contrib_quantized_fully_connected", "_contrib_MultiBoxTarget", "_contrib_Proposal",
}  # fmt: skip
"""Operators that have symbols within, draw numbers, or take what random arrays can't be: their recorded cases must do."""

ALIASED = {
    "_npi_logical_and": "_npi_logical_and", "_npi_max": "_np_max", "_npi_min": "_np_min", "_npi_prod": "_np_prod",
    "_npi_squeeze": "_np_squeeze", "_npi_sum": "_np_sum", "identity": "_copy", "ravel_multi_index": "_ravel_multi_index",
    "sum_axis": "sum", "unravel_index": "_unravel_index",
}  # fmt: skip
"""What MXNet 1.9.1 registers, and writes, in place of some names."""

FLOATS = ("0", "1", "0.5", "1e-05", "2.0", "-1", "-0.3", "3")


@lru_cache
def registered():
    """Every operator's parameters as (name, type) in MXNet's own words, and the one that counts its inputs."""
    from mxnet.base import _LIB

    creators, size, found = ctypes.POINTER(ctypes.c_void_p)(), ctypes.c_uint(), {}
    _LIB.MXSymbolListAtomicSymbolCreators(ctypes.byref(size), ctypes.byref(creators))
    for index in range(size.value):
        name, text, kind, count = ctypes.c_char_p(), ctypes.c_char_p(), ctypes.c_char_p(), ctypes.c_char_p()
        number, lists = ctypes.c_uint(), [ctypes.POINTER(ctypes.c_char_p)() for _ in range(3)]
        pointers = [ctypes.byref(value) for value in (name, text, number, *lists, count, kind)]
        _LIB.MXSymbolGetAtomicSymbolInfo(ctypes.c_void_p(creators[index]), *pointers)
        said = [(lists[0][i].decode(), lists[1][i].decode()) for i in range(number.value)]
        found[name.value.decode()] = said, count.value.decode()
    return found


@lru_cache
def listed():
    """The operators to cover, by the names that symbols write."""
    names = (Path(__file__).with_name("operators.txt")).read_text().split()
    return [own for name in names if (own := ALIASED.get(name, name)) in registered() and name not in LEFT_OUT]


def is_input(kind):
    """Whether a parameter is an array."""
    return kind.startswith(("NDArray", "Symbol"))


def setting(r, name, kind, rank, sizes):
    """A value of a parameter's type as text, or None to leave it out."""
    if "required" not in kind and r.random() < 0.45:
        return None
    if " or None" in kind and r.random() < 0.15:
        return "None"
    if "bfloat16" in kind:
        kind = kind.replace(", 'bfloat16'", "").replace("'bfloat16', ", "")
    if "{" in kind:
        return r.choice([v for v in re.search(r"\{(.*?)\}", kind).group(1).replace("'", "").split(",") if v.strip()]).strip()
    if kind.startswith("boolean"):
        return r.choice(("True", "False", "1", "0"))
    if name == "dtype":
        return r.choice(("float32", "float16", "float64", "int32", "int64", "int8", "uint8"))
    if name in ("axis", "dim", "dim1", "dim2", "axis1", "axis2") and not kind.startswith("Shape or"):
        if kind.startswith("Shape"):
            return (
                str(tuple(r.sample(range(rank), r.randint(0, rank)))) if r.random() < 0.6 else str(r.randint(-rank, rank - 1))
            )
        return str(r.randint(-rank, rank - 1)) if r.random() < 0.97 else str(rank)
    if kind.startswith("Shape"):
        if name in ("axis", "axes"):
            chosen = r.sample(range(rank), r.randint(0 if name == "axis" else rank, rank))
            return str(tuple(a - rank if r.random() < 0.3 else a for a in chosen))
        if name in ("kernel", "stride", "dilate", "pad", "adj", "target_shape"):
            low, high = {"kernel": (1, 3), "stride": (1, 3), "dilate": (1, 2), "pad": (0, 1), "adj": (0, 1)}.get(name, (4, 9))
            return str(tuple(r.randint(low, high) for _ in range(max(rank - 2, 1))))
        if name in ("begin", "end", "step"):
            pool = {"begin": (0, 0, 1, -1, -2, "None"), "end": (1, 2, -1, 3, "None", "None"), "step": (1, 1, 2, -1, "None")}[
                name
            ]
            return "(" + ", ".join(str(r.choice(pool)) for _ in range(r.randint(1, rank))) + ",)"
        if name == "reps":
            return str(tuple(r.randint(1, 3) for _ in range(r.randint(1, 4))))
        if name in ("newshape", "shape"):
            return str(tuple(r.choice((0, -1, -2, -3, -4, 1, 2, *sizes)) for _ in range(r.randint(1, 4))))
        return str(tuple(r.choice((1, 2, 3, *sizes)) for _ in range(rank)))
    if kind.startswith("tuple of <float>"):
        return str(
            tuple(
                r.choice((0.1, 0.5, 1.0, 2.0)) for _ in range(r.randint(1, 4 if name in ("stds", "means", "variances") else 3))
            )
        )
    if kind.startswith("tuple"):
        return str(tuple(r.randint(0, 2) for _ in range(rank)))
    if kind.startswith(("float", "double")):
        return r.choice(FLOATS)
    if kind.startswith(("int", "long")):
        return str(r.choice((1, 1, 2, 2, 3, 4))) if "non-neg" in kind or name in COUNTS else str(r.randint(-2, 4))
    return None


COUNTS = {
    "num_outputs", "num_args", "block_size", "depth", "num_hidden", "num_filter", "num_group", "k", "repeats", "heads", "sections",
    "input_dim", "output_dim", "num_groups", "nsize", "height", "width", "group_size", "state_size", "num_layers",
}  # fmt: skip


def settings_of(r, op, rank, sizes):
    """All the settings of an operator."""
    drawn = {name: setting(r, name, kind, rank, sizes) for name, kind in registered()[op][0] if not is_input(kind)}
    return {name: value for name, value in drawn.items() if value is not None}


def draw(mx, seed, op=None):
    """(symbol, inputs, parameters, whether shapes are numpy's)."""
    r = random.Random(seed)
    op = op or listed()[seed % len(listed())]
    said = registered()[op][0]
    names = [name for name, kind in said if is_input(kind)]
    dtype = r.choice(DTYPES)
    inputs, forced = inputs_of(r, op, names, dtype, registered()[op][1])
    first = next(iter(inputs.values()), None)
    sizes = first.shape if first else (2, 3)
    settings = settings_of(r, op, max(len(sizes), 1), sizes)
    if "dtype" in settings and "{" not in dict(said)["dtype"]:
        settings["dtype"] = r.choice(("float32", "int32"))
    settings.update(forced)
    settings = {
        key: value
        for key, value in settings.items()
        if value not in ("None",) or " or None" in dict(said).get(key, "") or r.random() < 2
    }
    symbol = build(mx, op, names, inputs, settings, r.choice((0, 0, 1, 2, 3)))
    weights = [name for name in symbol.list_arguments() if name not in inputs]
    numpy = op.startswith("_np") and r.random() < 0.8
    params = {}
    if weights or symbol.list_auxiliary_states():
        with mx.util.np_shape(numpy):
            own, _, auxiliary = symbol.infer_shape(**{name: value.shape for name, value in inputs.items()})
        for name, size in [*zip(symbol.list_arguments(), own), *zip(symbol.list_auxiliary_states(), auxiliary)]:
            if name not in inputs:
                positive = name in symbol.list_auxiliary_states() or name.startswith("gamma")
                params[name] = uniform(0.3, 1.5, *size, dtype=dtype) if positive else normal(*size, scale=0.4, dtype=dtype)
    return symbol, inputs, params, numpy


def build(mx, op, names, inputs, settings, partly=0):
    """The operator as a symbol's text has it: each argument a variable of its own name, with as many as it wants."""
    variables = list(inputs)
    if not registered()[op][1] and op not in (
        "SequenceLast",
        "SequenceMask",
        "SequenceReverse",
        "softmax",
        "_contrib_BilinearResize2D",
    ):
        variables = [*inputs, *(name for name in names if name not in inputs)]
        if settings.get("no_bias") in ("True", "1"):
            variables = [name for name in variables if name != "bias"]
        if op == "LeakyReLU" and settings.get("act_type") != "prelu":
            variables = ["data"]
        if op == "RNN":
            variables = [
                name
                for name in variables
                if name != "sequence_length" and (name != "state_cell" or settings.get("mode") == "lstm")
            ]
        if op == "_linalg_gemm2":
            variables = ["A", "B"]
    nodes = [{"op": "null", "name": name, "inputs": []} for name in variables]
    for node in nodes:
        if node["name"] in inputs:
            node["attrs"] = {"__dtype__": str(FLAGS[inputs[node["name"]].dtype])}
    entry = {"op": op, "name": "y", "attrs": settings, "inputs": [[i, 0, 0] for i in range(len(variables))]}
    graph = {"nodes": [*nodes, entry], "arg_nodes": list(range(len(variables))), "heads": [[len(variables), 0, 0]]}
    graph["attrs"] = {"mxnet_version": ["int", 10901]}
    internals = mx.sym.load_json(json.dumps(graph)).get_internals().list_outputs()
    count = len([name for name in internals if name.startswith("y_")])
    hidden = {
        "BatchNorm": 1,
        "LayerNorm": 1,
        "GroupNorm": 1,
        "InstanceNorm": 1,
        "Dropout": 1,
        "LRN": 1,
        "LeakyReLU": 1,
        "ROIPooling": 1,
        "SpatialTransformer": 1,
        "BilinearSampler": 1,
        "GridGenerator": 1,
        "Correlation": 1,
        "L2Normalization": 1,
    }
    count = hidden.get(op, count)
    graph["heads"] = [[len(variables), index, 0] for index in range(count)]
    if count > 1 and partly:
        graph["heads"] = graph["heads"][partly % count :][:1]
    return mx.sym.load_json(json.dumps(graph))
