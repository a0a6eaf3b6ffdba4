"""An ONNX file opened without its weights: the protobuf message with big tensors' bytes left out, and where they are.

See onnx.proto: ModelProto.graph is field 7, GraphProto.initializer 5; TensorProto keeps its values in raw_data (9), or packed
in float_data (4) or double_data (10), which on the wire are little-endian elements too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from onnx import ModelProto

from dragoman.graph_ir.errors import Location, MalformedModel
from dragoman.graph_ir.protobuf import varint
from dragoman.graph_ir.tensors import MappedFile

_GRAPH, _INITIALIZER = 7, 5
_DATA_TYPE, _VALUES = 2, frozenset({4, 9, 10})
_WHOLE_BYTES = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13})
"""TensorProto data types whose elements are whole bytes of numpy's own types: all of onnx's first numbers but STRING (8)."""
_KEPT = 4096
"""Values up to this many bytes stay in the message: shape inference and folding want them."""


@dataclass(frozen=True)
class Slice:
    """The bytes of a tensor's values in its file."""

    offset: int
    length: int


@dataclass(frozen=True)
class Field:
    """One protobuf field: its number, wire type, whole extent and, for wire type 2, where its contents start."""

    number: int
    wire_type: int
    start: int
    content: int
    end: int


def read_model(file: MappedFile) -> tuple[ModelProto, dict[int, Slice]]:
    """The model without its big tensors' values, and where those are, by the initializer's position.

    Raises ``MalformedModel`` if the file isn't one.
    """
    if file.size == 0:
        raise MalformedModel("is empty", location=Location(str(file.path)))
    values: dict[int, Slice] = {}
    parts: list[bytes] = []
    position = 0
    for field in _fields(file, 0, file.size):
        if field.number != _GRAPH or field.wire_type != 2:
            parts.append(file.map[field.start : field.end])
            continue
        graph: list[bytes] = []
        for part in _fields(file, field.content, field.end):
            if part.number == _INITIALIZER and part.wire_type == 2:
                content, values_at = _without_values(file, part)
                graph.append(_delimited(_INITIALIZER, content))
                if values_at is not None:
                    values[position] = values_at
                position += 1
            else:
                graph.append(file.map[part.start : part.end])
        parts.append(_delimited(_GRAPH, b"".join(graph)))
    model = ModelProto()
    try:
        model.ParseFromString(b"".join(parts))
    except DecodeError as error:
        raise MalformedModel(f"isn't an ONNX model: {error}", location=Location(str(file.path))) from error
    return model, values


def _without_values(file: MappedFile, tensor: Field) -> tuple[bytes, Slice | None]:
    """A TensorProto's bytes, less its values if they are many and could be mapped."""
    if tensor.end - tensor.content <= _KEPT:
        return file.map[tensor.content : tensor.end], None
    fields = list(_fields(file, tensor.content, tensor.end))
    dtype = next((_varint(file, f.content, f.end)[0] for f in fields if f.number == _DATA_TYPE and f.wire_type == 0), 0)
    found = [f for f in fields if f.number in _VALUES and f.end - f.content > _KEPT]
    natural = {4: 1, 10: 11}  # float_data holds other types too, one element to a float
    if dtype not in _WHOLE_BYTES or len(found) != 1 or found[0].wire_type != 2 or natural.get(found[0].number, dtype) != dtype:
        return file.map[tensor.content : tensor.end], None
    big = found[0]
    kept = b"".join(file.map[f.start : f.end] for f in fields if f is not big)
    return kept, Slice(big.content, big.end - big.content)


def _fields(file: MappedFile, start: int, end: int) -> Iterator[Field]:
    position = start
    while position < end:
        key, content = _varint(file, position, end)
        number, wire_type = key >> 3, key & 7
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


def _delimited(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def _not_a_model(file: MappedFile, position: int) -> MalformedModel:
    message = f"isn't an ONNX model, or is damaged: byte {position} isn't valid protobuf"
    return MalformedModel(message, location=Location(str(file.path)))
