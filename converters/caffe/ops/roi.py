"""Pooling over regions of interest: Fast R-CNN's ROIPooling, R-FCN's PSROIPooling."""

from __future__ import annotations

import math

from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.table import layer_type
from dragoman.converters.constructs.function import call_function
from dragoman.converters.constructs.regions import average_in_bins, largest_in_bins
from dragoman.graph_ir import Builder, dims
from dragoman.graph_ir.domains import Domain, limit


@layer_type("ROIPooling")
def roi_pooling(g: NetBuilder, layer: Layer, x: Value, rois: Value) -> Value:
    """Fast R-CNN ROIPooling: (N, C, H, W), regions (R, 5) → (R, C, pooled_h, pooled_w): the maximum of each bin, 0 for an
    empty bin.

    A region is an image's number and x1, y1, x2, y2, which are scaled, rounded (halves away from 0) and inclusive; bins
    overlap where they don't divide the region. roi_pooling_layer.cpp. MaxRoiPool is the same, but ONNX Runtime doesn't have
    its newest version.
    """
    p = layer.param.roi_pooling_param
    if p.pooled_h == 0 or p.pooled_w == 0:
        raise g.malformed(layer, "needs pooled_h and pooled_w, greater than 0")
    rows = _rows(g, layer, x, rois, p.spatial_scale)
    shape = (dims(rows)[0], dims(x)[1], p.pooled_h, p.pooled_w)

    def emit(b: Builder, x: Value, rois: Value) -> tuple[Value, ...]:
        return (largest_in_bins(b, x, rois, (p.pooled_h, p.pooled_w), p.spatial_scale),)

    return call_function(g, layer.name, "ROIPooling", emit, {"x": x, "rois": rows}, [shape])[0]


@layer_type("PSROIPooling")
def psroi_pooling(g: NetBuilder, layer: Layer, x: Value, rois: Value) -> Value:
    """R-FCN PSROIPooling: (N, D·G·G, H, W), regions (R, 5) → (R, D, G, G): bin (i, j) is the average of channel (d·G + i)·G +
    j there.

    Region corners are rounded (halves away from 0), the far ones moved by 1, then scaled; an empty bin gives 0.
    psroi_pooling_layer.cu.
    """
    p = layer.param.psroi_pooling_param
    if p.output_dim <= 0 or p.group_size <= 0:
        raise g.malformed(layer, "needs output_dim and group_size, greater than 0")
    (channels,) = g.sizes(layer, x, [1], "each bin has its own channel")
    if channels != p.output_dim * p.group_size**2:
        raise g.malformed(layer, f"needs {p.output_dim * p.group_size**2} channels (output_dim · group_size²), not {channels}")
    rows = _rows(g, layer, x, rois, p.spatial_scale)
    shape = (dims(rows)[0], p.output_dim, p.group_size, p.group_size)

    def emit(b: Builder, x: Value, rois: Value) -> tuple[Value, ...]:
        return (average_in_bins(b, x, rois, p.output_dim, p.group_size, p.group_size, p.spatial_scale),)

    return call_function(g, layer.name, "PSROIPooling", emit, {"x": x, "rois": rows}, [shape])[0]


def _rows(g: NetBuilder, layer: Layer, x: Value, rois: Value, scale: float) -> Value:
    """Regions of ``x``, times ``scale``, as (R, 5); Caffe's may have more axes, of size 1."""
    sizes = dims(rois)
    if math.prod(d if isinstance(d, int) else -1 for d in sizes[1:]) != 5:
        raise g.malformed(layer, f"regions have 5 values each; its second bottom has the shape {list(sizes)}")
    images, _, height, width = (d if isinstance(d, int) else None for d in dims(x))
    edges = [Domain(0, size / scale if size and scale > 0 else 100) for size in (width, height)]
    limit(rois, Domain(0, (images or 1) - 1, integral=True), *edges, *edges)
    return rois if len(sizes) == 2 else g.reshape(rois, [sizes[0], 5])
