"""Gathering and scattering."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, whole
from dragoman.graph_ir.opsets.operators import shape_from
from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, attribute, lowers, needed, raises, rank
from dragoman.graph_ir.opsets.subgraphs import repeat

_MERGES = {"add": "Add", "mul": "Mul", "max": "Max", "min": "Min"}


@lowers(18, "ScatterElements", "ScatterND")
@lowers(16, "ScatterElements", "ScatterND")
def scatter_with_reduction(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 18 without max and min, before 16 with nothing: a Loop of scatters without duplicates, which merge what they gather."""
    reduction = attribute(node, "reduction", "none")
    known = ("none", "add", "mul") if e.opset >= 16 else ("none",)
    if reduction in known:
        return None
    merge = _MERGES[reduction]
    data, indices, updates = (needed(node, i) for i in range(3))
    if data.dtype in (ir.DataType.STRING, ir.DataType.BOOL):
        raise CannotConvertError(f"scattering {data.dtype.name.lower()} by {reduction}")
    if node.op_type == "ScatterND":
        return _scatter_tuples(e, merge, data, indices, updates)
    return _scatter_along(e, merge, data, indices, updates, attribute(node, "axis", 0) % rank(data))


def _scatter_along(e: Emitter, merge: str, data: ir.Value, indices: ir.Value, updates: ir.Value, axis: int) -> ir.Value:
    """One index along ``axis`` at a time: such indices never meet."""

    def step(body: Emitter, number: ir.Value, state: ir.Value) -> ir.Value:
        at = body.op("Reshape", number, body.vector(1))
        index, update = (body.op("Gather", value, at, axis=axis) for value in (indices, updates))
        merged = body.op(merge, body.op("GatherElements", state, index, axis=axis), update)
        return body.op("ScatterElements", state, index, merged, axis=axis)

    return repeat(e, _times(e, indices, axis), data, step)


def _scatter_tuples(e: Emitter, merge: str, data: ir.Value, indices: ir.Value, updates: ir.Value) -> ir.Value:
    """One tuple of indices at a time."""
    last = rank(indices) - 1
    tuples = e.op("Reshape", indices, e.op("Concat", e.vector(-1), shape_from(e, indices, last), axis=0))
    parts = e.op("Reshape", updates, e.op("Concat", e.vector(-1), shape_from(e, updates, last), axis=0))

    def step(body: Emitter, number: ir.Value, state: ir.Value) -> ir.Value:
        at = body.op("Reshape", number, body.vector(1))
        index, update = (body.op("Gather", value, at, axis=0) for value in (tuples, parts))
        return body.op("ScatterND", state, index, body.op(merge, body.op("GatherND", state, index), update))

    return repeat(e, _times(e, tuples, 0), data, step)


def _times(e: Emitter, x: ir.Value, axis: int) -> ir.Value:
    """The size of an axis as a Loop has it."""
    n = Arithmetic(e)
    return n.value(n.scalar(n.size(x, axis)))


@raises(11, "Scatter")
def scatter_elements(node: ir.Node, e: Emitter) -> ir.Value:
    """The operator's new name."""
    return e.op("ScatterElements", *(needed(node, i) for i in range(3)), axis=attribute(node, "axis", 0))


@lowers(12, "GatherND")
def gather_without_batches(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Each index (i, …) of a batch (n, m, …) becomes (n, m, …, i, …): its place in the whole tensor."""
    batches = attribute(node, "batch_dims", 0)
    if not batches:
        return None
    indices = needed(node, 1)
    n = Arithmetic(e)
    last = rank(indices) - 1
    size = [n.size(indices, axis) for axis in range(last)]
    column = n.shape(*size, whole(1))
    coordinates = []
    for axis in range(batches):
        place = n.along(n.count(size[axis]), axis, last + 1)
        coordinates.append(e.op("Expand", n.value(place), column))
    return e.op("GatherND", needed(node, 0), e.op("Concat", *coordinates, indices, axis=last))
