"""What passes and lowering steps do to a graph: put a value in another's place, and keep names and provenance right."""

from __future__ import annotations

from collections.abc import Iterable

import onnx_ir as ir

from dragoman.graph_ir.provenance import move_source_tensors


def parts(model: ir.Model) -> list[ir.Graph | ir.Function]:
    """The main graph, then the functions."""
    return [model.graph, *model.functions.values()]


class Names:
    """The value names of a model; a new one is unlike all of them, those of subgraphs included."""

    def __init__(self, graphs: Iterable[ir.Graph | ir.Function]) -> None:
        """``graphs`` are the main graph and the functions."""
        self._taken: set[str] = set()
        for graph in graphs:
            self._taken.update(value.name or "" for value in graph.inputs)
            for part in (graph, *graph.subgraphs()):
                if isinstance(part, ir.Graph):
                    self._taken.update(part.initializers)
                    self._taken.update(value.name or "" for value in part.inputs)
            self._taken.update(out.name or "" for node in graph.all_nodes() for out in node.outputs)

    def unique(self, name: str) -> str:
        """``name``, or ``name`` with the first number that makes it new; it is taken then."""
        candidate, n = name, 0
        while candidate in self._taken:
            n += 1
            candidate = f"{name}_{n}"
        self._taken.add(candidate)
        return candidate


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
    """Take a node that nobody reads any more out of its graph."""
    assert node.graph is not None
    node.graph.remove(node, safe=True)
