"""ONNX model → graph."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import onnx_ir as ir
from onnx import ModelProto

from dragoman.converters.onnx.external import ExternalFiles
from dragoman.converters.onnx.wire import Slice, read_model
from dragoman.graph_ir import IR_OPSET, Gap, Location, Model, Origin, Source
from dragoman.graph_ir.errors import MalformedModel, UnsupportedOperator, UsageError
from dragoman.graph_ir.inference import forget_shapes, infer_shapes
from dragoman.graph_ir.opsets import convert_opset
from dragoman.graph_ir.passes.editing import parts
from dragoman.graph_ir.provenance import set_origins, set_source_tensors
from dragoman.graph_ir.tensors import MappedFile, MappedTensor

_SMALL = 1 << 16
"""Bytes up to which an initializer is shown to the checker and to shape inference as values, not only as a shape."""


def load(
    source: str | os.PathLike[str] | ModelProto,
    *,
    weights: str | os.PathLike[str] | None = None,
    inputs: Mapping[str, Sequence[int | str]] | None = None,
    outputs: Sequence[str] | None = None,
    keep_opset: bool = False,
) -> Model:
    """Read an ONNX model, raised to the graph's opset unless ``keep_opset``; weights stay in their file until they are asked for.

    ``inputs`` sets the shapes of inputs (a string is a dynamic dimension), ``outputs`` names the values to give instead of the
    model's own. Raises ``MalformedModel``, ``UnsupportedOperator`` for what the graph's opset can't say, or ``UsageError`` for
    names that the model doesn't have.
    """
    if weights is not None:
        raise UsageError("an ONNX model names its own weight files; weights can't be given apart")
    path = None if isinstance(source, ModelProto) else Path(source)
    proto, file, values = _read(source)
    notes: list[str] = []
    try:
        if inputs:
            _reshape_inputs(proto.graph, inputs)
        light = _light(proto, values)
        _check(light, path)
        model = ir.serde.deserialize_model(proto)
    except (ir.serde.SerdeError, ValueError, TypeError, RuntimeError) as error:
        raise MalformedModel(f"isn't a valid ONNX model: {_first_words(error)}", location=_location(path)) from error
    _map_weights(model, proto, file, values)
    _open_external(model, ExternalFiles(path))
    _settle(model, notes)
    _infer(model, path, reshaped=bool(inputs))
    if outputs is not None:
        _choose_outputs(model.graph, outputs)
    _set_provenance(model, path)
    opset = int(model.graph.opset_imports[""])
    if not keep_opset and (gaps := convert_opset(model, IR_OPSET)):
        raise UnsupportedOperator(gaps, location=_location(path))
    return Model(model, Source("onnx", path, None, "ONNX", opset), notes)


def check(
    source: str | os.PathLike[str] | ModelProto,
    *,
    weights: str | os.PathLike[str] | None = None,
    inputs: Mapping[str, Sequence[int | str]] | None = None,
    outputs: Sequence[str] | None = None,
    keep_opset: bool = False,
) -> list[Gap]:
    """Every operator whose meaning the graph's opset can't say. Raises what ``load`` raises for other reasons."""
    try:
        load(source, weights=weights, inputs=inputs, outputs=outputs, keep_opset=keep_opset)
    except UnsupportedOperator as error:
        return list(error.gaps)
    return []


def _read(source: str | os.PathLike[str] | ModelProto) -> tuple[ModelProto, MappedFile | None, dict[int, Slice]]:
    if isinstance(source, ModelProto):
        proto, file, values = ModelProto(), None, dict[int, Slice]()
        proto.CopyFrom(source)
        location = None
    else:
        location = Location(str(source))
        try:
            file = MappedFile(source)
            proto, values = read_model(file)
        except OSError as error:
            raise MalformedModel(f"can't be read: {error.strerror or error}", location=location) from error
    if not proto.HasField("graph") or not proto.ir_version:
        raise MalformedModel("isn't an ONNX model: it has no graph", location=location)
    newest = onnx.defs.onnx_opset_version()
    for entry in proto.opset_import:
        if entry.domain in ("", "ai.onnx") and entry.version > newest:
            raise MalformedModel(f"uses opset {entry.version}; the installed onnx knows {newest} and older", location=location)
    return proto, file, values


# -- shapes and validity ------------------------------------------------------------------------------


def _reshape_inputs(graph: onnx.GraphProto, wanted: Mapping[str, Sequence[int | str]]) -> None:
    """Give inputs new shapes, and forget the shapes that followed from the old ones."""
    known = {value.name: value for value in graph.input}
    for name, shape in wanted.items():
        if name not in known:
            raise UsageError(f"the model has no input {name!r}; it has {', '.join(known)}")
        kind = known[name].type
        if kind.WhichOneof("value") != "tensor_type":
            raise UsageError(f"input {name} isn't a tensor; it has no shape")
        if kind.tensor_type.HasField("shape") and len(kind.tensor_type.shape.dim) != len(shape):
            raise UsageError(f"input {name} has {len(kind.tensor_type.shape.dim)} dimensions, not {len(shape)}")
        kind.tensor_type.ClearField("shape")
        kind.tensor_type.shape.SetInParent()
        for dim in shape:
            if isinstance(dim, str):
                kind.tensor_type.shape.dim.add(dim_param=dim)
            else:
                kind.tensor_type.shape.dim.add(dim_value=dim)
    del graph.value_info[:]
    for output in graph.output:
        if output.type.WhichOneof("value") == "tensor_type":
            for dim in output.type.tensor_type.shape.dim:
                dim.Clear()


def _light(proto: ModelProto, values: Mapping[int, Slice]) -> ModelProto:
    """The model with big initializers as inputs, for onnx's checker and inference, which want values or nothing."""
    light = ModelProto(ir_version=proto.ir_version)
    light.opset_import.extend(proto.opset_import)
    light.functions.extend(proto.functions)
    graph = light.graph
    graph.name = proto.graph.name or "graph"
    graph.node.extend(proto.graph.node)
    graph.input.extend(proto.graph.input)
    graph.output.extend(proto.graph.output)
    graph.value_info.extend(proto.graph.value_info)
    graph.sparse_initializer.extend(proto.graph.sparse_initializer)
    taken = {value.name for value in graph.input}
    for index, tensor in enumerate(proto.graph.initializer):
        big = index in values or tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.ByteSize() > _SMALL
        if not big:
            graph.initializer.append(tensor)
        elif tensor.name not in taken:
            graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    return light


def _check(light: ModelProto, path: Path | None) -> None:
    try:
        onnx.checker.check_model(light)
    except onnx.checker.ValidationError as error:
        raise MalformedModel(f"isn't a valid ONNX model: {_first_words(error)}", location=_location(path)) from error


def _infer(model: ir.Model, path: Path | None, *, reshaped: bool) -> None:
    """Type and shape every value; ``reshaped`` if the user gave the inputs other shapes than the model was made for."""
    if reshaped:
        forget_shapes(model)
    try:
        infer_shapes(model)
    except MalformedModel as error:
        raise MalformedModel(f"the shapes don't fit: {error.message}", location=_location(path), layer=error.layer) from error


# -- weights ------------------------------------------------------------------------------------------


def _map_weights(model: ir.Model, proto: ModelProto, file: MappedFile | None, values: Mapping[int, Slice]) -> None:
    if file is None:
        return
    for index, found in values.items():
        tensor = proto.graph.initializer[index]
        mapped = MappedTensor(file, found.offset, ir.DataType(tensor.data_type), tuple(tensor.dims), name=tensor.name)
        if mapped.nbytes != found.length:
            raise MalformedModel(
                f"tensor {tensor.name} of shape {list(tensor.dims)} needs {mapped.nbytes} bytes, the model has {found.length}",
                location=Location(str(file.path)),
            )
        model.graph.initializers[tensor.name].const_value = mapped


def _open_external(model: ir.Model, files: ExternalFiles) -> None:
    """Every tensor that is in another file becomes a slice of it, those of attributes and subgraphs too."""
    for graph in (model.graph, *model.graph.subgraphs()):
        for value in graph.initializers.values():
            if isinstance(value.const_value, ir.ExternalTensor):
                value.const_value = files.tensor(value.const_value)
    for owner in parts(model):
        for node in owner.all_nodes():
            for attribute in list(node.attributes.values()):
                if isinstance(attribute.value, ir.ExternalTensor):
                    node.attributes.add(ir.AttrTensor(attribute.name, files.tensor(attribute.value)))


# -- the graph ----------------------------------------------------------------------------------------


def _settle(model: ir.Model, notes: list[str]) -> None:
    """One name for the standard domain; weights that are optional inputs become weights only."""
    imports = model.graph.opset_imports
    if "ai.onnx" in imports:
        imports.setdefault("", imports.pop("ai.onnx"))
    imports.setdefault("", IR_OPSET)
    optional = [value for value in model.graph.inputs if value.is_initializer()]
    for value in optional:
        model.graph.inputs.remove(value)
    if optional:
        notes.append(f"{len(optional)} weights were optional inputs; they are constants now")


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
    for node in model.graph.all_nodes():
        name = node.name or next((out.name for out in node.outputs if out.name), "") or node.op_type
        set_origins(node, [Origin(name, f"{node.domain}::{node.op_type}" if node.domain else node.op_type, location)])
    for value in (*model.graph.inputs, *(out for node in model.graph for out in node.outputs)):
        if value.name:
            set_source_tensors(value, [value.name])


def _location(path: Path | None) -> Location | None:
    return Location(str(path)) if path is not None else None


def _first_words(error: BaseException) -> str:
    """The line of onnx's message that says what is wrong; deserialisation wraps the cause in layers of context."""
    while isinstance(error, ir.serde.SerdeError) and error.__cause__ is not None:
        error = error.__cause__
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
