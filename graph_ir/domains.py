"""The values that an input may take, where an operator that reads it accepts no others: indices, flags, regions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from dragoman.graph_ir.errors import UsageError
from dragoman.graph_ir.traversal import walk

_DOMAINS = "dragoman.domains"
_SAME_VALUES = frozenset(
    {"Cast", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}
)
"""Operators whose results hold nothing but values of their first input."""


@dataclass(frozen=True)
class Domain:
    """Bounds, included. ``integral``: whole numbers, even if the dtype is a float."""

    low: float
    high: float
    integral: bool = False

    def __post_init__(self) -> None:
        """``UsageError`` for bounds that hold no value."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise UsageError(f"no value lies between {self.low:g} and {self.high:g}")

    def meet(self, other: Domain) -> Domain:
        """What lies in both; this one where nothing does."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Domain(low, high, self.integral or other.integral) if low <= high else self


def limit(value: ir.Value, *domains: Domain) -> None:
    """``value`` takes its elements from the domain; from several, one for each index of axis 1 (the columns of a table).

    What counts is the graph input that ``value`` was made from; the columns of a table are only known in an input itself.
    """
    while len(domains) == 1 and (node := value.producer()) is not None and node.op_type in _SAME_VALUES and not node.domain:
        first = node.inputs[0]
        if first is None:
            return
        value = first
    if value.is_graph_input():
        known = domains_of(value)
        if len(known) == len(domains):
            domains = tuple(old.meet(new) for old, new in zip(known, domains, strict=True))
        value.meta[_DOMAINS] = domains


def domains_of(value: ir.Value) -> Sequence[Domain]:
    """What ``limit`` said of an input: nothing, one domain for all elements, or one for each index of axis 1."""
    found: Sequence[Domain] = value.meta.get(_DOMAINS, ())
    return found


def limit_indices(model: ir.Model) -> None:
    """Inputs that a Gather reads as indices into a table of known size are rows of it."""
    for node in walk(model.graph):
        if node.op_type != "Gather" or node.domain or node.inputs[0] is None or node.inputs[1] is None:
            continue
        table, axis = node.inputs[0], node.attributes.get_int("axis", 0)
        if table.dtype == ir.DataType.STRING:  # onnx_ir can't make a tensor of every text
            continue
        if ir.convenience.get_const_tensor(table) is None or table.shape is None or not -len(table.shape) <= axis < len(table.shape):
            continue
        rows = table.shape[axis]
        if isinstance(rows, int) and rows > 0:
            limit(node.inputs[1], Domain(0, rows - 1, integral=True))
