"""Im2col: patches as channels."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.ops.conv import Window, window
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims
from dragoman.graph_ir.builder import Dim


@layer_type("Im2col")
def im2col(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe Im2col: (*L, C, *D) → (*L, C ∏k, *(trunc((D + 2p − d(k − 1) − 1) / s) + 1)), C being at ``axis``.

    Channel c and offset o in the window are channel c ∏k + o. Truncation leaves one window where it is wider than the padded
    image by less than the stride; what lies outside is 0. BVLC im2col_layer.cpp, im2col.cpp.
    """
    p = layer.param.convolution_param
    rank = len(dims(x))
    axis = g.axis(layer, p.axis, rank)
    spatial = rank - axis - 1
    if spatial < 1:
        raise g.malformed(layer, f"axis {axis} leaves no spatial axis of {rank}")
    (channels,) = g.sizes(layer, x, [axis], "the number of channels made depends on it")
    lead, w = dims(x)[:axis], window(g, layer, p, spatial)
    ends = [pad + _missing(dims(x)[axis + 1 + i], w, i) for i, pad in enumerate(w.pad)]
    if any(ends):
        edge = [0] * (axis + 1)
        x = g.op("Pad", x, g.const([*edge, *w.pad, *edge, *ends]))
    for i in range(spatial):  # (…, size, …) → (…, k, out, …), so that axis i of D is at axis + 1 + 2i
        x = g.op("Gather", x, _positions(g, layer, x, axis + 1 + 2 * i, w, i), axis=axis + 1 + 2 * i)
    offsets = [axis + 1 + 2 * i for i in range(spatial)]
    x = g.op("Transpose", x, perm=[*range(axis + 1), *offsets, *(o + 1 for o in offsets)])
    return g.reshape(x, (*lead, channels * math.prod(w.kernel), *dims(x)[axis + 1 + spatial :]))


def _extent(w: Window, i: int) -> int:
    return w.dilation[i] * (w.kernel[i] - 1) + 1


def _missing(size: Dim, w: Window, i: int) -> int:
    """By how much the only window is wider than the padded image."""
    short = _extent(w, i) - size - 2 * w.pad[i] if isinstance(size, int) else 0
    return short if 0 < short < w.stride[i] else 0


def _positions(g: NetBuilder, layer: Layer, x: Value, at: int, w: Window, i: int) -> Value:
    """Where on axis ``at`` each offset in each window of spatial axis ``i`` is, (kernel, windows)."""
    offsets, extent, size = np.arange(w.kernel[i])[:, None] * w.dilation[i], _extent(w, i), dims(x)[at]
    if isinstance(size, int):
        if size < extent:
            raise g.malformed(layer, f"a window of {extent} doesn't fit spatial axis {i} of size {size}, padding included")
        return g.const(offsets + np.arange(0, size - extent + 1, w.stride[i]))
    end = g.op("Squeeze", g.op("Sub", g.dim(x, at), g.const([extent - 1])))
    starts = g.op("Range", g.const(0), end, g.const(w.stride[i]))
    starts.shape = ir.Shape([f"{layer.tops[0]}_{i}"])
    return g.op("Add", g.const(offsets), starts)
