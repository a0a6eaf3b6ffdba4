"""Reductions: their axes were attributes before 18 (ReduceSum: before 13)."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, whole
from dragoman.graph_ir.opsets.operators import END, cast, reshape, sum_over, unsqueeze
from dragoman.graph_ir.opsets.precision import HALVES, SMALL_INTEGERS
from dragoman.graph_ir.opsets.step import (
    Emitter,
    attribute,
    dtype_of,
    input_at,
    lowers,
    needed,
    numpy_dtype,
    raises,
    rank,
    sizes,
)
from dragoman.graph_ir.opsets.subgraphs import Branch, either
from dragoman.graph_ir.passes.editing import constant

_REDUCTIONS = (
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
    "ReduceSumSquare",
)  # fmt: skip


@lowers(18, *_REDUCTIONS)
@lowers(13, "ReduceSum")
def axes_as_attribute(node: ir.Node, e: Emitter) -> ir.Value:
    """Constant axes become the attribute; no axes mean all of them, or none with ``noop_with_empty_axes``."""
    data, given = needed(node, 0), input_at(node, 1)
    keepdims, noop = attribute(node, "keepdims", 1), attribute(node, "noop_with_empty_axes", 0)
    tensor = constant(given)
    if given is not None and tensor is None:
        return _reduce_computed_axes(node.op_type, data, given, e, keepdims=keepdims, noop=noop)
    axes = [] if tensor is None else [int(axis) for axis in tensor.numpy().reshape(-1)]
    if not axes and noop:
        if node.op_type in _PLAIN:
            return e.op("Identity", data)
        return e.op(node.op_type, unsqueeze(e, data, [0]), axes=[0], keepdims=0)
    return e.op(node.op_type, data, axes=axes or None, keepdims=keepdims)


_PLAIN = frozenset({"ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"})
"""The reductions that leave a single element as it is; the others are the function of it."""

_BY_AXIS = frozenset({"ReduceMax", "ReduceMin", "ReduceProd", "ReduceLogSumExp"})
"""The reductions that one axis after the other makes; the others are a function of the sum.

Means of means would do, but ONNX Runtime's fusion of RMS normalisation breaks the graph where it finds one in an If.
"""


def _reduce_computed_axes(kind: str, data: ir.Value, axes: ir.Value, e: Emitter, *, keepdims: int, noop: int) -> ir.Value:
    """Axis by axis, each under an If that asks whether it is among ``axes``."""
    dtype, ones = dtype_of(data), e.const(np.ones(rank(data)), np.int64)
    by_axis = kind if kind in _BY_AXIS else "ReduceSum"
    kept = cast(e, e.op("ScatterElements", ones, axes, e.op("Sub", axes, axes)), ir.DataType.BOOL)
    if not noop:  # no axes are all of them
        some = e.op("Greater", e.op("Size", axes), e.scalar(0))
        kept = e.op("And", kept, some)
    result = _before(kind, data, e)
    for axis in range(rank(data)):
        stays = e.op("Squeeze", e.op("Slice", kept, e.vector(axis), e.vector(axis + 1)))
        result = either(e, stays, _as_it_is(result), _reduced(by_axis, result, axis), result)
        result.shape = ir.Shape([None] * rank(data))
    if kind == "ReduceMean":
        count = e.op("ReduceProd", e.op("Where", kept, ones, e.op("Shape", data)), axes=[0], keepdims=0)
        result = cast(e, e.op("Div", result, cast(e, count, dtype_of(result))), dtype)
    if kind in _AFTER:
        result = cast(e, e.op(_AFTER[kind], cast(e, result, ir.DataType.DOUBLE if dtype.is_integer() else dtype)), dtype)
    if not keepdims:
        return reshape(e, result, e.op("Compress", e.op("Shape", data), kept))
    return result if result is not data else e.op("Identity", data)


_AFTER = {"ReduceL2": "Sqrt", "ReduceLogSum": "Log"}


def _before(kind: str, data: ir.Value, e: Emitter) -> ir.Value:
    if kind == "ReduceL1":
        return e.op("Abs", data)
    if kind == "ReduceMean":  # the sum of halves, and their number, may be more than a half can be
        return cast(e, data, HALVES.get(dtype_of(data), dtype_of(data)))
    return e.op("Mul", data, data) if kind in ("ReduceL2", "ReduceSumSquare") else data


def _as_it_is(x: ir.Value) -> Branch:
    return lambda e: e.op("Identity", x)


def _reduced(kind: str, x: ir.Value, axis: int) -> Branch:
    def branch(e: Emitter) -> ir.Value:
        if kind == "ReduceSum":
            return sum_over(e, x, [axis], keepdims=1)
        return e.op(kind, x, axes=[axis], keepdims=1)

    return branch


@raises(18, *_REDUCTIONS)
@raises(13, "ReduceSum")
def axes_as_input(node: ir.Node, e: Emitter) -> ir.Value:
    """The attribute becomes a constant input."""
    axes = attribute(node, "axes")
    inputs = [needed(node, 0)] + ([e.vector(*axes)] if axes is not None else [])
    return e.op(node.op_type, *inputs, keepdims=attribute(node, "keepdims", 1))


@raises(28, "ReduceLogSum", "ReduceLogSumExp")
def logarithm_of_integers(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Integers aren't taken since: as ONNX's own definition did, the sum (or the data) goes through float64 and is cast back."""
    data = needed(node, 0)
    dtype = dtype_of(data)
    if dtype.is_floating_point():
        return None
    attributes = dict(node.attributes)
    double = ir.DataType.DOUBLE
    if node.op_type == "ReduceLogSum":
        result = e.op("Log", cast(e, e.op("ReduceSum", data, input_at(node, 1), **attributes), double))
    else:
        result = e.op(node.op_type, cast(e, data, double), input_at(node, 1), **attributes)
    return cast(e, result, dtype)


@lowers(20, "ReduceMax", "ReduceMin")
def extremum_of_truths(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 20 truths weren't compared: as int32 they are, and what is above 0 is true, also of the extremum of nothing."""
    data = needed(node, 0)
    if data.dtype != ir.DataType.BOOL:
        return None
    found = e.op(node.op_type, cast(e, data, ir.DataType.INT32), input_at(node, 1), **node.attributes)
    return e.op("Greater", found, e.const(0, np.int32))


@lowers(12, "ReduceMax", "ReduceMin")
def extremum_of_small_integers(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 12 integers of 8 bits weren't compared; the extremum of nothing is the last value of the type."""
    data = needed(node, 0)
    if data.dtype not in SMALL_INTEGERS:
        return None
    wide = ir.DataType.INT32
    found = e.op(node.op_type, cast(e, data, wide), **node.attributes)
    if None in sizes(data) or 0 in sizes(data):
        ends = np.iinfo(numpy_dtype(data))
        end = e.const(ends.min if node.op_type == "ReduceMax" else ends.max, np.int32)
        out = e.op("Less" if node.op_type == "ReduceMax" else "Greater", found, end)
        found = e.op("Where", out, end, found)
    return cast(e, found, dtype_of(data))


@lowers(12, "ArgMax", "ArgMin")
def first_index_of_the_reversed(node: ir.Node, e: Emitter) -> ir.Value | None:
    """The last index of the extremum is the first in the reversed axis, counted from its end."""
    if not attribute(node, "select_last_index", 0):
        return None
    x = needed(node, 0)
    axis = attribute(node, "axis", 0) % len(sizes(x))
    n = Arithmetic(e)
    backwards = [e.vector(v) for v in (-1, -END, axis, -1)]
    index = e.op(node.op_type, e.op("Slice", x, *backwards), axis=axis, keepdims=attribute(node, "keepdims", 1))
    return n.value(n.sub(n.scalar(n.sub(n.size(x, axis), whole(1))), index))
