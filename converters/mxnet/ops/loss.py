"""Losses, of which inference keeps the prediction; their labels are for training."""

from __future__ import annotations

from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import floats_only
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op


@op("LinearRegressionOutput", "MAERegressionOutput")
def linear_output(g: SymbolBuilder, node: Node, data: Value, *, grad_scale: float = 1.0) -> Value:
    """``data``. regression_output.cc."""
    floats_only(g, node, data)
    return g.op("Identity", data)


@op("LogisticRegressionOutput")
def logistic_output(g: SymbolBuilder, node: Node, data: Value, *, grad_scale: float = 1.0) -> Value:
    """1 / (1 + e⁻ˣ). regression_output.cc."""
    floats_only(g, node, data)
    return g.op("Sigmoid", data)


@op("SVMOutput")
def svm_output(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    margin: float = 1.0,
    regularization_coefficient: float = 1.0,
    use_linear: bool = False,
) -> Value:
    """``data``. svm_output-inl.h."""
    floats_only(g, node, data)
    return g.op("Identity", data)
