"""Weights outside the message: in the model's own file, or in files in its own folder. No other is opened."""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx_ir as ir

from dragoman.converters.onnx.wire import INSIDE
from dragoman.graph_ir.errors import Location, MalformedModel
from dragoman.graph_ir.tensors import MappedFile, MappedTensor


class ExternalFiles:
    """The files beside a model, each opened once."""

    def __init__(self, model: Path | None, inside: MappedFile | None) -> None:
        """``model`` is the model's own path, ``inside`` its file; None is a model in memory, which has no folder to look in."""
        self._model = model
        self._inside = inside
        self._files: dict[Path, MappedFile] = {}

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that were opened."""
        return tuple(self._files)

    def tensor(self, external: ir.ExternalTensor) -> MappedTensor:
        """``external`` as a slice of its file. ``MalformedModel`` if that is outside the model's folder, or too short."""
        name, location = external.name or "", str(external.location)
        if external.dtype in (ir.DataType.STRING, ir.DataType.UNDEFINED):
            raise self._error(f"tensor {name} of type {external.dtype.name.lower()} can't be external data")
        inside = self._inside is not None and location == INSIDE
        shape = tuple(external.shape.numpy())
        needed = math.ceil(math.prod(shape) * external.dtype.bitwidth / 8)
        if external.length is not None and external.length != needed:
            where = "the model" if inside else f"its external data ({location})"
            raise self._error(
                f"tensor {name} of shape {list(shape)} needs {needed} bytes, {where} has {external.length} for it"
            )
        file = self._inside if inside and self._inside is not None else self._file(name, location)
        tensor = MappedTensor(file, external.offset or 0, external.dtype, shape, name=external.name)
        tensor.doc_string = external.doc_string
        tensor.metadata_props.update(external.metadata_props)
        return tensor

    def _file(self, name: str, location: str) -> MappedFile:
        if self._model is None:
            raise self._error(f"tensor {name} is in another file ({location}); a model in memory has no folder, give its path")
        folder = self._model.parent.resolve()
        windows = PureWindowsPath(location)
        outside = PurePosixPath(location).is_absolute() or windows.drive or windows.root or ".." in windows.parts
        if not location or "\0" in location or outside:
            raise self._error(f"tensor {name} is in {location!r}, which isn't inside the model's folder")
        try:
            path = (folder / location).resolve()
            if not path.is_relative_to(folder):
                raise self._error(f"tensor {name} is in {location!r}, a link that leaves the model's folder")
            if path not in self._files:
                self._files[path] = MappedFile(path)
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
            reason = getattr(error, "strerror", None) or error
            raise self._error(f"can't read {location}, which holds tensor {name}: {reason}") from error
        if self._files[path].links > 1:
            raise self._error(
                f"tensor {name} is in {location!r}, which has another hard link, maybe outside the model's folder"
            )
        return self._files[path]

    def _error(self, message: str) -> MalformedModel:
        return MalformedModel(message, location=Location(str(self._model)) if self._model else None)
