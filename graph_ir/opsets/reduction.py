"""Reductions: their axes were attributes before 18 (ReduceSum: before 13)."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.step import Emitter, attribute, constant_ints, lowers, needed, raises, sizes

_REDUCTIONS = (
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
    "ReduceSumSquare",
)  # fmt: skip


@lowers(18, *_REDUCTIONS)
@lowers(13, "ReduceSum")
def axes_as_attribute(node: ir.Node, e: Emitter) -> ir.Value:
    """Constant axes become the attribute; no axes mean all of them, or none with ``noop_with_empty_axes``."""
    data = needed(node, 0)
    axes = constant_ints(node, 1, "axes")
    if not axes and attribute(node, "noop_with_empty_axes", 0):
        if node.op_type in _PLAIN:
            return e.op("Identity", data)
        return e.op(node.op_type, _with_an_axis(data, e), axes=[0], keepdims=0)
    return e.op(node.op_type, data, axes=axes or None, keepdims=attribute(node, "keepdims", 1))


_PLAIN = frozenset({"ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"})
"""The reductions that leave a single element as it is; the others are the function of it."""


def _with_an_axis(data: ir.Value, e: Emitter) -> ir.Value:
    """(…) → (1, …), so that reducing the new axis is the elementwise part of the reduction."""
    return e.op("Unsqueeze", data, e.const([0], np.int64)) if e.opset >= 13 else e.op("Unsqueeze", data, axes=[0])


@raises(18, *_REDUCTIONS)
@raises(13, "ReduceSum")
def axes_as_input(node: ir.Node, e: Emitter) -> ir.Value:
    """The attribute becomes a constant input."""
    axes = attribute(node, "axes")
    inputs = [needed(node, 0)] + ([e.const(list(axes), np.int64)] if axes is not None else [])
    return e.op(node.op_type, *inputs, keepdims=attribute(node, "keepdims", 1))


@lowers(12, "ArgMax", "ArgMin")
def first_index_of_the_reversed(node: ir.Node, e: Emitter) -> ir.Value | None:
    """The last index of the extremum is the first in the reversed axis, counted from its end."""
    if not attribute(node, "select_last_index", 0):
        return None
    x = needed(node, 0)
    axis = attribute(node, "axis", 0) % len(sizes(x))
    backwards = [e.const([v], np.int64) for v in (-1, np.iinfo(np.int64).min + 1, axis, -1)]
    index = e.op(node.op_type, e.op("Slice", x, *backwards), axis=axis, keepdims=attribute(node, "keepdims", 1))
    size = sizes(x)[axis]
    last = (
        e.const(size - 1, np.int64)
        if size is not None
        else e.op("Sub", e.op("Gather", e.op("Shape", x), e.const(axis, np.int64)), e.const(1, np.int64))
    )
    return e.op("Sub", last, index)
