"""What a kernel is given beside its tensors: the node's attributes as typed values, its opset, and how to run its subgraphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.errors import TargetError

Array: TypeAlias = npt.NDArray[Any]
Result: TypeAlias = Any
"""What a kernel returns: an array, or a tuple with one entry for each output (trailing ones may be left off)."""


class EvaluationError(TargetError):
    """A graph can't be evaluated; names the node, its operator and the source layer."""


class Declined(Exception):
    """A kernel leaves this case to the reference implementation."""


@dataclass(frozen=True)
class NodeCall:
    """One node about to run. Attribute defaults are rounded to float32, the precision in which ONNX defines them."""

    op: str
    version: int
    """The opset of the operator's domain."""
    dtype: np.dtype[Any]
    """What float tensors are computed in."""
    attributes: Mapping[str, Any]
    outputs: int
    """How many outputs the node names, up to the last one wanted."""
    run_graph: Callable[[ir.Graph, Sequence[Any]], list[Any]]
    """Runs a subgraph on the values of its inputs; outer values are in scope."""
    order: int = 0
    """Which order float32 sums are made in: each number gives other rounding errors."""

    def has(self, name: str) -> bool:
        """Whether the attribute is set."""
        return name in self.attributes

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        return int(self.attributes.get(name, default))

    def number(self, name: str, default: float) -> float:
        """A float attribute, as the float32 that it is."""
        return float(np.float32(self.attributes.get(name, default)))

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else str(value)

    def texts(self, name: str, default: Sequence[str]) -> list[str]:
        """A list of strings."""
        return [v.decode() if isinstance(v, bytes) else str(v) for v in self.attributes.get(name, default)]

    def ints(self, name: str, default: Sequence[int] = ()) -> list[int]:
        """A list of integers."""
        return [int(v) for v in self.attributes.get(name, default)]

    def floats(self, name: str) -> list[float]:
        """A list of floats, empty if unset."""
        return [float(v) for v in self.attributes.get(name, ())]

    def graph(self, name: str) -> ir.Graph:
        """A subgraph; ``EvaluationError`` if the node has none of this name."""
        value = self.attributes.get(name)
        if not isinstance(value, ir.Graph):
            raise EvaluationError(f"has no subgraph {name}")
        return value


def axis_of(axis: int, rank: int) -> int:
    """``axis`` counted from the front; ``EvaluationError`` if the tensor has no such axis."""
    if not -max(rank, 1) <= axis < max(rank, 1):
        raise EvaluationError(f"axis {axis} of a tensor of rank {rank}")
    return axis + rank if axis < 0 else axis
