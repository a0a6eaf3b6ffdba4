"""One case: a symbol as MXNet wrote it, and its arrays, which come from a seed. Runs in MXNet's Python too."""

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Array:
    """Values that are drawn anew wherever they are needed."""

    shape: tuple
    kind: str = "normal"
    low: float = 0.0
    high: float = 1.0
    dtype: str = "float32"
    values: tuple = ()

    def make(self, key):
        """The array; ``key`` seeds it."""
        dtype = np.dtype(self.dtype)
        if self.kind == "given":
            return np.array(self.values, dtype).reshape(self.shape)
        random = np.random.RandomState(zlib.crc32(key.encode()))
        if self.kind == "normal":
            drawn = self.low + self.high * random.standard_normal(self.shape)
        elif self.kind == "uniform":
            drawn = random.uniform(self.low, self.high, self.shape)
        elif self.kind == "integers":
            drawn = random.randint(int(self.low), int(self.high) + 1, self.shape)
        else:  # every value once, shuffled: no ties
            size = int(np.prod(self.shape))
            drawn = (random.permutation(size).reshape(self.shape) - size / 2) * self.high
        return np.asarray(drawn).astype(dtype)

    def plain(self):
        """As JSON holds it; what is default is left out."""
        default = Array(())
        return {k: v for k, v in vars(self).items() if k == "shape" or v != getattr(default, k)}


def normal(*shape, mean=0.0, scale=1.0, dtype="float32"):
    """Normal values."""
    return Array(shape, "normal", mean, scale, dtype)


def uniform(low, high, *shape, dtype="float32"):
    """Values between two bounds."""
    return Array(shape, "uniform", low, high, dtype)


def integers(low, high, *shape, dtype="float32"):
    """Whole numbers, bounds included."""
    return Array(shape, "integers", low, high, dtype)


def distinct(*shape, scale=1.0, dtype="float32"):
    """No two values alike, and none but 0 whose opposite isn't there."""
    return Array(shape, "distinct", 0.0, scale, dtype)


def given(values, shape=None, dtype="float32"):
    """These values."""
    array = np.array(values)
    return Array(tuple(shape if shape is not None else array.shape), "given", dtype=dtype, values=tuple(array.ravel().tolist()))


def variable(mx, name, dtype="float32"):
    """A variable; its type is said where it isn't MXNet's default."""
    return mx.sym.Variable(name) if dtype == "float32" else mx.sym.Variable(name, dtype=dtype)


@dataclass
class Case:
    """A symbol, what is fed to it, and its weights; all by the symbol's names."""

    id: str
    symbol: Any
    inputs: dict
    params: dict = field(default_factory=dict)
    dynamic: dict = field(default_factory=dict)
    """Shapes with names for dynamic dimensions, for a second conversion."""
    tolerance: float = 1e-5
    """Of the output's largest value."""
    numpy: bool = False
    """Whether shapes mean what they do in numpy: () is a scalar's, and 0 is a size."""
    random: bool = False
    """Of outputs that are drawn anew at every run, the distribution is compared."""


FLAGS = {"float32": 0, "float64": 1, "float16": 2, "uint8": 3, "int32": 4, "int8": 5, "int64": 6, "bool": 7}
"""MXNet's numbers for its dtypes."""


def node(mx, op, inputs, **attrs):
    """One operator on variables of the arrays' types, as MXNet would have saved it; ``attrs`` as text or as what prints so."""
    entries = [{"op": "null", "name": n, "inputs": [], "attrs": {"__dtype__": str(FLAGS[a.dtype])}} for n, a in inputs.items()]
    reads = [[index, 0, 0] for index in range(len(inputs))]
    entries.append({"op": op, "name": "y", "attrs": {key: str(value) for key, value in attrs.items()}, "inputs": reads})
    graph = {"nodes": entries, "arg_nodes": list(range(len(inputs))), "heads": [[len(inputs), 0, 0]]}
    graph["attrs"] = {"mxnet_version": ["int", 10901]}
    outputs = mx.sym.load_json(json.dumps(graph)).get_internals().list_outputs()[len(inputs) :]
    graph["heads"] = [[len(inputs), index, 0] for index in range(len(outputs))]
    return mx.sym.load_json(json.dumps(graph))


def single(mx, op, inputs, *, dynamic=None, numpy=False, tolerance=1e-5, label="", **attrs):
    """A case of one operator, called by all that it is made of; a ``shape_`` stands for ``shape``."""
    kinds = [f"{a.shape}" + ("" if a.dtype == "float32" else a.dtype) for a in inputs.values()]
    said = [f"{key.rstrip('_')}={value}" for key, value in attrs.items()]
    name = ",".join([op, *kinds, *said, *([label] if label else []), *(["np"] if numpy else [])])
    symbol = node(mx, op, inputs, **{key.rstrip("_"): value for key, value in attrs.items()})
    return Case(name, symbol, inputs, dynamic=dynamic or {}, tolerance=tolerance, numpy=numpy)


def several(mx, name, calls, *, dynamic=None, numpy=False, tolerance=1e-5):
    """One case of many operators, none of which reads another: ``calls`` are (operator, its inputs, its settings)."""
    entries, places, inputs = [], [], {}
    for number, (op, arrays_, settings) in enumerate(calls):
        own = {f"{key}{number}": array for key, array in arrays_.items()}
        first = len(entries)
        entries += [{"op": "null", "name": n, "inputs": [], "attrs": {"__dtype__": str(FLAGS[a.dtype])}} for n, a in own.items()]
        places.append(len(entries))
        attrs = {key: str(value) for key, value in settings.items() if value is not None}
        reads = [[first + index, 0, 0] for index in range(len(own))]
        entries.append({"op": op, "name": f"y{number}", "attrs": attrs, "inputs": reads})
        inputs.update(own)
    variables = [index for index, entry in enumerate(entries) if entry["op"] == "null"]
    graph = {"nodes": entries, "arg_nodes": variables, "heads": [[place, 0, 0] for place in places]}
    symbol = mx.sym.load_json(json.dumps({**graph, "attrs": {"mxnet_version": ["int", 10901]}}))
    return Case(name, symbol, inputs, dynamic=dynamic or {}, tolerance=tolerance, numpy=numpy)


def unary(mx, op, shape, *, dtype="float32", dynamic=None, **settings):
    """``single`` of one tensor of distinct values."""
    inputs = {"data": distinct(*shape, dtype=dtype)}
    return single(mx, op, inputs, dynamic=None if dynamic is None else {"data": dynamic}, **settings)


def arrays(case_id, described):
    """The arrays of a recorded case's inputs or params."""
    found = {}
    for name, plain in described.items():
        whole = {**plain, "shape": tuple(plain["shape"]), "values": tuple(plain.get("values", ()))}
        found[name] = Array(**whole).make(f"{case_id}/{name}")
    return found
