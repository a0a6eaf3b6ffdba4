"""Reductions."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.converters.mxnet.emitters.table import emits
from dragoman.converters.mxnet.symbol import Ref
from dragoman.converters.mxnet.symbol_writer import SymbolWriter, known_sizes
from dragoman.graph_ir.passes.editing import attribute

_OPERATORS = {
    "ReduceSum": "sum", "ReduceMean": "mean", "ReduceMax": "max", "ReduceMin": "min", "ReduceProd": "prod",
    "ReduceL1": "sum", "ReduceL2": "sum", "ReduceSumSquare": "sum", "ReduceLogSum": "sum", "ReduceLogSumExp": "sum",
}  # fmt: skip
_BEFORE = {"ReduceL1": "abs", "ReduceL2": "square", "ReduceSumSquare": "square"}
_AFTER = {"ReduceL2": "sqrt", "ReduceLogSum": "log"}


@emits(*_OPERATORS)
def reduction(w: SymbolWriter, node: ir.Node) -> Ref:
    """Σ, mean, max, min, Π over some axes, of x or of what is made of it."""
    rank = len(known_sizes(node.inputs[0]))
    given = w.ints(node, 1, "axes") if node.op_type == "ReduceSum" else attribute(node, "axes")
    x, keep = w.ref(node.inputs[0]), bool(attribute(node, "keepdims", 1))
    if not given and attribute(node, "noop_with_empty_axes", 0):
        return w.op("_copy", x)
    axes = tuple(sorted(a % rank for a in given)) if given else tuple(range(rank))
    if node.op_type == "ReduceLogSumExp":
        return _log_sum_exp(w, x, axes, keep=keep)
    if node.op_type in _BEFORE:
        x = w.op(_BEFORE[node.op_type], x)
    y = _reduced(w, _OPERATORS[node.op_type], x, axes, keep=keep or len(axes) == rank)
    if node.op_type in _AFTER:
        y = w.op(_AFTER[node.op_type], y)
    return y if keep or len(axes) < rank else w.op("_np_reshape", y, newshape=())


def _reduced(w: SymbolWriter, operator: str, x: Ref, axes: tuple[int, ...], *, keep: bool) -> Ref:
    return w.op(operator, x, axis=axes, keepdims=keep)


def _log_sum_exp(w: SymbolWriter, x: Ref, axes: tuple[int, ...], *, keep: bool) -> Ref:
    """log Σ exp(x − m) + m, m the maximum."""
    largest = _reduced(w, "max", x, axes, keep=True)
    total = _reduced(w, "sum", w.op("exp", w.op("broadcast_sub", x, largest)), axes, keep=True)
    y = w.op("broadcast_add", w.op("log", total), largest)
    return y if keep else w.op("squeeze", y, axis=axes)
