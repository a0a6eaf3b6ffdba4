"""MVN: each image to zero mean and unit variance."""

from __future__ import annotations

from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims


@layer_type("MVN")
def mvn(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe MVN: (N, C, H, W) → (x − mean) / (deviation + eps), or x − mean unless normalize_variance.

    Over H and W, and C if across_channels. Axes that the bottom lacks are added as 1. BVLC mvn_layer.cpp.
    """
    p = layer.param.mvn_param
    rank = len(dims(x))
    if rank > 4:
        raise g.malformed(layer, f"takes at most 4 axes, its bottom has {rank}")
    if rank < 4:
        x = g.op("Unsqueeze", x, g.const(list(range(rank, 4))))
    axes = g.const([1, 2, 3] if p.across_channels else [2, 3])
    centred = g.op("Sub", x, g.op("ReduceMean", x, axes))
    if not p.normalize_variance:
        return centred
    deviation = g.op("Sqrt", g.op("ReduceMean", g.op("Mul", centred, centred), axes))
    return g.op("Div", centred, g.op("Add", deviation, g.const(p.eps)))
