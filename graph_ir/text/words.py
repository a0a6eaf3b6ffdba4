"""The smallest pieces of the text: names, strings, numbers, types."""

from __future__ import annotations

import re
from collections.abc import Iterable

import onnx_ir as ir

MAX_DEPTH = 64
"""How deep graphs and types may be nested. ONNX files end at about 33: protobuf reads 100 messages inside one another."""

DTYPES = {dtype.name.lower(): dtype for dtype in ir.DataType}
"""Element types by their names in the text, which are ONNX's own in lower case."""

CONTAINERS = {"seq": ir.SequenceType, "optional": ir.OptionalType}
SPARSE = "sparse_tensor"
ATTRIBUTE_TYPES = {kind.name.lower(): kind for kind in ir.AttributeType if kind != ir.AttributeType.UNDEFINED}

RESERVED = frozenset({*DTYPES, *CONTAINERS, SPARSE, "map"})
"""Words that begin a type; a value of such a name is quoted."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]*')
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_UNESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_ESCAPED = re.compile(r"\\(x[0-9a-fA-F]{2}|u\{[0-9a-fA-F]{1,6}\}|.)", re.DOTALL)


def identifier(text: str | None) -> str:
    """A name, in quotes unless it is an identifier; no name is a pair of quotes."""
    if text and _IDENTIFIER.fullmatch(text) and text not in RESERVED:
        return text
    return quoted(text or "")


def quoted(text: str | bytes) -> str:
    """A string in quotes. Bytes that aren't UTF-8 become ``\\xHH``, control characters ``\\n``, ``\\t``, ``\\r`` or ``\\u{H…}``."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    return f'"{text}"' if _PLAIN.fullmatch(text) else '"' + "".join(map(_escape, text)) + '"'


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if _PLAIN.fullmatch(char):
        return char
    code = ord(char)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{{{code:x}}}"


def unquoted(text: str) -> str:
    """What a string in quotes says; bytes that aren't UTF-8 are surrogates, as ``surrogateescape`` makes them.

    A backslash before any other character is that character, as in ONNX's syntax. ``ValueError`` for a code that is none.
    """
    inner = text[1:-1]
    return _ESCAPED.sub(_unescape, inner) if "\\" in inner else inner


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) == 1:
        return _UNESCAPES.get(code, code)
    number = int(code[1:], 16) if code[0] == "x" else int(code[2:-1], 16)
    if code[0] == "x" and number >= 0x80:
        return chr(0xDC00 + number)
    return chr(number)


def string_map(entries: Iterable[tuple[str, str]]) -> str:
    """``["key": "value", …]``."""
    return "[" + ", ".join(f"{quoted(k)}: {quoted(v)}" for k, v in entries) + "]"


def opset_map(imports: Iterable[tuple[str, int]]) -> str:
    """``["": 21, "com.microsoft": 1]``."""
    return "[" + ", ".join(f"{quoted(d)}: {v}" for d, v in imports) + "]"


def shape_text(shape: ir.Shape | None) -> str:
    """``[1,batch,?]``; as in ONNX's syntax, nothing for a scalar and ``[]`` for an unknown rank."""
    if shape is None:
        return "[]"
    dims = (str(d) if isinstance(d, int) else "?" if d.value is None else identifier(str(d.value)) for d in shape)
    found = ",".join(dims)
    return f"[{found}]" if found else ""


def type_text(kind: ir.TypeProtocol | None, shape: ir.Shape | None, depth: int = 0) -> str:
    """``float[1,3]``, ``seq(float[?])``, ``optional(int64)``; ``?`` where the type isn't known."""
    if kind is None:
        return "?" + ("" if shape is None else shape_text(shape))
    if isinstance(kind, (ir.SequenceType, ir.OptionalType)):
        if depth >= MAX_DEPTH:
            return "…"
        word = "seq" if isinstance(kind, ir.SequenceType) else "optional"
        return f"{word}({type_text(kind.elem_type, shape, depth + 1)})"
    tensor = f"{kind.dtype.name.lower()}{shape_text(shape)}"
    return f"{SPARSE}({tensor})" if isinstance(kind, ir.SparseTensorType) else tensor
