"""Weights outside the model file: only files in the model's own folder are opened."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx_ir as ir

from dragoman.graph_ir.errors import Location, MalformedModel
from dragoman.graph_ir.tensors import MappedFile, MappedTensor


class ExternalFiles:
    """The files beside a model, each opened once."""

    def __init__(self, model: Path | None) -> None:
        """``model`` is the model's own path; None is a model in memory, which has no folder to look in."""
        self._model = model
        self._files: dict[Path, MappedFile] = {}

    def tensor(self, external: ir.ExternalTensor) -> ir.TensorProtocol:
        """``external`` as a slice of its file. ``MalformedModel`` if that is outside the model's folder, or too short."""
        file = self._file(external.name, str(external.location))
        if external.length is not None and external.length != external.nbytes:
            raise self._error(f"tensor {external.name} has {external.nbytes} bytes, its external data {external.length}")
        if external.dtype.bitwidth % 8 or external.dtype == ir.DataType.STRING:
            return self._packed(external, file)
        return MappedTensor(file, external.offset or 0, external.dtype, tuple(external.shape.numpy()), name=external.name)

    def _packed(self, external: ir.ExternalTensor, file: MappedFile) -> ir.TensorProtocol:
        """Elements of less than a byte: read by onnx_ir, from a file that has been judged."""
        if external.dtype == ir.DataType.STRING or (external.offset or 0) + external.nbytes > file.size:
            raise self._error(f"tensor {external.name}: its external data can't be {external.dtype.name} {external.shape}")
        external.base_dir = str(file.path.parent)
        return external

    def _file(self, name: str, location: str) -> MappedFile:
        if self._model is None:
            raise self._error(f"tensor {name} is in another file ({location}); a model in memory has no folder, give its path")
        folder = self._model.parent.resolve()
        windows = PureWindowsPath(location)
        if not location or PurePosixPath(location).is_absolute() or windows.drive or windows.root or ".." in windows.parts:
            raise self._error(f"tensor {name} is in {location!r}, which isn't inside the model's folder")
        path = (folder / location).resolve()
        if not path.is_relative_to(folder):
            raise self._error(f"tensor {name} is in {location!r}, a link that leaves the model's folder")
        if path not in self._files:
            try:
                self._files[path] = MappedFile(path)
            except OSError as error:
                raise self._error(f"can't read {location}, which holds tensor {name}: {error.strerror or error}") from error
        return self._files[path]

    def _error(self, message: str) -> MalformedModel:
        return MalformedModel(message, location=Location(str(self._model)) if self._model else None)
