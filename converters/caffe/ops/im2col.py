"""Im2col: patches as channels."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.ops.conv import window
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims
from dragoman.graph_ir.builder import Dim


@layer_type("Im2col")
def im2col(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Im2col: (*L, C, *D) → (*L, C ∏k, *floor((D + 2p − d(k − 1) − 1) / s + 1)), C at ``axis``: channel c and offset o in the window are
    channel c ∏k + o. BVLC im2col_layer.cpp, im2col.cpp.
    """  # noqa: D205
    p = layer.param.convolution_param
    rank = len(dims(x))
    axis = g.axis(layer, p.axis, rank)
    spatial = rank - axis - 1
    if spatial < 1:
        raise g.malformed(layer, f"axis {axis} leaves no spatial axis of {rank}")
    (channels,) = g.sizes(layer, x, [axis], "the number of channels made depends on it")
    lead, w = dims(x)[:axis], window(g, layer, p, spatial)
    if any(w.pad):
        margin = [0] * (axis + 1) + list(w.pad)
        x = g.op("Pad", x, g.const(margin * 2))
    for i in range(spatial):  # (…, size, …) → (…, k, out, …), so that axis i of D is at axis + 1 + 2i
        at = axis + 1 + 2 * i
        x = g.op("Gather", x, _positions(g, layer, x, at, i, w.kernel[i], w.stride[i], w.dilation[i]), axis=at)
    offsets = [axis + 1 + 2 * i for i in range(spatial)]
    x = g.op("Transpose", x, perm=[*range(axis + 1), *offsets, *(o + 1 for o in offsets)])
    return g.reshape(x, (*lead, channels * math.prod(w.kernel), *dims(x)[axis + 1 + spatial :]))


def _positions(g: NetBuilder, layer: Layer, x: Value, at: int, i: int, kernel: int, stride: int, dilation: int) -> Value:
    """Where on axis ``at`` each offset in each window is, (kernel, windows)."""
    offsets, extent, size = np.arange(kernel)[:, None] * dilation, dilation * (kernel - 1) + 1, dims(x)[at]
    if isinstance(size, int):
        if size < extent:
            raise g.malformed(layer, f"a window of {extent} doesn't fit spatial axis {i} of size {size}, padding included")
        return g.const(offsets + np.arange(0, size - extent + 1, stride))
    end = g.op("Squeeze", g.op("Sub", g.dim(x, at), g.const([extent - 1])))
    starts = g.op("Range", g.const(0), end, g.const(stride))
    count: Dim = f"{layer.tops[0]}_{i}"
    starts.shape = ir.Shape([count])
    return g.op("Add", g.const(offsets), starts)
