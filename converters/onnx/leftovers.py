"""Data files of a model that was replaced: those that nothing names any more go."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from pathlib import Path

from google.protobuf.message import DecodeError
from onnx import GraphProto, TensorProto

from dragoman.converters.onnx.messages import attribute_tensors, scopes
from dragoman.converters.onnx.wire import read_model
from dragoman.graph_ir.errors import DragomanError
from dragoman.graph_ir.files import same_file
from dragoman.graph_ir.tensors import MappedFile
from dragoman.graph_ir.writer import data_name


def data_of(model: Path) -> set[str]:
    """The data files with names like those we give that the ONNX file ``model`` names; none if it isn't one."""
    ours = re.compile(rf"{re.escape(data_name(model.name).removesuffix('.data'))}(\.\d+)?\.data")
    named = _named_by(model) or set()
    return {name for name in named if ours.fullmatch(name)}


def remove_leftovers(model: Path, before: Collection[str], keep: Collection[Path]) -> None:
    """Remove the data files ``before`` that the file in ``model``'s place had, and that neither it nor a model beside it names.

    A link, a file of ``keep``, and whatever can't be told, stay.
    """
    if not before:
        return
    with contextlib.suppress(OSError):
        others = [path for path in model.parent.iterdir() if path.suffix.lower() == ".onnx" and path.is_file()]
        named = [_named_by(path) for path in {model, *others}]
        for data in (model.with_name(name) for name in before):
            needed = any(names is None or data.name in names for names in named) or any(same_file(data, kept) for kept in keep)
            if not needed and data.is_file() and not data.is_symlink() and data.stat().st_nlink == 1:
                data.unlink()


def _named_by(path: Path) -> set[str] | None:
    """The files that an ONNX file's tensors are in; None if it can't be read."""
    try:
        proto = read_model(MappedFile(path))
        tensors = [*attribute_tensors(proto)]
    except (OSError, DragomanError, DecodeError, ValueError):
        return None
    for scope in scopes(proto):
        if isinstance(scope, GraphProto):
            tensors += scope.initializer
            tensors += [part for sparse in scope.sparse_initializer for part in (sparse.values, sparse.indices)]
    external = [tensor for tensor in tensors if tensor.data_location == TensorProto.EXTERNAL]
    return {entry.value for tensor in external for entry in tensor.external_data if entry.key == "location"}
