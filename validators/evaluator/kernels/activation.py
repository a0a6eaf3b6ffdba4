"""Activations, softmax and its relatives."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from dragoman.validators.evaluator.call import Array, EvaluationError, NodeCall, axis_of
from dragoman.validators.evaluator.kernels.elementwise import error_function
from dragoman.validators.evaluator.kernels.table import Family
from dragoman.validators.evaluator.sums import total

family = Family()


def logistic(x: Array) -> Array:
    """``1 / (1 + exp(-x))``, without overflow."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1, small) / (1 + small))


def less_one(x: Array) -> Array:
    """``exp(x) - 1``; in float32 by its letter, as plain frameworks have it, although small results then lose their digits."""
    return np.asarray(np.exp(x) - 1 if x.dtype == np.float32 else np.expm1(x))


@family.op("Relu")
def relu(_: NodeCall, x: Array) -> Array:
    """``max(x, 0)``."""
    return np.asarray(np.maximum(x, x.dtype.type(0)))


@family.op("Sigmoid")
def sigmoid(_: NodeCall, x: Array) -> Array:
    """``1 / (1 + exp(-x))``."""
    return logistic(x)


@family.op("Tanh")
def tanh(node: NodeCall, x: Array) -> Array:
    """The hyperbolic tangent; in more draws of noise from the exponential, as some frameworks have it: small results lose digits."""
    return np.asarray(1 - 2 / (np.exp(2 * x) + 1) if node.order and x.dtype == np.float32 else np.tanh(x))


@family.op("LeakyRelu")
def leaky_relu(node: NodeCall, x: Array) -> Array:
    """``x``, or ``alpha x`` below zero."""
    return np.where(x < 0, x * node.number("alpha", 0.01), x)


@family.op("PRelu")
def prelu(node: NodeCall, x: Array, slope: Array) -> Array:
    """``x``, or ``slope x`` below zero; before opset 7 the slopes are the channels' (axis 1)."""
    if node.version < 7 and slope.ndim == 1 and x.ndim > 1:
        slope = slope.reshape((-1,) + (1,) * (x.ndim - 2))
    return np.where(x < 0, x * slope, x)


@family.op("Elu")
def elu(node: NodeCall, x: Array) -> Array:
    """``x``, or ``alpha (exp(x) - 1)`` below zero."""
    return np.where(x < 0, node.number("alpha", 1.0) * less_one(np.minimum(x, 0)), x)


@family.op("Celu")
def celu(node: NodeCall, x: Array) -> Array:
    """``max(x, 0) + min(0, alpha (exp(x / alpha) - 1))``."""
    alpha = node.number("alpha", 1.0)
    return np.asarray(np.maximum(x, 0) + np.minimum(0, alpha * less_one(x / alpha)))


@family.op("Selu")
def selu(node: NodeCall, x: Array) -> Array:
    """``gamma x``, or ``gamma alpha (exp(x) - 1)`` below zero; opset 1 rounds the constants otherwise."""
    alpha = node.number("alpha", 1.6732632423543772 if node.version >= 6 else 1.6732)
    gamma = node.number("gamma", 1.0507009873554805 if node.version >= 6 else 1.0507)
    return np.asarray(gamma * np.where(x <= 0, alpha * less_one(np.minimum(x, 0)), x))


@family.op("ThresholdedRelu")
def thresholded_relu(node: NodeCall, x: Array) -> Array:
    """``x`` above ``alpha``, else 0."""
    return np.where(x > node.number("alpha", 1.0), x, x.dtype.type(0))


@family.op("Shrink")
def shrink(node: NodeCall, x: Array) -> Array:
    """``x`` moved toward zero by ``bias`` outside ±``lambd``, else 0."""
    lambd, bias = node.number("lambd", 0.5), node.number("bias", 0.0)
    return np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0)).astype(x.dtype, copy=False)


@family.op("Softplus")
def softplus(_: NodeCall, x: Array) -> Array:
    """``log(1 + exp(x))``."""
    return np.asarray(np.logaddexp(x.dtype.type(0), x))


@family.op("Softsign")
def softsign(_: NodeCall, x: Array) -> Array:
    """``x / (1 + |x|)``."""
    return np.asarray(x / (1 + np.abs(x)))


@family.op("HardSigmoid")
def hard_sigmoid(node: NodeCall, x: Array) -> Array:
    """``alpha x + beta`` held to 0…1."""
    return np.clip(node.number("alpha", 0.2) * x + node.number("beta", 0.5), 0, 1)


@family.op("HardSwish")
def hard_swish(_: NodeCall, x: Array) -> Array:
    """``x`` times ``x / 6 + 0.5`` held to 0…1."""
    return np.asarray(x * np.clip(x * float(np.float32(1 / 6)) + 0.5, 0, 1))


@family.op("Mish")
def mish(_: NodeCall, x: Array) -> Array:
    """``x tanh(log(1 + exp(x)))``."""
    return np.asarray(x * np.tanh(np.logaddexp(x.dtype.type(0), x)))


@family.op("Swish")
def swish(node: NodeCall, x: Array) -> Array:
    """``x`` times the sigmoid of ``alpha x``."""
    return np.asarray(x * logistic(node.number("alpha", 1.0) * x))


@family.op("Gelu")
def gelu(node: NodeCall, x: Array) -> Array:
    """``x`` times the normal distribution's cumulative function, exact or by its tanh approximation."""
    if node.text("approximate", "none") == "tanh":
        return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
    return np.asarray(0.5 * x * (1 + error_function(x / math.sqrt(2))))


@family.op("Clip")
def clip(node: NodeCall, x: Array, low: Array | None = None, high: Array | None = None) -> Array:
    """``x`` held to the limits, which are attributes before opset 11; the upper one wins where they cross."""
    floor = node.attributes.get("min") if node.version < 11 else low
    ceiling = node.attributes.get("max") if node.version < 11 else high
    if floor is not None:
        x = np.maximum(x, np.asarray(floor, x.dtype))
    return x if ceiling is None else np.minimum(x, np.asarray(ceiling, x.dtype))


def _scores(node: NodeCall, x: Array, function: Callable[[Array, int], Array]) -> Array:
    """``function`` along the axis, or before opset 13 over all axes from ``axis`` on."""
    if node.version >= 13:
        return function(x, axis_of(node.integer("axis", -1), x.ndim))
    axis = node.integer("axis", 1)
    if not -x.ndim <= axis <= x.ndim:
        raise EvaluationError(f"axis {axis} of a tensor of rank {x.ndim}")
    axis += x.ndim if axis < 0 else 0
    return function(x.reshape(math.prod(x.shape[:axis]), -1), 1).reshape(x.shape)


def softmax_along(x: Array, axis: int) -> Array:
    """``exp(x)`` divided by its sum along ``axis``."""
    powers = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(powers / total(powers, (axis,), keep=True))


def log_softmax_along(x: Array, axis: int) -> Array:
    """The logarithm of the softmax along ``axis``."""
    shifted = x - x.max(axis, keepdims=True)
    return np.asarray(shifted - np.log(total(np.exp(shifted), (axis,), keep=True)))


def _hardmax_along(x: Array, axis: int) -> Array:
    result = np.zeros_like(x)
    np.put_along_axis(result, np.expand_dims(x.argmax(axis), axis), 1, axis)
    return result


@family.op("Softmax")
def softmax(node: NodeCall, x: Array) -> Array:
    """Scores that sum to 1."""
    return _scores(node, x, softmax_along)


@family.op("LogSoftmax")
def log_softmax(node: NodeCall, x: Array) -> Array:
    """The logarithm of the softmax."""
    return _scores(node, x, log_softmax_along)


@family.op("Hardmax")
def hardmax(node: NodeCall, x: Array) -> Array:
    """1 at the first largest score, else 0."""
    return _scores(node, x, _hardmax_along)
