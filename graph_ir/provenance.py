"""Where a node or value came from: the source layer, its operator and its place in the file; kept and merged by every pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import onnx_ir as ir

from dragoman.graph_ir.errors import Location

_ORIGINS = "dragoman.origins"
_TENSORS = "dragoman.tensors"


@dataclass(frozen=True)
class Origin:
    """One source layer: its name, its operator in the source framework's own words, and where it is declared."""

    layer: str
    operator: str
    location: Location | None = None

    def __str__(self) -> str:
        return f"{self.layer} ({self.operator})"


def origins(item: ir.Node | ir.Value) -> tuple[Origin, ...]:
    """The source layers that ``item`` came from, in network order; of a value, its producer's."""
    node = item.producer() if isinstance(item, ir.Value) else item
    found: tuple[Origin, ...] = node.meta.get(_ORIGINS, ()) if node is not None else ()
    return found


def set_origins(node: ir.Node, found: Iterable[Origin]) -> None:
    """Say which source layers ``node`` came from."""
    node.meta[_ORIGINS] = in_network_order(found)


def in_network_order(found: Iterable[Origin]) -> tuple[Origin, ...]:
    """Each origin once, in the order of their lines where the source has lines, else as they come."""
    once = list(dict.fromkeys(found))
    lines = [o.location.line for o in once if o.location is not None and o.location.line is not None]
    if len(lines) == len(once):
        once = [o for _, o in sorted(zip(lines, once, strict=True), key=lambda pair: pair[0])]
    return tuple(once)


def merge_origins(node: ir.Node, *others: ir.Node) -> None:
    """``node`` now also does what ``others`` did."""
    set_origins(node, [o for part in (*others, node) for o in origins(part)])


def source_tensors(value: ir.Value) -> tuple[str, ...]:
    """The names of the source tensors that ``value`` equals."""
    names: tuple[str, ...] = value.meta.get(_TENSORS, ())
    return names


def set_source_tensors(value: ir.Value, names: Iterable[str]) -> None:
    """Say which source tensors ``value`` equals."""
    value.meta[_TENSORS] = tuple(dict.fromkeys(names))


def forget_source_tensors(value: ir.Value) -> None:
    """``value`` no longer equals any tensor of the source: a pass changed what it holds."""
    value.meta.pop(_TENSORS, None)


def move_source_tensors(old: ir.Value, new: ir.Value) -> None:
    """``new`` takes the place of ``old``."""
    set_source_tensors(new, (*source_tensors(new), *source_tensors(old)))
