"""Pooling over regions of interest: the largest value of each bin, or the average of each bin's own channel."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.constructs.range_maximum import Span, maximum_table, query_maximum
from dragoman.graph_ir import Builder


def largest_in_bins(b: Builder, x: Value, rois: Value, pooled: tuple[int, int], scale: float) -> Value:
    """(N, C, H, W), regions (R, 5) → (R, C, *pooled): the maximum of each bin, 0 for an empty one.

    A region is an image's number and x1, y1, x2, y2, which are scaled, rounded (halves away from 0) and inclusive; bins overlap where
    they don't divide the region.
    """
    image, corners = b.ops("Split", rois, b.const([1, 4]), outputs=2, axis=1)
    whole = b.op("Cast", round_away(b, b.op("Mul", corners, b.const(scale))), to=ir.DataType.FLOAT)
    start, end = b.ops("Split", whole, b.const([2, 2]), outputs=2, axis=1)  # (R, 2): x, y
    sizes = b.op("Max", b.op("Add", b.op("Sub", end, start), b.const(1.0)), b.const(1.0))
    bins = b.op("Div", sizes, b.const([[float(pooled[1]), float(pooled[0])]]))
    y, x_edges = (_edges(b, start, bins, axis, pooled[1 - axis], b.dim(x, 3 - axis), False) for axis in (1, 0))
    table, levels = maximum_table(b, x, (y, x_edges))
    found = query_maximum(b, table, levels, b.op("Cast", image, to=ir.DataType.INT64), (y, x_edges))
    return b.op("Transpose", found, perm=[0, 3, 1, 2])


def average_in_bins(b: Builder, x: Value, rois: Value, depth: int, group: int, pooled: int, scale: float) -> Value:
    """(N, D·G·G, H, W), regions (R, 5) → (R, D, P, P): the average of each bin, 0 for an empty one.

    Bin (i, j) reads channel (d·G + ⌊i·G / P⌋)·G + ⌊j·G / P⌋. Region corners are rounded (halves away from 0), the far ones moved by 1,
    then scaled. Each bin's sum comes from four corners of the summed-area table, which is float64 so that no digit of a bin is lost.
    """
    table = b.op("Cast", x, to=ir.DataType.DOUBLE)
    table = b.op("CumSum", b.op("CumSum", table, b.const(2)), b.const(3))
    table = b.op("Pad", table, b.const([0, 0, 1, 1, 0, 0, 0, 0]))
    parts = b.op("Concat", b.dim(x, 0), b.const([depth, group, group]), b.op("Shape", table, start=2), axis=0)
    table = b.op("Transpose", b.op("Reshape", table, parts), perm=[0, 2, 3, 4, 5, 1])  # (N, G, G, H + 1, W + 1, D)

    image, corners = b.ops("Split", rois, b.const([1, 4]), outputs=2, axis=1)
    moved = b.op("Add", b.op("Cast", round_away(b, corners), to=ir.DataType.FLOAT), b.const([0.0, 0.0, 1.0, 1.0]))
    start, end = b.ops("Split", b.op("Mul", moved, b.const(scale)), b.const([2, 2]), outputs=2, axis=1)  # (R, 2): x, y
    bins = b.op("Div", b.op("Max", b.op("Sub", end, start), b.const(0.1)), b.const(float(pooled)))
    (y1, y2), (x1, x2) = (_edges(b, start, bins, axis, pooled, b.dim(x, 3 - axis), True) for axis in (1, 0))
    y1, y2 = (b.op("Unsqueeze", y, b.const([2])) for y in (y1, y2))
    x1, x2 = (b.op("Unsqueeze", x, b.const([1])) for x in (x1, x2))

    numbers = b.op("Unsqueeze", b.op("Cast", image, to=ir.DataType.INT64), b.const([2]))
    own = np.arange(pooled) * group // pooled
    rows, columns = b.const(own[None, :, None]), b.const(own[None, None])
    shape = b.op("Concat", b.op("Shape", rois, end=1), b.const([pooled, pooled]), axis=0)

    def at(y: Value, x: Value) -> Value:
        index = [b.op("Unsqueeze", b.op("Expand", part, shape), b.const([3])) for part in (numbers, rows, columns, y, x)]
        return b.op("GatherND", table, b.op("Concat", *index, axis=3))  # (R, P, P, D)

    total = b.op("Add", b.op("Sub", b.op("Sub", at(y2, x2), at(y1, x2)), at(y2, x1)), at(y1, x1))
    area = b.op("Mul", *(b.op("Max", b.op("Sub", end, start), b.const(0)) for start, end in ((y1, y2), (x1, x2))))
    area = b.op("Unsqueeze", b.op("Cast", area, to=ir.DataType.DOUBLE), b.const([3]))
    mean = b.op("Div", total, b.op("Max", area, b.const(1.0, np.float64)))
    mean = b.op("Where", b.op("Greater", area, b.const(0.0, np.float64)), mean, b.const(0.0, np.float64))
    return b.op("Cast", b.op("Transpose", mean, perm=[0, 3, 1, 2]), to=x.dtype)


def round_away(b: Builder, value: Value) -> Value:
    """C's round, in float64: halves go away from 0 (Round's go to even), and 0.49999997 + 0.5 isn't 1."""
    exact = b.op("Cast", value, to=ir.DataType.DOUBLE)
    return b.op("Mul", b.op("Sign", exact), b.op("Floor", b.op("Add", b.op("Abs", exact), b.const(0.5, np.float64))))


def _edges(b: Builder, start: Value, bins: Value, axis: int, count: int, limit: Value, fractional: bool) -> Span:
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
