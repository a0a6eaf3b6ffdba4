"""Graph → text. One node to a line, in the graph's own order, so that two prints can be compared line by line."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import onnx_ir as ir

from dragoman.graph_ir.errors import TargetError
from dragoman.graph_ir.text import notes
from dragoman.graph_ir.text.elements import attribute_float, elements_text
from dragoman.graph_ir.text.weights import Place, digest, places
from dragoman.graph_ir.text.words import MAX_DEPTH, identifier, opset_map, quoted, string_map, type_text

INLINE = 16
"""Tensors up to this many elements are written out."""

_INDENT = "   "
_ON_A_LINE = 8
"""A subgraph's inputs and outputs stay on one line up to this number."""


@dataclass(frozen=True)
class Style:
    """How much is written.

    ``inline``: tensors of more elements are references (None: none is). ``hash``: references carry a hash of the values, which
    have to be read for it. ``provenance``: all of it; ``short``: the source layers, where they aren't the nodes themselves, and
    files without their folders; or ``none``. ``floats``: whether weights of floats are written out at all; they aren't known of a
    network that was read without them.
    """

    inline: int | None = INLINE
    hash: bool = False
    floats: bool = True
    provenance: Literal["all", "short", "none"] = "all"


def print_model(model: ir.Model, style: Style = Style()) -> str:
    """``model`` as text that ``parse_model`` reads back. Raises ``TargetError`` for what can't be said."""
    return "\n".join(print_lines(model, style)) + "\n"


def print_lines(model: ir.Model, style: Style = Style()) -> Iterator[str]:
    """The lines of ``print_model``."""
    try:
        printer = _Printer(places(model), style)
    except RecursionError:
        raise TargetError(f"graphs nested more than {MAX_DEPTH} deep have no text form") from None
    yield from printer.header(model)
    yield from printer.graph(model.graph, 0)
    for function in model.functions.values():
        yield ""
        yield from printer.function(function)


class _Printer:
    def __init__(self, names: dict[Place, str], style: Style) -> None:
        self._names = names
        self._style = style

    def header(self, model: ir.Model) -> Iterator[str]:
        """What stands before the graph."""
        entries = [f"ir_version: {model.ir_version}", f"opset_import: {opset_map(model.opset_imports.items())}"]
        for word in ("producer_name", "producer_version", "domain"):
            if text := getattr(model, word):
                entries.append(f"{word}: {quoted(text)}")
        if model.model_version:
            entries.append(f"model_version: {model.model_version}")
        if model.doc_string:
            entries.append(f"doc_string: {quoted(model.doc_string)}")
        if model.metadata_props:
            entries.append(f"metadata_props: {string_map(model.metadata_props.items())}")
        yield from _bracketed(entries)

    def graph(self, graph: ir.Graph, depth: int) -> Iterator[str]:
        """A graph's lines; the caller puts its own text before the first and after the last."""
        if depth > MAX_DEPTH:
            raise TargetError(f"graphs nested more than {MAX_DEPTH} deep have no text form")
        remarks = notes.note(notes.remarks("", graph.doc_string, graph.metadata_props))
        inputs = [self._declared(v) for v in graph.inputs]
        outputs = [self._declared(v, source=False) for v in graph.outputs]
        name = identifier(graph.name)
        if depth and len(inputs) + len(outputs) <= _ON_A_LINE and not any(note for _, note in inputs + outputs):
            yield from self._opened(
                f"{name} ({', '.join(t for t, _ in inputs)}) => ({', '.join(t for t, _ in outputs)})", remarks, graph
            )
        else:
            yield f"{name} (" + remarks
            yield from _listed(inputs)
            yield ") => ("
            yield from _listed(outputs)
            yield from self._opened(")", "", graph)
        for node in graph:
            yield from _indented(self._node(node, depth))
        yield "}"

    def _opened(self, head: str, remarks: str, graph: ir.Graph, *declared: ir.Value) -> Iterator[str]:
        """The end of a head, the weights, and the brace that opens the body; ``declared`` are values that need their types said."""
        entries = [self._declared(v) for v in declared] + [self._initializer(v) for v in graph.initializers.values()]
        if entries:
            yield head + remarks
            yield "<"
            yield from _listed(entries)
            yield "> {"
        elif remarks:
            yield head + remarks
            yield "{"
        else:
            yield head + " {"

    def function(self, function: ir.Function) -> Iterator[str]:
        """A function's lines."""
        entries = [f"domain: {quoted(function.domain)}", f"opset_import: {opset_map(function.opset_imports.items())}"]
        if function.overload:
            entries.append(f"overload: {quoted(function.overload)}")
        if function.doc_string:
            entries.append(f"doc_string: {quoted(function.doc_string)}")
        yield from _bracketed(entries)
        parameters: list[str] = []
        for attribute in function.attributes.values():
            if attribute.value is None:
                parameters.append(identifier(attribute.name))
            else:
                parameters.append("\n".join(self._attribute(attribute, 0)))
        given = f" <{', '.join(parameters)}>" if parameters else ""
        inputs, outputs = (", ".join(identifier(v.name) for v in part) for part in (function.inputs, function.outputs))
        remarks = notes.note(notes.remarks("", None, function.metadata_props))
        typed = [v for v in function.inputs if v.type is not None or any(notes.value_clauses(v))]
        head = f"{identifier(function.name)}{given} ({inputs}) => ({outputs})"
        yield from self._opened(head, remarks, function.graph, *typed)
        for node in function:
            yield from _indented(self._node(node, 0))
        yield "}"

    # -- values and tensors ---------------------------------------------------------------------------

    def _declared(self, value: ir.Value, *, source: bool = True) -> tuple[str, str]:
        """An input or output, and its note."""
        kind = "" if value.type is None and value.shape is None else type_text(value.type, value.shape) + " "
        clauses = list(notes.value_clauses(value))
        if source and self._style.provenance == "all":
            clauses += notes.source_clause(value)
        return kind + identifier(value.name), notes.note(clauses)

    def _initializer(self, value: ir.Value) -> tuple[str, str]:
        tensor = value.const_value
        if tensor is None:
            return f"{type_text(value.type, value.shape)} {identifier(value.name)} = []", notes.note(notes.value_clauses(value))
        clauses = []
        declared = type_text(value.type, value.shape)
        if declared != _tensor_type(tensor) and not value.is_graph_input():
            clauses.append(declared)
        if not value.is_graph_input():
            clauses += notes.value_clauses(value)
            clauses += notes.source_clause(value) if self._style.provenance == "all" else ()
        clauses += notes.tensor_clauses(tensor)
        known = self._style.floats or not tensor.dtype.is_floating_point()
        values = self._values(tensor, (id(value), 0), value.name or "", known=known)
        text = f"{_tensor_type(tensor)} {identifier(value.name)} = {values}"
        return text, notes.note(clauses)

    def _values(self, tensor: ir.TensorProtocol, place: Place, name: str, *, known: bool = True) -> str:
        if known and (self._style.inline is None or tensor.size <= self._style.inline):
            text = elements_text(tensor)
            if text is not None:
                return "{" + text + "}"
            return string_map([("base64", base64.b64encode(tensor.tobytes()).decode())])
        entries = [("from", "weights")]
        if self._names[place] != name:
            entries.append(("name", self._names[place]))
        if self._style.hash:
            entries.append(("sha256", digest(tensor)))
        return string_map(entries)

    def _tensor(self, tensor: ir.TensorProtocol, place: Place) -> str:
        """A tensor in an attribute."""
        name = f" {identifier(tensor.name)}" if tensor.name else ""
        return f"{_tensor_type(tensor)}{name} {self._values(tensor, place, '')}"

    # -- nodes ----------------------------------------------------------------------------------------

    def _node(self, node: ir.Node, depth: int) -> Iterator[str]:
        if node.device_configurations:
            raise TargetError(f"node {node.name or node.op_type}: device configurations have no text form")
        label = f"[{identifier(node.name)}] " if node.name else ""
        outputs = ", ".join(identifier(v.name) for v in _named(node.outputs))
        head = f"{label}{outputs} = {_operator(node)}"
        inputs = ", ".join('""' if v is None else identifier(v.name) for v in node.inputs)
        tail = f"({inputs})" + notes.note(self._node_clauses(node))
        attributes = [list(self._attribute(a, depth)) for a in node.attributes.values()]
        if all(len(lines) == 1 for lines in attributes):
            given = f" <{', '.join(lines[0] for lines in attributes)}> " if attributes else " "
            yield head + given + tail
            return
        yield head + " <"
        for index, lines in enumerate(attributes):
            yield from _indented(lines[:-1])
            yield _INDENT + lines[-1] + ("," if index < len(attributes) - 1 else "")
        yield f"> {tail}"

    def _node_clauses(self, node: ir.Node) -> Iterator[str]:
        outputs = _named(node.outputs)
        yield from notes.types_clause(outputs)
        if self._style.provenance != "none":
            yield from notes.origins_clause(node, short=self._style.provenance == "short")
        if self._style.provenance == "all":
            for value in outputs:
                yield from notes.source_clause(value)
        yield from notes.remarks("", node.doc_string, node.metadata_props)
        for value in outputs:
            yield from notes.value_clauses(value, f"value {identifier(value.name)} ")
        for attribute in node.attributes.values():
            yield from notes.remarks(f"attribute {identifier(attribute.name)} ", attribute.doc_string, {})
            if attribute.type == ir.AttributeType.TENSOR and not attribute.is_ref():
                yield from notes.tensor_clauses(attribute.as_tensor(), f"tensor {identifier(attribute.name)} ")

    def _attribute(self, attribute: ir.Attr, depth: int) -> Iterator[str]:
        head = f"{identifier(attribute.name)}: {attribute.type.name.lower()} = "
        if attribute.is_ref():
            yield f"{head}@{identifier(attribute.ref_attr_name)}"
        elif attribute.type == ir.AttributeType.GRAPH:
            yield from _headed(head, self.graph(attribute.as_graph(), depth + 1))
        elif attribute.type == ir.AttributeType.GRAPHS:
            yield head + "["
            graphs = list(attribute.as_graphs())
            for index, graph in enumerate(graphs):
                lines = list(self.graph(graph, depth + 1))
                yield from _indented([*lines[:-1], lines[-1] + ("," if index < len(graphs) - 1 else "")])
            yield "]"
        elif attribute.type == ir.AttributeType.TENSOR:
            yield head + self._tensor(attribute.as_tensor(), (id(attribute), 0))
        elif attribute.type == ir.AttributeType.TENSORS:
            tensors = [self._tensor(t, (id(attribute), i)) for i, t in enumerate(attribute.as_tensors())]
            yield f"{head}[{', '.join(tensors)}]"
        else:
            yield head + _plain_value(attribute)


def _tensor_type(tensor: ir.TensorProtocol) -> str:
    return type_text(ir.TensorType(tensor.dtype), ir.Shape(tensor.shape.numpy()))


def _plain_value(attribute: ir.Attr) -> str:
    """An attribute's value that is neither a graph nor a tensor."""
    kind, value = attribute.type, attribute.value
    if kind == ir.AttributeType.INT:
        return str(int(value))
    if kind == ir.AttributeType.FLOAT:
        return attribute_float(value)
    if kind == ir.AttributeType.STRING:
        return quoted(value)
    if kind == ir.AttributeType.INTS:
        return f"[{', '.join(str(int(v)) for v in value)}]"
    if kind == ir.AttributeType.FLOATS:
        return f"[{', '.join(attribute_float(v) for v in value)}]"
    if kind == ir.AttributeType.STRINGS:
        return f"[{', '.join(quoted(v) for v in value)}]"
    if kind == ir.AttributeType.TYPE_PROTO:
        return type_text(value.type, value.shape)
    if kind == ir.AttributeType.TYPE_PROTOS:
        return f"[{', '.join(type_text(v.type, v.shape) for v in value)}]"
    raise TargetError(f"attribute {attribute.name}: {kind.name.lower()} has no text form")


def _operator(node: ir.Node) -> str:
    domain = node.domain
    if domain:
        parts = [identifier(part) for part in domain.split(".")]
        domain = (quoted(domain) if any(part.startswith('"') for part in parts) else ".".join(parts)) + "."
    overload = f":{identifier(node.overload)}" if node.overload else ""
    return f"{domain}{identifier(node.op_type)}{overload}"


def _named(outputs: Sequence[ir.Value]) -> Sequence[ir.Value]:
    """A node's outputs without those at the end that have no name: nobody can read them."""
    count = len(outputs)
    while count and not outputs[count - 1].name:
        count -= 1
    return outputs[:count]


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (_INDENT + line for line in lines)


def _headed(head: str, lines: Iterator[str]) -> Iterator[str]:
    yield head + next(lines)
    yield from lines


def _bracketed(entries: Sequence[str]) -> Iterator[str]:
    yield "<"
    yield from _listed([(entry, "") for entry in entries])
    yield ">"


def _listed(items: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Items with commas between them, each on its line with its note."""
    for index, (text, remark) in enumerate(items):
        yield _INDENT + text + ("," if index < len(items) - 1 else "") + remark
