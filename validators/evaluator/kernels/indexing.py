"""Elements picked or placed by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from dragoman.validators.evaluator.call import Array, EvaluationError, NodeCall, axis_of
from dragoman.validators.evaluator.kernels.table import Family

family = Family()


def _positive(indices: Array, length: int) -> Array:
    """Indices counted from the front; an error if one is outside."""
    indices = indices.astype(np.int64)
    if indices.size and (indices.min() < -length or indices.max() >= length):
        raise EvaluationError(f"an index outside an axis of {length}")
    return np.where(indices < 0, indices + length, indices)


@family.op("Gather", storage=True)
def gather(node: NodeCall, x: Array, indices: Array) -> Array:
    """Slices of ``x`` along ``axis``."""
    axis = axis_of(node.integer("axis", 0), x.ndim)
    return np.take(x, _positive(indices, x.shape[axis]), axis)


@family.op("GatherElements")
def gather_elements(node: NodeCall, x: Array, indices: Array) -> Array:
    """One element for each index, at the index's own place but for ``axis``."""
    axis = axis_of(node.integer("axis", 0), x.ndim)
    return x[_places(indices, axis, x.shape)]


def _places(indices: Array, axis: int, shape: tuple[int, ...]) -> tuple[Array, ...]:
    grid: list[Array] = list(np.indices(indices.shape, sparse=True))
    grid[axis] = _positive(indices, shape[axis])
    return tuple(grid)


@family.op("GatherND", storage=True)
def gather_nd(node: NodeCall, x: Array, indices: Array) -> Array:
    """Slices of ``x`` at tuples of indices, within each of the leading ``batch_dims``."""
    batch = node.integer("batch_dims", 0)
    depth = indices.shape[-1]
    columns = [_positive(indices[..., k], x.shape[batch + k]) for k in range(depth)]
    rank = indices.ndim - 1
    leading = [np.arange(indices.shape[k]).reshape((-1,) + (1,) * (rank - k - 1)) for k in range(batch)]
    place = (*leading, *columns)
    return np.asarray(x[place])


_COMBINE: dict[str, Any] = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def _place(node: NodeCall, target: Array, where: tuple[Array, ...], updates: Array) -> Array:
    mode = node.text("reduction", "none")
    if mode == "none":
        target[where] = updates
    elif mode in _COMBINE:
        _COMBINE[mode].at(target, where, updates)
    else:
        raise EvaluationError(f"reduction {mode}")
    return target


@family.op("ScatterElements", "Scatter")
def scatter_elements(node: NodeCall, x: Array, indices: Array, updates: Array) -> Array:
    """``x`` with updates at the places of GatherElements."""
    axis = axis_of(node.integer("axis", 0), x.ndim)
    return _place(node, x.copy(), _places(indices, axis, x.shape), updates)


@family.op("ScatterND")
def scatter_nd(node: NodeCall, x: Array, indices: Array, updates: Array) -> Array:
    """``x`` with updates at tuples of indices."""
    where = tuple(_positive(indices[..., k], x.shape[k]) for k in range(indices.shape[-1]))
    return _place(node, x.copy(), where, updates)


@family.op("OneHot")
def one_hot(node: NodeCall, indices: Array, depth: Array, values: Array) -> Array:
    """``values[1]`` at each index along a new axis, ``values[0]`` elsewhere; an index outside marks nothing."""
    count = int(depth.ravel()[0])
    axis = axis_of(node.integer("axis", -1), indices.ndim + 1)
    wanted = np.expand_dims(np.where(indices < 0, indices + count, indices), axis)
    line = np.arange(count).reshape((-1,) + (1,) * (indices.ndim - axis))
    return np.asarray(np.where(wanted == line, values[1], values[0]).astype(values.dtype))


@family.op("NonZero")
def non_zero(_: NodeCall, x: Array) -> Array:
    """The indices of what isn't zero, a column each."""
    return np.array(np.nonzero(np.atleast_1d(x)), np.int64).reshape(max(x.ndim, 1), -1)


@family.op("Compress")
def compress(node: NodeCall, x: Array, condition: Array) -> Array:
    """The slices along ``axis``, or the elements, whose condition holds."""
    axis = axis_of(node.integer("axis", 0), x.ndim) if node.has("axis") else None
    return np.compress(condition, x, axis)


@family.op("ReverseSequence")
def reverse_sequence(node: NodeCall, x: Array, lengths: Array) -> Array:
    """Each batch item with its first ``lengths`` steps in reverse."""
    time, batch = axis_of(node.integer("time_axis", 0), x.ndim), axis_of(node.integer("batch_axis", 1), x.ndim)
    moved = np.moveaxis(x, (batch, time), (0, 1))
    result = moved.copy()
    for item, length in enumerate(int(n) for n in lengths):
        result[item, :length] = moved[item, :length][::-1]
    return np.moveaxis(result, (0, 1), (batch, time))
