"""Greedy non-maximum suppression of boxes that are sorted already."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir import Builder, Location, Origin, dims


def suppress(
    b: Builder,
    boxes: ir.Value,
    valid: ir.Value,
    threshold: float,
    *,
    at_most: int | None = None,
    classes: tuple[ir.Value, ir.Value] | None = None,
) -> ir.Value:
    """Which boxes stay: (B, K, 4) corners, best first, and (B, K) booleans → (B, K) booleans.

    In each of the B rows a valid box stays unless its intersection over union with a box that stays is greater than
    ``threshold``; ``at_most`` of them stay. With ``classes``, each box's number (B, K) and how many there are, only boxes of one
    class suppress each other. A box whose corners are swapped overlaps nothing. NonMaxSuppression would swap them back, and its
    definition leaves the order of equal scores open: so it is given an empty box in such a box's place, and ranks for scores.
    """
    count = b.dim(boxes, 1)
    ranks = b.op("Cast", b.op("Range", b.op("Squeeze", count), b.const(0), b.const(-1)), to=ir.DataType.FLOAT)
    low, high = b.ops("Split", boxes, b.const([2, 2]), outputs=2, axis=2)
    sides = b.op("ReduceMin", b.op("Sub", high, low), b.const([2]), keepdims=1)
    candidates = b.op("Unsqueeze", valid, b.const([1]))
    if classes is not None:
        number, total = classes
        every = b.op("Reshape", b.op("Range", b.const(0), b.op("Squeeze", total), b.const(1)), b.const([1, -1, 1]))
        candidates = b.op("And", candidates, b.op("Equal", b.op("Unsqueeze", number, b.const([1])), every))
    chosen = b.op(
        "NonMaxSuppression",
        b.op("Where", b.op("GreaterOrEqual", sides, b.const(0.0)), boxes, b.const(0.0)),
        b.op("Where", candidates, ranks, b.const(0.0)),
        count if at_most is None else b.const([at_most]),
        b.const([min(threshold, 1.0)], np.float32),
        b.const([0.5], np.float32),
    )
    places = b.op("Gather", chosen, b.const([0, 2]), axis=1)
    ones = b.op("Expand", b.const(1.0), b.op("Shape", places, end=1))
    kept = b.op("ScatterND", b.op("ConstantOfShape", b.shape(valid)), places, ones)
    return b.op("Cast", kept, to=ir.DataType.BOOL)


def suppress_adaptively(b: Builder, boxes: ir.Value, valid: ir.Value, threshold: float, eta: float) -> ir.Value:
    """The same, but each box that stays multiplies its row's threshold by ``eta`` while that is above 0.5: SSD's
    ApplyNMSFast.
    """
    rows, size = dims(valid)
    low, high = b.ops("Split", boxes, b.const([2, 2]), outputs=2, axis=2)
    sides = b.op("Max", b.op("Sub", high, low), b.const(0.0))
    area = b.op("ReduceProd", sides, b.const([2]), keepdims=0)
    count = b.op("Squeeze", b.dim(boxes, 1))
    order = b.op("Range", b.const(0), count, b.const(1))

    step = Builder("step")
    with step.source(Origin("step", "Loop", Location(""))):
        k = step.input("step/k", ir.DataType.INT64, ())
        go = step.input("step/go", ir.DataType.BOOL, ())
        kept = step.input("step/kept", ir.DataType.FLOAT, (rows, size))
        limit = step.input("step/limit", ir.DataType.FLOAT, (rows, 1))
        at = step.op("Unsqueeze", k, step.const([0]))
        top = step.op("Min", high, step.op("Gather", high, at, axis=1))
        bottom = step.op("Max", low, step.op("Gather", low, at, axis=1))
        common = step.op(
            "ReduceProd", step.op("Max", step.op("Sub", top, bottom), step.const(0.0)), step.const([2]), keepdims=0
        )
        union = step.op("Sub", step.op("Add", area, step.op("Gather", area, at, axis=1)), common)
        overlap = step.op("Where", step.op("Greater", common, step.const(0.0)), step.op("Div", common, union), step.const(0.0))
        beaten = step.op("Where", step.op("LessOrEqual", overlap, limit), step.const(0.0), kept)
        stays = step.op(
            "And",
            step.op("Gather", valid, at, axis=1),
            step.op("Equal", step.op("ReduceMax", beaten, step.const([1])), step.const(0.0)),
        )
        here = step.op("And", stays, step.op("Equal", order, k))
        lower = step.op("And", stays, step.op("Greater", limit, step.const(0.5)))
        step.output(go, "step/go_on")
        step.output(step.op("Where", here, step.const(1.0), kept), "step/kept_after")
        step.output(step.op("Where", lower, step.op("Mul", limit, step.const(eta)), limit), "step/limit_after")

    none = b.op("ConstantOfShape", b.shape(valid))
    start = b.op("Expand", b.const(threshold), b.op("Concat", b.dim(valid, 0), b.const([1]), axis=0))
    kept, _ = b.ops("Loop", count, b.const(np.True_), none, start, outputs=2, body=step.graph)
    kept.type, kept.shape = ir.TensorType(ir.DataType.FLOAT), ir.Shape([rows, size])
    return b.op("Cast", kept, to=ir.DataType.BOOL)
