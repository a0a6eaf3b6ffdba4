"""Elementwise activations and the functions of one variable."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims


@layer_type("ReLU")
def relu(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe ReLU: max(x, 0) + negative_slope · min(x, 0). BVLC relu_layer.cpp."""
    slope = layer.param.relu_param.negative_slope
    return g.op("LeakyRelu", x, alpha=slope) if slope else g.op("Relu", x)


@layer_type("PReLU")
def prelu(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe PReLU: max(x, 0) + a · min(x, 0), a for each channel or one for all; unset, it starts at 0.25. BVLC
    prelu_layer.cpp.
    """
    p = layer.param.prelu_param
    if not 2 <= len(dims(x)) <= 4:
        raise g.malformed(layer, f"takes 2 to 4 axes, its bottom has {len(dims(x))}")
    filler = p.filler
    if not p.has("filler"):
        filler = type(filler)(type="constant", value=0.25)
    if p.channel_shared:
        return g.op("PRelu", x, g.weight(layer, 0, (), "slope", filler))
    (channels,) = g.sizes(layer, x, [1], "each channel has a slope of its own")
    slope = g.weight(layer, 0, (channels,), "slope", filler)
    return g.op("PRelu", x, g.reshape(slope, (channels, *(1 for _ in dims(x)[2:]))))


@layer_type("ELU")
def elu(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe ELU: x above 0, alpha · (exp(x) − 1) below. BVLC elu_layer.cpp."""
    return g.op("Elu", x, alpha=layer.param.elu_param.alpha)


@layer_type("Sigmoid", "SigmoidCrossEntropyLoss")
def sigmoid(g: NetBuilder, layer: Layer, x: Value) -> Value | tuple[Value, ...]:
    """Caffe Sigmoid: 1 / (1 + exp(−x)); the loss becomes the sigmoid that it contains. BVLC sigmoid_layer.cpp."""
    return (g.op("Sigmoid", x),) * len(layer.tops)


@layer_type("TanH")
def tanh(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe TanH. BVLC tanh_layer.cpp."""
    return g.op("Tanh", x)


@layer_type("AbsVal")
def absval(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe AbsVal: |x|. BVLC absval_layer.cpp."""
    if layer.bottoms == layer.tops:
        raise g.malformed(layer, "can't work in place")
    return g.op("Abs", x)


@layer_type("BNLL")
def bnll(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe BNLL: log(1 + exp(x)), without overflow. BVLC bnll_layer.cpp."""
    return g.op("Softplus", x)


@layer_type("Swish")
def swish(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Swish: x · sigmoid(beta · x). BVLC swish_layer.cpp."""
    beta = layer.param.swish_param.beta
    return g.op("Mul", x, g.op("Sigmoid", x if beta == 1 else g.op("Mul", x, g.const(beta))))


@layer_type("Clip")
def clip(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Clip: max(min, min(x, max)). BVLC clip_layer.cpp."""
    p = layer.param.clip_param
    if not (p.has("min") and p.has("max")):
        raise g.malformed(layer, "clip_param needs min and max")
    if p.min > p.max:  # Caffe's min wins, ONNX's max would
        return g.op("Max", g.op("Min", x, g.const(p.max)), g.const(p.min))
    return g.op("Clip", x, g.const(p.min), g.const(p.max))


@layer_type("Threshold")
def threshold(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Threshold: 1 where x > threshold, else 0. BVLC threshold_layer.cpp."""
    above = g.op("Greater", x, g.const(layer.param.threshold_param.threshold))
    return g.op("Cast", above, to=ir.DataType.FLOAT)


@layer_type("Split")
def split(g: NetBuilder, layer: Layer, x: Value) -> tuple[Value, ...]:
    """Caffe Split: every top is the bottom. BVLC split_layer.cpp."""
    return (x,) * len(layer.tops)


@layer_type("Dropout")
def dropout(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Dropout at test: unchanged; times 1 − ratio where scale_train is false (Faster R-CNN's fork). BVLC
    dropout_layer.cpp.
    """
    p = layer.param.dropout_param
    return x if p.scale_train else g.op("Mul", x, g.const(1.0 - p.dropout_ratio))


@layer_type("Power")
def power(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Power: (shift + scale · x) ^ power; the constant shift ^ power where power · scale is 0. BVLC power_layer.cpp."""
    p = layer.param.power_param
    if p.power * p.scale == 0:
        with np.errstate(all="ignore"):
            value = np.float32(1) if p.power == 0 else np.power(np.float32(p.shift), np.float32(p.power))
        constant = g.op("Expand", g.const(value), g.shape(x))
        constant.shape = x.shape
        return constant
    y = _affine(g, x, p.scale, p.shift)
    if p.power == 1:
        return y
    return g.op("Mul", y, y) if p.power == 2 else g.op("Pow", y, g.const(p.power))


@layer_type("Exp")
def exp(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Exp: base ^ (shift + scale · x), e for base −1. BVLC exp_layer.cpp."""
    p = layer.param.exp_param
    if p.base != -1 and p.base <= 0:
        raise g.malformed(layer, f"base {p.base} must be positive, or -1 for e")
    log_base = 1.0 if p.base == -1 else math.log(p.base)
    inner = float(np.float32(np.float32(log_base) * np.float32(p.scale)))
    outer = 1.0 if p.shift == 0 else math.exp(p.shift) if p.base == -1 else p.base**p.shift
    y = g.op("Exp", _affine(g, x, inner, 0.0))
    return y if outer == 1 else g.op("Mul", y, g.const(outer))


@layer_type("Log")
def log(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Log: log_base(shift + scale · x), natural for base −1. BVLC log_layer.cpp."""
    p = layer.param.log_param
    if p.base != -1 and p.base <= 0:
        raise g.malformed(layer, f"base {p.base} must be positive, or -1 for e")
    y = g.op("Log", _affine(g, x, p.scale, p.shift))
    if p.base == -1:
        return y
    with np.errstate(divide="ignore"):
        return g.op("Mul", y, g.const(np.float32(1) / np.log(np.float32(p.base))))


def _affine(g: NetBuilder, x: Value, scale: float, shift: float) -> Value:
    """scale · x + shift, without the operations that change nothing."""
    y = x if scale == 1 else g.op("Mul", x, g.const(scale))
    return y if shift == 0 else g.op("Add", y, g.const(shift))
