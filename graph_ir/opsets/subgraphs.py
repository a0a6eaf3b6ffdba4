"""Subgraphs that steps write: the branches of an If, the bodies of a Loop or Scan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.step import Emitter


class Body(Emitter):
    """Emits into a graph of its own, whose nodes may read the values around the node that is being rewritten."""

    def __init__(self, outer: Emitter, name: str) -> None:
        """A new, empty graph; ``outer`` emits the node that will hold it."""
        self.graph = ir.Graph([], [], nodes=[], name=outer.unique(name))
        super().__init__(outer.node, self.graph, outer.target, in_function=True)

    def _insert(self, node: ir.Node) -> None:
        self.graph.append(node)

    def input(self, name: str, dtype: ir.DataType, shape: Sequence[int | ir.SymbolicDim | None] | ir.Shape | None) -> ir.Value:
        """A new input of the graph; without a shape not even its rank is known."""
        value = ir.Value(name=self.unique(name), type=ir.TensorType(dtype), shape=None if shape is None else ir.Shape(shape))
        self.graph.inputs.append(value)
        return value

    def output(self, *values: ir.Value) -> None:
        """The graph gives these values; each gets a node of its own, for an output can't be an input or belong to two graphs."""
        self.graph.outputs.extend(self.op("Identity", value) for value in values)


Branch = Callable[[Emitter], ir.Value]


def either(e: Emitter, condition: ir.Value, then: Branch, otherwise: Branch, like: ir.Value) -> ir.Value:
    """What ``then`` emits where ``condition`` (a scalar) is true, else what ``otherwise`` emits: tensors of ``like``'s type."""
    branches = {}
    for name, emit in (("then_branch", then), ("else_branch", otherwise)):
        body = Body(e, name)
        body.output(emit(body))
        branches[name] = body.graph
    node = e.add(ir.node("If", [condition], branches, num_outputs=1))
    node.outputs[0].type = like.type
    return node.outputs[0]


def repeat(e: Emitter, times: ir.Value, start: ir.Value, step: Callable[[Emitter, ir.Value, ir.Value], ir.Value]) -> ir.Value:
    """A Loop that takes a tensor through ``step(emitter, number of the iteration, tensor)`` as often as the scalar ``times`` says."""
    body = Body(e, "body")
    number = body.input("iteration", ir.DataType.INT64, [])
    going = body.input("condition", ir.DataType.BOOL, [])
    assert start.dtype is not None
    state = body.input("state", start.dtype, start.shape)
    body.output(going, step(body, number, state))
    node = e.add(ir.node("Loop", [times, e.const(True, np.bool_), start], {"body": body.graph}, num_outputs=1))
    node.outputs[0].type, node.outputs[0].shape = start.type, start.shape
    return node.outputs[0]
