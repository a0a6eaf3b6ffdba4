"""Graph → ONNX model."""

from __future__ import annotations

import os
from pathlib import Path

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import InlinePass

from dragoman.converters.onnx.leftovers import data_of, remove_leftovers
from dragoman.converters.onnx.versions import METADATA, ir_version
from dragoman.converters.onnx.wire import read_model
from dragoman.graph_ir import DOMAIN, Gap, Model, Source
from dragoman.graph_ir.errors import TargetError, UnsupportedOperator, UsageError
from dragoman.graph_ir.files import same_file
from dragoman.graph_ir.garbage import paused
from dragoman.graph_ir.opsets import OLDEST, convert_opset
from dragoman.graph_ir.tensors import MappedFile
from dragoman.graph_ir.traversal import parts, walk
from dragoman.graph_ir.writer import Progress, model_bytes, write_onnx

DEFAULT_OPSET = 21
"""What other formats become if no opset is asked for: ONNX Runtime reads it since 1.18 (2024), as do OpenVINO and TensorRT, and
it already has normalisation layers, Gelu and 4-bit types."""

_FUNCTIONS = 15
"""The first opset whose release of ONNX (1.10, IR version 8) has functions in models."""


@paused()
def save(
    model: Model,
    path: str | os.PathLike[str],
    *,
    opset: int | None = None,
    external_data: bool | None = None,
    provenance: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write ``model`` as ONNX at ``opset``; ``model`` itself stays as it is.

    Weights are in the file, or with ``external_data`` in ``path`` + ``.data``; without a choice, where they fit. ``provenance``
    says in the metadata of each node which layers of the source it comes from. The data of a model that is replaced goes with it.

    Without ``opset``, a model that was ONNX keeps its own if that is ``OLDEST`` or newer, and any other becomes ``DEFAULT_OPSET``;
    or the first newer one that has what it needs. Raises ``UnsupportedOperator`` (every gap at once), ``UsageError`` or ``TargetError``.
    """
    converted, gaps = _legalise(model, opset)
    if gaps:
        raise UnsupportedOperator(gaps)
    keep = _sources(model.source, Path(path))
    if provenance:
        converted.ir_version = max(converted.ir_version, METADATA)
    before = data_of(Path(path))
    written = write_onnx(converted, path, external_data=external_data, provenance=provenance, keep=keep, progress=progress)
    remove_leftovers(written, before, keep)
    return written


def check(model: Model, *, opset: int | None = None) -> list[Gap]:
    """Every operator that ``save`` couldn't express at ``opset``, with the source layers that need it."""
    return _legalise(model, opset)[1]


def files(path: str | os.PathLike[str]) -> list[Path]:
    """A model that was written, and its data if that is apart."""
    model = Path(path)
    return [model, *(model.with_name(name) for name in sorted(data_of(model)))]


def count_nodes(path: str | os.PathLike[str]) -> int:
    """Nodes of the graph in a file; those in bodies and functions aside."""
    return len(read_model(MappedFile(path)).graph.node)


def to_proto(model: Model, *, opset: int | None = None) -> onnx.ModelProto:
    """The model as ``save`` would write it, in memory with all its weights: for small models."""
    converted, gaps = _legalise(model, opset)
    if gaps:
        raise UnsupportedOperator(gaps)
    proto = onnx.ModelProto()
    proto.ParseFromString(model_bytes(converted))
    return proto


def _sources(source: Source, target: Path) -> list[Path]:
    """The files that the model's weights are still read from. A model may replace its own file, with all that belongs to it."""
    if source.path is not None and same_file(source.path, target):
        return []
    found = [path for path in (source.path, source.weights, *source.files) if path is not None]
    if any(same_file(path, target) for path in found):
        raise TargetError(f"can't write {target}: the source's weights are in it")
    return found


def _legalise(model: Model, opset: int | None) -> tuple[ir.Model, list[Gap]]:
    """A copy of the graph at ``opset``, sharing its tensors, and what stands in the way."""
    newest = onnx.defs.onnx_opset_version()
    if opset is not None:
        if not OLDEST <= opset <= newest and opset != model.opset:
            raise UsageError(f"ONNX can be written at opset {OLDEST} to {newest}, not {opset}")
        return _converted(model, opset)
    wanted = model.source.opset or DEFAULT_OPSET
    if wanted != model.opset:
        wanted = max(wanted, OLDEST)
    first: tuple[ir.Model, list[Gap]] | None = None
    for candidate in range(wanted, max(model.opset, wanted) + 1):
        attempt = _converted(model, candidate)
        if not attempt[1]:
            return attempt
        first = first or attempt
    assert first is not None
    return first


def _converted(model: Model, opset: int) -> tuple[ir.Model, list[Gap]]:
    copy = model.ir.clone()
    gaps = _convert(copy, opset)
    if gaps and copy.functions:  # where an attribute is a function's parameter, its calls say what it is
        inlined = model.ir.clone()
        _inline(inlined)
        if not _convert(inlined, opset):
            copy, gaps = inlined, []
    if not gaps and opset < _FUNCTIONS and copy.functions:
        _inline(copy)
    for part in parts(copy):
        _name_nodes_apart(part)
    if opset != model.source.opset:
        copy.ir_version = ir_version(copy)
        _name_overloads_apart(copy)
    else:
        copy.ir_version = max(copy.ir_version, ir_version(copy))
    return copy, gaps


def _convert(graph: ir.Model, opset: int) -> list[Gap]:
    try:
        return convert_opset(graph, opset)
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, ValueError, LookupError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TargetError(f"the model can't be lowered to opset {opset}: {reason}") from error


def _inline(graph: ir.Model) -> None:
    InlinePass()(graph)
    graph.graph.opset_imports.pop(DOMAIN, None)


def _name_nodes_apart(part: ir.Graph | ir.Function) -> None:
    """ONNX leaves node names free; ONNX Runtime refuses two nodes of one name."""
    taken: set[str] = set()
    for node in walk(part):
        name = candidate = node.name or ""
        number = 0
        while candidate and candidate in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate)
        node.name = candidate


def _name_overloads_apart(model: ir.Model) -> None:
    """Overloads of a function become functions of their own: ONNX has them since IR version 10, ONNX Runtime only since 1.24."""
    calls: dict[ir.OperatorIdentifier, list[ir.Node]] = {}
    for part in parts(model):
        for node in walk(part):
            calls.setdefault(node.op_identifier(), []).append(node)
    for identifier, function in list(model.functions.items()):
        if not function.overload:
            continue
        name, number = f"{function.name}_{function.overload}", 0
        while (function.domain, name, "") in model.functions:
            number += 1
            name = f"{function.name}_{function.overload}_{number}"
        for node in calls.get(identifier, ()):
            node.op_type, node.overload = name, ""
        del model.functions[identifier]
        function.name, function.overload = name, ""
        model.functions[function.identifier()] = function
