"""Maxima over many rectangles of an image: a table of the maxima of squares and oblongs whose sides are powers of two.

Each rectangle is the union of four of those, which may overlap; so a query is four look-ups, whatever the rectangle's size.
"""

from __future__ import annotations

import numpy as np
from onnx_ir import DataType, Shape, Value

from dragoman.graph_ir import Builder, Location, Origin, dims

_POWERS = 2 ** np.arange(1, 24)

Span = tuple[Value, Value]
"""Where spans start (included) and end (excluded) along one axis: each (R, bins) int64."""


def maximum_table(b: Builder, x: Value, spans: tuple[Span, Span]) -> tuple[Value, tuple[Value, Value]]:
    """The table (column levels, row levels, N, H, W, C) of x (N, C, H, W), and the level, log₂ of the side, that each span
    needs.

    The table has the levels that the spans, of rows and of columns, need, and no more.
    """
    levels = []
    x = b.op("Transpose", x, perm=[0, 2, 3, 1])
    for axis, (start, end) in ((1, spans[0]), (3, spans[1])):
        wide = b.op("GreaterOrEqual", b.op("Unsqueeze", b.op("Sub", end, start), b.const([2])), b.const(_POWERS))
        level = b.op("ReduceSum", b.op("Cast", wide, to=DataType.INT64), b.const([2]), keepdims=0)
        most = b.op("ReduceMax", b.op("Concat", b.op("Reshape", level, b.const([-1])), b.const([0]), axis=0), keepdims=0)
        x = _doubled(b, x, axis, b.op("Add", most, b.const(1)))
        levels.append(level)
    return x, (levels[0], levels[1])


def _doubled(b: Builder, x: Value, axis: int, count: Value) -> Value:
    """(levels, …): the maxima of x over 1, 2, 4, … neighbours along ``axis``; ``count`` says how many levels."""
    name = f"level_{axis}"
    places = b.op("Range", b.const(0), b.op("Squeeze", b.dim(x, axis)), b.const(1))
    last = b.op("Sub", b.dim(x, axis), b.const([1]))
    step = Builder(name)
    with step.source(Origin(name, "Loop", Location(""))):
        step.input(f"{name}/i", DataType.INT64, ())
        go = step.input(f"{name}/go", DataType.BOOL, ())
        level = step.input(f"{name}/level", x.dtype or DataType.FLOAT, dims(x))
        side = step.input(f"{name}/side", DataType.INT64, ())
        far = step.op("Gather", level, step.op("Min", step.op("Add", places, side), last), axis=axis)
        step.output(go, f"{name}/go_on")
        step.output(step.op("Max", level, far), f"{name}/next")
        step.output(step.op("Add", side, side), f"{name}/double")
        step.output(step.op("Unsqueeze", level, step.const([0])), f"{name}/this")
    _, _, table = b.ops("Loop", count, b.const(np.True_), x, b.const(1), outputs=3, body=step.graph)
    table.type, table.shape = x.type, Shape([None, 1, *dims(x)])
    # ONNX's reference evaluator puts the levels end to end instead of stacking them; this is the stack from both.
    return b.op("Reshape", table, b.op("Concat", b.const([-1]), b.shape(x), axis=0))


def query_maximum(b: Builder, table: Value, levels: tuple[Value, Value], image: Value, spans: tuple[Span, Span]) -> Value:
    """(R, rows, columns, C): the maximum of every rectangle of a row span and a column span, 0 if it is empty; ``image`` is
    (R, 1).
    """
    corners, filled = [], []
    for axis, level, (start, end) in zip((2, 1), levels, spans, strict=True):
        side = b.op("Gather", b.const(np.concatenate([[1], _POWERS])), level)
        limit = b.op("Sub", b.op("Shape", table, start=5 - axis, end=6 - axis), b.const([1]))
        ends = [b.op("Min", start, limit), b.op("Max", b.op("Sub", end, side), b.const(0))]
        corners.append([b.op("Unsqueeze", value, b.const([axis])) for value in (*ends, level)])
        filled.append(b.op("Unsqueeze", b.op("Greater", end, start), b.const([axis])))
    (y1, y2, row_level), (x1, x2, column_level) = corners
    exists = b.op("And", *filled)
    shape = b.op("Shape", exists)
    image = b.op("Unsqueeze", image, b.const([2]))
    found = []
    for y, x in ((y1, x1), (y1, x2), (y2, x1), (y2, x2)):
        index = [
            b.op("Unsqueeze", b.op("Expand", part, shape), b.const([3])) for part in (column_level, row_level, image, y, x)
        ]
        found.append(b.op("GatherND", table, b.op("Concat", *index, axis=3)))
    nothing = b.const(np.zeros((), (table.dtype or DataType.FLOAT).numpy()))
    return b.op("Where", b.op("Unsqueeze", exists, b.const([3])), b.op("Max", *found), nothing)
