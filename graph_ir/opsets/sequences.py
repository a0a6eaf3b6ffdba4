"""Sequences that a Loop collects, for the opsets whose Loop carries tensors only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.step import Emitter, attribute, dtype_of, lowers, needed
from dragoman.graph_ir.passes.editing import is_op


@dataclass(frozen=True)
class _Collected:
    """A state that starts empty, and gets one element behind the others each time."""

    place: int
    """Among the Loop's inputs, and those of its body."""
    insert: ir.Node
    element: ir.Value
    rest: list[int]
    """The element's sizes but the first."""


@lowers(13, "Loop")
def loop_that_collects(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """The elements are one tensor, one behind the other along their first axis, and a vector of their sizes there; the sequence is
    split off afterwards."""
    places = [i for i, value in enumerate(node.inputs) if value is not None and isinstance(value.type, ir.SequenceType)]
    body: ir.Graph = attribute(node, "body")
    found = [_collected(node, body, place) for place in places]
    states = [state for state in found if state is not None]
    if not states or len(states) < len(places):
        return None
    inputs, count = list(node.inputs), len(node.inputs) - 2
    for number, state in enumerate(states):
        dtype = dtype_of(state.element)
        inputs[state.place] = e.const(np.zeros([0, *state.rest]), dtype.numpy())
        inputs.append(e.vector())
        _carry_tensors(body, state, 1 + count + number, e)
    loop = e.add(ir.node("Loop", inputs, {"body": body}, num_outputs=len(node.outputs) + len(states)))
    made = list(loop.outputs)
    sizes = made[count : count + len(states)]
    results = made[:count] + made[count + len(states) :]
    for new, old in zip(results, node.outputs, strict=True):
        new.type, new.shape = old.type, old.shape
    for state, size in zip(states, sizes, strict=True):
        whole = results[state.place - 2]
        whole.type, whole.shape = ir.TensorType(dtype_of(state.element)), ir.Shape([None, *state.rest])
        size.type, size.shape = ir.TensorType(ir.DataType.INT64), ir.Shape([None])
        results[state.place - 2] = e.op("SplitToSequence", whole, size, axis=0)
    return tuple(results)


def _collected(node: ir.Node, body: ir.Graph, place: int) -> _Collected | None:
    """None if the loop does anything else with the sequence, or if the elements' sizes but the first aren't known."""
    state, last = body.inputs[place], body.outputs[place - 1].producer()
    start = needed(node, place).producer()
    if last is None or not is_op(last, "SequenceInsert") or not is_op(start, "SequenceEmpty") or last.graph is not body:
        return None
    if last.inputs[0] is not state or len(state.uses()) != 1 or len(last.inputs) > 2 or len(last.outputs[0].uses()):
        return None
    element = needed(last, 1)
    if element.shape is None or element.dtype in (None, ir.DataType.STRING) or not len(element.shape):
        return None
    rest = [size for size in element.shape[1:] if isinstance(size, int)]
    return _Collected(place, last, element, rest) if len(rest) == len(element.shape) - 1 else None


def _carry_tensors(body: ir.Graph, state: _Collected, at: int, e: Emitter) -> None:
    """Make the sequence that ``body`` carries a tensor, and give it a vector of sizes as its output ``at``."""
    inner = Emitter(state.insert, body, e.target, in_function=True)
    whole = body.inputs[state.place]
    whole.type, whole.shape = ir.TensorType(dtype_of(state.element)), ir.Shape([None, *state.rest])
    sizes = ir.Value(name=inner.unique("sizes"), type=ir.TensorType(ir.DataType.INT64), shape=ir.Shape([None]))
    body.inputs.append(sizes)
    joined = inner.op("Concat", whole, state.element, axis=0)
    size = inner.op("Slice", inner.op("Shape", state.element), inner.vector(0), inner.vector(1))
    body.outputs[state.place - 1] = joined
    body.outputs.insert(at, inner.op("Concat", sizes, size, axis=0))
    body.remove(state.insert, safe=True)
