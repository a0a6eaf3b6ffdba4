"""Activations."""

from __future__ import annotations

from math import sqrt
from typing import Literal

import numpy as np
from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import Function, Work, dtype_of, filled, floats_only, number, same_type
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


def _soft_relu(g: SymbolBuilder, x: Value) -> Value:
    """ln(1 + eˣ): max(x, 0) + ln(1 + e^−|x|) in float64, which ONNX Runtime's Softplus hasn't."""
    if dtype_of(x) != DataType.DOUBLE:
        return g.op("Softplus", x)
    rest = g.op("Log", g.op("Add", g.op("Exp", g.op("Neg", g.op("Abs", x))), number(g, x, 1)))
    return g.op("Add", g.op("Max", x, number(g, x, 0)), rest)


_ACTIVATIONS = {
    "relu": Function("Relu"),
    "sigmoid": Function("Sigmoid"),
    "tanh": Function("Tanh"),
    "softrelu": Function(_soft_relu),
    "softsign": Function("Softsign", Work.SINGLE),
}


@op("Activation")
def activation(
    g: SymbolBuilder, node: Node, data: Value, *, act_type: Literal["relu", "sigmoid", "tanh", "softrelu", "softsign"]
) -> Value:
    """MXNet Activation, elementwise: relu, sigmoid, tanh, softrelu ln(1 + eˣ), softsign x / (1 + |x|). activation-inl.h."""
    floats_only(g, node, data)
    return _ACTIVATIONS[act_type](g, data)


@op("LeakyReLU")
def leaky_relu(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    gamma: Value | None = None,
    *,
    act_type: Literal["elu", "gelu", "leaky", "prelu", "rrelu", "selu"] = "leaky",
    slope: float = 0.25,
    lower_bound: float = 0.125,
    upper_bound: float = 0.334,
) -> Value | tuple[Value, Value]:
    """x where x > 0, and below: leaky slope · x; rrelu the middle of its bounds · x; prelu gamma · x; elu slope · (eˣ − 1).

    selu is λ times elu of its own slope, gelu x Φ(x). A prelu's gamma is (1), (C) along axis 1, or of two axes. An rrelu's second
    output, the slopes it drew, stays 0 at inference. leaky_relu-inl.h.
    """
    floats_only(g, node, data)
    if (act_type == "prelu") != (gamma is not None):
        raise g.malformed(node, f"is a {act_type} with {'no' if gamma is None else 'a'} gamma")
    if gamma is not None:
        same_type(g, node, data, gamma)
        slopes = g.reshape(gamma, _aligned(g, node, gamma, data))
        return _sloped(g, data, slopes) if dtype_of(data) == DataType.DOUBLE else g.op("PRelu", data, slopes)
    if act_type == "leaky":
        return _leaky(g, data, slope)
    if act_type == "rrelu":
        return _leaky(g, data, (lower_bound + upper_bound) / 2), filled(g, node, g.shape(data), 0, dtype_of(data))
    if act_type == "gelu":
        return Function("Gelu", Work.SINGLE)(g, data) if dtype_of(data) != DataType.DOUBLE else _gelu(g, data)
    if act_type == "elu":
        return _elu(g, data, float(np.float32(slope)), 1.0)
    return _elu(g, data, 1.6732632423543772, 1.0507009873554805)


def _aligned(g: SymbolBuilder, node: Node, gamma: Value, data: Value) -> list[int | str]:
    """The shape of ``gamma`` as MXNet stretches it over ``data``: from the last, its axes take the first two that they fit."""
    left, shape = list(dims(gamma)), list(dims(data))
    aligned: list[int | str] = [1] * len(shape)
    for axis in reversed(range(min(len(shape), 2))):
        if left and (left[-1] == 1 or left[-1] == shape[axis]):
            aligned[axis] = left.pop() or 1
    if left:
        raise g.malformed(node, f"its gamma {list(dims(gamma))} doesn't fit its data {shape}")
    return aligned


def _leaky(g: SymbolBuilder, x: Value, slope: float) -> Value:
    if slope == 0 and dtype_of(x) == DataType.FLOAT:
        return g.op("Relu", x)  # oneDNN's: of -∞ too it is 0
    if dtype_of(x) == DataType.DOUBLE:
        return _sloped(g, x, number(g, x, np.float32(slope)))
    return g.op("LeakyRelu", x, alpha=slope)


def _sloped(g: SymbolBuilder, x: Value, slope: Value) -> Value:
    return g.op("Where", g.op("Greater", x, number(g, x, 0)), x, g.op("Mul", x, slope))


def _gelu(g: SymbolBuilder, x: Value) -> Value:
    """x · ½ (1 + erf(x / √2)); ONNX Runtime's Erf is of float32."""
    erf = Function("Erf", Work.SINGLE)(g, g.op("Mul", x, number(g, x, sqrt(0.5))))
    return g.op("Mul", x, g.op("Add", g.op("Mul", erf, number(g, x, 0.5)), number(g, x, 0.5)))


def _elu(g: SymbolBuilder, x: Value, slope: float, factor: float) -> Value:
    """factor · x where x > 0, else factor · slope · (eˣ − 1)."""
    if dtype_of(x) != DataType.DOUBLE:
        return g.op("Elu", x, alpha=slope) if factor == 1 else g.op("Selu", x, alpha=slope, gamma=factor)
    low = g.op("Mul", g.op("Sub", g.op("Exp", x), number(g, x, 1)), number(g, x, slope))
    y = g.op("Where", g.op("Greater", x, number(g, x, 0)), x, low)
    return y if factor == 1 else g.op("Mul", y, number(g, x, factor))
