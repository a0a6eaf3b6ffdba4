"""Sums as plain frameworks make them in float32: one term after the other, where numpy would add in pairs and err far less."""

from __future__ import annotations

import math

import numpy as np

from dragoman.validators.evaluator.call import Array

Axes = tuple[int, ...]


def total(x: Array, axes: Axes, keep: bool = False) -> Array:
    """The sum over ``axes``, in the type of ``x``."""
    if x.dtype != np.float32 or not axes or x.size == 0:
        return np.asarray(np.sum(x, axis=axes, keepdims=keep, dtype=x.dtype))
    over = {axis % x.ndim for axis in axes}
    kept = [axis for axis in range(x.ndim) if axis not in over]
    rows = np.transpose(x, [*kept, *sorted(over)]).reshape(*(x.shape[axis] for axis in kept), -1)
    ends = np.add.accumulate(rows, axis=-1)[..., -1]
    return ends.reshape([1 if axis in over else n for axis, n in enumerate(x.shape)]) if keep else np.asarray(ends)


def mean(x: Array, axes: Axes, keep: bool = False) -> Array:
    """The mean over ``axes``, in the type of ``x``, a float."""
    if x.dtype != np.float32:
        return np.asarray(np.mean(x, axis=axes, keepdims=keep))
    count = math.prod(x.shape[axis] for axis in axes)
    return np.asarray(total(x, axes, keep) * np.float32(1 / count))  # as Caffe has it, which isn't exact even for equal terms


def reordered(x: Array, axes: Axes, order: int) -> Array:
    """``x`` with its elements moved along ``axes``: what is summed over them is the same, but in another order."""
    if not order or x.dtype != np.float32:
        return x
    return np.roll(np.flip(x, axes) if order % 2 else x, [x.shape[axis] * order // 7 for axis in axes], axes)
