"""Tensors from nothing or from a type: constants, ranges, casts."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from dragoman.validators.evaluator.call import Array, Declined, EvaluationError, NodeCall, Result
from dragoman.validators.evaluator.kernels.table import Family
from dragoman.validators.evaluator.precision import narrow

family = Family()

PLAIN = frozenset(
    {
        ir.DataType.BOOL,
        ir.DataType.DOUBLE,
        ir.DataType.INT8,
        ir.DataType.INT16,
        ir.DataType.INT32,
        ir.DataType.INT64,
        ir.DataType.UINT8,
        ir.DataType.UINT16,
        ir.DataType.UINT32,
        ir.DataType.UINT64,
    }
)
WORKING = frozenset({ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16})


@family.op("Constant", storage=True)
def constant(node: NodeCall) -> Array:
    """The attribute's value, in any of its forms."""
    name, value = next(iter(node.attributes.items()), ("", None))
    if name == "value":
        return _tensor(value)
    if name in ("value_float", "value_floats"):
        return np.array(value, np.float32)
    if name in ("value_int", "value_ints"):
        return np.array(value, np.int64)
    if name == "value_string":
        return np.array(node.text(name, ""), object)
    if name == "value_strings":
        return np.array(node.texts(name, ()), object)
    raise Declined


def _tensor(value: Any) -> Array:
    array: Array = value.numpy()
    if array.dtype != object:
        return array
    strings = [s.decode() if isinstance(s, bytes) else s for s in array.ravel()]
    return np.array(strings, object).reshape(array.shape)


@family.op("ConstantOfShape")
def constant_of_shape(node: NodeCall, shape: Array) -> Array:
    """A tensor filled with one value, 0.0 by default."""
    value = _tensor(node.attributes["value"]) if node.has("value") else np.zeros(1, np.float32)
    dtype = node.dtype if narrow(value.dtype) else value.dtype
    return np.full([int(d) for d in shape], value.ravel()[0], dtype)


@family.op("EyeLike")
def eye_like(node: NodeCall, x: Array) -> Array:
    """Ones on the ``k``-th diagonal of a matrix of zeros."""
    dtype = _numpy_type(node, ir.DataType(node.integer("dtype", 0))) if node.has("dtype") else x.dtype
    return np.eye(x.shape[0], x.shape[1], node.integer("k", 0), dtype)


@family.op("Range")
def arange(_: NodeCall, start: Array, limit: Array, delta: Array) -> Array:
    """``start + k delta`` up to before ``limit``."""
    first, last, step = (v.ravel()[0] for v in (start, limit, delta))
    count = max(int(np.ceil((last - first) / step)), 0)
    return np.asarray(first + np.arange(count).astype(start.dtype) * step).astype(start.dtype)


@family.op("Cast")
def cast(node: NodeCall, x: Array) -> Array:
    """``x`` in another type; the narrow floats are all the evaluator's own."""
    named = node.version < 6  # opset 1 has the type's name
    kind = ir.DataType[node.text("to", "")] if named else ir.DataType(node.integer("to", 0))
    if _foreign(x.dtype) or kind not in PLAIN | WORKING:
        raise Declined
    return x.astype(_numpy_type(node, kind))


@family.op("CastLike")
def cast_like(_: NodeCall, x: Array, like: Array) -> Array:
    """``x`` in the type of ``like``."""
    if _foreign(x.dtype) or _foreign(like.dtype):
        raise Declined
    return x.astype(like.dtype)


def _foreign(dtype: np.dtype[Any]) -> bool:
    """Types that numpy hasn't itself: their rounding is left to the reference."""
    return dtype.kind not in "fiub" or dtype.type.__module__ != "numpy"


def _numpy_type(node: NodeCall, kind: ir.DataType) -> np.dtype[Any]:
    if kind in WORKING:
        return node.dtype
    if kind in PLAIN:
        return kind.numpy()
    raise Declined


@family.op("Dropout")
def dropout(node: NodeCall, x: Array, ratio: Array | None = None, training: Array | None = None) -> Result:
    """The input, and a mask of ones; training isn't evaluated, unless nothing is dropped."""
    drops = training is not None and bool(training.ravel()[0]) and (ratio is None or float(ratio.ravel()[0]) != 0.0)
    if drops or (node.version < 7 and node.version >= 1 and not node.integer("is_test", 0) and node.outputs > 1):
        raise EvaluationError("draws random numbers, so that no two evaluations agree")
    return x, np.ones(x.shape, bool if node.version >= 10 else x.dtype)
