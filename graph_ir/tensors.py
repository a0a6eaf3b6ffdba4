"""Tensors that stay in their file until they are written: a weight is a slice of a mapped file."""

from __future__ import annotations

import errno
import math
import mmap
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir

from dragoman.graph_ir.errors import Location, MalformedModel

CHUNK = 1 << 22
"""Bytes copied at a time where the kernel can't copy from file to file."""


class MappedFile:
    """A file opened for reading; mapped when its values are first asked for, and closed with its last tensor."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open ``path``; ``OSError`` if it can't be read, or isn't a file with an end (a folder, pipe or device)."""
        self.path = Path(path)
        if not stat.S_ISREG(self.path.stat().st_mode) and not self.path.is_dir():
            raise OSError(errno.EINVAL, "not a regular file", str(self.path))
        self._stream = self.path.open("rb")
        status = os.fstat(self._stream.fileno())
        self.size = status.st_size
        self.links = status.st_nlink
        self._map: mmap.mmap | None = None

    def __len__(self) -> int:
        return self.size

    @property
    def map(self) -> mmap.mmap:
        """The file's bytes, mapped read-only. An empty file can't be mapped (``ValueError``)."""
        if self._map is None:
            self._map = mmap.mmap(self._stream.fileno(), 0, access=mmap.ACCESS_READ)
        return self._map

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode: the same for every path to this file."""
        status = os.fstat(self._stream.fileno())
        return status.st_dev, status.st_ino

    def release(self) -> None:
        """Give the resident pages of the map back to the system; they are read again when asked for."""
        if self._map is not None and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def copy_to(self, target: IO[bytes], offset: int, length: int) -> None:
        """Append ``length`` bytes from ``offset`` to ``target``, inside the kernel where the system can."""
        done = 0
        if hasattr(os, "copy_file_range"):
            target.flush()
            done = _copy_file_range(self._stream.fileno(), target.fileno(), offset, length)
        while done < length:
            chunk = os.pread(self._stream.fileno(), min(CHUNK, length - done), offset + done)
            if not chunk:
                raise MalformedModel(
                    f"ends at byte {offset + done}, in the middle of a tensor", location=Location(str(self.path))
                )
            target.write(chunk)
            done += len(chunk)


def _copy_file_range(source: int, target: int, offset: int, length: int) -> int:
    """Copy inside the kernel at the target's own position; returns how much was done before the system declined."""
    done = 0
    while done < length:
        try:
            copied = os.copy_file_range(source, target, length - done, offset_src=offset + done)
        except OSError as error:
            if done or error.errno == 28:  # ENOSPC is a failure; before the first byte, the pair of file systems just can't
                raise
            return 0
        if copied == 0:
            return done
        done += copied
    return done


class MappedTensor(ir.TensorProtocol):
    """A tensor whose values are ``shape`` elements at ``offset`` of a mapped file, ``stride`` bytes apart.

    ``stride`` is the element's size unless the file interleaves something (protobuf's unpacked repeated fields). Elements of
    less than a byte are packed as ONNX packs them, the first in the lowest bits.
    """

    def __init__(
        self,
        file: MappedFile,
        offset: int,
        dtype: ir.DataType,
        shape: Sequence[int],
        *,
        stride: int | None = None,
        name: str | None = None,
    ) -> None:
        """Raise ``MalformedModel`` if the slice doesn't lie in the file."""
        self.name = name
        self.doc_string: str | None = None
        self.metadata_props: dict[str, str] = {}
        self.meta: dict[str, Any] = {}
        self.file = file
        self.offset = offset
        self._dtype = dtype
        self._shape = ir.Shape(shape)
        self._numpy_dtype = dtype.numpy().newbyteorder("<")
        self._packed = dtype.bitwidth % 8 != 0
        self.stride = self._numpy_dtype.itemsize if stride is None else stride
        count = math.prod(shape)
        if self.contiguous:
            end = offset + self.nbytes
        else:
            end = offset + (count - 1) * self.stride + self._numpy_dtype.itemsize if count else offset
        if offset < 0 or end > file.size or min(shape, default=0) < 0:
            raise MalformedModel(
                f"tensor {name or ''} of shape {list(shape)} needs bytes {offset} to {end}, the file has {file.size}",
                location=Location(str(file.path)),
            )

    @property
    def dtype(self) -> ir.DataType:  # type: ignore[override]  # the protocol's may be assigned; a slice of a file is what it is
        """The elements' type."""
        return self._dtype

    @property
    def shape(self) -> ir.Shape:  # type: ignore[override]
        """The dimensions, all known."""
        return self._shape

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self._shape.numpy())

    @property
    def nbytes(self) -> int:
        """The bytes that the elements take."""
        return math.ceil(self.size * self._dtype.bitwidth / 8) if self._packed else self.size * int(self._numpy_dtype.itemsize)

    @property
    def raw(self) -> npt.NDArray[Any]:
        """The same as ``numpy()``."""
        return self.numpy()

    @property
    def contiguous(self) -> bool:
        """Whether the elements lie side by side, so that the bytes can be copied as they are."""
        return bool(self.stride == self._numpy_dtype.itemsize)

    def numpy(self) -> npt.NDArray[Any]:
        """A read-only view of the mapped file, in ``shape``; a copy where elements are packed."""
        dims = tuple(self._shape.numpy())
        if math.prod(dims) == 0:
            return np.empty(dims, self._numpy_dtype)
        if self._packed:
            proto = onnx.TensorProto(data_type=self._dtype.value, dims=dims, raw_data=self.tobytes())
            return ir.serde.TensorProtoTensor(proto).numpy()
        if self.contiguous:
            return np.frombuffer(self.file.map, self._numpy_dtype, math.prod(dims), self.offset).reshape(dims)
        flat: npt.NDArray[Any] = np.ndarray((math.prod(dims),), self._numpy_dtype, self.file.map, self.offset, (self.stride,))
        return flat.reshape(dims)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def __dlpack__(self, *, stream: Any = None) -> Any:
        return np.array(self.numpy()).__dlpack__(stream=stream)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.numpy().__dlpack_device__()

    def tobytes(self) -> bytes:
        """The elements as little-endian bytes."""
        if self.contiguous:
            return self.file.map[self.offset : self.offset + self.nbytes] if self.nbytes else b""
        return self.numpy().tobytes()

    def tofile(self, file: IO[bytes]) -> None:
        """Append the elements' bytes to ``file``, without passing through this process where possible."""
        if self.contiguous:
            self.file.copy_to(file, self.offset, self.nbytes)
        else:
            file.write(self.tobytes())

    def __repr__(self) -> str:
        return f"MappedTensor({self.file.path.name}@{self.offset}, {self._dtype.name}, {self._shape})"


Array = npt.NDArray[Any]

_BLOCK = 1 << 24
"""Bytes of a tensor that are computed, compared or written at a time."""


class DerivedTensor(ir.LazyTensor):
    """A tensor computed from others when it is asked for, and not kept: a permutation, a cast, a folded scale.

    It is written block by block, so that a view of another, or what is computed in blocks, is never in memory as a whole.
    """

    def __init__(
        self,
        compute: Callable[[], Array | Iterator[Array]],
        dtype: ir.DataType,
        shape: Sequence[int],
        *,
        name: str | None = None,
    ) -> None:
        """``compute`` gives an array of exactly ``dtype`` and ``shape``, or its blocks along the first axis."""

        def evaluate() -> ir.TensorProtocol:  # without a reference to this object, which would be a cycle
            return ir.Tensor(_assembled(compute, tuple(shape), dtype.numpy(), name), name=name)

        super().__init__(evaluate, dtype=dtype, shape=ir.Shape(shape), name=name)
        self._compute = compute

    def blocks(self) -> Iterator[Array]:
        """The values in blocks along the first axis; a scalar as one of one element."""
        return _checked(self._compute(), tuple(self.shape.numpy()), self.dtype.numpy(), self.name)

    def tofile(self, file: IO[bytes]) -> None:
        """Append the elements' bytes to ``file``."""
        if self.dtype.bitwidth < 8:
            super().tofile(file)
            return
        for block in self.blocks():
            ir.Tensor(np.asarray(block, order="C"), dtype=self.dtype).tofile(file)


def _assembled(
    compute: Callable[[], Array | Iterator[Array]], shape: tuple[int, ...], dtype: np.dtype[Any], name: str | None
) -> Array:
    """The array, in its own memory unless it is computed as a whole and side by side."""
    computed = compute()
    if not isinstance(computed, Iterator) and (array := np.asarray(computed)).flags.c_contiguous:
        if array.shape != shape:
            raise _misshapen(name, array.shape, shape)
        return array.astype(dtype, copy=False)
    result, first = np.empty(shape, dtype), 0
    rows = result if shape else result.reshape(1)
    for block in _checked(computed, shape, dtype, name):
        rows[first : first + len(block)] = block
        first += len(block)
    return result


def _checked(
    computed: Array | Iterator[Array], shape: tuple[int, ...], dtype: np.dtype[Any], name: str | None
) -> Iterator[Array]:
    """The blocks of what was computed, which must be of ``shape`` in all; a scalar is one element."""
    count, *rest = shape or (1,)
    rows = 0
    for block in computed if isinstance(computed, Iterator) else _blocks(computed):
        rows += len(block)
        if block.shape[1:] != tuple(rest) or rows > count:
            raise _misshapen(name, (rows, *block.shape[1:]), shape)
        yield block.astype(dtype, copy=False)
    if rows != count:
        raise _misshapen(name, (rows, *rest), shape)


def _misshapen(name: str | None, computed: tuple[int, ...], declared: tuple[int, ...]) -> AssertionError:
    return AssertionError(f"derived tensor {name}: computed shape {computed}, declared {declared}")


def blocks(tensor: ir.TensorProtocol) -> Iterator[Array]:
    """The values in blocks along the first axis, a scalar as one of one element; what was read from a mapped file for one of them
    is given back to the system.
    """
    return tensor.blocks() if isinstance(tensor, DerivedTensor) else _blocks(tensor.numpy())


def _blocks(array: Array) -> Iterator[Array]:
    array = np.atleast_1d(array)
    rows = max(1, _BLOCK * len(array) // max(1, array.nbytes))
    for first in range(0, len(array), rows):
        try:
            yield array[first : first + rows]
        finally:  # whoever has seen enough stops here
            release(array)


def release(array: Array) -> None:
    """Give the resident pages of the file that ``array`` is a view of back to the system, as ``MappedFile.release`` does.

    What may be written to is left alone: its pages may be no longer the file's.
    """
    base: Any = None if array.flags.writeable else array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


class SparseTensor(DerivedTensor):
    """A tensor that is zero but for ``values``: their places are ``indices``, flat ones (count) or coordinates (count, rank)."""

    def __init__(
        self, values: ir.TensorProtocol, indices: ir.TensorProtocol, shape: Sequence[int], *, name: str | None = None
    ) -> None:
        """Nothing is checked; see ``in_order``."""
        super().__init__(self._dense, values.dtype, shape, name=name)
        self.values = values
        self.indices = indices

    def in_order(self) -> bool:
        """Whether every index is one of the tensor's, each once, in ascending order."""
        places = self.indices.numpy()
        dims = self.shape.numpy()
        limit = np.array(dims if places.ndim == 2 else min(math.prod(dims), (1 << 63) - 1), np.int64)
        if places.size == 0:
            return True
        if (places < 0).any() or (places >= limit).any():
            return False
        if places.ndim == 1:
            return bool((np.diff(places) > 0).all())
        steps = np.diff(places, axis=0)
        first = (steps != 0).argmax(axis=1)  # an index comes after another if it is greater where they first differ
        return bool((np.take_along_axis(steps, first[:, None], axis=1) > 0).all())

    def _dense(self) -> npt.NDArray[Any]:
        dims = tuple(self.shape.numpy())
        dense = np.zeros(dims, self.values.dtype.numpy())
        places = self.indices.numpy()
        dense[tuple(places.T) if places.ndim == 2 else np.unravel_index(places, dims)] = self.values.numpy()
        return dense


def cast(tensor: ir.TensorProtocol, dtype: ir.DataType) -> ir.TensorProtocol:
    """``tensor`` as ``dtype``: itself where it already is, else a derived tensor."""
    if tensor.dtype == dtype:
        return tensor
    shape = tuple(tensor.shape.numpy())
    return DerivedTensor(lambda: (block.astype(dtype.numpy()) for block in blocks(tensor)), dtype, shape, name=tensor.name)
