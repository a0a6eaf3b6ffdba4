"""Notes: what ONNX's syntax has no place for, in a comment that starts with ``#:`` and ends its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import onnx_ir as ir

from dragoman.graph_ir.annotations import QUANTIZATION
from dragoman.graph_ir.provenance import Origin, origins, source_tensors
from dragoman.graph_ir.text.words import identifier, quoted, type_text


def note(clauses: Iterable[str]) -> str:
    """The clauses as a note with the space before it; nothing for none."""
    text = "; ".join(clauses)
    return f"  #: {text}" if text else ""


def types_clause(values: Iterable[ir.Value]) -> Iterator[str]:
    """The types of a node's outputs, in their order."""
    found = [type_text(v.type, v.shape) for v in values]
    if any(text != "?" for text in found):
        yield ", ".join(found)


def origins_clause(node: ir.Node, *, short: bool) -> Iterator[str]:
    """``from layer (operator) at "file":line``; ``short``: only what the node itself doesn't say, and no folders."""
    found = origins(node)
    if short:
        names = {node.name, *(out.name for out in node.outputs)}
        operator = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
        found = tuple(o for o in found if o.layer not in names or o.operator != operator)
    if found:
        yield "from " + ", ".join(_origin(o, short=short) for o in found)


def _origin(origin: Origin, *, short: bool) -> str:
    text = f"{identifier(origin.layer)} ({identifier(origin.operator)})"
    if origin.location is None:
        return text
    line = "" if origin.location.line is None else f":{origin.location.line}"
    file = Path(origin.location.file).name if short else origin.location.file
    return f"{text} at {quoted(file)}{line}"


def source_clause(value: ir.Value) -> Iterator[str]:
    """``source name = "tensor"``: the source's tensors that the value equals."""
    if names := source_tensors(value):
        yield f"source {identifier(value.name)} = " + ", ".join(quoted(n) for n in names)


def remarks(target: str, doc: str | None, metadata: Mapping[str, str], key: str = "meta") -> Iterator[str]:
    """``doc "…"`` and ``meta "key": "value"`` of an item; ``target`` says of which part of it."""
    if doc:
        yield f"{target}doc {quoted(doc)}"
    for name, value in metadata.items():
        yield f"{target}{key} {quoted(name)}: {quoted(value)}"


def value_clauses(value: ir.Value, target: str = "") -> Iterator[str]:
    """What a value carries besides its type: documentation, metadata, quantisation, denotations."""
    yield from remarks(target, value.doc_string, value.metadata_props)
    yield from remarks(target, None, value.meta.get(QUANTIZATION) or {}, "quant")
    if value.type is not None and value.type.denotation:
        yield f"{target}denotation {quoted(value.type.denotation)}"
    if value.shape is not None:
        axes = [value.shape.get_denotation(i) or "" for i in range(len(value.shape))]
        if any(axes):
            yield f"{target}axes " + ", ".join(quoted(a) for a in axes)


def tensor_clauses(tensor: ir.TensorProtocol, target: str = "tensor ") -> Iterator[str]:
    """What a tensor carries besides its values."""
    yield from remarks(target, tensor.doc_string, tensor.metadata_props)
