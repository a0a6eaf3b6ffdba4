"""Slices of slices, concatenations of concatenations, what is split and put together again, and pieces of shapes."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.passes.dimensions import known_dims
from dragoman.graph_ir.passes.editing import attribute, constant, input_at, ints, is_op, only_consumer
from dragoman.graph_ir.passes.rewriting import Rewriter, Rule, rewrite

_SHAPE_RANGE = 15
"""The first opset whose Shape has a start and an end."""


def merge_pieces(model: ir.Model) -> bool:
    """Slice and Concat read through their like; parts that were together are taken whole."""
    return rewrite(model, RULES)


def _axis(node: ir.Node, value: ir.Value | None, default: int | None = None) -> int | None:
    """The ``axis`` of ``node``, counted from the front; None if that isn't known."""
    axis = attribute(node, "axis", default)
    if axis is None or axis >= 0:
        return axis  # type: ignore[no-any-return]
    return None if value is None or value.shape is None else int(axis) + len(value.shape)


def _flat_concat(node: ir.Node, r: Rewriter) -> bool:
    """Concat of Concat along the same axis, if nobody else reads the inner one: all the inner one's inputs in its place."""
    for index, value in enumerate(node.inputs):
        inner = value.producer() if value is not None else None
        if value is None or inner is None or not is_op(inner, "Concat") or inner.graph is not node.graph:
            continue
        if only_consumer(value) is not node or _axis(inner, value) is None or _axis(inner, value) != _axis(node, node.outputs[0]):
            continue
        inputs = [*node.inputs[:index], *inner.inputs, *node.inputs[index + 1 :]]
        r.inherit(node, inner)
        r.read_all(node, inputs)
        return True
    return False


def _empty_parts(node: ir.Node, r: Rewriter) -> bool:
    """Concat without what has no elements, if something is left."""
    axis = _axis(node, node.outputs[0])
    if axis is None:
        return False
    kept: list[ir.Value | None] = []
    for value in node.inputs:
        known = known_dims(value) if value is not None else None
        if known is None or axis >= len(known) or known[axis] != 0:
            kept.append(value)
    if len(kept) == len(node.inputs) or not kept:
        return False
    r.read_all(node, kept)
    return True


def _rejoined(node: ir.Node, r: Rewriter) -> bool:
    """Concat of all parts of a Split, in order, along its axis."""
    first = node.inputs[0]
    split = first.producer() if first is not None else None
    if split is None or not is_op(split, "Split") or split.inputs[0] is None or list(node.inputs) != list(split.outputs):
        return False
    axis = _axis(split, split.inputs[0], 0)
    return axis is not None and axis == _axis(node, node.outputs[0]) and r.bypass(node, split.inputs[0])


def _slice_of_slice(node: ir.Node, r: Rewriter) -> bool:
    """Two Slices by constants: of different axes they are one; of the same, if both count from the front by steps of 1."""
    source = node.inputs[0]
    inner = source.producer() if source is not None else None
    if inner is None or not is_op(inner, "Slice") or inner.graph is not node.graph or inner.inputs[0] is None:
        return False
    if {"starts", "ends"} & {*inner.attributes, *node.attributes}:
        return False
    first, second = _picks(inner), _picks(node)
    if first is None or second is None:
        return False
    merged = dict(first)
    for axis, (start, end, step) in second.items():
        if axis not in first:
            merged[axis] = start, end, step
            continue
        begin, stop, inner_step = first[axis]
        if min(begin, stop, start, end) < 0 or (step, inner_step) != (1, 1):
            return False
        merged[axis] = begin + start, min(stop, begin + end), 1
    if len(merged) > 1 and min(merged) < 0 and source is not None and source.shape is None:
        return False
    columns = [[pick[k] for pick in merged.values()] for k in range(3)]
    columns.insert(2, list(merged))
    r.inherit(node, inner)
    node.resize_inputs(5)
    for index, (name, column) in enumerate(zip(("starts", "ends", "axes", "steps"), columns, strict=True), 1):
        value = r.constant(node, ir.Tensor(np.array(column, np.int64)), f"{node.outputs[0].name}/{name}")
        node.replace_input_with(index, value)
    r.read(node, 0, inner.inputs[0])
    return True


def _picks(node: ir.Node) -> dict[int, tuple[int, int, int]] | None:
    """Axis → start, end, step; None if they aren't constant, or an axis could be named in two ways."""
    starts, ends, axes, steps = (ints(node, k, name) for k, name in enumerate(("starts", "ends", "axes", "steps"), 1))
    given = (axes is not None or input_at(node, 3) is None) and (steps is not None or input_at(node, 4) is None)
    if starts is None or ends is None or not given:
        return None
    axes = axes if axes is not None else list(range(len(starts)))
    source = node.inputs[0]
    if source is not None and source.shape is not None:
        axes = [axis % len(source.shape) for axis in axes]
    if min(axes, default=0) < 0 or len(set(axes)) < len(axes):
        return None
    return {axis: (starts[k], ends[k], steps[k] if steps is not None else 1) for k, axis in enumerate(axes)}


def _part_of_shape(node: ir.Node, r: Rewriter) -> bool:
    """Slice of Shape, or Gather of neighbours: Shape from a start to an end."""
    source = node.inputs[0]
    shape = source.producer() if source is not None else None
    if shape is None or not is_op(shape, "Shape") or r.opset < _SHAPE_RANGE or {"start", "end"} & {*shape.attributes}:
        return False
    read = shape.inputs[0]
    if read is None or read.shape is None or (read.graph is not node.graph and node.outputs[0].is_graph_output()):
        return False
    rank = len(read.shape)
    bounds = _gathered(node, rank) if node.op_type == "Gather" else _sliced(node, rank)
    if bounds is None:
        return False
    value = r.emit(node, "Shape", [read], node.outputs[0], {"start": bounds[0], "end": bounds[1]})
    r.inherit(value.producer(), shape)
    r.replace(node, [value])
    return True


def _gathered(node: ir.Node, rank: int) -> tuple[int, int] | None:
    tensor = constant(node.inputs[1])
    if tensor is None or len(tensor.shape) != 1 or not tensor.size:
        return None
    indices = [int(v) % rank for v in tensor.numpy() if -rank <= v < rank]
    run = list(range(indices[0], indices[0] + len(indices))) if indices else []
    return (run[0], run[-1] + 1) if len(indices) == tensor.size and indices == run else None


def _sliced(node: ir.Node, rank: int) -> tuple[int, int] | None:
    picks = _picks(node)
    if picks is None or list(picks) != [0] or picks[0][2] != 1:
        return None
    start, end, _ = slice(*picks[0][:2]).indices(rank)
    return (start, end) if start < end else None


RULES: dict[str, list[Rule]] = {
    "Concat": [_rejoined, _empty_parts, _flat_concat],
    "Slice": [_slice_of_slice, _part_of_shape],
    "Gather": [_part_of_shape],
}
"""By operator."""
