"""Greedy matching of rows with columns: anchors with ground truths, say."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir import Builder, Location, Origin, dims


def match_greedily(b: Builder, scores: ir.Value, threshold: float, rounds: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Scores (B, R, C) float → each row's column (B, R) and each column's row (B, C), int64, −1 for none.

    In each of the ``rounds`` (int64 scalar) the best score of a free row and a free column, if it is above ``threshold``, takes
    both; of equal scores the first does, row by row.
    """
    batch, rows, columns = dims(scores)
    sizes = b.dim(scores, 0), b.dim(scores, 1), b.dim(scores, 2)
    dtype = scores.dtype or ir.DataType.FLOAT
    limit, taken = (b.const(np.array(value, dtype.numpy())) for value in (threshold, -np.inf))
    minus = ir.tensor(np.array([-1], np.int64))
    start = [b.op("ConstantOfShape", b.op("Concat", sizes[0], size, axis=0), value=minus) for size in sizes[1:]]
    row_places, column_places = (b.op("Range", b.const(0), b.op("Squeeze", size), b.const(1)) for size in sizes[1:])

    step = Builder("match")
    with step.source(Origin("match", "Loop", Location(""))):
        step.input("match/round", ir.DataType.INT64, ())
        go = step.input("match/go", ir.DataType.BOOL, ())
        left = step.input("match/left", dtype, (batch, rows, columns))
        row = step.input("match/row", ir.DataType.INT64, (batch, rows))
        column = step.input("match/column", ir.DataType.INT64, (batch, columns))
        flat = step.op("Flatten", left)
        found = step.op("Greater", step.op("ReduceMax", flat, step.const([1])), limit)
        best = step.op("ArgMax", flat, axis=1)
        at = step.op("Div", best, sizes[2]), step.op("Mod", best, sizes[2])
        this_row = step.op("And", found, step.op("Equal", row_places, at[0]))
        this_column = step.op("And", found, step.op("Equal", column_places, at[1]))
        used = step.op("Or", step.op("Unsqueeze", this_row, step.const([2])), step.op("Unsqueeze", this_column, step.const([1])))
        step.output(go, "match/go_on")
        step.output(step.op("Where", used, taken, left), "match/left_after")
        step.output(step.op("Where", this_row, at[1], row), "match/row_after")
        step.output(step.op("Where", this_column, at[0], column), "match/column_after")
    _, row_match, column_match = b.ops("Loop", rounds, b.const(np.True_), scores, *start, outputs=3, body=step.graph)
    for value, shape in ((row_match, (batch, rows)), (column_match, (batch, columns))):
        value.type, value.shape = ir.TensorType(ir.DataType.INT64), ir.Shape(shape)
    return row_match, column_match
