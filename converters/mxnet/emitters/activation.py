"""Activations and softmax."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.converters.mxnet.emitters.table import Emitter, emits, emits_each
from dragoman.converters.mxnet.symbol import Ref
from dragoman.converters.mxnet.symbol_writer import CannotEmitError, SymbolWriter, known_sizes
from dragoman.graph_ir.passes.editing import attribute, constant


def _activation(kind: str) -> Emitter:
    return lambda w, node: w.op("Activation", w.ref(node.inputs[0]), act_type=kind)


emits_each(
    {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softplus": "softrelu", "Softsign": "softsign"}, _activation
)


@emits("LeakyRelu")
def leaky_relu(w: SymbolWriter, node: ir.Node) -> Ref:
    """x < 0: alpha · x."""
    return w.op("LeakyReLU", w.ref(node.inputs[0]), act_type="leaky", slope=float(attribute(node, "alpha", 0.01)))


@emits("Elu")
def elu(w: SymbolWriter, node: ir.Node) -> Ref:
    """x < 0: alpha · (eˣ − 1)."""
    return w.op("LeakyReLU", w.ref(node.inputs[0]), act_type="elu", slope=float(attribute(node, "alpha", 1.0)))


@emits("Selu")
def selu(w: SymbolWriter, node: ir.Node) -> Ref:
    """MXNet's constants are the paper's; other ones are written out."""
    alpha, gamma = attribute(node, "alpha", 1.6732632), attribute(node, "gamma", 1.050701)
    if abs(alpha - 1.6732632) < 1e-6 and abs(gamma - 1.050701) < 1e-6:
        return w.op("LeakyReLU", w.ref(node.inputs[0]), act_type="selu")
    inner = w.op("LeakyReLU", w.ref(node.inputs[0]), act_type="elu", slope=float(alpha))
    return w.op("_mul_scalar", inner, scalar=float(gamma))


@emits("Gelu")
def gelu(w: SymbolWriter, node: ir.Node) -> Ref:
    """x · Φ(x), with erf."""
    return w.op("LeakyReLU", w.ref(node.inputs[0]), act_type="gelu")


@emits("Celu")
def celu(w: SymbolWriter, node: ir.Node) -> Ref:
    """max(0, x) + min(0, alpha · (exp(x / alpha) − 1))."""
    alpha = float(attribute(node, "alpha", 1.0))
    scaled = w.op("_mul_scalar", w.op("expm1", w.op("_div_scalar", w.ref(node.inputs[0]), scalar=alpha)), scalar=alpha)
    return w.op("elemwise_add", w.op("relu", w.ref(node.inputs[0])), w.op("_minimum_scalar", scaled, scalar=0.0))


@emits("ThresholdedRelu")
def thresholded_relu(w: SymbolWriter, node: ir.Node) -> Ref:
    """x where it is above alpha, else 0."""
    x = w.ref(node.inputs[0])
    return w.op("where", w.op("_greater_scalar", x, scalar=float(attribute(node, "alpha", 1.0))), x, w.op("zeros_like", x))


@emits("PRelu")
def prelu(w: SymbolWriter, node: ir.Node) -> Ref:
    """x < 0: slope · x; MXNet's own for one slope a channel, else max(x, 0) + slope · min(x, 0)."""
    x, slope = node.inputs[0], node.inputs[1]
    rank, shape = len(known_sizes(x)), known_sizes(slope)
    channels = shape[1 - rank] if rank > 1 and len(shape) >= rank - 1 else None
    each = [n for i, n in enumerate(shape) if i != len(shape) + 1 - rank]
    if constant(slope) is not None and channels is not None and known_sizes(x)[1] == channels and all(n == 1 for n in each):
        return w.op("LeakyReLU", w.ref(x), w.op("Reshape", w.ref(slope), shape=(-1,)), act_type="prelu")
    above, below = w.op("relu", w.ref(x)), w.op("_minimum_scalar", w.ref(x), scalar=0.0)
    return w.op("broadcast_add", above, w.op("broadcast_mul", below, w.ref(slope)))


@emits("HardSigmoid")
def hard_sigmoid(w: SymbolWriter, node: ir.Node) -> Ref:
    """max(0, min(1, alpha · x + beta))."""
    alpha, beta = float(attribute(node, "alpha", 0.2)), float(attribute(node, "beta", 0.5))
    return w.op("hard_sigmoid", w.ref(node.inputs[0]), alpha=alpha, beta=beta)


def _limit(value: ir.Value | None) -> float | None:
    """A constant limit; MXNet reads it as float32, which is exact for integers up to 2²⁴."""
    if value is None:
        return None
    tensor = constant(value)
    if tensor is None or tensor.size != 1:
        raise CannotEmitError("its limits are computed")
    limit = float(tensor.numpy().item())
    if not tensor.dtype.is_floating_point() and abs(limit) > 1 << 24:
        raise CannotEmitError("its limits are integers past 2²⁴")
    return limit


@emits("Clip")
def clip(w: SymbolWriter, node: ir.Node) -> Ref:
    """min(max(x, low), high); limits may be left out, and have to be constants."""
    low, high = (_limit(node.inputs[index]) if len(node.inputs) > index else None for index in (1, 2))
    x = w.ref(node.inputs[0])
    if low is not None and high is not None and low > high:  # all of it is the upper limit, which MXNet's clip doesn't say
        return w.op("_minimum_scalar", w.op("_maximum_scalar", x, scalar=low), scalar=high)
    if low is not None and high is not None:
        return w.op("clip", x, a_min=low, a_max=high)
    if low is not None:
        return w.op("_maximum_scalar", x, scalar=low)
    return w.op("_minimum_scalar", x, scalar=high) if high is not None else w.op("_copy", x)


@emits("Softmax", "LogSoftmax")
def softmax(w: SymbolWriter, node: ir.Node) -> Ref:
    """Along one axis."""
    operator = "softmax" if node.op_type == "Softmax" else "log_softmax"
    return w.op(operator, w.ref(node.inputs[0]), axis=attribute(node, "axis", -1))
