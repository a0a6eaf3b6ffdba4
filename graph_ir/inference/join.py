"""What holds of a value that is either of several."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from dragoman.graph_ir.inference.facts import UNKNOWN, Fact, OptionalOf, SequenceOf, Tensor, same_elements


def join_all(facts: Iterable[Fact | None]) -> Fact | None:
    """What holds of all; None: nothing."""
    found = list(facts)
    return reduce(join, found) if found else None


def join(a: Fact | None, b: Fact | None) -> Fact | None:
    """What holds of both: dimensions that differ are unknown, so is the rank if that differs."""
    if a is b:
        return a
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        dims = None
        if a.dims is not None and b.dims is not None and len(a.dims) == len(b.dims):
            dims = tuple(x if x == y else UNKNOWN for x, y in zip(a.dims, b.dims, strict=True))
        elements = a.elements if same_elements(a.elements, b.elements) else None
        return Tensor(a.dtype if a.dtype == b.dtype else None, dims, elements, sparse=a.sparse)
    if isinstance(a, SequenceOf) and isinstance(b, SequenceOf):
        element = a.element if b.length == 0 else b.element if a.length == 0 else join(a.element, b.element)
        return SequenceOf(element, a.length if a.length == b.length else None)
    if isinstance(a, OptionalOf) and isinstance(b, OptionalOf):
        return OptionalOf(a.element if b.element is None else b.element if a.element is None else join(a.element, b.element))
    return None
