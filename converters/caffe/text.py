"""prototxt: protobuf's text format, parsed into typed messages, and written from them.

The format is protobuf's TextFormat, as Caffe reads it. One regular expression takes a whole statement (``name: value``,
``name {`` or ``}``), so that a net of 100,000 layers parses in seconds. Known messages nest as deep as the schema; what the
schema doesn't know is skipped by its structure.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from dragoman.converters.caffe.scalars import NAME, SCALAR, WS, read_scalar, shortened, write_scalar
from dragoman.converters.caffe.schema import Field, Kind, Message
from dragoman.graph_ir.errors import Location, MalformedModel
from dragoman.graph_ir.garbage import paused

M = TypeVar("M", bound=Message)

DEPTH = 100
"""How deep unknown messages may nest: protobuf's own limit."""

EXTENSION = rf"\[{WS}[A-Za-z_][A-Za-z0-9_./]*{WS}\]"

SEPARATOR = re.compile(rf"{WS}[;,]?")
STATEMENT = re.compile(
    rf"{WS}(?:({NAME}|{EXTENSION}){WS}(?::{WS}({SCALAR}){SEPARATOR.pattern}|:?{WS}([{{<])|:?{WS}(\[))|([}}>]))"
)
NAMED, VALUE, OPEN, LIST, CLOSE = 1, 2, 3, 4, 5
ITEM = re.compile(rf"{WS}(?:({SCALAR})|([{{<])|(\])){WS}")
NEXT = re.compile(rf"{WS}([,\]])")
TOKEN = re.compile(rf"{WS}({SCALAR}|[^ \t\r\n\f\v])?")
CLOSING = {"{": "}", "<": ">"}


def parse_file(path: Path, kind: type[M]) -> M:
    """The message in the prototxt at ``path``; ``MalformedModel`` names the line of the first fault."""
    return parse(path.read_bytes(), kind, str(path))


def parse(data: bytes, kind: type[M], file: str) -> M:
    """The message in ``data``, the contents of ``file``."""
    if not data.strip():
        raise MalformedModel("the file is empty", location=Location(file))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if _binary(data):
            _not_text(file)
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedModel(f"not UTF-8 text (byte {error.start})", location=Location(file, line)) from None
    if _binary(data):
        _not_text(file)
    message = kind()
    message.location = Location(file, 1)
    with paused():
        _Parser(text, file).message(message, "")
    return message


def _binary(data: bytes) -> bool:
    return data.startswith(b"\x89HDF") or any(byte < 9 or 13 < byte < 32 for byte in data[:4096])


def _not_text(file: str) -> NoReturn:
    what = "an HDF5 file" if Path(file).suffix in {".h5", ".hdf5"} else "a binary caffemodel"
    raise MalformedModel(f"this looks like {what}; the architecture (a prototxt) is text", location=Location(file))


class _Parser:
    """A position in the text, and the functions that read from there."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text + "\n"
        self.end = len(text)
        self.file = file
        self.position = 0
        self.lines = [match.start() for match in re.finditer("\n", self.text)]
        self.known: dict[tuple[Field[Any], str], Any] = {}  # nets repeat themselves: each text of a field is read once

    def location(self, position: int) -> Location:
        """The place of ``position`` in the file."""
        return Location(self.file, bisect_left(self.lines, position) + 1)

    def fail(self, message: str, position: int) -> NoReturn:
        """Raise ``MalformedModel`` at ``position``."""
        raise MalformedModel(message, location=self.location(position))

    def message(self, message: Message, close: str) -> None:
        """Read statements into ``message``, until ``close`` ("" for the end of the file)."""
        fields, values, match_at, text = message.fields, message.values, STATEMENT.match, self.text
        known = self.known
        lines: dict[str, int] = {}
        while True:
            match = match_at(text, self.position)
            if match is None:
                if self.finished(close, message.location):
                    break
                self.unexpected("a field's name" + (f" or {close!r}" if close else ""))
            self.position = match.end()
            what = match.lastindex
            name, value = match.group(NAMED, VALUE)
            if what == CLOSE:
                if match[CLOSE] != close:
                    self.fail(f"unexpected {match[CLOSE]!r}" + (f", expected {close!r}" if close else ""), match.start(CLOSE))
                break
            field = fields.get(name)
            if field is None:
                message.add_unknown(name, self.location(match.start(NAMED)))
                self.skip(match)
                continue
            if not field.repeated:
                if name in lines:
                    first = self.location(lines[name]).line
                    self.fail(f"{name} is given twice (first in line {first}), and may be given once", match.start(NAMED))
                lines[name] = match.start(NAMED)
            if what == VALUE:
                key = (field, value)
                item = known.get(key)
                if item is None:
                    item = known[key] = self.scalar(field, value, match.start(VALUE))
                if field.repeated:
                    values.setdefault(name, []).append(item)
                else:
                    values[name] = item
            elif what == OPEN:
                if field.message is None:
                    self.fail(f"{name} is a value, not a message: expected ':' and a value", match.start(OPEN))
                self.submessage(message, field, match.start(NAMED), match[OPEN])
                self.separator()
            else:
                if field.message is None and ":" not in text[match.end(NAMED) : match.start(LIST)]:
                    self.fail(f"expected ':' after {name}", match.start(LIST))
                self.items(message, field, match.start(LIST))
        for name in message.required:
            if name not in values:
                raise MalformedModel(f"{type(message).__name__} needs {name}", location=message.location)

    def submessage(self, message: Message, field: Field[Any], start: int, bracket: str) -> None:
        """Read a sub-message whose opening ``bracket`` was just passed."""
        assert field.message is not None
        inner = field.message()
        inner.location = self.location(start)
        if field.repeated:
            message.values.setdefault(field.name, []).append(inner)
        else:
            message.values[field.name] = inner
        self.message(inner, CLOSING[bracket])

    def items(self, message: Message, field: Field[Any], start: int) -> None:
        """Read ``a, b]`` into a repeated field."""
        if not field.repeated:
            self.fail(f"{field.name} takes one value, not a list", start)
        values = message.values.setdefault(field.name, [])
        first = True
        while True:
            match = ITEM.match(self.text, self.position)
            if match is None or (match[3] and not first):
                self.unexpected("a value")
            self.position = match.end()
            if match[3]:
                break
            first = False
            if (match[2] is not None) != (field.kind is Kind.MESSAGE):
                self.fail(
                    f"{field.name} is a list of {'messages' if field.message else 'values'}", match.start(2 if match[2] else 1)
                )
            if match[2] is not None:
                self.submessage(message, field, match.start(2), match[2])
            else:
                values.append(self.scalar(field, match[1], match.start(1)))
            after = NEXT.match(self.text, self.position)
            if after is None:
                self.unexpected("',' or ']'")
            self.position = after.end()
            if after[1] == "]":
                break
        self.separator()

    def separator(self) -> None:
        """Pass over the ``;`` or ``,`` that may follow a field."""
        match = SEPARATOR.match(self.text, self.position)
        assert match is not None
        self.position = match.end()

    def finished(self, close: str, opened: Location | None) -> bool:
        """Whether only blanks follow at the end of the file; an error if a message is still open there."""
        token = TOKEN.match(self.text, self.position)
        assert token is not None
        if token[1] is not None:
            return False
        if close:
            where = f" (opened in line {opened.line})" if opened else ""
            self.fail(f"the file ends where {close!r} is expected{where}: it is truncated, or a brace is missing", self.end)
        return True

    def unexpected(self, expected: str) -> NoReturn:
        """Raise for what stands at the position."""
        token = TOKEN.match(self.text, self.position)
        assert token is not None
        if token[1] is None:
            self.fail(f"the file ends where {expected} is expected", self.end)
        found = token[1]
        position = token.start(1)
        if found[0] in "\"'" and len(found) == 1:
            self.fail("a string isn't closed in its line", position)
        after = TOKEN.match(self.text, token.end())
        if re.fullmatch(NAME, found) and after is not None and expected.startswith("a field"):
            position = after.start(1) if after[1] is not None else self.end
            nxt = repr(shortened(after[1])) if after[1] is not None else "the end of the file"
            if after[1] == ":":
                value = TOKEN.match(self.text, after.end())
                nxt = f"{shortened(value[1])!r}" if value is not None and value[1] is not None else "the end of the file"
                if nxt[1:-1] in {'"', "'"}:
                    self.fail(f"the string of {found} isn't closed in its line", position)
                self.fail(f"expected a value for {found}, found {nxt}", position)
            self.fail(f"expected ':' or '{{' after {shortened(found)!r}, found {nxt}", position)
        self.fail(f"expected {expected}, found {shortened(found)!r}", position)

    def skip(self, match: re.Match[str]) -> None:
        """Pass over the value of an unknown field: a scalar, a message or a list, however they nest."""
        if match[VALUE] is not None:
            return
        stack = [CLOSING[match[OPEN]] if match[OPEN] else "]"]
        start = match.start(NAMED)
        while stack:
            if len(stack) > DEPTH:
                self.fail(f"messages nest deeper than {DEPTH}", start)
            if stack[-1] == "]":
                item = ITEM.match(self.text, self.position)
                if item is None:
                    self.unexpected("a value")
                self.position = item.end()
                if item[2]:
                    stack.append(CLOSING[item[2]])
                    continue
                if item[3]:
                    stack.pop()
            else:
                inner = STATEMENT.match(self.text, self.position)
                if inner is None:
                    self.finished(stack[-1], self.location(start))
                    self.unexpected(f"a field's name or {stack[-1]!r}")
                self.position = inner.end()
                if inner[NAMED] is None:
                    if inner[CLOSE] != stack[-1]:
                        self.fail(f"unexpected {inner[CLOSE]!r}, expected {stack[-1]!r}", inner.start(CLOSE))
                    stack.pop()
                elif inner[VALUE] is None:
                    stack.append(CLOSING[inner[OPEN]] if inner[OPEN] else "]")
                    continue
            if stack and stack[-1] == "]":  # a list's item has ended
                after = NEXT.match(self.text, self.position)
                if after is None:
                    self.unexpected("',' or ']'")
                self.position = after.end() if after[1] == "," else after.start(1)
            else:
                self.separator()

    def scalar(self, field: Field[Any], text: str, position: int) -> Any:
        """``text`` as a value of the field's type."""
        try:
            return read_scalar(field, text)
        except ValueError as error:
            self.fail(str(error), position)


def format_message(message: Message, indent: str = "") -> str:
    """``message`` as prototxt: the fields that are set, floats as short as reads back the same."""
    lines: list[str] = []
    for name in message.present():
        field = message.fields[name]
        value = message.values[name]
        for item in value if field.repeated else [value]:
            if field.kind is Kind.MESSAGE:
                lines += [f"{indent}{name} {{\n", format_message(item, indent + "  "), f"{indent}}}\n"]
            else:
                lines.append(f"{indent}{name}: {write_scalar(field, item)}\n")
    return "".join(lines)
