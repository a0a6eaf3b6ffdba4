"""Dimensions as ONNX writes them: the text of a ``dim_param`` read as arithmetic."""

from __future__ import annotations

import re
from functools import lru_cache

from dragoman.graph_ir.inference.dimension import broadcast, maximum, minimum
from dragoman.graph_ir.inference.size import Dim, symbol

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?![\w.]))
      | (?P<name>(?:/(?!/))?[^\W\d][\w.:]*(?:(?:-(?=[^\W\d])|/(?!/))[\w.:]+)*)
      | (?P<sign>//|\*\*|[-+*%(),])
    )""",
    re.VERBOSE,
)
"""Names may hold single slashes, dots, colons, and hyphens between letters, as the names of layers do."""

_FUNCTIONS = {"max": maximum, "min": minimum, "Max": maximum, "Min": minimum, "broadcast": broadcast}
_DEEPEST = 64
_HIGHEST_POWER = 16


@lru_cache(maxsize=16384)
def parse(text: str) -> Dim:
    """``batch*4``, ``(h - 1)//2 + 1``, ``max(a, b)`` as sizes; a text that isn't arithmetic is the name of a dimension.

    ``text`` is a ``dim_param``. Equal texts are equal dimensions, in one graph, whatever they say.
    """
    try:
        reader = _Reader(text)
        size = reader.sum(0)
        reader.end()
    except (_NotArithmetic, ZeroDivisionError, ValueError):
        return symbol(text)
    return size


class _NotArithmetic(Exception):
    pass


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position, text = 0, text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                raise _NotArithmetic
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()
        self._at = 0

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise _NotArithmetic

    def _peek(self) -> str:
        """The sign that comes next; empty for a number, a name or the end."""
        kind, token = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        return token if kind == "sign" else ""

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            raise _NotArithmetic
        self._at += 1

    def sum(self, depth: int) -> Dim:
        if depth > _DEEPEST:
            raise _NotArithmetic
        size = self._product(depth)
        while (sign := self._peek()) in ("+", "-"):
            self._at += 1
            part = self._product(depth)
            size = size + part if sign == "+" else size - part
        return size

    def _product(self, depth: int) -> Dim:
        size = self._power(depth)
        while (sign := self._peek()) in ("*", "//", "%"):
            self._at += 1
            part = self._power(depth)
            size = size * part if sign == "*" else size // part if sign == "//" else size % part
        return size

    def _power(self, depth: int) -> Dim:
        if self._peek() == "-":
            self._at += 1
            return -1 * self._power(depth)
        base = self._unit(depth)
        if self._peek() != "**":
            return base
        self._at += 1
        power = self._unit(depth)
        if not isinstance(power, int) or power > _HIGHEST_POWER:
            raise _NotArithmetic
        size: Dim = 1
        for _ in range(power):
            size = size * base
        return size

    def _unit(self, depth: int) -> Dim:
        if self._at >= len(self._tokens):
            raise _NotArithmetic
        kind, token = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return int(token)
        if kind == "name":
            return self._call(token, depth) if self._peek() == "(" else symbol(token)
        if token != "(":
            raise _NotArithmetic
        size = self.sum(depth + 1)
        self._expect(")")
        return size

    def _call(self, name: str, depth: int) -> Dim:
        function = _FUNCTIONS.get(name)
        if function is None:
            raise _NotArithmetic
        self._expect("(")
        operands = [self.sum(depth + 1)]
        while self._peek() == ",":
            self._at += 1
            operands.append(self.sum(depth + 1))
        self._expect(")")
        return function(*operands)
