"""Regions of interest whose bins are sampled where the region, or the network, moves them: rotated and deformable ones."""

from __future__ import annotations

from math import pi

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.constructs.function import call_function
from dragoman.converters.constructs.regions import round_away
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import Builder, dims


@op("_contrib_RROIAlign")
def rotated_roi_align(
    g: SymbolBuilder, node: Node, data: Value, rois: Value, *, pooled_size: Ints, spatial_scale: float, sampling_ratio: int = -1
) -> Value:
    """MXNet RROIAlign: (N, C, H, W), regions (R, 6: image, center, width, height, degrees) → (R, C, *pooled_size): the mean of
    bilinear samples, sampling_ratio² of each bin or ⌈size / bins⌉² if it isn't positive, of the region turned around its center. Sides
    are 1 at least. rroi_align.cc.
    """
    if len(dims(data)) != 4 or len(dims(rois)) != 2 or dims(rois)[1] != 6 or len(pooled_size) != 2 or min(pooled_size) < 1:
        raise g.malformed(node, f"takes images and regions (R, 6), not {list(dims(data))} and {list(dims(rois))}")
    if data.dtype != ir.DataType.FLOAT:
        raise g.unsupported(node, f"takes float32, not {data.dtype}")

    def emit(b: Builder, data: Value, rois: Value) -> tuple[Value, ...]:
        image, x, y, width, height, degrees = b.ops("Split", rois, b.const([1] * 6), outputs=6, axis=1)  # each (R, 1)
        x, y, width, height = (b.op("Mul", value, b.const(spatial_scale)) for value in (x, y, width, height))
        theta = b.op("Mul", degrees, b.const(np.float32(pi / 180)))
        rows, in_rows, row_count = _spread(b, height, pooled_size[0], sampling_ratio)
        columns, in_columns, column_count = _spread(b, width, pooled_size[1], sampling_ratio)
        rows, in_rows = (b.op("Unsqueeze", value, b.const([3, 4])) for value in (rows, in_rows))
        columns, in_columns = (b.op("Unsqueeze", value, b.const([1, 2])) for value in (columns, in_columns))
        wide = b.const([2, 3, 4])
        sine, cosine = (b.op("Unsqueeze", b.op(name, theta), wide) for name in ("Sin", "Cos"))
        center_x, center_y, owner = (b.op("Unsqueeze", value, wide) for value in (x, y, image))
        at_x = b.op("Add", b.op("Add", b.op("Mul", columns, cosine), b.op("Mul", rows, sine)), center_x)
        at_y = b.op("Add", b.op("Sub", b.op("Mul", rows, cosine), b.op("Mul", columns, sine)), center_y)
        inside, value = _bilinear(b, data, owner, at_y, at_x, None, -1.0, 0.0)  # (R, rows, samples, columns, samples, C)
        taken = b.op("And", inside, b.op("And", in_rows, in_columns))
        value = b.op("Where", b.op("Unsqueeze", taken, b.const([-1])), value, b.const(0.0))
        samples = b.op("Unsqueeze", b.op("Mul", row_count, column_count), b.const([2, 3]))
        mean = b.op("Div", b.op("ReduceSum", value, b.const([2, 4]), keepdims=0), samples)
        return (b.op("Transpose", mean, perm=[0, 3, 1, 2]),)

    shape = (dims(rois)[0], dims(data)[1], *pooled_size)
    return call_function(g, node.name, "RROIAlign", emit, {"data": data, "rois": rois}, [shape])[0]


def _spread(b: Builder, side: Value, bins: int, ratio: int) -> tuple[Value, Value, Value]:
    """Where samples lie along regions of these sides (R, 1), from their centers: (R, bins, most), which of them the region has
    (R, 1, most), and how many (R, 1): ``ratio`` in each bin, or one for each pixel that it begins.
    """
    size = b.op("Max", side, b.const(1.0))
    bin_size = b.op("Div", size, b.const(float(bins)))
    count = b.op("Ceil", bin_size) if ratio <= 0 else b.op("Expand", b.const([[float(ratio)]]), b.op("Shape", size))
    most = b.op("ReduceMax", b.op("Cast", count, to=ir.DataType.INT64), keepdims=0) if ratio <= 0 else b.const(ratio)
    number = b.op("Reshape", b.op("Cast", b.op("Range", b.const(0), most, b.const(1)), to=ir.DataType.FLOAT), b.const([1, 1, -1]))
    each, every = b.op("Unsqueeze", bin_size, b.const([2])), b.op("Unsqueeze", count, b.const([2]))
    start = b.op("Mul", each, b.const((np.arange(bins, dtype=np.float32) - np.float32(bins / 2)).reshape(1, -1, 1)))
    step = b.op("Div", b.op("Mul", b.op("Add", number, b.const(0.5)), each), every)
    return b.op("Add", start, step), b.op("Less", number, every), count


@op("_contrib_DeformablePSROIPooling")
def deformable_psroi_pooling(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    rois: Value,
    trans: Value | None = None,
    *,
    spatial_scale: float,
    output_dim: int,
    group_size: int,
    pooled_size: int,
    part_size: int = 0,
    sample_per_part: int = 1,
    trans_std: float = 0.0,
    no_trans: bool = False,
) -> Value:
    """MXNet DeformablePSROIPooling: (N, D·G·G, H, W), regions (R, 5), shifts (R, 2·classes: x y, part, part) → (R, D, P, P): the mean of
    each bin's bilinear samples in its own channel, of those inside; bins are moved by shifts · trans_std of the region's size.
    deformable_psroi_pooling.cc.
    """
    part, count = part_size or pooled_size, sample_per_part
    if (trans is None) != no_trans:
        raise g.malformed(node, f"has no_trans {no_trans} and {'no' if trans is None else 'a'} trans")
    if dims(data)[1] != output_dim * group_size**2 or dims(rois)[1:] != (5,):
        raise g.malformed(
            node, f"needs {output_dim * group_size**2} channels and regions (R, 5), not {list(dims(data))}, {list(dims(rois))}"
        )
    if data.dtype != ir.DataType.FLOAT:
        raise g.unsupported(node, f"takes float32, not {data.dtype}")
    classes = 1 if trans is None else g.sizes(node, trans, [1], "each class has its own shifts")[0] // 2
    if output_dim % classes:
        raise g.malformed(node, f"has {classes} classes, which don't divide its {output_dim} channels")

    def emit(b: Builder, data: Value, rois: Value, *shifts: Value) -> tuple[Value, ...]:
        image, corners = b.ops("Split", rois, b.const([1, 4]), outputs=2, axis=1)
        moved = b.op("Add", b.op("Cast", round_away(b, corners), to=ir.DataType.FLOAT), b.const([0.0, 0.0, 1.0, 1.0]))
        scaled = b.op("Sub", b.op("Mul", moved, b.const(spatial_scale)), b.const(0.5))
        start, end = b.ops("Split", scaled, b.const([2, 2]), outputs=2, axis=1)
        size = b.op("Max", b.op("Sub", end, start), b.const(0.1))
        steps = (np.arange(pooled_size)[:, None] + np.arange(count) / count) / pooled_size
        bins = np.arange(pooled_size)
        own = bins * group_size // pooled_size
        places = []
        for axis in (1, 0):  # y, then x: (R, D, P, P, samples, samples)
            first, extent = (
                b.op("Reshape", b.op("Gather", v, b.const(axis), axis=1), b.const([-1, 1, 1, 1, 1, 1])) for v in (start, size)
            )
            shape = (1, 1, pooled_size, 1, count, 1) if axis == 1 else (1, 1, 1, pooled_size, 1, count)
            step = np.repeat(steps.reshape(shape).astype(np.float32), output_dim, axis=1)
            place = b.op("Add", b.op("Mul", extent, b.const(step)), first)
            for shift in shifts:
                parts = b.const(bins * part // pooled_size)
                chosen = b.op("Reshape", shift, b.const([-1, classes, 2, part, part]))
                for wanted, at in (
                    (b.const(axis), 2),
                    (parts, 2),
                    (parts, 3),
                    (b.const(np.arange(output_dim) * classes // output_dim), 1),
                ):
                    chosen = b.op("Gather", chosen, wanted, axis=at)
                chosen = b.op("Unsqueeze", b.op("Mul", chosen, b.const(np.float32(trans_std))), b.const([4, 5]))
                place = b.op("Add", place, b.op("Mul", chosen, extent))
            places.append(place)
        channel = (np.arange(output_dim)[:, None, None] * group_size + own[:, None]) * group_size + own
        numbers = b.const(channel.reshape(1, output_dim, pooled_size, pooled_size, 1, 1))
        owner = b.op("Reshape", image, b.const([-1, 1, 1, 1, 1, 1]))
        inside, value = _bilinear(b, data, owner, places[0], places[1], numbers, -0.5, -0.5)
        counted = (b.op("Where", inside, value, b.const(0.0)), b.op("Cast", inside, to=ir.DataType.FLOAT))
        total, samples = (b.op("ReduceSum", part, b.const([4, 5]), keepdims=0) for part in counted)
        return (b.op("Div", total, b.op("Max", samples, b.const(1.0))),)

    shape = (dims(rois)[0], output_dim, pooled_size, pooled_size)
    inputs = {"data": data, "rois": rois, **({} if trans is None else {"trans": trans})}
    return call_function(g, node.name, "DeformablePSROIPooling", emit, inputs, [shape])[0]


def _bilinear(
    b: Builder, data: Value, image: Value, y: Value, x: Value, channel: Value | None, low: float, high: float
) -> tuple[Value, Value]:
    """Samples of data (N, C, H, W) at places that broadcast: those from ``low`` to the size plus ``high`` are inside, and are brought to
    the nearest pixel. Whether each is inside (*S), and its value, of its channel (*S) or of all (*S, C).
    """
    corners, insides = [], []
    for place, axis in ((y, 2), (x, 3)):
        size = b.op("Cast", b.dim(data, axis), to=ir.DataType.FLOAT)
        insides += [b.op("GreaterOrEqual", place, b.const(low)), b.op("LessOrEqual", place, b.op("Add", size, b.const(high)))]
        near = b.op("Min", b.op("Max", place, b.const(0.0)), b.op("Sub", size, b.const(1.0)))
        first = b.op("Floor", near)
        corners.append((first, b.op("Ceil", near), b.op("Sub", near, first)))
    inside = b.op("And", b.op("And", insides[0], insides[1]), b.op("And", insides[2], insides[3]))
    shape = b.op("Shape", inside)
    table = b.op("Transpose", data, perm=[0, 2, 3, 1]) if channel is None else data
    (y1, y2, dy), (x1, x2, dx) = corners
    value: Value | None = None
    for row, weight_y in ((y1, b.op("Sub", b.const(1.0), dy)), (y2, dy)):
        for column, weight_x in ((x1, b.op("Sub", b.const(1.0), dx)), (x2, dx)):
            index = [image, *([] if channel is None else [channel]), row, column]
            places = [
                b.op("Unsqueeze", b.op("Expand", b.op("Cast", i, to=ir.DataType.INT64), shape), b.const([-1])) for i in index
            ]
            found = b.op("GatherND", table, b.op("Concat", *places, axis=-1))
            weight = b.op("Mul", weight_y, weight_x)
            part = b.op("Mul", found, weight if channel is not None else b.op("Unsqueeze", weight, b.const([-1])))
            value = part if value is None else b.op("Add", value, part)
    assert value is not None
    return inside, value
