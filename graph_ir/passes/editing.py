"""What passes and lowering steps do to a graph: put a value in another's place, and keep names and provenance right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import onnx_ir as ir

from dragoman.graph_ir.provenance import move_source_tensors
from dragoman.graph_ir.traversal import subgraphs, walk


class Names:
    """The value names of a model; a new one is unlike all of them, those of subgraphs included."""

    def __init__(self, graphs: Iterable[ir.Graph | ir.Function]) -> None:
        """``graphs`` are the main graph and the functions; they are looked through when the first new name is asked for."""
        self._graphs = list(graphs)
        self._taken: set[str] | None = None

    def unique(self, name: str) -> str:
        """``name``, or ``name`` with the first number that makes it new; it is taken then."""
        if self._taken is None:
            self._taken = _names(self._graphs)
            self._next: dict[str, int] = {}
        candidate, n = name, self._next.get(name, 0)
        while candidate in self._taken:
            n += 1
            candidate = f"{name}_{n}"
        self._next[name] = n
        self._taken.add(candidate)
        return candidate


def _names(graphs: Iterable[ir.Graph | ir.Function]) -> set[str]:
    taken: set[str] = set()
    pending = list(graphs)
    while pending:
        graph = pending.pop()
        taken.update(value.name or "" for value in graph.inputs)
        if isinstance(graph, ir.Graph):
            taken.update(graph.initializers)
        for node in graph:
            taken.update([out.name or "" for out in node.outputs])
            pending.extend(subgraphs(node))
    return taken


def replace_value(old: ir.Value, new: ir.Value) -> None:
    """Everyone who reads ``old`` reads ``new``, which equals it: name, source tensors and place among the outputs move too.

    ``new`` is a value that nobody outside knows yet: the output of a node made to replace ``old``'s.
    """
    if new.type is None:
        new.type = old.type
    if old.shape is not None:
        new.shape = old.shape
    move_source_tensors(old, new)
    name = old.name
    ir.convenience.replace_all_uses_with(old, new, replace_graph_outputs=True)
    old.name = None
    new.name = name


def constant(value: ir.Value | None) -> ir.TensorProtocol | None:
    """The tensor that ``value`` always is, or None."""
    if value is None or value.is_graph_input():
        return None
    return ir.convenience.get_const_tensor(value)


def bypass(old: ir.Value, equal: ir.Value) -> bool:
    """Everyone who reads ``old`` reads ``equal``, an existing value of the same graph that is the same tensor.

    An output keeps its name, which ``equal`` takes; if it can't (the outside knows it by another), nothing changes: False.
    """
    if old.is_graph_output():
        producer, consumer = equal.producer(), old.producer()
        if producer is None or consumer is None or producer.graph is not consumer.graph or equal.is_graph_output():
            return False
        replace_value(old, equal)
        return True
    move_source_tensors(old, equal)
    ir.convenience.replace_all_uses_with(old, equal)
    return True


def add_weight(graph: ir.Graph, tensor: ir.TensorProtocol, name: str) -> ir.Value:
    """A new initializer; ``name`` must be free."""
    value = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(tensor.shape.numpy()), const_value=tensor)
    tensor.name = name
    graph.initializers.add(value)
    return value


def only_consumer(value: ir.Value) -> ir.Node | None:
    """The one node that reads ``value``, once, if the outside doesn't see it."""
    uses = list(value.uses())
    return uses[0].node if len(uses) == 1 and not value.is_graph_output() else None


def remove_node(node: ir.Node) -> None:
    """Take a node that nobody reads any more out of its graph; what is inside it reads nothing any more, either."""
    assert node.graph is not None
    if read := [out.name for out in node.outputs if out.uses() or out.is_graph_output()]:
        raise ValueError(f"{read} of node {node.name} are still read")
    for graph in subgraphs(node):
        for inner in walk(graph):
            _detach(inner)
    _detach(node)
    node.graph.remove(node)


def _detach(node: ir.Node) -> None:
    for index, value in enumerate(node.inputs):
        if value is not None:
            node.replace_input_with(index, None)


def attribute(node: ir.Node, name: str, default: Any = None) -> Any:
    """An attribute's value; the node has no references to a function's parameters."""
    found = node.attributes.get(name)
    return default if found is None else found.value


def input_at(node: ir.Node, index: int) -> ir.Value | None:
    """An input, None if it is left out."""
    return node.inputs[index] if index < len(node.inputs) else None


def ints(node: ir.Node, index: int, name: str) -> list[int] | None:
    """Integers of a constant input, or in older opsets of an attribute; None if they are left out, or aren't constant."""
    if name in node.attributes:
        return [int(v) for v in node.attributes[name].as_ints()]
    tensor = constant(input_at(node, index))
    return None if tensor is None else [int(v) for v in tensor.numpy().reshape(-1)]


def is_op(node: ir.Node | None, *op_types: str) -> bool:
    """Whether there is a node, and it is one of these standard operators."""
    return node is not None and node.domain == "" and node.op_type in op_types
