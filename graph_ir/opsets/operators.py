"""Operators that steps of many families emit, each in the form that the opset at hand has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.schemas import takes
from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, dtype_of
from dragoman.graph_ir.opsets.subgraphs import either

END: int = np.iinfo(np.int64).max
"""A Slice's end behind the last element of any axis."""

_PICKED_AS = {
    ir.DataType.BOOL: ir.DataType.UINT8,
    ir.DataType.INT16: ir.DataType.INT32,
    ir.DataType.UINT16: ir.DataType.INT32,
    ir.DataType.UINT64: ir.DataType.INT64,
    ir.DataType.BFLOAT16: ir.DataType.FLOAT,
}
"""The types that ONNX Runtime doesn't pick, and the ones that take their values there and back."""


def cast(e: Emitter, x: ir.Value, to: ir.DataType) -> ir.Value:
    """``x`` in another type, or itself if it has it. ``CannotConvertError`` if the opset's Cast lacks one of the types."""
    if x.dtype == to:
        return x
    for dtype in (dtype_of(x), to):
        if not takes("Cast", e.opset, dtype):
            raise CannotConvertError(f"values of type {dtype.name}")
    return e.op("Cast", x, to=to.value)


def where(e: Emitter, condition: ir.Value, a: ir.Value, b: ir.Value) -> ir.Value:
    """Where, through a type that ONNX Runtime picks: all those are exact there and back."""
    dtype = dtype_of(a)
    via = _PICKED_AS.get(dtype, dtype)
    return cast(e, e.op("Where", condition, cast(e, a, via), cast(e, b, via)), dtype)


def shape_from(e: Emitter, x: ir.Value, start: int, end: int | None = None) -> ir.Value:
    """The dimensions ``start`` to ``end`` of ``x``."""
    stop = END if end is None else end
    return e.op("Slice", e.op("Shape", x), e.vector(start), e.vector(stop), e.vector(0))


def flattened(e: Emitter, x: ir.Value) -> ir.Value:
    """All elements in one dimension."""
    return e.op("Reshape", x, e.vector(-1))


def unsqueeze(e: Emitter, x: ir.Value, axes: Sequence[int]) -> ir.Value:
    """New dimensions of size 1."""
    return e.op("Unsqueeze", x, e.vector(*axes)) if e.opset >= 13 else e.op("Unsqueeze", x, axes=list(axes))


def squeeze(e: Emitter, x: ir.Value, axes: Sequence[int]) -> ir.Value:
    """``x`` without these dimensions, which are of size 1."""
    return e.op("Squeeze", x, e.vector(*axes)) if e.opset >= 13 else e.op("Squeeze", x, axes=list(axes))


def sum_over(e: Emitter, x: ir.Value, axes: Sequence[int], *, keepdims: int) -> ir.Value:
    """The sum over some axes."""
    if e.opset >= 13:
        return e.op("ReduceSum", x, e.vector(*axes), keepdims=keepdims)
    return e.op("ReduceSum", x, axes=list(axes), keepdims=keepdims)


def mean_over(e: Emitter, x: ir.Value, axes: Sequence[int]) -> ir.Value:
    """The mean over some axes, which stay with size 1."""
    return e.op("ReduceMean", x, e.vector(*axes)) if e.opset >= 18 else e.op("ReduceMean", x, axes=list(axes))


def blank(e: Emitter, dtype: ir.DataType) -> ir.Value:
    """A scalar of the type: 0, false or an empty string."""
    if dtype == ir.DataType.STRING:
        return e.op("Constant", value=ir.StringTensor([b""], shape=ir.Shape([])))
    return e.const(0, dtype.numpy())


def reshape(e: Emitter, x: ir.Value, shape: ir.Value) -> ir.Value:
    """``x`` in ``shape``, which has no −1, and whose zeros are zeros.

    Before 14 a zero meant the input's own dimension: a shape that has one is that of an empty tensor, made anew.
    """
    if e.opset >= 14:
        return e.op("Reshape", x, shape, allowzero=1)
    if x.shape is not None and all(isinstance(d, int) and d > 0 for d in x.shape):
        return e.op("Reshape", x, shape)
    smallest = e.op("ReduceMin", e.op("Concat", shape, e.vector(1), axis=0), axes=[0], keepdims=0)
    empty = e.op("Equal", smallest, e.scalar(0))
    result = either(
        e,
        empty,
        lambda b: b.op("Expand", blank(b, dtype_of(x)), shape),
        lambda b: b.op("Reshape", x, shape),
        x,
    )
    size = shape.shape[0] if shape.shape is not None else None
    result.shape = ir.Shape([None] * size) if isinstance(size, int) else None
    return result
