"""Reductions, and what orders or accumulates along an axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dragoman.validators.evaluator.call import Array, NodeCall, Result, axis_of
from dragoman.validators.evaluator.kernels.table import Family
from dragoman.validators.evaluator.sums import Axes, mean, reordered, total

family = Family()


def _lowest(dtype: np.dtype[Any]) -> Any:
    return -np.inf if dtype.kind == "f" else False if dtype.kind == "b" else np.iinfo(dtype).min


def _highest(dtype: np.dtype[Any]) -> Any:
    return np.inf if dtype.kind == "f" else True if dtype.kind == "b" else np.iinfo(dtype).max


def _maximum(x: Array, axes: Axes, keep: bool) -> Array:
    return np.asarray(np.max(x, axis=axes, keepdims=keep, initial=_lowest(x.dtype)))


def _minimum(x: Array, axes: Axes, keep: bool) -> Array:
    return np.asarray(np.min(x, axis=axes, keepdims=keep, initial=_highest(x.dtype)))


def _mean(x: Array, axes: Axes, keep: bool) -> Array:
    if x.dtype.kind == "f":
        return mean(x, axes, keep)
    return np.asarray(np.trunc(np.mean(x, axis=axes, keepdims=keep)).astype(x.dtype))


def _log_sum_exp(x: Array, axes: Axes, keep: bool) -> Array:
    peak = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    peak = np.where(np.isfinite(peak), peak, 0).astype(x.dtype)
    logs = np.log(total(np.exp(x - peak), axes, keep=True)) + peak
    return np.asarray(logs if keep else np.squeeze(logs, axes)).astype(x.dtype, copy=False)


REDUCTIONS: dict[str, Callable[[Array, Axes, bool], Array]] = {
    "ReduceL1": lambda x, axes, keep: total(np.abs(x), axes, keep),
    "ReduceL2": lambda x, axes, keep: np.sqrt(total(x * x, axes, keep)).astype(x.dtype, copy=False),
    "ReduceLogSum": lambda x, axes, keep: np.log(total(x, axes, keep)).astype(x.dtype, copy=False),
    "ReduceLogSumExp": _log_sum_exp,
    "ReduceMax": _maximum,
    "ReduceMean": _mean,
    "ReduceMin": _minimum,
    "ReduceProd": lambda x, axes, keep: np.prod(x, axis=axes, keepdims=keep, dtype=x.dtype),
    "ReduceSum": total,
    "ReduceSumSquare": lambda x, axes, keep: total(x * x, axes, keep),
}
BEFORE_AXES = {  # what happens to the elements even when no axis is reduced
    "ReduceL1": np.abs,
    "ReduceL2": np.abs,
    "ReduceLogSum": np.log,
    "ReduceSumSquare": np.square,
}


@family.op(*REDUCTIONS)
def reduction(node: NodeCall, x: Array, axes: Array | None = None) -> Array:
    """One of the ReduceX over ``axes``, all of them by default; an empty list reduces nothing if ``noop_with_empty_axes``."""
    named = node.ints("axes") if axes is None else [int(a) for a in axes.ravel()]
    if not named and node.integer("noop_with_empty_axes", 0):
        function = BEFORE_AXES.get(node.op)
        return x if function is None else np.asarray(function(x))
    over = tuple(axis_of(a, x.ndim) for a in named) or tuple(range(x.ndim))
    return np.asarray(REDUCTIONS[node.op](reordered(x, over, node.order), over, bool(node.integer("keepdims", 1))))


@family.op("ArgMax", "ArgMin")
def arg_extreme(node: NodeCall, x: Array) -> Array:
    """Where the extreme stands along ``axis``: its first occurrence, or its last."""
    axis = axis_of(node.integer("axis", 0), x.ndim)
    find = np.argmax if node.op == "ArgMax" else np.argmin
    last = bool(node.integer("select_last_index", 0))
    found = x.shape[axis] - 1 - find(np.flip(x, axis), axis) if last else find(x, axis)
    return np.asarray(np.expand_dims(found, axis) if node.integer("keepdims", 1) else found).astype(np.int64)


@family.op("TopK")
def top_k(node: NodeCall, x: Array, k: Array | None = None) -> Result:
    """The ``k`` largest or smallest along ``axis``, best first, and their indices; of equals the first comes first."""
    count = node.integer("k", 0) if k is None else int(k.ravel()[0])
    axis = axis_of(node.integer("axis", -1), x.ndim)
    if node.integer("largest", 1):
        order = x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis, kind="stable"), axis)
    else:
        order = np.argsort(x, axis, kind="stable")
    indices = np.take(order, range(min(count, x.shape[axis])), axis)
    return np.take_along_axis(x, indices, axis), indices.astype(np.int64)


@family.op("CumSum")
def cumulative_sum(node: NodeCall, x: Array, axis: Array) -> Array:
    """Sums up to each element, or before it (``exclusive``); from the end with ``reverse``."""
    along = axis_of(int(axis.ravel()[0]), x.ndim)
    values = np.flip(x, along) if node.integer("reverse", 0) else x
    total = np.cumsum(values, along, dtype=x.dtype)
    if node.integer("exclusive", 0):
        total = np.concatenate([np.zeros_like(np.take(total, [0], along)), np.delete(total, -1, along)], along)
    return np.flip(total, along) if node.integer("reverse", 0) else total
