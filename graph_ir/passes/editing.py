"""What passes and lowering steps do to a graph: put a value in another's place, and keep names and provenance right."""

from __future__ import annotations

from collections.abc import Iterable

import onnx_ir as ir

from dragoman.graph_ir.provenance import move_source_tensors


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
    """Everyone who reads ``old`` reads ``new``, which equals it and takes over its name, source tensors and place among the outputs.

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
