"""An ONNX file opened without its weights: the protobuf message with big tensors' bytes left out, and where they are.

See onnx.proto. A TensorProto keeps its values in raw_data (9), or packed in float_data (4) or double_data (10), which on the wire
are little-endian elements too. Where those are big, the message says instead what it says of external data, with the file
itself as the place.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from onnx import ModelProto, StringStringEntryProto, TensorProto

from dragoman.graph_ir.errors import Location, MalformedModel
from dragoman.graph_ir.protobuf import LIMIT, delimited, key, varint
from dragoman.graph_ir.tensors import MappedFile

INSIDE = f"#{secrets.token_hex(16)}"
"""The "external" location of values in the model's own file: one that no file can know. (onnx's checker passes over #.)"""

_CHILDREN = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""Which fields of which messages may hold tensors."""

_DATA_TYPE, _FLOAT, _RAW, _DOUBLE, _EXTERNAL, _LOCATION = 2, 4, 9, 10, 13, 14
_KEPT = 4096
"""Values up to this many bytes stay in the message: shape inference and folding want them."""
_DEPTH = 100
"""Messages in messages that protobuf reads."""


@dataclass(frozen=True)
class Field:
    """One protobuf field: its number, wire type, whole extent and, for wire type 2, where its contents start."""

    number: int
    wire_type: int
    start: int
    content: int
    end: int


def read_model(file: MappedFile) -> ModelProto:
    """The model; big tensors are external data in ``INSIDE``.

    Raises ``MalformedModel`` if the file isn't one.
    """
    if file.size == 0:
        raise MalformedModel("is empty", location=Location(str(file.path)))
    parts = list(_without_values(file, "model", 0, file.size, 1))
    size = sum(map(len, parts))
    if size > LIMIT:
        raise MalformedModel(
            f"has {size:,} bytes beside the values of its tensors; protobuf reads 2 GB at most",
            location=Location(str(file.path)),
        )
    model = ModelProto()
    try:
        model.ParseFromString(b"".join(parts))
    except DecodeError as error:
        raise MalformedModel(f"isn't an ONNX model: {error}", location=Location(str(file.path))) from error
    return model


def _without_values(file: MappedFile, kind: str, start: int, end: int, depth: int) -> Iterator[bytes | memoryview]:
    """The contents of a message, less the big values in it."""
    if depth > _DEPTH:
        raise MalformedModel("is nested deeper than protobuf reads (100 messages)", location=Location(str(file.path)))
    view = memoryview(file.map)
    kept = start
    for field in _fields(file, start, end):
        child = _CHILDREN[kind].get(field.number)
        if child is None or field.wire_type != 2 or field.end - field.content <= _KEPT:
            continue
        if child == "tensor":
            parts = _declaration(file, field)
        else:
            parts = list(_without_values(file, child, field.content, field.end, depth + 1))
        if parts is None:
            continue
        yield view[kept : field.start]
        yield key(field.number, 2) + varint(sum(map(len, parts)))
        yield from parts
        kept = field.end
    yield view[kept:end]


def _declaration(file: MappedFile, tensor: Field) -> list[bytes | memoryview] | None:
    """A TensorProto that says where its values are; None if they are few, or couldn't be mapped."""
    fields = list(_fields(file, tensor.content, tensor.end))
    found = [f for f in fields if f.number in (_FLOAT, _RAW, _DOUBLE) and f.end - f.content > _KEPT]
    if len(found) != 1 or found[0].wire_type != 2 or any(f.number in (_EXTERNAL, _LOCATION) for f in fields):
        return None
    big = found[0]
    dtypes = {_varint(file, f.content, f.end)[0] for f in fields if f.number == _DATA_TYPE and f.wire_type == 0}
    natural = {_FLOAT: {TensorProto.FLOAT, TensorProto.COMPLEX64}, _DOUBLE: {TensorProto.DOUBLE, TensorProto.COMPLEX128}}
    if len(dtypes) != 1 or not dtypes <= natural.get(big.number, dtypes - {TensorProto.STRING}):
        return None
    view = memoryview(file.map)
    place = (("location", INSIDE), ("offset", str(big.content)), ("length", str(big.end - big.content)))
    entries = [delimited(_EXTERNAL, StringStringEntryProto(key=k, value=v).SerializeToString()) for k, v in place]
    return [
        view[tensor.content : big.start],
        view[big.end : tensor.end],
        *entries,
        key(_LOCATION, 0) + varint(TensorProto.EXTERNAL),
    ]


def _fields(file: MappedFile, start: int, end: int) -> Iterator[Field]:
    position = start
    while position < end:
        tag, content = _varint(file, position, end)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            stop = _varint(file, content, end)[1]
        elif wire_type in (1, 5):
            stop = content + (8 if wire_type == 1 else 4)
        elif wire_type == 2:
            length, content = _varint(file, content, end)
            stop = content + length
        else:
            raise _not_a_model(file, position)
        if number == 0:
            raise _not_a_model(file, position)
        if stop > end:
            if end == file.size and position > 0:
                raise MalformedModel(
                    f"is truncated: byte {position} begins {stop - content} bytes, the file ends after {end - content}",
                    location=Location(str(file.path)),
                )
            raise _not_a_model(file, position)
        yield Field(number, wire_type, position, content, stop)
        position = stop


def _varint(file: MappedFile, position: int, end: int) -> tuple[int, int]:
    result = shift = 0
    while position < end and shift < 70:
        byte = file.map[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7
    raise _not_a_model(file, position)


def _not_a_model(file: MappedFile, position: int) -> MalformedModel:
    message = f"isn't an ONNX model, or is damaged: byte {position} isn't valid protobuf"
    return MalformedModel(message, location=Location(str(file.path)))
