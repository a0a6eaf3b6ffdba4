"""Notes, read back."""

from __future__ import annotations

from dataclasses import dataclass, field

import onnx_ir as ir

from dragoman.graph_ir.annotations import QUANTIZATION
from dragoman.graph_ir.errors import Location
from dragoman.graph_ir.provenance import Origin, set_origins, set_source_tensors
from dragoman.graph_ir.text.lexer import Tokens
from dragoman.graph_ir.text.types import Typed, parse_type
from dragoman.graph_ir.text.words import RESERVED


@dataclass
class Part:
    """What is said of one thing: an item itself, an output of a node, an attribute, a tensor."""

    doc: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    quantization: dict[str, str] = field(default_factory=dict)
    denotation: str | None = None
    axes: list[str] = field(default_factory=list)


@dataclass
class Note:
    """Everything that one note says."""

    types: list[Typed] = field(default_factory=list)
    origins: list[Origin] | None = None
    sources: dict[str, list[str]] = field(default_factory=dict)
    parts: dict[tuple[str, str], Part] = field(default_factory=dict)

    @property
    def doc(self) -> str | None:
        """The item's own documentation."""
        return self._own.doc

    @property
    def metadata(self) -> dict[str, str]:
        """The item's own metadata."""
        return self._own.metadata

    @property
    def _own(self) -> Part:
        return self.parts.get(("", ""), Part())

    def update(self, other: Note) -> None:
        """Say also what ``other`` says."""
        self.types += other.types
        self.origins = other.origins if self.origins is None else self.origins
        self.sources |= other.sources
        self.parts |= other.parts

    def describe(self, value: ir.Value) -> None:
        """Put what is said of a value itself on it."""
        if self.types:
            value.type, value.shape = self.types[0]
        if value.name in self.sources:
            set_source_tensors(value, self.sources[value.name or ""])
        _describe(value, self._own)

    def describe_tensor(self, tensor: ir.TensorProtocol, name: str = "") -> None:
        """Put what is said of a tensor on it."""
        if (part := self.parts.get(("tensor", name))) is not None:
            tensor.doc_string = part.doc
            tensor.metadata_props.update(part.metadata)

    def apply(self, node: ir.Node) -> str:
        """Put everything on a node and what belongs to it; gives what doesn't fit, or nothing."""
        if len(self.types) > len(node.outputs):
            return f"the note has {len(self.types)} types for {len(node.outputs)} outputs"
        for value, (kind, shape) in zip(node.outputs, self.types, strict=False):
            value.type, value.shape = kind, shape
        if self.origins is not None:
            set_origins(node, self.origins)
        node.doc_string = self.doc
        node.metadata_props.update(self.metadata)
        named = {value.name: value for value in node.outputs}
        for name, tensors in self.sources.items():
            if name not in named:
                return f"the note tells the source of {name}, which the node doesn't make"
            set_source_tensors(named[name], tensors)
        for (kind_of, name), part in self.parts.items():
            known = {"": True, "value": name in named}.get(kind_of, name in node.attributes)
            if not known:
                return f"the note speaks of {kind_of} {name}, which the node doesn't have"
            if kind_of == "value":
                _describe(named[name], part)
            elif kind_of == "attribute":
                node.attributes[name].doc_string = part.doc
            elif kind_of == "tensor" and node.attributes[name].type == ir.AttributeType.TENSOR:
                self.describe_tensor(node.attributes[name].as_tensor(), name)
        return ""


def _describe(value: ir.Value, part: Part) -> None:
    if part.doc:
        value.doc_string = part.doc
    value.metadata_props.update(part.metadata)
    if part.quantization:
        value.meta[QUANTIZATION] = dict(part.quantization)
    if part.denotation and value.type is not None:
        value.type.denotation = part.denotation
    if part.axes and value.shape is not None and len(part.axes) == len(value.shape):
        value.shape = ir.Shape(list(value.shape), denotations=[a or None for a in part.axes])


def parse_note(tokens: Tokens) -> Note:
    """The note that comes next; an empty one if none does."""
    note = Note()
    inner = tokens.note()
    if inner is None:
        return note
    while inner.peek().kind != "end":
        _clause(inner, note)
        if inner.peek().kind != "end":
            inner.expect(";")
    return note


def _clause(tokens: Tokens, note: Note) -> None:
    first = tokens.peek()
    if tokens.at("?") or (first.kind == "name" and first.text in RESERVED):
        note.types = [parse_type(tokens)]
        while tokens.accept(","):
            note.types.append(parse_type(tokens))
    elif tokens.accept("from"):
        note.origins = [_origin(tokens)]
        while tokens.accept(","):
            note.origins.append(_origin(tokens))
    elif tokens.accept("source"):
        name = tokens.name("a value's name")
        tokens.expect("=")
        note.sources[name] = _strings(tokens)
    else:
        kind = name = ""
        if first.text in ("value", "attribute", "tensor"):
            kind = tokens.word("a word")
            if kind != "tensor" or tokens.peek().text not in ("doc", "meta") or tokens.peek(1).text in ("doc", "meta"):
                name = tokens.name()
        _remark(tokens, note.parts.setdefault((kind, name), Part()))


def _origin(tokens: Tokens) -> Origin:
    layer = tokens.name("a layer's name")
    tokens.expect("(")
    operator = tokens.name("a layer's operator")
    tokens.expect(")")
    if not tokens.accept("at"):
        return Origin(layer, operator)
    file = tokens.string()
    line = tokens.integer(least=0) if tokens.accept(":") else None
    return Origin(layer, operator, Location(file, line))


def _remark(tokens: Tokens, part: Part) -> None:
    at = tokens.peek().at
    word = tokens.word("a note's word")
    if word == "doc":
        part.doc = tokens.string()
    elif word in ("meta", "quant"):
        key = tokens.string()
        tokens.expect(":")
        (part.metadata if word == "meta" else part.quantization)[key] = tokens.string()
    elif word == "denotation":
        part.denotation = tokens.string()
    elif word == "axes":
        part.axes = _strings(tokens)
    else:
        tokens.fail(f"{word!r} means nothing in a note", at)


def _strings(tokens: Tokens) -> list[str]:
    found = [tokens.string()]
    while tokens.accept(","):
        found.append(tokens.string())
    return found
