"""Names for dimensions that have none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import onnx_ir as ir

from dragoman.graph_ir.inference.facts import UNKNOWN, Fact, Tensor, innermost, is_known, with_innermost
from dragoman.graph_ir.inference.notation import parse
from dragoman.graph_ir.inference.size import Dim, Size, symbol, symbols

_LONGEST = 160
"""Characters of a dimension's arithmetic; a longer one gets a name of its own."""


class Naming:
    """The names of one model's dimensions, and those that are invented."""

    def __init__(self, taken: Iterable[str]) -> None:
        """``taken`` are the names that dimensions have already; a set gets the new ones too."""
        self.taken = taken if isinstance(taken, set) else set(taken)
        self._invented: dict[str, None] = {}
        self._given: dict[tuple[ir.Value, int], Size] = {}

    def named(self, value: ir.Value, fact: Fact | None) -> Fact | None:
        """``fact`` with a name for each unknown dimension of a tensor; in a sequence each element has its own."""
        if not isinstance(fact, Tensor) or fact.dims is None or all(type(size) is int for size in fact.dims):
            return fact
        dims = tuple(
            size if isinstance(size, int) or (is_known(size) and len(str(size)) <= _LONGEST) else self._name(value, axis)
            for axis, size in enumerate(fact.dims)
        )
        return fact if dims == fact.dims else replace(fact, dims=dims)

    def _name(self, value: ir.Value, axis: int) -> Size:
        """A name for a dimension, made from the value's."""
        if (value, axis) not in self._given:
            base = f"{value.name or 'value'}_{axis}"
            if parse(base) != symbol(base):
                base = re.sub(r"\W", "_", base)
            name, n = base, 0
            while name in self.taken:
                n += 1
                name = f"{base}_{n}"
            self.taken.add(name)
            self._invented[name] = None
            self._given[value, axis] = symbol(name)
        return self._given[value, axis]

    @contextmanager
    def afresh(self) -> Iterator[None]:
        """Inside, values get other names than before: a function's body isn't the same in each of its calls."""
        before, self._given = self._given, {}
        try:
            yield
        finally:
            self._given = before

    def is_invented(self, size: Dim) -> bool:
        """Whether any of the names that ``size`` depends on is."""
        return any(name in self._invented for name in symbols(size))

    def mark(self) -> int:
        """Now; ``outside`` asks what was named since."""
        return len(self._invented)

    def outside(self, fact: Fact | None, mark: int) -> Fact | None:
        """``fact`` outside a body that is run many times: what was named inside isn't the same each time."""
        tensor = innermost(fact)
        if fact is None or tensor is None or tensor.dims is None or len(self._invented) == mark:
            return fact
        inner = set(list(self._invented)[mark:])
        dims = tuple(UNKNOWN if symbols(size) & inner else size for size in tensor.dims)
        return with_innermost(fact, replace(tensor, dims=dims)) if dims != tensor.dims else fact
