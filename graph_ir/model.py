"""The model that importers make and exporters write: an ``onnx_ir.Model`` that remembers its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx_ir

from dragoman.graph_ir.provenance import Origin, origins, source_tensors

IR_OPSET = 28
"""The ONNX operator set whose semantics the graph uses: the newest that the oldest onnx we accept has, so that every operator of
every older set can be said in it. Importers raise to it, exporters lower from it."""

DOMAIN = "dragoman"
"""The domain of our own functions: operators that ONNX lacks, with bodies of standard operators."""


@dataclass(frozen=True)
class Source:
    """What a model was read from."""

    format: str
    path: Path | None = None
    weights: Path | None = None
    framework: str = ""
    opset: int | None = None
    """The opset that an ONNX model was written in."""
    files: tuple[Path, ...] = ()
    """Other files that weights are in."""
    live: Any = None
    """What it was read from if that was in memory: the format's own, and runs in this process."""


@dataclass
class Model:
    """A network as a graph of ONNX operators.

    ``ir`` is the graph itself; ``source`` says where it came from, and ``notes`` what the importer assumed or left out.
    """

    ir: onnx_ir.Model
    source: Source
    notes: list[str] = field(default_factory=list)

    @property
    def graph(self) -> onnx_ir.Graph:
        """The main graph."""
        return self.ir.graph

    @property
    def opset(self) -> int:
        """The version of the standard ONNX operators that the graph uses."""
        return int(self.graph.opset_imports[""])

    def nodes(self) -> Iterator[onnx_ir.Node]:
        """Every node, those of subgraphs included."""
        return iter(self.graph.all_nodes())

    def tensor_map(self) -> dict[str, str]:
        """Source tensor name → name of the value that equals it, in network order."""
        found = {name: value.name or "" for value in self.graph.inputs for name in source_tensors(value)}
        found |= {name: out.name or "" for node in self.graph for out in node.outputs for name in source_tensors(out)}
        return found

    def layer_map(self) -> dict[str, tuple[Origin, ...]]:
        """Value name → the source layers that made it, for the values of the main graph."""
        return {out.name or "": origins(node) for node in self.graph for out in node.outputs}


def dims(value: onnx_ir.Value) -> tuple[int | str | None, ...]:
    """A value's dimensions: ints, names of dynamic ones, None for unknown. Its rank must be known."""
    if value.shape is None:
        raise ValueError(f"the rank of {value.name} is unknown")
    return tuple(d if isinstance(d, int) else d.value for d in value.shape)


def static_dims(value: onnx_ir.Value) -> tuple[int, ...] | None:
    """A value's dimensions if all are known, else None."""
    if value.shape is None:
        return None
    found = [d for d in value.shape if isinstance(d, int)]
    return tuple(found) if len(found) == len(value.shape) else None
