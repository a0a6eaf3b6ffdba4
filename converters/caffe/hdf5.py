"""Weights that Caffe saved as HDF5: ``data/<layer>/<index>``, a shared parameter with its owner only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from dragoman.converters.caffe.weights import Blob, LayerWeights
from dragoman.graph_ir.errors import Location, MalformedModel, MissingRuntime
from dragoman.graph_ir.tensors import DerivedTensor, MappedFile, MappedTensor

if TYPE_CHECKING:
    import h5py

DTYPES = {"f2": ir.DataType.FLOAT16, "f4": ir.DataType.FLOAT, "f8": ir.DataType.DOUBLE}


def read_hdf5_weights(file: MappedFile) -> list[LayerWeights]:
    """The layers and blobs of an HDF5 weights file, by name, as Net::CopyTrainedLayersFromHDF5 goes through them.

    Raises ``MissingRuntime`` without h5py, ``MalformedModel`` if the file isn't what Caffe writes.
    """
    location = Location(str(file.path))
    try:
        import h5py  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingRuntime("HDF5 weights need h5py: pip install dragoman[caffe]", location=location) from None
    try:
        with h5py.File(file.path, "r") as root:
            data = root.get("data")
            if not isinstance(data, h5py.Group):
                raise MalformedModel("has no group 'data': these aren't weights that Caffe saved", location=location)
            layers = []
            for name in sorted(data, key=str.encode):
                group = data.get(name)
                if not isinstance(group, h5py.Group):
                    raise MalformedModel(f"data/{name} isn't a group", location=location, layer=name)
                layers.append(LayerWeights(name, _blobs(group, file, name, location)))
            return layers
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise MalformedModel(f"the file is truncated or corrupt: {error}", location=location) from None


def _blobs(group: h5py.Group, file: MappedFile, layer: str, location: Location) -> tuple[Blob | None, ...]:
    """The blobs of one layer; None where an index below the highest is left out."""
    found: dict[int, Blob] = {}
    for key in group:
        if not key.isdecimal():
            raise MalformedModel(f"has a blob {key!r}; a number is expected", location=location, layer=layer)
        dataset = group[key]
        kind = getattr(dataset, "dtype", None)
        if kind is None or kind.kind + str(kind.itemsize) not in DTYPES:
            raise MalformedModel(
                f"blob {key} holds {kind}; floating-point numbers are expected", location=location, layer=layer
            )
        found[int(key)] = _blob(dataset, file)
    if found and max(found) >= 64:
        raise MalformedModel(f"has a blob {max(found)}", location=location, layer=layer)
    return tuple(found.get(index) for index in range(max(found) + 1)) if found else ()


def _blob(dataset: h5py.Dataset, file: MappedFile) -> Blob:
    """Mapped where the numbers lie in one piece, else read when they are asked for."""
    shape = tuple(int(dim) for dim in dataset.shape)
    dtype = DTYPES[dataset.dtype.kind + str(dataset.dtype.itemsize)]
    offset = dataset.id.get_offset()
    if offset is not None and not dataset.external and dataset.dtype == np.dtype(dtype.numpy()).newbyteorder("<"):
        return Blob(shape, MappedTensor(file, offset, dtype, shape))
    path, name = file.path, dataset.name

    def read() -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        import h5py  # noqa: PLC0415 - optional

        with h5py.File(path, "r") as root:
            return np.asarray(root[name][()], dtype.numpy())

    return Blob(shape, DerivedTensor(read, dtype, shape))
