"""Pooling over regions of interest: Fast R-CNN's ROIPooling, R-FCN's PSROIPooling."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.schema import PSROIPoolingParameter, ROIPoolingParameter
from dragoman.converters.caffe.table import layer_type
from dragoman.converters.constructs.function import call_function
from dragoman.converters.constructs.range_maximum import maximum_table, query_maximum
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
    return call_function(
        g, layer.name, "ROIPooling", lambda b, x, rois: (_largest(b, p, x, rois),), {"x": x, "rois": rows}, [shape]
    )[0]


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
    return call_function(
        g, layer.name, "PSROIPooling", lambda b, x, rois: (_average(b, p, x, rois),), {"x": x, "rois": rows}, [shape]
    )[0]


def _rows(g: NetBuilder, layer: Layer, x: Value, rois: Value, scale: float) -> Value:
    """Regions of ``x``, times ``scale``, as (R, 5); Caffe's may have more axes, of size 1."""
    sizes = dims(rois)
    if math.prod(d if isinstance(d, int) else -1 for d in sizes[1:]) != 5:
        raise g.malformed(layer, f"regions have 5 values each; its second bottom has the shape {list(sizes)}")
    images, _, height, width = (d if isinstance(d, int) else None for d in dims(x))
    edges = [Domain(0, size / scale if size and scale > 0 else 100) for size in (width, height)]
    limit(rois, Domain(0, (images or 1) - 1, integral=True), *edges, *edges)
    return rois if len(sizes) == 2 else g.reshape(rois, [sizes[0], 5])


def _largest(b: Builder, p: ROIPoolingParameter, x: Value, rois: Value) -> Value:
    image, corners = b.ops("Split", rois, b.const([1, 4]), outputs=2, axis=1)
    whole = b.op("Cast", _round(b, b.op("Mul", corners, b.const(p.spatial_scale))), to=ir.DataType.FLOAT)
    start, end = b.ops("Split", whole, b.const([2, 2]), outputs=2, axis=1)  # (R, 2): x, y
    sizes = b.op("Max", b.op("Add", b.op("Sub", end, start), b.const(1.0)), b.const(1.0))
    y, x_edges = (
        _edges(
            b,
            start,
            b.op("Div", sizes, b.const([[float(p.pooled_w), float(p.pooled_h)]])),
            axis,
            count,
            b.dim(x, 3 - axis),
            False,
        )
        for axis, count in ((1, p.pooled_h), (0, p.pooled_w))
    )
    table, levels = maximum_table(b, x, (y, x_edges))
    bins = query_maximum(b, table, levels, b.op("Cast", image, to=ir.DataType.INT64), (y, x_edges))
    return b.op("Transpose", bins, perm=[0, 3, 1, 2])


def _average(b: Builder, p: PSROIPoolingParameter, x: Value, rois: Value) -> Value:
    """Each bin's sum comes from four corners of the summed-area table, which is float64 so that no digit of a bin is lost in
    it.
    """
    group, depth = p.group_size, p.output_dim
    table = b.op("Cast", x, to=ir.DataType.DOUBLE)
    table = b.op("CumSum", b.op("CumSum", table, b.const(2)), b.const(3))
    table = b.op("Pad", table, b.const([0, 0, 1, 1, 0, 0, 0, 0]))
    parts = b.op("Concat", b.dim(x, 0), b.const([depth, group, group]), b.op("Shape", table, start=2), axis=0)
    table = b.op("Transpose", b.op("Reshape", table, parts), perm=[0, 2, 3, 4, 5, 1])  # (N, G, G, H + 1, W + 1, D)

    image, corners = b.ops("Split", rois, b.const([1, 4]), outputs=2, axis=1)
    moved = b.op("Add", b.op("Cast", _round(b, corners), to=ir.DataType.FLOAT), b.const([0.0, 0.0, 1.0, 1.0]))
    start, end = b.ops("Split", b.op("Mul", moved, b.const(p.spatial_scale)), b.const([2, 2]), outputs=2, axis=1)  # (R, 2): x, y
    bins = b.op("Div", b.op("Max", b.op("Sub", end, start), b.const(0.1)), b.const(float(group)))
    (y1, y2), (x1, x2) = (_edges(b, start, bins, axis, group, b.dim(x, 3 - axis), True) for axis in (1, 0))
    y1, y2 = (b.op("Unsqueeze", y, b.const([2])) for y in (y1, y2))
    x1, x2 = (b.op("Unsqueeze", x, b.const([1])) for x in (x1, x2))

    numbers = b.op("Unsqueeze", b.op("Cast", image, to=ir.DataType.INT64), b.const([2]))
    rows, columns = b.const(np.arange(group)[None, :, None]), b.const(np.arange(group)[None, None])
    shape = b.op("Concat", b.op("Shape", rois, end=1), b.const([group, group]), axis=0)

    def at(y: Value, x: Value) -> Value:
        index = [b.op("Unsqueeze", b.op("Expand", part, shape), b.const([3])) for part in (numbers, rows, columns, y, x)]
        return b.op("GatherND", table, b.op("Concat", *index, axis=3))  # (R, G, G, D)

    total = b.op("Add", b.op("Sub", b.op("Sub", at(y2, x2), at(y1, x2)), at(y2, x1)), at(y1, x1))
    area = b.op("Mul", *(b.op("Max", b.op("Sub", end, start), b.const(0)) for start, end in ((y1, y2), (x1, x2))))
    area = b.op("Unsqueeze", b.op("Cast", area, to=ir.DataType.DOUBLE), b.const([3]))
    mean = b.op("Div", total, b.op("Max", area, b.const(1.0, np.float64)))
    mean = b.op("Where", b.op("Greater", area, b.const(0.0, np.float64)), mean, b.const(0.0, np.float64))
    return b.op("Cast", b.op("Transpose", mean, perm=[0, 3, 1, 2]), to=ir.DataType.FLOAT)


def _round(b: Builder, value: Value) -> Value:
    """C's round, in float64: halves go away from 0 (Round's go to even), and 0.49999997 + 0.5 isn't 1."""
    exact = b.op("Cast", value, to=ir.DataType.DOUBLE)
    return b.op("Mul", b.op("Sign", exact), b.op("Floor", b.op("Add", b.op("Abs", exact), b.const(0.5, np.float64))))


def _edges(b: Builder, start: Value, bins: Value, axis: int, count: int, limit: Value, fractional: bool) -> tuple[Value, Value]:
    """Where each bin starts and ends along one axis, in pixels of an axis of ``limit``: each (R, count) int64.

    ``start`` and the size of a bin, ``bins``, are (R, 2). A ``fractional`` start is added before edges are rounded to pixels,
    else after.
    """
    start, bins = (b.op("Gather", value, b.const([axis]), axis=1) for value in (start, bins))
    edges = []
    for first, rounding in ((0, "Floor"), (1, "Ceil")):
        edge = b.op("Mul", b.const([[float(first + i) for i in range(count)]]), bins)
        edge = b.op(rounding, b.op("Add", edge, start)) if fractional else b.op("Add", b.op(rounding, edge), start)
        edge = b.op("Cast", b.op("Max", edge, b.const(0.0)), to=ir.DataType.INT64)
        edges.append(b.op("Min", edge, limit))
    return edges[0], edges[1]
