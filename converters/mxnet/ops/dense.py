"""Fully connected layers."""

from __future__ import annotations

from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import floats_only
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op


@op("FullyConnected", "_npx_fully_connected", "_sparse_FullyConnected")
def fully_connected(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    weight: Value,
    bias: Value | None = None,
    *,
    num_hidden: int,
    no_bias: bool = False,
    flatten: bool = True,
) -> Value:
    """MXNet FullyConnected: (N, *F) → x Wᵀ + b, (N, num_hidden); with flatten False (*N, F) → (*N, num_hidden).

    weight (num_hidden, F), bias (num_hidden). fully_connected-inl.h.
    """
    floats_only(g, node, data)
    if (bias is None) != no_bias:
        raise g.malformed(node, f"has no_bias {no_bias} and {'no' if bias is None else 'a'} bias")
    if flatten:
        flat = data if g.rank(node, data) == 2 else g.op("Flatten", data)
        return g.op("Gemm", flat, weight, bias, transB=1)
    product = g.op("MatMul", data, g.op("Transpose", weight, perm=[1, 0]))
    return product if bias is None else g.op("Add", product, bias)
