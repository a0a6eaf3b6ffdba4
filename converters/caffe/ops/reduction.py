"""Reduction of trailing axes."""

from __future__ import annotations

from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.schema import ReductionOp
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims

_OPERATORS = {
    ReductionOp.SUM: "ReduceSum",
    ReductionOp.ASUM: "ReduceL1",
    ReductionOp.SUMSQ: "ReduceSumSquare",
    ReductionOp.MEAN: "ReduceMean",
}


@layer_type("Reduction")
def reduction(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Reduction: (*L, *R) → coeff · op(R) of shape L, R being the axes from ``axis``. BVLC reduction_layer.cpp."""
    p = layer.param.reduction_param
    rank = len(dims(x))
    axes = list(range(g.axis(layer, p.axis, rank), rank))
    y = g.op(_OPERATORS[ReductionOp(p.operation)], x, g.const(axes), keepdims=0)
    return y if p.coeff == 1 else g.op("Mul", y, g.const(p.coeff))
