"""prototxt: protobuf's text format, parsed into typed messages, and written from them.

The format is protobuf's TextFormat, as Caffe reads it. One regular expression takes a whole statement (``name: value``,
``name {`` or ``}``), so that a net of 100,000 layers parses in seconds. Known messages nest as deep as the schema; what the
schema doesn't know is skipped by its structure.
"""

from __future__ import annotations

import gc
import re
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
from dragoman.converters.caffe.schema import Field, Kind, Message
from dragoman.converters.caffe.schema.message import float32
from dragoman.graph_ir.errors import Location, MalformedModel

M = TypeVar("M", bound=Message)

DEPTH = 100
"""How deep unknown messages may nest: protobuf's own limit."""

WS = r"[ \t\r\n\f\v]*(?:#[^\n]*\n[ \t\r\n\f\v]*)*"
NAME = r"[A-Za-z_][A-Za-z0-9_]*"
STRING = r"(?:\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"|'[^'\\\n]*(?:\\.[^'\\\n]*)*')"
WORD = rf"(?:-{WS})?(?:[0-9.][A-Za-z0-9_.]*(?:(?<=[eE])[+-][0-9]+[fF]?)?|{NAME})"
SCALAR = rf"(?:{STRING}(?:{WS}{STRING})*|{WORD})"
EXTENSION = rf"\[{WS}[A-Za-z_][A-Za-z0-9_./]*{WS}\]"

SEPARATOR = re.compile(rf"{WS}[;,]?")
STATEMENT = re.compile(
    rf"{WS}(?:({NAME}|{EXTENSION}){WS}(?::{WS}({SCALAR}){SEPARATOR.pattern}|:?{WS}([{{<])|:?{WS}(\[))|([}}>]))"
)
NAMED, VALUE, OPEN, LIST, CLOSE = 1, 2, 3, 4, 5
ITEM = re.compile(rf"{WS}(?:({SCALAR})|([{{<])|(\])){WS}")
NEXT = re.compile(rf"{WS}([,\]])")
TOKEN = re.compile(rf"{WS}({SCALAR}|[^ \t\r\n\f\v])?")
STRINGS = re.compile(STRING)
INTEGER = re.compile(r"(-?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\Z")
DECIMAL = re.compile(r"-?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?)\Z")
OCTAL = re.compile(r"-?0[0-7]+\Z")
ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "?": "?",
}
BOOLEANS = {"true": True, "True": True, "t": True, "false": False, "False": False, "f": False}
RANGES = {Kind.INT32: (-(1 << 31), (1 << 31) - 1), Kind.INT64: (-(1 << 63), (1 << 63) - 1), Kind.UINT32: (0, (1 << 32) - 1)}
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
    with _no_collection():
        _Parser(text, file).message(message, "")
    return message


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the search for reference cycles: messages have none, and it would walk all of them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


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
            nxt = repr(_short(after[1])) if after[1] is not None else "the end of the file"
            if after[1] == ":":
                value = TOKEN.match(self.text, after.end())
                nxt = f"{_short(value[1])!r}" if value is not None and value[1] is not None else "the end of the file"
                if nxt[1:-1] in {'"', "'"}:
                    self.fail(f"the string of {found} isn't closed in its line", position)
                self.fail(f"expected a value for {found}, found {nxt}", position)
            self.fail(f"expected ':' or '{{' after {_short(found)!r}, found {nxt}", position)
        self.fail(f"expected {expected}, found {_short(found)!r}", position)

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
        kind = field.kind
        if kind is Kind.MESSAGE:
            self.fail(f"{field.name} is a message: expected '{{'", position)
        if text[0] == "-" and len(text) > 1 and not (text[1].isalnum() or text[1] == "."):
            text = "-" + re.sub(rf"^-{WS}", "", text)
        if kind is Kind.STRING or kind is Kind.BYTES:
            if text[0] not in "\"'":
                self.fail(f"{field.name} is a string: expected quotes, found {_short(text)!r}", position)
            return self.string(field, text, position)
        if text[0] in "\"'":
            self.fail(f"{field.name} is {_article(kind)}, not a string: found {_short(text)}", position)
        if kind in RANGES:
            return self.integer(field.name, text, *RANGES[kind], position)
        if kind is Kind.FLOAT or kind is Kind.DOUBLE:
            return self.number(field, text, position)
        if kind is Kind.BOOL:
            if INTEGER.match(text):
                return self.integer(field.name, text, 0, 1, position) == 1
            if text not in BOOLEANS:
                self.fail(f"{field.name} is true or false, found {_short(text)!r}", position)
            return BOOLEANS[text]
        assert field.enum is not None
        return self.choice(field.name, field.enum, text, position)

    def integer(self, name: str, text: str, low: int, high: int, position: int) -> int:
        """A decimal, octal or hexadecimal integer in its range."""
        match = INTEGER.match(text)
        if match is None:
            self.fail(f"{name} is an integer, found {_short(text)!r}", position)
        digits = match[2]
        octal = len(digits) > 1 and digits[0] == "0" and digits[1] not in "xX"
        value = int(digits, 8) if octal else int(digits, 0) if len(digits) < 25 else high + 1
        value = -value if match[1] else value
        if not low <= value <= high:
            self.fail(f"{name} is out of range: {_short(text)}", position)
        return value

    def number(self, field: Field[Any], text: str, position: int) -> float:
        """A decimal number, inf or nan; rounded to the field's precision."""
        if DECIMAL.match(text) and not OCTAL.match(text):
            value = float(text.rstrip("fF"))
        elif text.lower().lstrip("-") in {"inf", "infinity", "nan"}:
            value = float(text)
        else:
            self.fail(f"{field.name} is a number, found {_short(text)!r}", position)
        return float32(value) if field.kind is Kind.FLOAT else value

    def choice(self, name: str, enum: type[IntEnum], text: str, position: int) -> IntEnum:
        """A member of ``enum``, by name or by number."""
        if text in enum.__members__:
            return enum[text]
        if INTEGER.match(text):
            value = self.integer(name, text, *RANGES[Kind.INT32], position)
            if value in enum._value2member_map_:
                return enum(value)
        self.fail(f"{name} is one of {', '.join(enum.__members__)}; found {_short(text)!r}", position)

    def string(self, field: Field[Any], text: str, position: int) -> str | bytes:
        """One or several quoted strings, joined, their escapes resolved."""
        if field.kind is Kind.STRING and "\\" not in text and text.find(text[0], 1) == len(text) - 1:
            return text[1:-1]
        data = "".join(part[1:-1] for part in STRINGS.findall(text))
        raw = data.encode()
        if "\\" in data:
            try:
                raw = re.sub(ESCAPE, _unescape, raw)
            except (KeyError, OverflowError, ValueError):
                self.fail(f"{field.name} has an escape sequence that isn't one", position)
        if field.kind is Kind.BYTES:
            return raw
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.fail(f"{field.name} isn't UTF-8 once its escapes are resolved", position)


def _unescape(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, short, long, letter = match.groups()
    if octal is not None:
        return bytes([int(octal, 8)])
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    if short is not None or long is not None:
        return chr(int(short or long, 16)).encode()
    return ESCAPES[letter.decode()].encode()


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "…"


def _article(kind: Kind) -> str:
    return {Kind.BOOL: "true or false", Kind.ENUM: "an enum's name", Kind.FLOAT: "a number", Kind.DOUBLE: "a number"}.get(
        kind, "an integer"
    )


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
                lines.append(f"{indent}{name}: {_format(field, item)}\n")
    return "".join(lines)


def _format(field: Field[Any], value: Any) -> str:
    match field.kind:
        case Kind.STRING | Kind.BYTES:
            return _quote(value)
        case Kind.BOOL:
            return "true" if value else "false"
        case Kind.ENUM:
            assert field.enum is not None
            return field.enum(value).name
        case Kind.FLOAT | Kind.DOUBLE:
            number = np.float32(value) if field.kind is Kind.FLOAT else np.float64(value)
            text = str(number)
            return text.removesuffix(".0")
        case _:
            return str(int(value))


def _quote(value: str | bytes) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
        return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\{ord(match[0]):03o}", escaped) + '"'
    return '"' + "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03o}" for byte in value) + '"'
