"""Pooling over windows, over the whole image, and the undoing of max pooling."""

from __future__ import annotations

import math

import numpy as np

from dragoman.validators.evaluator.call import Array, EvaluationError, NodeCall, Result
from dragoman.validators.evaluator.kernels.table import Family
from dragoman.validators.evaluator.kernels.windows import Windows, windows
from dragoman.validators.evaluator.sums import mean, reordered, total

family = Family()


def _view(node: NodeCall, x: Array) -> Windows:
    if x.ndim < 3:
        raise EvaluationError(f"an input of rank {x.ndim}")
    return windows(node, x.shape[2:], node.ints("kernel_shape"), ceil_mode=bool(node.integer("ceil_mode", 0)))


@family.op("MaxPool")
def max_pool(node: NodeCall, x: Array) -> Result:
    """The largest of each window, and where it stands in the flattened input (its first occurrence)."""
    view = _view(node, x)
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    padded = view.pad(x, lowest)
    if node.outputs < 2:
        y = np.full((*x.shape[:2], *view.size), lowest, x.dtype)
        for offset in view.offsets():
            np.maximum(y, view.tap(padded, offset), out=y)
        return y
    places = view.pad(np.broadcast_to(_places(x.shape, node.integer("storage_order", 0)), x.shape), -1)
    y = np.full((*x.shape[:2], *view.size), lowest, x.dtype)
    indices = np.full(y.shape, -1, np.int64)
    for offset in view.offsets():
        values, where = view.tap(padded, offset), view.tap(places, offset)
        better = (where >= 0) & ((values > y) | (indices < 0))
        y, indices = np.where(better, values, y), np.where(better, where, indices)
    return y, indices


def _places(shape: tuple[int, ...], column_major: int) -> Array:
    """Each element's index in the flattened tensor; with ``storage_order`` 1 an image's axes count in column-major order."""
    image = math.prod(shape[2:])
    inside = np.arange(image, dtype=np.int64).reshape(shape[2:], order="F" if column_major else "C")
    planes = np.arange(math.prod(shape[:2]), dtype=np.int64) * image
    return planes.reshape(*shape[:2], *(1 for _ in shape[2:])) + inside


@family.op("AveragePool")
def average_pool(node: NodeCall, x: Array) -> Array:
    """The mean of each window: over its elements, or with ``count_include_pad`` over its places inside the padded image."""
    view = _view(node, x)
    padded = view.pad(x, 0)
    total = np.zeros((*x.shape[:2], *view.size), x.dtype)
    for offset in view.offsets():
        total += view.tap(padded, offset)
    include = bool(node.integer("count_include_pad", 0))
    counts = np.ones((), x.dtype)
    for axis, n in enumerate(x.shape[2:]):
        first = -view.begin[axis] if include else 0
        last = n + view.end[axis] if include else n
        starts = np.arange(view.size[axis]) * view.strides[axis] - view.begin[axis]
        taps = starts[:, None] + np.arange(view.kernel[axis]) * view.dilations[axis]
        counts = np.multiply.outer(counts, ((taps >= first) & (taps < last)).sum(1).astype(x.dtype))
    return np.asarray(total / counts)


@family.op("LpPool")
def lp_pool(node: NodeCall, x: Array) -> Array:
    """The Lp norm of each window."""
    view, p = _view(node, x), node.number("p", 2)
    padded = view.pad(np.abs(x) ** p, 0)
    total = np.zeros((*x.shape[:2], *view.size), x.dtype)
    for offset in view.offsets():
        total += view.tap(padded, offset)
    return np.asarray(total ** (1 / p))


@family.op("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(node: NodeCall, x: Array) -> Array:
    """One value for each image's channel."""
    axes = tuple(range(2, x.ndim))
    x = reordered(x, axes, node.order)
    if node.op == "GlobalMaxPool":
        return np.asarray(x.max(axes, keepdims=True))
    if node.op == "GlobalAveragePool":
        return mean(x, axes, keep=True)
    p = node.number("p", 2)
    return np.asarray(total(np.abs(x) ** p, axes, keep=True) ** (1 / p))


@family.op("MaxUnpool")
def max_unpool(node: NodeCall, x: Array, indices: Array, shape: Array | None = None) -> Array:
    """Each value back where MaxPool's indices say: its place in the flattened output, which is the tensor that was pooled."""
    kernel = node.ints("kernel_shape")
    rank = len(kernel)
    if rank != x.ndim - 2:
        raise EvaluationError(f"kernel {kernel} over {x.ndim - 2} spatial axes")
    strides, pads = node.ints("strides", [1] * rank), node.ints("pads", [0] * 2 * rank)
    parts = zip(x.shape[2:], strides, kernel, pads[:rank], pads[rank:], strict=True)
    inferred = (*x.shape[:2], *((n - 1) * s + k - b - e for n, s, k, b, e in parts))
    size = inferred if shape is None else tuple(int(d) for d in shape)
    if len(size) != x.ndim:
        raise EvaluationError(f"output shape {list(size)} for an input of rank {x.ndim}")
    y = np.zeros(math.prod(size), x.dtype)
    y[indices.ravel()] = x.ravel()
    return y.reshape(size)
