"""The blobs of a caffemodel: shapes now, numbers when they are asked for."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.converters.caffe.schema import (
    BlobProto,
    LayerParameter,
    Message,
    NetParameter,
    Run,
    V0LayerParameter,
    V1LayerParameter,
)
from dragoman.converters.caffe.wire import read_message
from dragoman.graph_ir.errors import Location, MalformedModel
from dragoman.graph_ir.tensors import DerivedTensor, MappedFile, MappedTensor

RAW_TYPES = {0: ir.DataType.DOUBLE, 1: ir.DataType.FLOAT, 2: ir.DataType.FLOAT16}
"""NVCaffe's ``Type``, as far as it is used for weights."""

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, eq=False)
class Blob:
    """A learned array of a layer, as its file stores it; ``legacy`` if the file gives num, channels, height and width."""

    shape: tuple[int, ...]
    tensor: ir.TensorProtocol
    legacy: bool = False

    def reshape(self, shape: Sequence[int]) -> Blob:
        """The same numbers in another shape of the same count, and not legacy."""
        dims = tuple(shape)
        if math.prod(dims) != math.prod(self.shape):
            raise ValueError(f"{self.shape} can't be reshaped to {dims}")
        tensor = self.tensor
        if isinstance(tensor, MappedTensor):
            return Blob(dims, MappedTensor(tensor.file, tensor.offset, tensor.dtype, dims, stride=tensor.stride))
        return Blob(dims, DerivedTensor(lambda: tensor.numpy().reshape(dims), tensor.dtype, dims))


@dataclass(frozen=True)
class LayerWeights:
    """What a weights file holds for one layer; None stands for a blob that it leaves out because the layer shares it."""

    name: str
    blobs: tuple[Blob | None, ...]


def same_shape(blob: Blob, expected: Sequence[int]) -> bool:
    """Whether ``blob`` fits a parameter of shape ``expected``, as Blob::ShapeEquals decides.

    A legacy shape has four dimensions, aligned at the right: a bias of (N,) is stored as (1, 1, 1, N).
    """
    dims = tuple(expected)
    return (1,) * (4 - len(dims)) + dims == blob.shape if blob.legacy else dims == blob.shape


def blob(proto: BlobProto, file: MappedFile | None, layer: str, index: int, location: Location | None) -> Blob:
    """The blob in ``proto``, whose numbers lie in ``file`` if it was read from a binary one.

    Raises ``MalformedModel`` if its shape isn't one, or doesn't agree with how many numbers there are.
    """

    def fail(message: str) -> MalformedModel:
        return MalformedModel(f"blob {index} {message}", location=location, layer=layer)

    legacy = any(proto.has(name) for name in ("num", "channels", "height", "width"))
    shape = (proto.num, proto.channels, proto.height, proto.width) if legacy else tuple(proto.shape.dim)
    if any(dim < 0 for dim in shape):
        raise fail(f"has the shape {list(shape)}: a dimension is negative")
    field, dtype = "data", ir.DataType.FLOAT
    if proto.runs.get("raw_data") or proto.has("raw_data"):
        if not proto.has("raw_data_type") or proto.raw_data_type not in RAW_TYPES:
            raise fail(f"has raw data of type {proto.raw_data_type}; 0 (double), 1 (float) and 2 (half) are known")
        field, dtype = "raw_data", RAW_TYPES[proto.raw_data_type]
    elif proto.runs.get("double_data") or proto.has("double_data"):
        field, dtype = "double_data", ir.DataType.DOUBLE
    runs = proto.runs.get(field, [])
    stored: npt.NDArray[Any] | None = None
    if not runs and proto.has(field):
        value = proto.values[field]
        stored = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else np.asarray(value, dtype.numpy())
    size = int(dtype.itemsize) if field == "raw_data" else 1
    total = sum(run.count for run in runs) if stored is None else stored.size
    count = math.prod(shape)
    if total != count * size:
        raise fail(f"has the shape {list(shape)}, which is {count} numbers, and holds {total / size:g}")
    if stored is not None:
        array = stored.view(dtype.numpy()) if field == "raw_data" else stored
        return Blob(shape, ir.Tensor(array.reshape(shape), dtype=dtype), legacy)
    if not runs:
        return Blob(shape, ir.Tensor(np.empty(shape, dtype.numpy()), dtype=dtype), legacy)
    assert file is not None
    parts = [MappedTensor(file, run.offset, dtype, (run.count // size,), stride=_stride(run, dtype)) for run in runs]
    if len(parts) == 1:
        only = parts[0]
        return Blob(shape, MappedTensor(file, only.offset, dtype, shape, stride=only.stride), legacy)
    return Blob(
        shape, DerivedTensor(lambda: np.concatenate([part.numpy() for part in parts]).reshape(shape), dtype, shape), legacy
    )


def _stride(run: Run, dtype: ir.DataType) -> int:
    return max(run.stride, int(dtype.itemsize))


def blobs(protos: Sequence[BlobProto], file: MappedFile | None, layer: str, location: Location | None) -> tuple[Blob, ...]:
    """The blobs of one layer."""
    return tuple(blob(proto, file, layer, index, location) for index, proto in enumerate(protos))


def read_weights(path: str | os.PathLike[str]) -> list[LayerWeights]:
    """The layers and blobs of a ``.caffemodel`` of any of the three formats, or of an HDF5 one, in the order Caffe copies them.

    Nothing but names and shapes is read. Raises ``MalformedModel`` if it isn't such a file.
    """
    file = MappedFile(path)
    location = Location(str(file.path))
    if file.size == 0:
        raise MalformedModel("the file is empty", location=location)
    if file.map[:8] == HDF5_SIGNATURE:
        from dragoman.converters.caffe.hdf5 import read_hdf5_weights  # noqa: PLC0415 - h5py is optional

        return read_hdf5_weights(file)
    refuse_text(file, "weights (a caffemodel) are expected")
    net = read_message(file, NetParameter, _weights_only)
    if net.has("layer") and net.has("layers"):
        raise MalformedModel("has both 'layer' and 'layers'", location=location)
    entries = [(layer.name, layer.blobs) for layer in net.layer]
    for old in net.layers:
        if old.has("layer"):
            if old.layer.type != "padding":
                entries.append((old.layer.name, old.layer.blobs))
        else:
            entries.append((old.name, old.blobs))
    if not entries:
        raise MalformedModel("holds no layers: this isn't a caffemodel", location=location)
    return [LayerWeights(name, blobs(protos, file, name, location)) for name, protos in entries]


KEPT: dict[type[Message], frozenset[str]] = {
    NetParameter: frozenset({"layer", "layers"}),
    LayerParameter: frozenset({"name", "blobs"}),
    V1LayerParameter: frozenset({"name", "blobs", "layer"}),
    V0LayerParameter: frozenset({"name", "type", "blobs"}),
}


def _weights_only(kind: type[Message], name: str) -> bool:
    return kind not in KEPT or name in KEPT[kind]


def refuse_text(file: MappedFile, expected: str) -> None:
    """Raise ``MalformedModel`` if ``file`` is text."""
    if looks_like_text(file):
        raise MalformedModel(f"this looks like a prototxt; {expected}", location=Location(str(file.path)))


def looks_like_text(file: MappedFile) -> bool:
    """Whether the file begins as text does: no control characters but blanks, and UTF-8."""
    head = file.map[:4096] if file.size else b""
    if any(byte < 9 or 13 < byte < 32 for byte in head):
        return False
    try:
        head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a character cut by the end of the sample
    return True


def read_blob(path: Path) -> Blob:
    """The blob of a file that holds one BlobProto."""
    file = MappedFile(path)
    location = Location(str(path))
    if file.size == 0:
        raise MalformedModel("the file is empty", location=location)
    refuse_text(file, "a binary blob (.binaryproto) is expected")
    return blob(read_message(file, BlobProto), file, "", 0, location)
