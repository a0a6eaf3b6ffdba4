"""Attributes in the text: ``<name: type = value, …>``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.text.elements import parse_float
from dragoman.graph_ir.text.lexer import Tokens
from dragoman.graph_ir.text.tensors import parse_values
from dragoman.graph_ir.text.types import begins_type, parse_tensor_type, parse_type
from dragoman.graph_ir.text.weights import Weights
from dragoman.graph_ir.text.words import ATTRIBUTE_TYPES, DTYPES

_Type = ir.AttributeType
_LISTS = {
    _Type.INTS: _Type.INT,
    _Type.FLOATS: _Type.FLOAT,
    _Type.STRINGS: _Type.STRING,
    _Type.TENSORS: _Type.TENSOR,
    _Type.GRAPHS: _Type.GRAPH,
    _Type.TYPE_PROTOS: _Type.TYPE_PROTO,
}
_LIST_OF = {one: many for many, one in _LISTS.items()}


class AttributeParser:
    """Reads attributes; graphs in them are read by ``graph``, which is told how deep they are."""

    def __init__(self, tokens: Tokens, weights: Weights | None, graph: Callable[[int], ir.Graph]) -> None:
        """Everything is shared with the parser of the graph."""
        self._tokens = tokens
        self._weights = weights
        self._graph = graph

    def attributes(self, depth: int) -> list[ir.Attr]:
        """``<name: type = value, …>``; an empty list if there is none."""
        return self._list(lambda: self._attribute(depth))

    def parameters(self) -> list[ir.Attr]:
        """A function's attributes: names, and attributes that have a default."""

        def parameter() -> ir.Attr:
            if self._tokens.peek(1).text in (",", ">"):
                return ir.Attr(self._tokens.name("an attribute"), _Type.UNDEFINED, None)
            return self._attribute(0)

        return self._list(parameter)

    def _list(self, entry: Callable[[], ir.Attr]) -> list[ir.Attr]:
        tokens = self._tokens
        found: dict[str, ir.Attr] = {}
        if not tokens.accept("<"):
            return []
        while not tokens.accept(">"):
            if found and not tokens.accept(","):
                tokens.unexpected("',' or '>'")
            at = tokens.peek().at
            attribute = entry()
            if attribute.name in found:
                tokens.fail(f"attribute {attribute.name} is there twice", at)
            found[attribute.name] = attribute
        return list(found.values())

    def _attribute(self, depth: int) -> ir.Attr:
        tokens = self._tokens
        name = tokens.name("an attribute")
        kind: ir.AttributeType | None = None
        if tokens.accept(":"):
            at = tokens.peek().at
            word = tokens.word("an attribute's type")
            if word not in ATTRIBUTE_TYPES:
                tokens.fail(f"{word!r} isn't an attribute's type; those are {', '.join(ATTRIBUTE_TYPES)}", at)
            kind = ATTRIBUTE_TYPES[word]
        tokens.expect("=")
        at = tokens.peek().at
        if tokens.accept("@"):
            if kind is None:
                tokens.fail(f"attribute {name}: the type goes before a parameter's name", at)
            return ir.RefAttr(name, tokens.name("a parameter's name"), kind)
        kind = kind or self._guess(0)
        if kind not in _LISTS:
            return ir.Attr(name, kind, self._one(kind, depth))
        tokens.expect("[")
        values: list[Any] = []
        while not tokens.accept("]"):
            if values and not tokens.accept(","):
                tokens.unexpected("',' or ']'")
            values.append(self._one(_LISTS[kind], depth))
        return ir.Attr(name, kind, tuple(values))

    def _guess(self, ahead: int) -> ir.AttributeType:
        """The type of a value that stands without it, as in ONNX's syntax: ``alpha = 0.5``."""
        tokens = self._tokens
        found, after = tokens.peek(ahead), tokens.peek(ahead + 1)
        if found.kind == "number":
            return _Type.INT if found.text.lstrip("+-").isdecimal() else _Type.FLOAT
        if found.kind == "string" and after.text != "(":
            return _Type.STRING
        if found.text == "[" and found.kind == "mark" and after.text not in ("[", "]"):
            return _LIST_OF[self._guess(ahead + 1)]
        if found.kind == "name" and found.text in DTYPES and after.text != "(":
            return _Type.TENSOR
        if found.kind in ("name", "string"):
            return _Type.GRAPH
        return tokens.unexpected("a value")

    def _one(self, kind: ir.AttributeType, depth: int) -> Any:
        tokens = self._tokens
        if kind == _Type.INT:
            return tokens.integer()
        if kind == _Type.FLOAT:
            at = tokens.peek().at
            try:
                return float(np.float32(parse_float(tokens.number())))
            except ValueError as error:
                tokens.fail(str(error), at)
        if kind == _Type.STRING:
            return _text_or_bytes(tokens.string())
        if kind == _Type.TENSOR:
            return self._tensor()
        if kind == _Type.GRAPH:
            return self._graph(depth + 1)
        if kind == _Type.TYPE_PROTO:
            if not begins_type(tokens) and tokens.peek().text not in DTYPES:
                tokens.unexpected("a type")
            return ir.TypeAndShape(*parse_type(tokens))
        return tokens.fail(f"{kind.name.lower()} attributes aren't read")

    def _tensor(self) -> ir.TensorProtocol:
        """``type[shape] name values``; the name may be missing."""
        tokens = self._tokens
        at = tokens.peek().at
        dtype, shape = parse_tensor_type(tokens)
        name = tokens.name() if tokens.peek().kind in ("name", "string") else None
        tensor = parse_values(tokens, self._weights, dtype, shape, name or "the tensor", at)
        if tensor is None:
            tokens.fail("a tensor in an attribute has values", at)
        if name is not None:
            tensor.name = name
        return tensor


def _text_or_bytes(text: str) -> str | bytes:
    """Text, or the bytes that aren't UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")
    return text
