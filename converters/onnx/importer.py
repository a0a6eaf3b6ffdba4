"""ONNX model → graph."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import onnx_ir as ir
from onnx import ModelProto

from dragoman.converters.onnx import validity
from dragoman.converters.onnx.external import ExternalFiles
from dragoman.converters.onnx.messages import (
    check_tensors,
    check_text,
    nodes,
    open_tensors,
    put_maps_back,
    set_maps_aside,
    set_sparse_aside,
)
from dragoman.converters.onnx.shapes import reshape_inputs
from dragoman.converters.onnx.wire import read_model
from dragoman.graph_ir import IR_OPSET, Gap, Location, Model, Origin, Source
from dragoman.graph_ir.domains import limit_indices
from dragoman.graph_ir.errors import MalformedModel, UnsupportedOperator, UsageError
from dragoman.graph_ir.garbage import paused
from dragoman.graph_ir.inference import forget_shapes, infer_shapes
from dragoman.graph_ir.opsets import convert_opset
from dragoman.graph_ir.provenance import set_origins, set_source_tensors
from dragoman.graph_ir.tensors import MappedFile
from dragoman.graph_ir.traversal import parts, walk

_OPTIONAL_INPUTS = 4
"""The IR version since which weights needn't be inputs; before, that they are says nothing."""

_EXACT_WINDOWS = 22
"""The opset since which pooling's ceil_mode says how many windows there are."""

_LONGEST = 400
"""Characters of onnx's messages that are passed on: some hold whole nodes."""

_FAULTS = (
    ir.serde.SerdeError,
    onnx.checker.ValidationError,
    onnx.shape_inference.InferenceError,
    ValueError,
    TypeError,
    RuntimeError,
    LookupError,
    AttributeError,
    AssertionError,
    OverflowError,
)
"""What onnx and onnx_ir raise for messages that don't make a graph."""


@paused()
def load(
    source: str | os.PathLike[str] | ModelProto,
    *,
    weights: str | os.PathLike[str] | None = None,
    inputs: Mapping[str, Sequence[int | str]] | None = None,
    outputs: Sequence[str] | None = None,
    keep_opset: bool = False,
    optional_inputs: bool = False,
) -> Model:
    """Read an ONNX model, raised to the graph's opset unless ``keep_opset``; weights stay in their file until they are asked for.

    ``inputs`` sets the shapes of inputs (a string is a dynamic dimension), ``outputs`` names the values to give instead of the
    model's own. With ``optional_inputs``, inputs that have a default stay inputs; else they become constants. Raises
    ``MalformedModel``, ``UnsupportedOperator`` for what the graph's opset can't say, or ``UsageError`` for names that the model
    doesn't have.
    """
    if weights is not None:
        raise UsageError("an ONNX model names its own weight files; weights can't be given apart")
    path = None if isinstance(source, ModelProto) else Path(source)
    proto, file = _read(source)
    notes = _drop_training(proto)
    try:
        _name_the_standard_domain(proto)
        if inputs:
            reshape_inputs(proto.graph, inputs)
        sparse = set_sparse_aside(proto)
        check_tensors(proto)
        light = validity.light(proto)
        _check(light, path)
        set_maps_aside(proto)
        model = ir.serde.deserialize_model(proto)
        files = ExternalFiles(path, file)
        open_tensors(model, sparse, files)
        check_text(model)
    except _FAULTS as error:
        raise MalformedModel(f"isn't a valid ONNX model: {_first_words(error)}", location=_location(path)) from error
    notes += [*_settle(model, optional_inputs=optional_inputs), *_foreign_operators(model)]
    _infer(model, path, reshaped=bool(inputs))
    put_maps_back(model)  # after inference, which doesn't know maps
    if outputs is not None:
        _choose_outputs(model.graph, outputs)
    _set_provenance(model, path)
    opset = int(model.graph.opset_imports[""])
    if not keep_opset:
        _raise_opset(model, path)
    limit_indices(model)
    return Model(model, Source("onnx", path, None, "ONNX", opset, files.paths), notes)


def check(
    source: str | os.PathLike[str] | ModelProto,
    *,
    weights: str | os.PathLike[str] | None = None,
    inputs: Mapping[str, Sequence[int | str]] | None = None,
    outputs: Sequence[str] | None = None,
    keep_opset: bool = False,
    optional_inputs: bool = False,
) -> list[Gap]:
    """Every operator whose meaning the graph's opset can't say. Raises what ``load`` raises for other reasons."""
    try:
        load(source, weights=weights, inputs=inputs, outputs=outputs, keep_opset=keep_opset, optional_inputs=optional_inputs)
    except UnsupportedOperator as error:
        return list(error.gaps)
    return []


def _read(source: str | os.PathLike[str] | ModelProto) -> tuple[ModelProto, MappedFile | None]:
    if isinstance(source, ModelProto):
        proto, file = ModelProto(), None
        proto.CopyFrom(source)
        location = None
    else:
        location = Location(str(source))
        try:
            file = MappedFile(source)
            proto = read_model(file)
        except OSError as error:
            raise MalformedModel(f"can't be read: {error.strerror or error}", location=location) from error
    if not proto.HasField("graph") or not proto.ir_version:
        raise MalformedModel("isn't an ONNX model: it has no graph", location=location)
    newest = onnx.defs.onnx_opset_version()
    for entry in (entry for owner in (proto, *proto.functions) for entry in owner.opset_import):
        if entry.domain in ("", "ai.onnx") and not 1 <= entry.version <= newest:
            raise MalformedModel(f"uses opset {entry.version}; the installed onnx knows 1 to {newest}", location=location)
    return proto, file


# -- shapes and validity ------------------------------------------------------------------------------


def _check(light: ModelProto, path: Path | None) -> None:
    try:
        validity.check(light)
    except _FAULTS as error:
        raise MalformedModel(f"isn't a valid ONNX model: {_first_words(error)}", location=_location(path)) from error


def _infer(model: ir.Model, path: Path | None, *, reshaped: bool) -> None:
    """Type and shape every value; ``reshaped`` if the user gave the inputs other shapes than the model was made for."""
    if reshaped:
        forget_shapes(model)
    try:
        try:
            infer_shapes(model)
        except MalformedModel:
            if not _counts_dropped_windows(model):
                raise
            forget_shapes(model, declared=True)
            infer_shapes(model)
    except MalformedModel as error:
        raise MalformedModel(f"the shapes don't fit: {error.message}", location=_location(path), layer=error.layer) from error


def _counts_dropped_windows(model: ir.Model) -> bool:
    """Whether the shapes that the model declares may be onnx's, which before opset 22 counted windows of pooling with ceil_mode
    that no runtime has: those that start in the padding at the end."""
    opset = model.graph.opset_imports.get("", IR_OPSET)
    pooling = (node for part in parts(model) for node in walk(part) if node.op_type.endswith("Pool") and not node.domain)
    return opset < _EXACT_WINDOWS and any("ceil_mode" in node.attributes for node in pooling)


# -- the graph ----------------------------------------------------------------------------------------


def _drop_training(proto: ModelProto) -> list[str]:
    """What a model says of its training isn't part of what it computes."""
    if not proto.training_info:
        return []
    proto.ClearField("training_info")
    return ["what the model says of its training was left out"]


def _name_the_standard_domain(proto: ModelProto) -> None:
    """The standard domain has two names, "" and ai.onnx: the first everywhere. ``ValueError`` for two versions of it."""
    for owner in (proto, *proto.functions):
        versions = {entry.version for entry in owner.opset_import if entry.domain in ("", "ai.onnx")}
        if len(versions) > 1:
            raise ValueError(f"it imports two opsets, {min(versions)} and {max(versions)}")
        others = [entry for entry in owner.opset_import if entry.domain not in ("", "ai.onnx")]
        del owner.opset_import[:]
        owner.opset_import.extend([*(onnx.helper.make_opsetid("", version) for version in versions), *others])
    for node in nodes(proto):
        if node.domain == "ai.onnx":
            node.domain = ""


def _settle(model: ir.Model, *, optional_inputs: bool) -> list[str]:
    """An opset where none is said; weights that may be given as inputs become weights only, unless ``optional_inputs``."""
    model.graph.opset_imports.setdefault("", IR_OPSET)
    optional = [value for value in model.graph.inputs if value.is_initializer()]
    if not optional or (optional_inputs and model.ir_version >= _OPTIONAL_INPUTS):
        return []
    for value in optional:
        model.graph.inputs.remove(value)
    if len(optional) == 1:
        return ["1 weight was an optional input; it is a constant now"]
    return [f"{len(optional)} weights were optional inputs; they are constants now"]


def _foreign_operators(model: ir.Model) -> list[str]:
    """A note on operators that neither ONNX nor the model defines: nobody knows what they compute, but their runtime."""
    counts = Counter(
        f"{node.domain}::{node.op_type}"
        for part in parts(model)
        for node in walk(part)
        if node.op_identifier() not in model.functions and not onnx.defs.has(node.op_type, domain=node.domain)
    )
    if not counts:
        return []
    named = ", ".join(f"{name} × {count}" for name, count in sorted(counts.items()))
    return [f"operators that ONNX doesn't define were passed on as they are: {named}"]


def _raise_opset(model: ir.Model, path: Path | None) -> None:
    try:
        gaps = convert_opset(model, IR_OPSET)
    except _FAULTS as error:  # an operator that isn't what its opset says: the checker doesn't look at types and shapes
        reason = _first_words(error)
        raise MalformedModel(f"can't be raised to opset {IR_OPSET}: {reason}", location=_location(path)) from error
    if gaps:
        raise UnsupportedOperator(gaps, location=_location(path))


def _choose_outputs(graph: ir.Graph, wanted: Sequence[str]) -> None:
    known = {value.name: value for value in graph.inputs} | {out.name: out for node in graph for out in node.outputs}
    for name in wanted:
        if name not in known:
            outputs = ", ".join(value.name or "" for value in graph.outputs)
            raise UsageError(f"the model has no value {name!r}; its outputs are {outputs}")
        if known[name].type is None:
            raise UsageError(f"the type of {name!r} isn't known, so it can't be an output")
    graph.outputs[:] = [known[name] for name in wanted]


def _set_provenance(model: ir.Model, path: Path | None) -> None:
    location = _location(path)
    for node in walk(model.graph):
        name = node.name or next((out.name for out in node.outputs if out.name), "") or node.op_type
        set_origins(node, [Origin(name, f"{node.domain}::{node.op_type}" if node.domain else node.op_type, location)])
    for value in (*model.graph.inputs, *(out for node in model.graph for out in node.outputs)):
        if value.name:
            set_source_tensors(value, [value.name])


def _location(path: Path | None) -> Location | None:
    return Location(str(path)) if path is not None else None


def _first_words(error: BaseException) -> str:
    """What is wrong, from onnx's message of several lines; deserialisation wraps the cause in layers of context."""
    while isinstance(error, ir.serde.SerdeError) and error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).replace("==> Context: ", "— ").split())
    return (text if len(text) < _LONGEST else f"{text[:_LONGEST]}…") or type(error).__name__
