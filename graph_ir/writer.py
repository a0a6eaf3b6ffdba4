"""ONNX bytes, streamed: headers first, then each tensor straight from where it is, into the model or into a file beside it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Collection, Hashable
from pathlib import Path
from typing import IO

import onnx_ir as ir

from dragoman.graph_ir.encoder import Encoder, Message, Place
from dragoman.graph_ir.errors import TargetError
from dragoman.graph_ir.files import AtomicFiles, same_file
from dragoman.graph_ir.protobuf import LIMIT
from dragoman.graph_ir.tensors import MappedTensor

_ALIGNMENT = 4096
"""Readers map the file's pages."""
_INLINE = 1024
"""Tensors up to this many bytes stay in the model when others go to external data: shapes and scalars are needed to load it."""

Progress = Callable[[int, int], None]
"""Called with the bytes written and the bytes to write."""


def write_onnx(
    model: ir.Model,
    path: str | os.PathLike[str],
    *,
    external_data: bool | None = None,
    provenance: bool = False,
    keep: Collection[Path] = (),
    progress: Progress | None = None,
) -> Path:
    """Write ``model`` to ``path``; weights go to ``path`` + ``.data`` if asked, or if protobuf can't hold them (2 GB).

    ``provenance`` puts the source layers of each node into its metadata. Files in ``keep`` are not replaced by the data: it gets
    another name then. Peak memory is the largest tensor that has to be computed; tensors mapped from a file are copied by the
    system. A model and its data appear together, and a failure leaves what was there. Raises ``TargetError``.
    """
    target = Path(path)
    whole = Encoder(model, provenance=provenance).model()
    if external_data or (external_data is None and whole.size > LIMIT):
        usual = target.with_name(data_name(target.name))
        data = usual if not os.path.lexists(usual) else _free(usual)
        store = _Store(data.name)
        message = Encoder(model, place=store.place, provenance=provenance).model()
        if store.tensors:
            with AtomicFiles() as files:  # the data first: nobody reads it before the model names it
                data_stream, stream = files.open(data), files.open(target)
                count = _counter(store.size + sum(size for _, size in message.tensors()), progress)
                store.write(data_stream, count)
                _write(_within_limit(message), stream, count)
            if data != usual and not any(same_file(usual, kept) for kept in keep):
                renamed = Encoder(model, place=_Store(usual.name).place, provenance=provenance).model()
                _rename_data(target, renamed, data, usual)
            return target
    with AtomicFiles() as files:
        _write(_within_limit(whole), files.open(target), _counter(sum(size for _, size in whole.tensors()), progress))
    return target


def model_bytes(model: ir.Model) -> bytes:
    """What ``write_onnx`` would write, in memory with all its weights."""
    pieces = _within_limit(Encoder(model).model()).pieces
    return b"".join(piece if isinstance(piece, bytes) else piece[0].tobytes() for piece in pieces)


def _within_limit(message: Message) -> Message:
    if message.size > LIMIT:
        raise TargetError(
            f"the model file would have {message.size:,} bytes; ONNX's readers take 2 GB, the rest as external data"
        )
    return message


def _counter(total: int, progress: Progress | None) -> Callable[[int], None]:
    done = 0

    def count(nbytes: int) -> None:
        nonlocal done
        done += nbytes
        if progress is not None:
            progress(done, total)

    return count


def _write(message: Message, stream: IO[bytes], count: Callable[[int], None]) -> None:
    for piece in message.pieces:
        if isinstance(piece, bytes):
            stream.write(piece)
        else:
            copy_tensor(*piece, stream)
            count(piece[1])
    stream.flush()


def copy_tensor(tensor: ir.TensorProtocol, size: int, stream: IO[bytes]) -> None:
    """Append a tensor's values, and check that they are as many bytes as was declared."""
    stream.flush()
    before = os.lseek(stream.fileno(), 0, os.SEEK_CUR)
    if hasattr(tensor, "tofile"):
        tensor.tofile(stream)
    else:
        stream.write(tensor.tobytes())
    stream.flush()
    written = os.lseek(stream.fileno(), 0, os.SEEK_CUR) - before
    if written != size:
        raise TargetError(f"tensor {tensor.name}: {written} bytes written where {size} were declared")


# -- external data --------------------------------------------------------------------------------------


class _Store:
    """Where each big tensor goes in the data file; one that is there twice is stored once."""

    def __init__(self, location: str) -> None:
        self.tensors: list[tuple[ir.TensorProtocol, int]] = []
        self.size = 0
        self._location = location
        self._offsets: dict[Hashable, int] = {}

    def place(self, tensor: ir.TensorProtocol) -> Place | None:
        """The data file and the tensor's offset in it; None for small ones."""
        if tensor.nbytes <= _INLINE:
            return None
        same: Hashable = id(tensor)  # the model holds it as long as we are
        if isinstance(tensor, MappedTensor) and tensor.contiguous:
            same = id(tensor.file), tensor.offset, tensor.nbytes
        if same not in self._offsets:
            offset = self.size + -self.size % _ALIGNMENT
            self._offsets[same] = offset
            self.tensors.append((tensor, offset))
            self.size = offset + tensor.nbytes
        return self._location, self._offsets[same]

    def write(self, stream: IO[bytes], count: Callable[[int], None]) -> None:
        done = 0
        for tensor, offset in self.tensors:
            stream.write(b"\0" * (offset - done))
            copy_tensor(tensor, tensor.nbytes, stream)
            count(offset - done + tensor.nbytes)
            done = offset + tensor.nbytes


def data_name(model: str) -> str:
    """The name of a model's data file, without what readers take for a folder, a drive or a place to refuse."""
    return re.sub(r"\.\.+|^#|[\\:\ud800-\udfff]", "_", model) + ".data"


def _free(usual: Path) -> Path:
    """A name like ``usual`` that nothing has."""
    number = 1
    while os.path.lexists(free := usual.with_name(f"{usual.stem}.{number}{usual.suffix}")):
        number += 1
    return free


def _rename_data(target: Path, renamed: Message, data: Path, usual: Path) -> None:
    """Give new data the usual name, which the data of the replaced model has, in steps that each leave a whole pair.

    The model in place names ``data``; ``renamed`` is the same model with ``usual`` for it. If the system can't (no links), the pair
    stays as it is.
    """
    link = _free(usual)
    try:
        link.symlink_to(data.name)
    except OSError:
        with contextlib.suppress(OSError):
            usual.unlink()
        return
    with contextlib.suppress(OSError, TargetError):
        try:
            link.replace(usual)
        finally:
            link.unlink(missing_ok=True)
        with AtomicFiles() as files:
            _write(renamed, files.open(target), lambda nbytes: None)
        data.replace(usual)
