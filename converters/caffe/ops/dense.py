"""InnerProduct."""

from __future__ import annotations

import math

from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims


@layer_type("InnerProduct")
def inner_product(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe InnerProduct: (*L, *F) → (*L, num_output), F being the axes from ``axis``. Weights (num_output, F), or (F,
    num_output) if transpose.
    BVLC inner_product_layer.cpp.
    """
    p = layer.param.inner_product_param
    shape = dims(x)
    axis = g.axis(layer, p.axis, len(shape))
    features = math.prod(g.sizes(layer, x, range(axis, len(shape)), "the weights fix the number of features"))
    if p.num_output <= 0:
        raise g.malformed(layer, f"num_output {p.num_output} must be positive")
    weight = g.weight(
        layer, 0, (features, p.num_output) if p.transpose else (p.num_output, features), "weight", p.weight_filler
    )
    bias = g.weight(layer, 1, (p.num_output,), "bias", p.bias_filler) if p.bias_term else None
    lead = shape[:axis]
    rows = g.reshape(x, (1 if axis == 0 else lead[0] if axis == 1 else _rows(lead), features))
    y = g.op("Gemm", rows, weight, *([bias] if bias is not None else []), transB=None if p.transpose else 1)
    return y if axis == 1 else g.reshape(y, (*lead, p.num_output), source=x)


def _rows(lead: tuple[int | str | None, ...]) -> int | None:
    known = [d for d in lead if isinstance(d, int)]
    return math.prod(known) if len(known) == len(lead) else None
