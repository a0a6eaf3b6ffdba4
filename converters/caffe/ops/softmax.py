"""Softmax, alone and inside its loss."""

from __future__ import annotations

from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims


@layer_type("Softmax", "SoftmaxWithLoss")
def softmax(g: NetBuilder, layer: Layer, x: Value) -> tuple[Value | None, ...]:
    """Caffe Softmax along ``axis``. The loss becomes the softmax that it contains: its second top, or under its own name if
    it has no second.
    BVLC softmax_layer.cpp, softmax_loss_layer.cpp.
    """
    axis = g.axis(layer, layer.param.softmax_param.axis, len(dims(x)))
    y = g.op("Softmax", x, axis=axis)
    return (None, y) if len(layer.tops) == 2 else (y,)
