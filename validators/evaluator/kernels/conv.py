"""Convolution and its transpose, in any number of spatial axes."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from dragoman.validators.evaluator.call import Array, EvaluationError, NodeCall
from dragoman.validators.evaluator.kernels.linear import product as matrix_product
from dragoman.validators.evaluator.kernels.table import Family
from dragoman.validators.evaluator.kernels.windows import Windows, windows

family = Family()

CHUNK = 1 << 20
"""Elements of the unfolded input at a time: what stays near the processor."""


def _check(node: NodeCall, x: Array, channels: int, filters: int, groups: int) -> None:
    if x.ndim < 3 or groups < 1 or x.shape[1] != channels or filters % groups:
        raise EvaluationError(f"input {x.shape}, {channels} channels, {filters} filters and {groups} groups don't go together")


@family.op("Conv")
def conv(node: NodeCall, x: Array, w: Array, b: Array | None = None) -> Array:
    """(N, C, *spatial), (M, C / group, *kernel) → (N, M, *windows)."""
    groups = node.integer("group", 1)
    _check(node, x, w.shape[1] * groups, w.shape[0], groups)
    view = windows(node, x.shape[2:], node.ints("kernel_shape", w.shape[2:]))
    if view.kernel != w.shape[2:]:
        raise EvaluationError(f"kernel_shape {list(view.kernel)} with weights {list(w.shape)}")
    padded = view.pad(x, 0.0)
    y = np.empty((x.shape[0], w.shape[0], *view.size), np.result_type(x, w))
    if w.shape[1] == 1 and groups > 1:
        _depthwise(padded, w, view, y, node.order)
    else:
        _dense(padded, w, view, groups, y, node.order)
    if b is not None:
        y += b.reshape((-1,) + (1,) * (x.ndim - 2))
    return y


def _dense(padded: Array, w: Array, view: Windows, groups: int, y: Array, order: int) -> None:
    """Unfold a few rows of windows at a time (taps first, then channels) and multiply by the weights in that order."""
    filters, depth = w.shape[0] // groups, w.shape[1]
    taps = math.prod(view.kernel)
    matrices = np.moveaxis(w, 1, -1).reshape(groups, filters, taps * depth)
    row = math.prod(view.size[1:])
    step = max(1, CHUNK // max(1, taps * depth * row))
    plain = taps == 1 and all(s == 1 for s in view.strides) and padded.flags.c_contiguous
    for image, group in product(range(padded.shape[0]), range(groups)):
        source = padded[image, group * depth : (group + 1) * depth]
        target = y[image, group * filters : (group + 1) * filters]
        if plain:
            target[...] = matrix_product(matrices[group], source.reshape(depth, -1), order).reshape(target.shape)
            continue
        views = [view.tap(source, offset) for offset in view.offsets()]
        for start in range(0, view.size[0], step):
            stop = min(start + step, view.size[0])
            columns = np.empty((taps, depth, stop - start, *view.size[1:]), y.dtype)
            for k, tap in enumerate(views):
                columns[k] = tap[:, start:stop]
            block = matrix_product(matrices[group], columns.reshape(taps * depth, -1), order)
            target[:, start:stop] = block.reshape(filters, stop - start, *view.size[1:])


def _depthwise(padded: Array, w: Array, view: Windows, y: Array, order: int) -> None:
    """One input channel for each group: a sum of shifted products, which starts elsewhere by ``order``."""
    times = w.shape[0] // padded.shape[1]
    spatial = (1,) * len(view.kernel)
    taps = w.reshape(w.shape[0], -1)
    offsets = list(enumerate(view.offsets()))
    offsets = offsets[order % len(offsets) :] + offsets[: order % len(offsets)]
    for channel in range(padded.shape[1]):  # a channel at a time stays near the processor
        filters = slice(channel * times, (channel + 1) * times)
        total = np.zeros((y.shape[0], times, *view.size), y.dtype)
        for k, offset in offsets:
            total += view.tap(padded[:, channel : channel + 1], offset) * taps[filters, k].reshape(-1, *spatial)
        y[:, filters] = total


@family.op("ConvTranspose")
def conv_transpose(node: NodeCall, x: Array, w: Array, b: Array | None = None) -> Array:
    """(N, C, *spatial), (C, M / group, *kernel) → (N, M, *size); size ``s (n - 1) + output_padding + (k - 1) d + 1 - pads``."""
    groups, rank = node.integer("group", 1), x.ndim - 2
    _check(node, x, w.shape[0], w.shape[0], groups)
    kernel = w.shape[2:]
    ones = [1] * rank
    strides, dilations = node.ints("strides", ones), node.ints("dilations", ones)
    extra = node.ints("output_padding", [0] * rank)
    fits = len(strides) == len(dilations) == len(extra) == len(kernel) == rank
    if not fits or node.ints("kernel_shape", kernel) != list(kernel):
        settings = f"strides {strides}, dilations {dilations}, output_padding {extra}"
        raise EvaluationError(f"weights {list(w.shape)} with {settings} over {rank} spatial axes")
    full = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(x.shape[2:], strides, kernel, dilations, strict=True)]
    begin, size = _transposed_size(node, x, strides, full, extra)

    depth, filters = x.shape[1] // groups, w.shape[1]
    room = [max(f, o + p) for f, o, p in zip(full, size, begin, strict=True)]
    grown = np.zeros((x.shape[0], groups * filters, *room), np.result_type(x, w))
    for image, group in product(range(x.shape[0]), range(groups)):
        source = x[image, group * depth : (group + 1) * depth].reshape(depth, -1)
        matrices = w[group * depth : (group + 1) * depth].reshape(depth, filters, -1)
        target = grown[image, group * filters : (group + 1) * filters]
        for k, corner in enumerate(product(*(range(0, n * d, d) for n, d in zip(kernel, dilations, strict=True)))):
            part = matrix_product(np.ascontiguousarray(matrices[:, :, k].T), source, node.order).reshape(filters, *x.shape[2:])
            steps = zip(corner, x.shape[2:], strides, strict=True)
            place: tuple[Any, ...] = (..., *(slice(c, c + (n - 1) * s + 1, s) for c, n, s in steps))
            target[place] += part
    window: tuple[Any, ...] = (..., *(slice(p, p + o) for p, o in zip(begin, size, strict=True)))
    y = grown[window]
    return y if b is None else np.asarray(y + b.reshape((-1,) + (1,) * rank))


def _transposed_size(
    node: NodeCall, x: Array, strides: list[int], full: list[int], extra: list[int]
) -> tuple[list[int], list[int]]:
    """What is cut off before, and how much is kept, by axis."""
    rank = len(full)
    automatic = node.text("auto_pad", "NOTSET")
    reach = [f + e for f, e in zip(full, extra, strict=True)]
    wanted = node.ints("output_shape")
    if not wanted and automatic in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [n * s for n, s in zip(x.shape[2:], strides, strict=True)]
    if wanted:
        size = wanted[-rank:]
        total = [max(0, r - o) for r, o in zip(reach, size, strict=True)]
        upper = automatic == "SAME_UPPER"
        return [t // 2 if upper else t - t // 2 for t in total], size
    pads = node.ints("pads", [0] * 2 * rank) if automatic == "NOTSET" else [0] * 2 * rank
    size = [r - b - e for r, b, e in zip(reach, pads[:rank], pads[rank:], strict=True)]
    if any(o < 1 for o in size):
        raise EvaluationError(f"pads {pads} leave nothing of {reach}")
    return pads[:rank], size
