"""Text → tokens, one at a time, each with its place."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Literal, NoReturn

from dragoman.graph_ir.errors import Location, MalformedModel
from dragoman.graph_ir.text.words import unquoted

Kind = Literal["name", "string", "number", "mark", "note", "end"]

_BLANK = re.compile(r"(?:\s+|#(?!:)[^\n]*)*")
_TOKEN = re.compile(
    r"""(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<number>[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|inf(?:inity)?\b|nan\b))
    | (?P<note>\#:[^\n]*)
    | (?P<mark>=>|[<>(){}\[\],:;=.@?])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ELEMENTS = re.compile(r'([^{}"#]*)\}')
_SHOWN = 40


@dataclass(frozen=True)
class Token:
    """A piece of the text, and where it begins."""

    kind: Kind
    text: str
    at: int


class Tokens:
    """The tokens of a text between two places. Every failure is a ``MalformedModel`` with line and column."""

    def __init__(self, text: str, file: str, start: int = 0, end: int | None = None) -> None:
        """``file`` is what messages call the text."""
        self.text = text
        self._file = file
        self._position = start
        self._end = len(text) if end is None else end
        self._ahead: deque[Token] = deque()

    def peek(self, ahead: int = 0) -> Token:
        """The next token, or one further on; it stays."""
        while len(self._ahead) <= ahead:
            self._ahead.append(self._read())
        return self._ahead[ahead]

    def next(self) -> Token:
        """The next token; it is taken."""
        return self._ahead.popleft() if self._ahead else self._read()

    def _read(self) -> Token:
        blank = _BLANK.match(self.text, self._position, self._end)
        at = blank.end() if blank else self._position
        if at >= self._end:
            self._position = at
            return Token("end", "the end of the text", self._end)
        found = _TOKEN.match(self.text, at, self._end)
        if found is None:
            if self.text[at] == '"':
                self.fail("a string that doesn't end", at)
            self.fail(f"{self.text[at]!r} has no meaning here", at)
        self._position = found.end()
        kind: Kind = found.lastgroup  # type: ignore[assignment]  # the groups are named for the kinds
        return Token(kind, found[0], at)

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        """Raise ``MalformedModel`` for the place; the next token's by default."""
        at = self.peek().at if at is None else at
        line = self.text.count("\n", 0, at) + 1
        column = at - self.text.rfind("\n", 0, at)
        raise MalformedModel(f"column {column}: {message}", location=Location(self._file, line))

    def unexpected(self, wanted: str) -> NoReturn:
        """Raise ``MalformedModel``: the next token isn't what was ``wanted``."""
        found = self.peek()
        text = found.text if found.kind == "end" else repr(found.text[:_SHOWN] + ("…" if len(found.text) > _SHOWN else ""))
        self.fail(f"{wanted} expected, not {text}", found.at)

    def at(self, mark: str) -> bool:
        """Whether ``mark``, or the word, comes next."""
        found = self.peek()
        return found.text == mark and found.kind in ("mark", "name")

    def accept(self, mark: str) -> bool:
        """Take ``mark`` if it comes next."""
        if self.at(mark):
            self.next()
            return True
        return False

    def expect(self, mark: str) -> Token:
        """Take ``mark``."""
        if not self.at(mark):
            self.unexpected(repr(mark))
        return self.next()

    def word(self, what: str) -> str:
        """A word without quotes."""
        if self.peek().kind != "name":
            self.unexpected(what)
        return self.next().text

    def name(self, what: str = "a name") -> str:
        """A name, in quotes or without."""
        if self.peek().kind == "string":
            return self.string()
        return self.word(what)

    def string(self) -> str:
        """A string in quotes."""
        found = self.peek()
        if found.kind != "string":
            self.unexpected("a string")
        self.next()
        try:
            return unquoted(found.text)
        except (ValueError, OverflowError):
            self.fail("a string with the code of no character", found.at)

    def integer(self, *, least: int = -(1 << 63), most: int = (1 << 63) - 1) -> int:
        """A whole number that fits."""
        found = self.peek()
        digits = found.text.lstrip("+-")
        if found.kind != "number" or not digits.isdecimal():
            self.unexpected("a whole number")
        if len(digits) > 20 or not least <= int(found.text) <= most:
            self.fail(f"a number between {least} and {most} expected", found.at)
        self.next()
        return int(found.text)

    def number(self) -> str:
        """The word of a number: digits, ``inf`` or ``nan``."""
        found = self.peek()
        if found.kind not in ("number", "name"):
            self.unexpected("a number")
        return self.next().text

    def elements(self) -> list[str]:
        """The words between braces; strings keep their quotes."""
        start = self.expect("{").at + 1
        if not self._ahead and (found := _ELEMENTS.match(self.text, start, self._end)):
            self._position = found.end()
            return [word.strip() for word in found[1].split(",")] if found[1].strip() else []
        words: list[str] = []
        while not self.accept("}"):
            if words:
                self.expect(",")
            if self.peek().kind not in ("string", "number", "name"):
                self.unexpected("an element")
            words.append(self.next().text)
        return words

    def note(self) -> Tokens | None:
        """The tokens of the note that comes next, if one does."""
        found = self.peek()
        if found.kind != "note":
            return None
        self.next()
        return Tokens(self.text, self._file, found.at + 2, found.at + len(found.text))
