"""Pooling over regions of interest."""

from __future__ import annotations

from math import prod

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.constructs.function import call_function
from dragoman.converters.constructs.regions import average_in_bins, largest_in_bins
from dragoman.converters.mxnet.arithmetic import cast, dtype_of, number
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import Builder, dims
from dragoman.graph_ir.domains import Domain, limit


@op("ROIPooling")
def roi_pooling(g: SymbolBuilder, node: Node, data: Value, rois: Value, *, pooled_size: Ints, spatial_scale: float) -> Value:
    """MXNet ROIPooling: (N, C, H, W), regions (R, 5) → (R, C, *pooled_size): the maximum of each bin, 0 for an empty one and for a
    region of no image. Regions as Fast R-CNN's. roi_pooling.cc.
    """
    _check(g, node, data, rois, pooled_size)
    _limit(data, rois, spatial_scale)

    def emit(b: Builder, data: Value, rois: Value) -> tuple[Value, ...]:
        image, corners = b.ops("Split", rois, b.const([1, 4]), outputs=2, axis=1)
        last = b.op("Cast", b.op("Sub", b.dim(data, 0), b.const([1])), to=rois.dtype)
        whole = b.op("Cast", b.op("Cast", image, to=ir.DataType.INT64), to=rois.dtype)
        inside = b.op("Min", b.op("Max", whole, number(b, rois, 0)), last)
        exists = b.op("Unsqueeze", b.op("Equal", inside, whole), b.const([2, 3]))
        regions = b.op("Cast", b.op("Concat", inside, corners, axis=1), to=ir.DataType.FLOAT)
        wide = cast(b, data, ir.DataType.FLOAT) if data.dtype == ir.DataType.FLOAT16 else data
        found = cast(b, largest_in_bins(b, wide, regions, (pooled_size[0], pooled_size[1]), spatial_scale), dtype_of(data))
        return (b.op("Where", exists, found, number(b, data, 0)),)

    shape = (dims(rois)[0], dims(data)[1], *pooled_size)
    return call_function(g, node.name, "ROIPooling", emit, {"data": data, "rois": rois}, [shape])[0]


@op("_contrib_PSROIPooling")
def psroi_pooling(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    rois: Value,
    *,
    spatial_scale: float,
    output_dim: int,
    pooled_size: int,
    group_size: int = 0,
) -> Value:
    """MXNet PSROIPooling: (N, D·G·G, H, W), regions (R, 5) → (R, D, P, P): the average of each bin in its own channel; G is P if it
    isn't given. psroi_pooling.cc.
    """
    group = group_size or pooled_size
    _check(g, node, data, rois, (pooled_size, pooled_size))
    if dims(data)[1] != output_dim * group**2:
        raise g.malformed(node, f"needs {output_dim * group**2} channels (output_dim · group_size²), not {dims(data)[1]}")
    _limit(data, rois, spatial_scale)

    def emit(b: Builder, data: Value, rois: Value) -> tuple[Value, ...]:
        regions = b.op("Cast", rois, to=ir.DataType.FLOAT)
        return (average_in_bins(b, data, regions, output_dim, group, pooled_size, spatial_scale),)

    shape = (dims(rois)[0], output_dim, pooled_size, pooled_size)
    return call_function(g, node.name, "PSROIPooling", emit, {"data": data, "rois": rois}, [shape])[0]


@op("_contrib_ROIAlign")
def roi_align(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    rois: Value,
    *,
    pooled_size: Ints,
    spatial_scale: float,
    sample_ratio: int = -1,
    position_sensitive: bool = False,
    aligned: bool = False,
) -> Value:
    """MXNet ROIAlign: (N, C, H, W), regions (R, 5: image, corners) → (R, C, *pooled_size): the mean of bilinear samples,
    sample_ratio² of each bin, or ⌈size / bins⌉² if it isn't positive. A region whose image is negative gives 0.

    Aligned, corners lie half a pixel lower; else a region has sides of 1 at least. Position-sensitive, C is C' · bins, and each bin
    reads its own of C' channels. roi_align.cc.
    """
    _check(g, node, data, rois, pooled_size)
    bins = prod(pooled_size)
    (channels,) = g.sizes(node, data, [1], "bins have their own channels") if position_sensitive else (0,)
    if position_sensitive and channels % bins:
        raise g.malformed(node, f"has {channels} channels, which {bins} bins don't divide")
    _limit(data, rois, spatial_scale)
    owner, boxes = g.ops("Split", rois, g.const([1, 4]), outputs=2, axis=1)
    image = g.op("Cast", g.op("Reshape", owner, g.const([-1])), to=ir.DataType.INT64)
    wide, boxes = (cast(g, v, ir.DataType.FLOAT) if v.dtype == ir.DataType.FLOAT16 else v for v in (data, boxes))
    found = g.op(
        "RoiAlign",
        wide,
        boxes,
        g.op("Max", image, g.const(0)),
        coordinate_transformation_mode="half_pixel" if aligned else "output_half_pixel",
        output_height=pooled_size[0],
        output_width=pooled_size[1],
        sampling_ratio=max(sample_ratio, 0),
        spatial_scale=spatial_scale,
    )
    if position_sensitive:
        every = g.op("Reshape", found, g.const([0, channels // bins, bins * bins]))
        own = g.op("Gather", every, g.const(np.arange(bins) * (bins + 1)), axis=2)
        found = g.reshape(own, [dims(rois)[0], channels // bins, *pooled_size])
    exists = g.op("Unsqueeze", g.op("GreaterOrEqual", image, g.const(0)), g.const([1, 2, 3]))
    return cast(g, g.op("Where", exists, found, number(g, found, 0)), dtype_of(data))


def _check(g: SymbolBuilder, node: Node, data: Value, rois: Value, pooled: Ints) -> None:
    if len(dims(data)) != 4 or len(dims(rois)) != 2 or dims(rois)[1] != 5:
        raise g.malformed(node, f"takes images (N, C, H, W) and regions (R, 5), not {list(dims(data))} and {list(dims(rois))}")
    if len(pooled) != 2 or min(pooled) <= 0:
        raise g.malformed(node, f"needs a pooled_size of two positive sizes, not {pooled}")


def _limit(data: Value, rois: Value, scale: float) -> None:
    """Regions lie in images that there are."""
    images, _, height, width = (d if isinstance(d, int) else None for d in dims(data))
    edges = [Domain(0, size / scale if size and scale > 0 else 100) for size in (width, height)]
    limit(rois, Domain(0, (images or 1) - 1, integral=True), *edges, *edges)
