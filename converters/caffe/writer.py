"""Caffe's files, written: a prototxt from typed messages, and a caffemodel streamed blob by blob."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from dragoman.converters.caffe.schema import (
    BlobProto,
    BlobShape,
    Field,
    Kind,
    LayerParameter,
    Message,
    NetParameter,
    V1LayerParameter,
)
from dragoman.converters.caffe.text import format_message
from dragoman.converters.caffe.upgrade import V1_NAMES
from dragoman.converters.caffe.wire import BYTES, VARINT, WIRE_TYPES
from dragoman.graph_ir.files import atomic_file
from dragoman.graph_ir.protobuf import key, varint

Array = npt.NDArray[Any]

CHUNK = 1 << 20
"""Elements converted at a time."""


class Storage(Enum):
    """How a caffemodel stores a blob's numbers."""

    FLOAT = "float"
    DOUBLE = "double"
    HALF = "half"
    UNPACKED = "unpacked"


def write_prototxt(path: str | os.PathLike[str], net: Message) -> Path:
    """Write ``net`` as text; only fields that are set, and floats that read back the same. Replaces ``path`` when complete."""
    with atomic_file(path) as stream:
        stream.write(format_message(net).encode())
    return Path(path)


def write_caffemodel(
    path: str | os.PathLike[str],
    layers: Iterable[tuple[str, str, Sequence[Array]] | tuple[LayerParameter, Sequence[Array]]],
    *,
    name: str = "",
    storage: Storage = Storage.FLOAT,
    legacy_shapes: bool = False,
    v1: bool = False,
) -> Path:
    """Write the blobs of ``layers``: tuples of name, type and arrays, or of a whole layer and arrays.

    ``layers`` may be a generator: one layer is held at a time. ``legacy_shapes`` writes num, channels, height and width
    instead of BlobShape (for arrays of at most four axes); ``v1`` writes layers of the second format, without settings.
    Replaces ``path`` when complete.
    """
    with atomic_file(path) as stream:
        if name:
            stream.write(encode(NetParameter(name=name)))
        for entry in layers:
            layer = entry[0] if isinstance(entry[0], LayerParameter) else LayerParameter(name=entry[0], type=entry[1])
            arrays: Sequence[Array] = entry[-1]
            blobs_field: Field[Any] = LayerParameter.fields["blobs"]
            outer: Field[Any] = NetParameter.fields["layer"]
            head = encode(layer)
            if v1:
                head = encode(_as_v1(layer))
                blobs_field, outer = V1LayerParameter.fields["blobs"], NetParameter.fields["layers"]
            prefixes = []
            size = len(head)
            for array in arrays:
                inner, data = _blob_head(np.shape(array), storage, legacy_shapes)
                length = len(inner) + data
                prefixes.append(key(blobs_field.number, BYTES) + varint(length) + inner)
                size += len(prefixes[-1]) + data
            stream.write(key(outer.number, BYTES) + varint(size) + head)
            for prefix, array in zip(prefixes, arrays, strict=True):
                stream.write(prefix)
                _write_data(stream, array, storage)
    return Path(path)


def write_mean(path: str | os.PathLike[str], mean: Array) -> Path:
    """Write ``mean``, of shape (N, C, H, W) or (C, H, W), as a ``.binaryproto`` with the legacy shape that Caffe writes."""
    array = np.asarray(mean, np.float32)
    head, _ = _blob_head(array.shape, Storage.FLOAT, True)
    with atomic_file(path) as stream:
        stream.write(head)
        _write_data(stream, array, Storage.FLOAT)
    return Path(path)


def encode(message: Message) -> bytes:
    """``message`` in protobuf's binary format."""
    parts: list[bytes] = []
    for name in message.present():
        field = message.fields[name]
        value = message.values[name]
        if field.packed:
            data = b"".join(_encode(field, item) for item in value)
            parts.append(key(field.number, BYTES) + varint(len(data)) + data)
            continue
        for item in value if field.repeated else [value]:
            parts.append(key(field.number, WIRE_TYPES.get(field.kind, VARINT)) + _encode(field, item))
    return b"".join(parts)


def _encode(field: Field[Any], value: Any) -> bytes:
    match field.kind:
        case Kind.FLOAT:
            return struct.pack("<f", value)
        case Kind.DOUBLE:
            return struct.pack("<d", value)
        case Kind.STRING | Kind.BYTES | Kind.MESSAGE:
            data = value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else encode(value)
            return varint(len(data)) + data
        case _:
            return varint(int(value) & 0xFFFFFFFFFFFFFFFF)


def _as_v1(layer: LayerParameter) -> V1LayerParameter:
    kinds = {name: kind for kind, name in V1_NAMES.items()}
    return V1LayerParameter(name=layer.name, type=kinds[layer.type], bottom=layer.bottom, top=layer.top)


def _blob_head(shape: tuple[int, ...], storage: Storage, legacy: bool) -> tuple[bytes, int]:
    """A blob's encoding up to its numbers, and how many bytes the numbers take."""
    blob = BlobProto()
    if legacy:
        if len(shape) > 4:
            raise ValueError(f"a legacy blob has four axes, not {len(shape)}")
        blob.num, blob.channels, blob.height, blob.width = (1,) * (4 - len(shape)) + shape
    else:
        blob.shape = BlobShape(dim=list(shape))
    count = math.prod(shape)
    if storage is Storage.HALF:
        blob.raw_data_type = 2
    head = encode(blob)
    if storage is Storage.UNPACKED:
        return head, 5 * count
    number, size = {Storage.FLOAT: (5, 4), Storage.DOUBLE: (8, 8), Storage.HALF: (12, 2)}[storage]
    head += key(number, BYTES) + varint(size * count)
    return head, size * count


DTYPES = {Storage.FLOAT: "<f4", Storage.DOUBLE: "<f8", Storage.HALF: "<f2", Storage.UNPACKED: "<f4"}


def _write_data(stream: IO[bytes], array: Array, storage: Storage) -> None:
    for part in _chunks(array):
        values = part.astype(DTYPES[storage], copy=False)
        if storage is Storage.UNPACKED:
            tagged = np.zeros(values.size, [("tag", "u1"), ("value", "<f4")])
            tagged["tag"], tagged["value"] = 0x2D, values.reshape(-1)
            values = tagged
        stream.write(np.ascontiguousarray(values).tobytes())


def _chunks(array: Array) -> Iterator[Array]:
    """``array`` in order, some rows at a time, so that what isn't contiguous or is of another dtype is never copied whole."""
    if array.size <= CHUNK or array.ndim == 0:
        yield array
        return
    rows = CHUNK * len(array) // array.size
    for start in range(0, len(array), max(rows, 1)):
        part = array[start : start + max(rows, 1)]
        yield from _chunks(part[0]) if rows == 0 else [part]
