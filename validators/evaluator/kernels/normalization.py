"""Normalisations, at inference."""

from __future__ import annotations

import math

import numpy as np

from dragoman.validators.evaluator.call import Array, Declined, EvaluationError, NodeCall, Result, axis_of
from dragoman.validators.evaluator.kernels.table import Family
from dragoman.validators.evaluator.sums import mean, total

family = Family()


def _per_channel(values: Array, rank: int) -> Array:
    return values.reshape((-1,) + (1,) * (rank - 2))


@family.op("BatchNormalization")
def batch_normalization(node: NodeCall, x: Array, scale: Array, bias: Array, mean: Array, variance: Array) -> Result:
    """``(x - mean) / sqrt(variance + epsilon) * scale + bias`` per channel (axis 1)."""
    if node.integer("training_mode", 0):
        raise Declined
    if node.version < 7 and not node.integer("is_test", 0) and node.outputs > 1:
        raise EvaluationError("is in training mode")
    if node.version < 9 and not node.integer("spatial", 1):
        raise EvaluationError("spatial=0 (one mean for each element) isn't evaluated")
    factor = scale / np.sqrt(variance + node.number("epsilon", 1e-5))
    shift = bias - mean * factor
    return x * _per_channel(factor, x.ndim) + _per_channel(shift, x.ndim)


def standardized(x: Array, axes: tuple[int, ...], epsilon: float) -> tuple[Array, Array, Array]:
    """``x`` with mean 0 and variance 1 over ``axes``; the mean; one over the deviation."""
    middle = mean(x, axes, keep=True)
    centred = x - middle
    inverse = 1 / np.sqrt(mean(centred * centred, axes, keep=True) + epsilon)
    return centred * inverse, middle, inverse


@family.op("InstanceNormalization")
def instance_normalization(node: NodeCall, x: Array, scale: Array, bias: Array) -> Array:
    """Each image's channel by its own mean and variance."""
    normal = standardized(x, tuple(range(2, x.ndim)), node.number("epsilon", 1e-5))[0]
    return np.asarray(normal * _per_channel(scale, x.ndim) + _per_channel(bias, x.ndim))


@family.op("LayerNormalization")
def layer_normalization(node: NodeCall, x: Array, scale: Array, bias: Array | None = None) -> Result:
    """Over the axes from ``axis`` on; also the mean and one over the deviation."""
    axes = tuple(range(axis_of(node.integer("axis", -1), x.ndim), x.ndim))
    normal, mean, inverse = standardized(x, axes, node.number("epsilon", 1e-5))
    y = normal * scale
    return (y if bias is None else y + bias), mean, inverse


@family.op("RMSNormalization")
def rms_normalization(node: NodeCall, x: Array, scale: Array) -> Array:
    """``x`` divided by its root mean square over the axes from ``axis`` on, times ``scale``."""
    axes = tuple(range(axis_of(node.integer("axis", -1), x.ndim), x.ndim))
    return np.asarray(x / np.sqrt(mean(x * x, axes, keep=True) + node.number("epsilon", 1e-5)) * scale)


@family.op("GroupNormalization")
def group_normalization(node: NodeCall, x: Array, scale: Array, bias: Array) -> Array:
    """Each image's group of channels; scale and bias are the groups' before opset 21, then the channels'."""
    groups = node.integer("num_groups", 0)
    if groups < 1:
        raise EvaluationError("has no num_groups")
    grouped = x.reshape(x.shape[0], groups, -1)
    normal = standardized(grouped, (2,), node.number("epsilon", 1e-5))[0].reshape(x.shape)
    if node.version < 21:
        scale, bias = (np.repeat(v, x.shape[1] // groups) for v in (scale, bias))
    return np.asarray(normal * _per_channel(scale, x.ndim) + _per_channel(bias, x.ndim))


@family.op("LpNormalization")
def lp_normalization(node: NodeCall, x: Array) -> Array:
    """``x`` divided by its L1 or L2 norm along ``axis``; 0 where the norm is 0."""
    axis = axis_of(node.integer("axis", -1), x.ndim)
    norm = total(np.abs(x), (axis,), keep=True) if node.integer("p", 2) == 1 else np.sqrt(total(x * x, (axis,), keep=True))
    return np.asarray(np.where(norm == 0, x.dtype.type(0), x / norm))


@family.op("LRN")
def lrn(node: NodeCall, x: Array) -> Array:
    """``x / (bias + alpha / size * Σ x²) ** beta``, the sum over ``size`` neighbouring channels."""
    size, channels = node.integer("size", 1), x.shape[1]
    bias, factor = node.number("bias", 1.0), node.number("alpha", 0.0001) / size
    squares, scale = x * x * factor, np.full_like(x, bias)
    before, behind = (size - 1) // 2, math.ceil((size - 1) / 2)
    if x.dtype == np.float32:  # a running sum, as plain frameworks have it: after a large value small ones lose their digits
        running = bias + squares[:, :behind].sum(1)
        for channel in range(channels):
            if channel + behind < channels:
                running += squares[:, channel + behind]
            if channel > before:
                running -= squares[:, channel - before - 1]
            scale[:, channel] = running
    else:
        for offset in range(-before, behind + 1):
            first, last = max(0, -offset), min(channels, channels - offset)
            if first < last:
                scale[:, first:last] += squares[:, first + offset : last + offset]
    return np.asarray(x / scale ** node.number("beta", 0.75))


@family.op("MeanVarianceNormalization")
def mean_variance_normalization(node: NodeCall, x: Array) -> Array:
    """``(x - mean) / (deviation + 1e-9)`` over ``axes``."""
    axes = tuple(axis_of(a, x.ndim) for a in node.ints("axes", (0, 2, 3)))
    centred = x - mean(x, axes, keep=True)
    return np.asarray(centred / (np.sqrt(mean(centred * centred, axes, keep=True)) + 1e-9))
