"""Gathering and scattering."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, attribute, lowers, needed, rank


@lowers(18, "ScatterND", "ScatterElements")
def scatter_by_sum_or_product(node: ir.Node, e: Emitter) -> None:
    """max and min came with 18."""
    if (reduction := attribute(node, "reduction", "none")) in ("max", "min"):
        raise CannotConvertError(f"scattering by {reduction}")


@lowers(12, "GatherND")
def gather_without_batches(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Each index (i, …) of a batch (n, m, …) becomes (n, m, …, i, …): its place in the whole tensor."""
    batches = attribute(node, "batch_dims", 0)
    if not batches:
        return None
    indices = needed(node, 1)
    last = rank(indices) - 1
    shape = e.op("Shape", indices)
    heads = e.op("Slice", shape, e.const([0], np.int64), e.const([last], np.int64))
    column = e.op("Concat", heads, e.const([1], np.int64), axis=0)
    coordinates = []
    for axis in range(batches):
        size = e.op("Gather", shape, e.const(axis, np.int64))
        counted = e.op("Range", e.const(0, np.int64), size, e.const(1, np.int64))
        along = [-1 if i == axis else 1 for i in range(last + 1)]
        coordinates.append(e.op("Expand", e.op("Reshape", counted, e.const(along, np.int64)), column))
    return e.op("GatherND", needed(node, 0), e.op("Concat", *coordinates, indices, axis=last))
