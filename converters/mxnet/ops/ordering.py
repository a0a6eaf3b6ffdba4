"""Where the greatest are, and elements by their order."""

from __future__ import annotations

from typing import Literal

from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import cast, dtype_of, number
from dragoman.converters.mxnet.ops.reshape import reshape_to
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


@op("argmax")
def argmax(g: SymbolBuilder, node: Node, data: Value, *, axis: int | None = None, keepdims: bool = False) -> Value:
    """MXNet argmax: the place of the greatest along ``axis`` or in all, the first of equals, of data's own type; never a scalar.

    broadcast_reduce_op_index.cc.
    """
    return cast(g, _extreme(g, node, data, axis, keepdims, "ArgMax", scalars=False), dtype_of(data))


@op("argmin")
def argmin(g: SymbolBuilder, node: Node, data: Value, *, axis: int | None = None, keepdims: bool = False) -> Value:
    """MXNet argmin: as argmax, of the least. broadcast_reduce_op_index.cc."""
    return cast(g, _extreme(g, node, data, axis, keepdims, "ArgMin", scalars=False), dtype_of(data))


@op("_npi_argmax")
def np_argmax(g: SymbolBuilder, node: Node, data: Value, *, axis: int | None = None, keepdims: bool = False) -> Value:
    """MXNet np.argmax: the place of the greatest along ``axis`` or in all, the first of equals, int64. np_broadcast_reduce_op_index.cc."""
    return _extreme(g, node, data, axis, keepdims, "ArgMax", scalars=True)


@op("_npi_argmin")
def np_argmin(g: SymbolBuilder, node: Node, data: Value, *, axis: int | None = None, keepdims: bool = False) -> Value:
    """MXNet np.argmin: as np.argmax, of the least. np_broadcast_reduce_op_index.cc."""
    return _extreme(g, node, data, axis, keepdims, "ArgMin", scalars=True)


@op("argmax_channel")
def argmax_channel(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """MXNet argmax_channel: argmax along axis 1. broadcast_reduce_op_index.cc."""
    return argmax(g, node, data, axis=1)


def _extreme(g: SymbolBuilder, node: Node, x: Value, axis: int | None, keep: bool, op_type: str, *, scalars: bool) -> Value:
    """Places, int64. Where ``scalars`` aren't, one axis is kept when all would go."""
    rank = g.rank(node, x)
    row = x if axis is not None else reshape_to(g, node, x, [None])
    place = 0 if axis is None else g.axis(node, axis, rank)
    if dtype_of(row) == DataType.INT64:  # ONNX Runtime has no ArgMax of them
        _, found = g.ops("TopK", row, g.const([1]), outputs=2, axis=place, largest=int(op_type == "ArgMax"))
    else:
        found = g.op(op_type, row, axis=place)
    if axis is None and keep:
        return reshape_to(g, node, found, [1] * rank)
    only = len(dims(row)) == 1
    return found if keep or (only and not scalars) else g.op("Squeeze", found, g.const([place]))


@op("topk", "_npx_topk")
def topk(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    axis: int | None = -1,
    k: int = 1,
    ret_typ: Literal["value", "indices", "mask", "both"] = "indices",
    is_ascend: bool = False,
    dtype: DataType = DataType.FLOAT,
) -> Value | tuple[Value, ...]:
    """MXNet topk: the k greatest or least along ``axis`` or in all, in their order (all if k < 1); as ``ret_typ`` says the values,
    their places of type ``dtype``, both, or a mask of data's shape that is 1 there. ordering_op-inl.h.

    Of equals the first come first. So they do in MXNet where 2k is more than there are; else its order among them is its heap's.
    """
    row, place = (data, axis) if axis is not None else (reshape_to(g, node, data, [None]), 0)
    place = g.axis(node, place, g.rank(node, row))
    size = dims(row)[place]
    if isinstance(size, int) and k > size:
        raise g.malformed(node, f"takes {k} of {size}")
    values, places = _ordered(g, row, place, g.const([k]) if k >= 1 else g.dim(row, place), is_ascend)
    if ret_typ == "mask":
        zeros = g.op("Expand", number(g, row, 0), g.shape(row))
        ones = g.op("Expand", number(g, row, 1), g.shape(places))
        return g.reshape_like(g.op("ScatterElements", zeros, places, ones, axis=place), data)
    places = cast(g, places, dtype)
    return places if ret_typ == "indices" else (values, places)


def _ordered(g: SymbolBuilder, x: Value, axis: int, k: Value, ascending: bool) -> tuple[Value, Value]:
    """The k first values and their places."""
    narrow = dtype_of(x) in (DataType.INT8, DataType.UINT8)  # ONNX Runtime orders none of these
    wide = cast(g, x, DataType.INT32) if narrow else x
    values, places = g.ops("TopK", wide, k, outputs=2, axis=axis, largest=int(not ascending))
    return cast(g, values, dtype_of(x)), places


@op("sort", "_npi_sort")
def sort(g: SymbolBuilder, node: Node, data: Value, *, axis: int | None = -1, is_ascend: bool = True) -> tuple[Value, Value]:
    """MXNet sort: the values along ``axis`` or all in their order; and their places, which it hides. ordering_op-inl.h."""
    row, place = (data, axis) if axis is not None else (reshape_to(g, node, data, [None]), 0)
    place = g.axis(node, place, g.rank(node, row))
    return _ordered(g, row, place, g.dim(row, place), is_ascend)


@op("argsort", "_npi_argsort")
def argsort(
    g: SymbolBuilder, node: Node, data: Value, *, axis: int | None = -1, is_ascend: bool = True, dtype: DataType = DataType.FLOAT
) -> Value:
    """MXNet argsort: the places of the values along ``axis`` or of all, in the values' order. ordering_op-inl.h."""
    return cast(g, sort(g, node, data, axis=axis, is_ascend=is_ascend)[1], dtype)
