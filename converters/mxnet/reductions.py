"""Reductions over axes, of every type, in operators that ONNX Runtime has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import FLOATS, cast, dtype_of, number, select, truth
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.ops.reshape import Part
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.graph_ir import dims

Reduction = Callable[[SymbolBuilder, Value, list[int], bool], Value]
"""A tensor, the axes that go, and whether they stay with the size 1 → what they are reduced to."""

WIDER = {DataType.INT8: DataType.INT32, DataType.UINT8: DataType.INT32}
"""What ONNX Runtime doesn't reduce; modulo 256 it comes out the same."""

_WIDEST = dict.fromkeys((DataType.INT8, DataType.UINT8, DataType.INT32), DataType.INT64)
"""The same for sums and products, which ONNX Runtime stops at the greatest number, and MXNet takes modulo."""


def _reduce(op_type: str) -> Reduction:
    """A reduction of ONNX's; of truths, whether any is true, or all for products and minima."""

    def reduction(g: SymbolBuilder, x: Value, axes: list[int], keep: bool) -> Value:
        dtype = dtype_of(x)
        if dtype == DataType.BOOL:
            return all_true(g, x, axes, keep) if op_type in ("ReduceProd", "ReduceMin") else any_true(g, x, axes, keep)
        if not axes:
            return x
        wide = cast(g, x, (_WIDEST if op_type in ("ReduceSum", "ReduceProd") else WIDER).get(dtype, dtype))
        return cast(g, g.op(op_type, wide, g.const(axes), keepdims=int(keep)), dtype)

    return reduction


total, product, greatest, least = (_reduce(name) for name in ("ReduceSum", "ReduceProd", "ReduceMax", "ReduceMin"))


def any_true(g: SymbolBuilder, x: Value, axes: list[int], keep: bool) -> Value:
    """Whether one isn't 0."""
    return cast(g, total(g, cast(g, truth(g, x), DataType.INT64), axes, keep), DataType.BOOL)


def all_true(g: SymbolBuilder, x: Value, axes: list[int], keep: bool) -> Value:
    """Whether none is 0."""
    return g.op("Not", any_true(g, g.op("Not", truth(g, x)), axes, keep))


def mean(g: SymbolBuilder, x: Value, axes: list[int], keep: bool) -> Value:
    """The mean; of integers the sum, which may have wrapped, divided and truncated."""
    whole = dtype_of(x) not in FLOATS
    if not whole and axes and not is_empty(x, axes):
        return g.op("ReduceMean", x, g.const(axes), keepdims=int(keep))
    summed = total(g, x, axes, keep)
    if dtype_of(x) == DataType.BOOL or not axes:
        return summed
    if not whole:
        return g.op("Div", summed, number(g, x, 0.0))
    return cast(g, g.op("Div", cast(g, summed, DataType.INT64), count(g, x, axes)), dtype_of(x))


def is_empty(x: Value, axes: Sequence[int]) -> bool:
    """Whether there is nothing along an axis that goes."""
    return any(dims(x)[axis] == 0 for axis in axes)


def count(g: SymbolBuilder, x: Value, axes: list[int]) -> Value:
    """How many elements become one, int64."""
    size = Part(x, tuple(axes))
    known = size.known() if axes else 1
    return g.const(known) if isinstance(known, int) else g.op("Squeeze", size.computed(g))


def without_nan(reduction: Reduction, neutral: float) -> Reduction:
    """``reduction`` where what isn't a number counts as ``neutral``."""

    def reduced(g: SymbolBuilder, x: Value, axes: list[int], keep: bool) -> Value:
        return reduction(g, select(g, g.op("IsNaN", x), number(g, x, neutral), x) if dtype_of(x) in FLOATS else x, axes, keep)

    return reduced


def distinct_axes(g: SymbolBuilder, node: Node, x: Value, axis: Ints | None) -> list[int]:
    """The axes of ``axis``, ascending and each once."""
    rank = g.rank(node, x)
    axes = sorted(g.axis(node, index, rank) for index in axis or ())
    if len({*axes}) != len(axes):
        raise g.malformed(node, f"reduces an axis twice: {axis}")
    return axes


def length(g: SymbolBuilder, x: Value, axes: list[int], keep: bool) -> Value:
    """√Σx² of floats; of float32 by way of float64, where the squares of its largest and least numbers are numbers still."""
    if not axes:
        return g.op("Abs", x)
    wide = DataType.DOUBLE if dtype_of(x) == DataType.FLOAT else dtype_of(x)
    return cast(g, g.op("ReduceL2", cast(g, x, wide), g.const(axes), keepdims=int(keep)), dtype_of(x))
