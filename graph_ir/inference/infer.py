"""Inference of whole models, and of single nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import onnx_ir as ir

from dragoman.graph_ir.inference.engine import Engine
from dragoman.graph_ir.inference.facts import Fact, Tensor, elements_of
from dragoman.graph_ir.inference.notation import parse
from dragoman.graph_ir.inference.size import symbols
from dragoman.graph_ir.inference.values import write_fact
from dragoman.graph_ir.traversal import graphs_of


def infer_shapes(model: ir.Model, *, strict: bool = False) -> None:
    """Type and shape every value of ``model`` in place: subgraphs included, and functions as far as their calls agree.

    What the model declares is kept where it says more, and where it contradicts the operators it is an error. Inputs, and names
    that outputs' dimensions have, stay. Raises ``MalformedModel``; with ``strict`` for a value of unknown type too.
    """
    opsets = {"" if domain == "ai.onnx" else domain: version for domain, version in model.graph.opset_imports.items()}
    engine = Engine(opsets, model.functions, dimension_names(model), strict=strict)
    for value in model.graph.inputs:
        engine.known(value)
    engine.graph(model.graph)
    engine.write(model)


def forget_shapes(model: ir.Model, *, declared: bool = False) -> None:
    """Make the shapes of all values unknown that bodies and functions declare: the graph's inputs have new ones.

    With ``declared`` also those of the graph's own values, but its inputs; of its outputs the ranks stay.
    """
    inside = graphs_of(model.graph)[1:]
    for graph in (*inside, *(graph for function in model.functions.values() for graph in graphs_of(function))):
        _forget((*graph.inputs, *(out for node in graph for out in node.outputs)))
    if declared:
        _forget(out for node in model.graph for out in node.outputs if not out.is_graph_output())
        for value in model.graph.outputs:
            if value.producer() is not None and value.shape is not None:
                value.shape = ir.Shape([None] * len(value.shape))


def _forget(values: Iterable[ir.Value]) -> None:
    for value in values:
        if value.const_value is None:
            value.shape = None


def dimension_names(model: ir.Model) -> set[str]:
    """The names of dimensions that the model has."""
    found: set[str] = set()
    for graph in graphs_of(model.graph):
        values = [*graph.inputs]
        for node in graph:
            values += node.outputs
        for value in values:
            if value.shape is not None:
                for size in value.shape:
                    if not isinstance(size, int) and size.value:
                        found |= symbols(parse(size.value))
    return found


class NodeInference:
    """Inference of new nodes, one by one, while a graph is built or rewritten; it remembers what small tensors hold."""

    def __init__(
        self,
        opsets: Mapping[str, int],
        functions: Mapping[ir.OperatorIdentifier, ir.Function] | None = None,
        taken: Iterable[str] = (),
    ) -> None:
        """``taken`` are names that dimensions have already; to a set, those that inference invents are added."""
        self._engine = Engine(opsets, functions, taken)

    def infer(self, node: ir.Node) -> None:
        """Type and shape the outputs of ``node``, whose inputs have their types and shapes. Raises ``MalformedModel``."""
        facts = self._engine.facts
        for value in node.inputs:
            if value is not None:
                facts[value] = self._current(value)
        self._engine.node(node)
        for out in node.outputs:
            write_fact(out, facts[out])

    def take(self, names: Iterable[str]) -> None:
        """These are names of dimensions from now on."""
        self._engine.names.taken.update(names)

    def _current(self, value: ir.Value) -> Fact | None:
        """What the value says of itself now, and the elements that it was found to have."""
        said, found = self._engine.declared(value), self._engine.facts.get(value)
        elements = elements_of(found)
        if isinstance(said, Tensor) and said.constant is None and elements is not None and said.dims == elements.shape:
            return replace(said, elements=elements)
        return said


def infer_node(node: ir.Node, opsets: Mapping[str, int]) -> None:
    """Type and shape the outputs of one node. Raises ``MalformedModel``."""
    NodeInference(opsets).infer(node)
