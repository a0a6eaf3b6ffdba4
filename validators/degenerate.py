"""Outputs on which agreement proves nothing: empty, constant, deaf to the input, or drawn at random."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.provenance import origins
from dragoman.graph_ir.traversal import subgraphs, walk
from dragoman.validators.runners.base import Array

SHAPE_ONLY = frozenset({"Shape", "Size"})
"""Operators whose result depends on the shape of their input, not on its values."""
RANDOM = frozenset({"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"})
"""Operators that draw random numbers."""


@dataclass
class Watch:
    """Watches one output of the original over all samples."""

    seen: set[bytes] = field(default_factory=set)
    """Up to two different element values: two are enough to know."""
    digests: dict[tuple[int, ...], list[bytes]] = field(default_factory=dict)
    firsts: dict[tuple[int, ...], Array] = field(default_factory=dict)
    """The first floats of each shape."""
    change: float = 0.0
    """By how much any element differs from that of the first sample of the same shape."""
    step: float = 0.0
    """A unit in the last place of the largest float."""
    elements: int = 0

    def add(self, value: Array) -> None:
        """Take note of one sample's output."""
        self.elements += value.size
        if value.dtype.kind == "f":
            value = value + 0  # -0.0 is no other value than 0.0
            self.change = max(self.change, _change(self.firsts.setdefault(value.shape, value), value))
            largest = np.abs(value[np.isfinite(value)]).max(initial=0)
            self.step = max(self.step, float(largest) * float(np.finfo(value.dtype).eps))
        if value.size and len(self.seen) < 2:
            flat = value.ravel()
            other = flat[flat != flat[0]]  # a NaN differs from itself, and its bytes count once
            self.seen |= {str(flat[0]).encode(), *(str(v).encode() for v in other[:1])}
        content = value.tobytes() if value.dtype.kind != "O" else repr(value.tolist()).encode()
        self.digests.setdefault(value.shape, []).append(hashlib.sha256(content).digest())

    def verdict(self, *, constant: bool, noise: float) -> str:
        """Why the output is degenerate, or "". ``constant``: the graph computes it without looking at the inputs' values;
        ``noise`` is the largest difference that would pass for rounding.
        """
        if not self.elements:
            return "it has no elements in any sample"
        if len(self.seen) < 2:
            return f"every element is {next(iter(self.seen)).decode()} in every sample"
        repeated = [found for found in self.digests.values() if len(found) > 1]
        if repeated and all(len(set(found)) == 1 for found in repeated) and not constant:
            return "it is the same for every sample, whatever the input"
        if repeated and len(repeated) == len(self.digests) and 0 < self.change <= noise and not constant:
            return f"it changes with the input by {self.change:.3g} at most, no more than would pass for rounding ({noise:.3g})"
        return ""


def _change(first: Array, value: Array) -> float:
    """The largest difference of two tensors of one shape; infinite where one is finite and the other isn't."""
    finite = np.isfinite(first) & np.isfinite(value)
    if not np.array_equal(first[~finite], value[~finite], equal_nan=True):
        return np.inf
    return float(np.abs(np.subtract(value[finite], first[finite], dtype=np.float64)).max(initial=0.0))


def constant_outputs(graph: Any) -> set[str]:
    """The outputs of an ``onnx_ir.Model`` that don't depend on the values of its inputs."""
    inputs = set(graph.graph.inputs)
    constant = set()
    for output in graph.graph.outputs:
        todo, known = [output], set()
        while todo:
            value = todo.pop()
            node = value.producer()
            if value in known or node is None or node.op_type in SHAPE_ONLY:
                known.add(value)
                continue
            known.add(value)
            todo += [v for v in node.inputs if v is not None]
            todo += _captured(node)
        if not known & inputs:
            constant.add(output.name)
    return constant


def random_layers(graph: ir.Model) -> list[str]:
    """The layers that draw random numbers, in the network's order."""
    bodies: list[ir.Graph | ir.Function] = [graph.graph, *graph.functions.values()]
    nodes = [node for body in bodies for node in walk(body) if node.op_type in RANDOM and node.domain in ("", "ai.onnx")]
    return list(dict.fromkeys(str(found[0]) if (found := origins(node)) else node.name or node.op_type for node in nodes))


def _captured(node: ir.Node) -> list[ir.Value]:
    """What the subgraphs of ``node`` read, from anywhere."""
    return [value for graph in subgraphs(node) for inner in walk(graph) for value in inner.inputs if value is not None]
