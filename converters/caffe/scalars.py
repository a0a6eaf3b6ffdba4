"""Single values in protobuf's text format: numbers, strings, truth values and enums, read and written."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Any

import numpy as np

from dragoman.converters.caffe.schema import Field, Kind
from dragoman.converters.caffe.schema.message import float32

WS = r"[ \t\r\n\f\v]*(?:#[^\n]*\n[ \t\r\n\f\v]*)*"
"""Blanks and comments."""
NAME = r"[A-Za-z_][A-Za-z0-9_]*"
STRING = r"(?:\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"|'[^'\\\n]*(?:\\.[^'\\\n]*)*')"
WORD = rf"(?:-{WS})?(?:[0-9.][A-Za-z0-9_.]*(?:(?<=[eE])[+-][0-9]+[fF]?)?|{NAME})"
SCALAR = rf"(?:{STRING}(?:{WS}{STRING})*|{WORD})"
"""One value: strings that stand side by side, or a number or name with its sign."""

SIGN = re.compile(rf"-{WS}")
STRINGS = re.compile(STRING)
INTEGER = re.compile(r"(-?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\Z")
DECIMAL = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?\Z")
OCTAL = re.compile(r"-?0[0-7]+\Z")
NOT_FINITE = frozenset({"inf", "infinity", "nan"})
ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
ESCAPES = dict(zip(b"nrtabfv\\'\"?", b"\n\r\t\a\b\f\v\\'\"?", strict=True))
BOOLEANS = {"true": True, "True": True, "t": True, "false": False, "False": False, "f": False}
RANGES = {Kind.INT32: (-(1 << 31), (1 << 31) - 1), Kind.INT64: (-(1 << 63), (1 << 63) - 1), Kind.UINT32: (0, (1 << 32) - 1)}
EXPECTED = {Kind.BOOL: "true or false", Kind.ENUM: "an enum's name", Kind.FLOAT: "a number", Kind.DOUBLE: "a number"}


def read_scalar(field: Field[Any], text: str) -> Any:
    """``text``, which matches ``SCALAR``, as a value of the field's type; ``ValueError`` says what was expected."""
    kind = field.kind
    quoted = text[0] in "\"'"
    if kind is Kind.MESSAGE:
        raise ValueError(f"{field.name} is a message: expected '{{'")
    if kind is Kind.STRING or kind is Kind.BYTES:
        if not quoted:
            raise ValueError(f"{field.name} is a string: expected quotes, found {shortened(text)!r}")
        return _string(field, text)
    if quoted:
        raise ValueError(f"{field.name} is {EXPECTED.get(kind, 'an integer')}, not a string: found {shortened(text)}")
    text = SIGN.sub("-", text) if text[0] == "-" else text
    if kind in RANGES:
        return _integer(field.name, text, *RANGES[kind])
    if kind is Kind.FLOAT or kind is Kind.DOUBLE:
        return _number(field, text)
    if kind is Kind.BOOL:
        if INTEGER.match(text):
            return _integer(field.name, text, 0, 1) == 1
        if text not in BOOLEANS:
            raise ValueError(f"{field.name} is true or false, found {shortened(text)!r}")
        return BOOLEANS[text]
    assert field.enum is not None
    return _member(field.name, field.enum, text)


def _integer(name: str, text: str, low: int, high: int) -> int:
    """A decimal, octal or hexadecimal integer in its range."""
    match = INTEGER.match(text)
    if match is None:
        raise ValueError(f"{name} is an integer, found {shortened(text)!r}")
    digits = match[2]
    octal = len(digits) > 1 and digits[0] == "0" and digits[1] not in "xX"
    value = high + 1 if len(digits) > 30 else int(digits, 8 if octal else 0)
    value = -value if match[1] else value
    if not low <= value <= high:
        raise ValueError(f"{name} is out of range: {shortened(text)}")
    return value


def _number(field: Field[Any], text: str) -> float:
    """A decimal number, inf or nan, rounded to the field's precision."""
    if DECIMAL.match(text) and not OCTAL.match(text):
        value = float(text.rstrip("fF"))
    elif text.lower().removeprefix("-") in NOT_FINITE:
        value = float(text)
    else:
        raise ValueError(f"{field.name} is a number, found {shortened(text)!r}")
    return float32(value) if field.kind is Kind.FLOAT else value


def _member(name: str, enum: type[IntEnum], text: str) -> IntEnum:
    """A member of ``enum``, by name or by number."""
    if text in enum.__members__:
        return enum[text]
    if INTEGER.match(text):
        value = _integer(name, text, *RANGES[Kind.INT32])
        if value in enum._value2member_map_:
            return enum(value)
    raise ValueError(f"{name} is one of {', '.join(enum.__members__)}; found {shortened(text)!r}")


def _string(field: Field[Any], text: str) -> str | bytes:
    """One or several quoted strings, joined, their escapes resolved."""
    if field.kind is Kind.STRING and "\\" not in text and text.find(text[0], 1) == len(text) - 1:
        return text[1:-1]
    raw = "".join(part[1:-1] for part in STRINGS.findall(text)).encode()
    try:
        raw = ESCAPE.sub(_unescape, raw)
    except (KeyError, OverflowError, ValueError):
        raise ValueError(f"{field.name} has an escape sequence that isn't one") from None
    if field.kind is Kind.BYTES:
        return raw
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{field.name} isn't UTF-8 once its escapes are resolved") from None


def _unescape(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, short, long, letter = match.groups()
    if octal is not None:
        return bytes([int(octal, 8)])
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    if letter is None:
        return chr(int(short or long, 16)).encode()
    return bytes([ESCAPES[letter[0]]])


def shortened(text: str) -> str:
    """``text`` as it fits into a message."""
    return text if len(text) <= 40 else text[:37] + "…"


def write_scalar(field: Field[Any], value: Any) -> str:
    """``value`` as it reads back the same, floats as short as that allows."""
    match field.kind:
        case Kind.STRING | Kind.BYTES:
            return _quoted(value)
        case Kind.BOOL:
            return "true" if value else "false"
        case Kind.ENUM:
            assert field.enum is not None
            return field.enum(value).name
        case Kind.FLOAT | Kind.DOUBLE:
            return str(np.float32(value) if field.kind is Kind.FLOAT else np.float64(value)).removesuffix(".0")
        case _:
            return str(int(value))


def _quoted(value: str | bytes) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
        return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\{ord(match[0]):03o}", escaped) + '"'
    return '"' + "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03o}" for byte in value) + '"'
