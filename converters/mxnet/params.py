"""Weights: MXNet's list of named arrays, mapped and not loaded; ``.npz`` of MXNet 2 too.

A list is: uint64 0x112, uint64 0, the number of arrays, the arrays; the number of names, each with its length. An array is a magic
number, its storage type (since 1.0), its shape, where it was (two int32), its dtype and its values. Before 0.11 there is no
magic number, and dimensions are uint32. See MXNet's src/ndarray/ndarray.cc, NDArray::Load.
"""

from __future__ import annotations

import math
import os
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.errors import Location, MalformedModel
from dragoman.graph_ir.tensors import MappedFile, MappedTensor

LIST_MAGIC = 0x112
_V1, V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_MOST_AXES = 32

DTYPES: Mapping[int, ir.DataType] = {
    0: ir.DataType.FLOAT,
    1: ir.DataType.DOUBLE,
    2: ir.DataType.FLOAT16,
    3: ir.DataType.UINT8,
    4: ir.DataType.INT32,
    5: ir.DataType.INT8,
    6: ir.DataType.INT64,
    7: ir.DataType.BOOL,
    8: ir.DataType.INT16,
    9: ir.DataType.UINT16,
    10: ir.DataType.UINT32,
    11: ir.DataType.UINT64,
    12: ir.DataType.BFLOAT16,
}
"""mshadow's type flags."""

_STORAGE = {1: "row-sparse", 2: "CSR"}


class _Cursor:
    """Reads little-endian numbers, and says where the file ends too early."""

    def __init__(self, file: MappedFile) -> None:
        self.file = file
        self.position = 0

    def take(self, form: str) -> int:
        size = struct.calcsize(form)
        if self.position + size > self.file.size:
            raise self.malformed(f"ends at byte {self.file.size}, in the middle of a number")
        (value,) = struct.unpack_from(form, self.file.map, self.position)
        self.position += size
        return int(value)

    def malformed(self, message: str) -> MalformedModel:
        return MalformedModel(message, location=Location(str(self.file.path)))


def read_params(source: str | os.PathLike[str]) -> dict[str, ir.TensorProtocol]:
    """Arrays by the names in the file (``arg:``, ``aux:`` and the like included). ``MalformedModel`` if it can't be read."""
    path = Path(source)
    try:
        file = MappedFile(path)
    except OSError as error:
        raise MalformedModel(f"can't be read: {error.strerror or error}", location=Location(str(path))) from error
    if file.size == 0:
        raise MalformedModel("is empty; weights (a .params file) are expected", location=Location(str(path)))
    if file.map[:2] == b"PK":
        return _read_npz(path)
    cursor = _Cursor(file)
    if file.size < 16 or cursor.take("<Q") != LIST_MAGIC:
        raise MalformedModel("isn't an MXNet .params file: it doesn't begin with its magic number", location=Location(str(path)))
    cursor.take("<Q")
    count = cursor.take("<Q")
    if count > file.size:
        raise cursor.malformed(f"declares {count} arrays in {file.size} bytes")
    tensors = [_array(cursor, number) for number in range(count)]
    named = cursor.take("<Q")
    if named not in (0, count):
        raise cursor.malformed(f"has {named} names for {count} arrays")
    names = [_name(cursor) for _ in range(named)] or [str(number) for number in range(count)]
    if len(set(names)) != len(names):
        raise cursor.malformed("has two arrays of one name")
    for name, tensor in zip(names, tensors, strict=True):
        tensor.name = name
    return dict(zip(names, tensors, strict=True))


def _name(cursor: _Cursor) -> str:
    length = cursor.take("<Q")
    end = cursor.position + length
    if end > cursor.file.size:
        raise cursor.malformed(f"ends at byte {cursor.file.size}, in the middle of a name")
    try:
        name = cursor.file.map[cursor.position : end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise cursor.malformed(f"has a name that isn't UTF-8 at byte {cursor.position}") from error
    cursor.position = end
    return name


def _array(cursor: _Cursor, number: int) -> MappedTensor:
    magic = cursor.take("<I")
    if magic in (V2, _V3):
        storage = cursor.take("<i")
        if storage > 0:
            kind = _STORAGE.get(storage, f"of storage type {storage}")
            raise cursor.malformed(f"array {number} is {kind}; only dense arrays can be read: save it with tostype('default')")
        axes = cursor.take("<i")
        if axes < 0 or (axes == 0 and magic == V2):
            raise cursor.malformed(f"array {number} is empty: it was saved before it had a shape")
        shape = _shape(cursor, number, axes, "<q")
    elif magic == _V1:
        shape = _shape(cursor, number, cursor.take("<I"), "<q")
    else:  # before there was a magic number: the number of axes
        shape = _shape(cursor, number, magic, "<I")
    cursor.take("<i"), cursor.take("<i")
    flag = cursor.take("<i")
    if flag not in DTYPES:
        raise cursor.malformed(f"array {number} has the unknown dtype {flag}")
    tensor = MappedTensor(cursor.file, cursor.position, DTYPES[flag], shape, name=str(number))
    cursor.position += tensor.nbytes
    return tensor


def _shape(cursor: _Cursor, number: int, axes: int, form: str) -> tuple[int, ...]:
    if axes > _MOST_AXES:
        raise cursor.malformed(f"isn't an MXNet .params file, or is damaged: array {number} has {axes} axes")
    shape = tuple(cursor.take(form) for _ in range(axes))
    if any(size < 0 for size in shape) or math.prod(shape) > cursor.file.size:
        raise cursor.malformed(f"array {number} of shape {list(shape)} doesn't fit into the file's {cursor.file.size} bytes")
    return shape


def _read_npz(path: Path) -> dict[str, ir.TensorProtocol]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: ir.Tensor(stored[name], name=name) for name in stored.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise MalformedModel(f"can't be read as numpy arrays: {error}", location=Location(str(path))) from error
