"""Reductions over axes."""

from __future__ import annotations

from dragoman.graph_ir.inference.call import Call, UnknownError
from dragoman.graph_ir.inference.facts import UNKNOWN, Fact, Tensor
from dragoman.graph_ir.inference.table import rule

_REDUCTIONS = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"]


@rule(*(f"Reduce{name}" for name in _REDUCTIONS))
def reduce(c: Call) -> Fact:
    """Without the axes, or with 1 there if ``keepdims``; of no axes all, unless ``noop_with_empty_axes``."""
    dims = c.dims(0)
    keep = c.number("keepdims", 1) == 1
    try:
        axes = c.axes(1, len(dims))
    except UnknownError:
        if not keep:
            raise
        return Tensor(None, tuple(1 if d == 1 else UNKNOWN for d in dims))
    if not axes:
        if c.number("noop_with_empty_axes", 0):
            return Tensor(None, dims)
        axes = list(range(len(dims)))
    return Tensor(None, tuple(1 if axis in axes else d for axis, d in enumerate(dims) if keep or axis not in axes))


@rule("ArgMax", "ArgMin")
def arg_extreme(c: Call) -> Fact:
    """The same over one axis."""
    dims = c.dims(0)
    at = c.axis(c.number("axis", 0), len(dims))
    keep = c.number("keepdims", 1) == 1
    return Tensor(None, tuple(1 if axis == at else d for axis, d in enumerate(dims) if keep or axis != at))
