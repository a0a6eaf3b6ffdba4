"""What steps of several families emit: casts there and back, picking elements, and reshapes to what the network computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.schemas import takes
from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, rank
from dragoman.graph_ir.opsets.subgraphs import either

Wider = Mapping[ir.DataType, ir.DataType]
"""A type, and the one that holds all its values and is computed in instead."""

SMALL_INTEGERS: Wider = dict.fromkeys(
    (ir.DataType.INT8, ir.DataType.INT16, ir.DataType.UINT8, ir.DataType.UINT16), ir.DataType.INT64
)
_PICKED_AS: Wider = {
    ir.DataType.BOOL: ir.DataType.UINT8,
    ir.DataType.INT16: ir.DataType.INT32,
    ir.DataType.UINT16: ir.DataType.INT32,
    ir.DataType.UINT64: ir.DataType.INT64,
    ir.DataType.BFLOAT16: ir.DataType.FLOAT,
}
"""The types that ONNX Runtime doesn't pick, and the ones that take their values there and back."""


def dtype_of(value: ir.Value) -> ir.DataType:
    """The elements' type; ``CannotConvertError`` if it isn't known."""
    if value.dtype is None:
        raise CannotConvertError(f"the unknown type of {value.name}")
    return value.dtype


def cast(e: Emitter, x: ir.Value, to: ir.DataType) -> ir.Value:
    """``x`` in another type; itself if it has it. ``CannotConvertError`` if the opset lacks one of the types."""
    if x.dtype == to:
        return x
    for dtype in (dtype_of(x), to):
        if not takes("Cast", e.opset, dtype):
            raise CannotConvertError(f"values of type {dtype.name}")
    return e.op("Cast", x, to=to.value)


def widened(node: ir.Node, e: Emitter, wider: Wider) -> tuple[ir.Value, ...] | None:
    """The same operator on wider types, its results cast back; None if no input has one of the narrow types."""
    if not any(value is not None and value.dtype in wider for value in node.inputs):
        return None
    inputs = [value if value is None else cast(e, value, wider.get(dtype_of(value), dtype_of(value))) for value in node.inputs]
    outputs = e.ops(node.op_type, *inputs, outputs=len(node.outputs), **node.attributes)
    return tuple(
        new if old.dtype is None or old.dtype not in wider else cast(e, new, old.dtype)
        for old, new in zip(node.outputs, outputs, strict=True)
    )


def where(e: Emitter, condition: ir.Value, a: ir.Value, b: ir.Value) -> ir.Value:
    """Where, through a type that ONNX Runtime picks: all those are exact there and back."""
    dtype = dtype_of(a)
    via = _PICKED_AS.get(dtype, dtype)
    return cast(e, e.op("Where", condition, cast(e, a, via), cast(e, b, via)), dtype)


def integer(e: Emitter, *values: int) -> ir.Value:
    """A vector of int64."""
    return e.const(list(values), np.int64)


def scalar(e: Emitter, value: int) -> ir.Value:
    """A scalar of int64."""
    return e.const(value, np.int64)


def shape_from(e: Emitter, x: ir.Value, start: int, end: int | None = None) -> ir.Value:
    """The dimensions ``start`` to ``end`` of ``x``."""
    stop = np.iinfo(np.int64).max if end is None else end
    return e.op("Slice", e.op("Shape", x), integer(e, start), integer(e, stop), integer(e, 0))


def vector(e: Emitter, x: ir.Value) -> ir.Value:
    """All elements in one dimension."""
    return e.op("Reshape", x, integer(e, -1))


def unsqueeze(e: Emitter, x: ir.Value, axes: Sequence[int]) -> ir.Value:
    """New dimensions of size 1."""
    return e.op("Unsqueeze", x, integer(e, *axes)) if e.opset >= 13 else e.op("Unsqueeze", x, axes=list(axes))


def squeeze(e: Emitter, x: ir.Value, axes: Sequence[int]) -> ir.Value:
    """``x`` without these dimensions, which are of size 1."""
    return e.op("Squeeze", x, integer(e, *axes)) if e.opset >= 13 else e.op("Squeeze", x, axes=list(axes))


def sum_over(e: Emitter, x: ir.Value, axes: Sequence[int], *, keepdims: int) -> ir.Value:
    """The sum over some axes."""
    if e.opset >= 13:
        return e.op("ReduceSum", x, integer(e, *axes), keepdims=keepdims)
    return e.op("ReduceSum", x, axes=list(axes), keepdims=keepdims)


def reshape(e: Emitter, x: ir.Value, shape: ir.Value) -> ir.Value:
    """``x`` in ``shape``, which has no −1, and whose zeros are zeros.

    Before 14 a zero meant the input's own dimension: a shape that has one is that of an empty tensor, made anew.
    """
    if e.opset >= 14:
        return e.op("Reshape", x, shape, allowzero=1)
    if x.shape is not None and all(isinstance(d, int) and d > 0 for d in x.shape):
        return e.op("Reshape", x, shape)
    dtype = dtype_of(x)
    smallest = e.op("ReduceMin", e.op("Concat", shape, integer(e, 1), axis=0), axes=[0], keepdims=0)
    empty = e.op("Equal", smallest, scalar(e, 0))
    blank = (
        ir.StringTensor([b""], shape=ir.Shape([])) if dtype == ir.DataType.STRING else ir.Tensor(np.zeros((), dtype.numpy()))
    )
    result = either(
        e,
        empty,
        lambda b: b.op("Expand", b.op("Constant", value=blank), shape),
        lambda b: b.op("Reshape", x, shape),
        x,
    )
    size = shape.shape[0] if shape.shape is not None else None
    result.shape = ir.Shape([None] * size) if isinstance(size, int) else None
    return result


def counted(e: Emitter, size: ir.Value) -> ir.Value:
    """0 … size − 1, for a scalar."""
    return e.op("Range", scalar(e, 0), size, scalar(e, 1))


def dimension(e: Emitter, x: ir.Value, axis: int) -> ir.Value:
    """The size of one axis, a scalar."""
    return e.op("Gather", e.op("Shape", x), scalar(e, axis))


def positive_axis(x: ir.Value, axis: int) -> int:
    """``axis`` counted from the front."""
    return axis % max(rank(x), 1)
