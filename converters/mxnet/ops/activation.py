"""Activations."""

from __future__ import annotations

from typing import Literal

from onnx_ir import Value

from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op

_ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softrelu": "Softplus", "softsign": "Softsign"}


@op("Activation")
def activation(
    g: SymbolBuilder, node: Node, data: Value, *, act_type: Literal["relu", "sigmoid", "tanh", "softrelu", "softsign"]
) -> Value:
    """MXNet Activation, elementwise: relu, sigmoid, tanh, softrelu ln(1 + eˣ), softsign x / (1 + |x|). activation-inl.h."""
    return g.op(_ACTIVATIONS[act_type], data)
