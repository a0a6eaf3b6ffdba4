"""A graph as ONNX's protobuf messages, in pieces: bytes, and tensors whose values are copied when they are written.

Messages know their length before their contents, and a tensor may lie deep inside them (subgraphs, attributes, functions), so
each message is a list of pieces and a size. See onnx.proto for the field numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import onnx
import onnx_ir as ir

from dragoman.graph_ir.annotations import QUANTIZATION
from dragoman.graph_ir.errors import TargetError
from dragoman.graph_ir.protobuf import delimited, key, varint
from dragoman.graph_ir.provenance import origins
from dragoman.graph_ir.tensors import SparseTensor
from dragoman.graph_ir.types import write_type

_FUNCTION_TYPES = 10
"""The IR version that has types of values in functions."""

Node = ir.Node
Place = tuple[str, int]
"""A file beside the model, and an offset in it."""
Kinds = ir.AttributeType


class Message:
    """The contents of a message: pieces of bytes, and tensors (with the bytes that their values take)."""

    def __init__(self, content: bytes = b"") -> None:
        """``content`` is encoded already."""
        self.pieces: list[bytes | tuple[ir.TensorProtocol, int]] = [content]
        self.size = len(content)

    def add(self, content: bytes) -> None:
        """Append encoded fields."""
        self.pieces.append(content)
        self.size += len(content)

    def add_message(self, field: int, message: Message) -> None:
        """Append a field that is a message."""
        self.add(key(field, 2) + varint(message.size))
        self.pieces += message.pieces
        self.size += message.size

    def add_values(self, field: int, tensor: ir.TensorProtocol) -> None:
        """Append a field that is a tensor's values."""
        self.add(key(field, 2) + varint(tensor.nbytes))
        self.pieces.append((tensor, tensor.nbytes))
        self.size += tensor.nbytes

    def tensors(self) -> Iterator[tuple[ir.TensorProtocol, int]]:
        """The tensors among the pieces."""
        return (piece for piece in self.pieces if not isinstance(piece, bytes))


class Encoder:
    """Encodes a model; ``place`` says which tensors have their values in another file, and where."""

    def __init__(
        self,
        model: ir.Model,
        *,
        place: Callable[[ir.TensorProtocol], Place | None] = lambda tensor: None,
        provenance: bool = False,
    ) -> None:
        """``provenance`` writes the source layers of every node into its metadata."""
        self._model = model
        self._place = place
        self._provenance = provenance

    def model(self) -> Message:
        """The ModelProto."""
        model = self._model
        head = onnx.ModelProto(
            ir_version=model.ir_version,
            producer_name=model.producer_name or "",
            producer_version=model.producer_version or "",
            domain=model.domain or "",
            model_version=model.model_version or 0,
            doc_string=model.doc_string or "",
        )
        for domain, version in model.graph.opset_imports.items():
            head.opset_import.add(domain=domain, version=version)
        _add_entries(head.metadata_props, model.metadata_props)
        for configuration in model.device_configurations:
            head.configuration.append(ir.serde.serialize_model_configuration(configuration))
        result = Message(head.SerializeToString())
        result.add_message(7, self._graph(model.graph))
        for function in model.functions.values():
            result.add_message(25, self._function(function))
        return result

    def _graph(self, graph: ir.Graph) -> Message:
        """A GraphProto: what is small first, then its nodes, then its initializers."""
        rest = onnx.GraphProto(name=graph.name or "graph", doc_string=graph.doc_string or "")
        for value in graph.inputs:
            _write_value(value, rest.input.add())
        for value in graph.outputs:
            _write_value(value, rest.output.add())
        outputs = set(graph.outputs)
        made = [out for node in graph for out in node.outputs if out.name]
        for value in made:
            if value not in outputs and (value.type is not None or value.metadata_props or value.doc_string):
                _write_value(value, rest.value_info.add())
        weights = list(graph.initializers.values())
        for value in weights:
            if (value.metadata_props or value.doc_string) and value not in outputs and not value.is_graph_input():
                _write_value(value, rest.value_info.add())
        known = {value.name for value in (*graph.inputs, *weights, *made)}
        for value in dict.fromkeys((*graph.inputs, *weights, *made)):
            names: Mapping[str, str] = value.meta.get(QUANTIZATION) or {}
            if names and known.issuperset(names.values()):
                annotation = rest.quantization_annotation.add(tensor_name=value.name)
                _add_entries(annotation.quant_parameter_tensor_names, names)
        _add_entries(rest.metadata_props, graph.metadata_props)
        result = Message(rest.SerializeToString())
        for value in weights:
            if isinstance(value.const_value, SparseTensor):  # onnx doesn't infer types from sparse initializers
                result.add_message(1, self._sparse_constant(value.name or "", value.const_value))
        for node in graph:
            result.add_message(1, self._node(node))
        for value in weights:
            if value.const_value is None:
                raise TargetError(f"initializer {value.name} has no values")
            if not isinstance(value.const_value, SparseTensor):
                result.add_message(5, self._tensor(value.const_value, value.name or ""))
        return result

    def _sparse_constant(self, name: str, tensor: SparseTensor) -> Message:
        """A Constant node's NodeProto."""
        result = Message(onnx.NodeProto(op_type="Constant", output=[name]).SerializeToString())
        result.add_message(5, self._attribute(ir.Attr("value", Kinds.TENSOR, tensor)))
        return result

    def _function(self, function: ir.Function) -> Message:
        """A FunctionProto."""
        rest = onnx.FunctionProto(
            domain=function.domain,
            name=function.name,
            overload=function.overload,
            doc_string=function.doc_string or "",
            input=[value.name or "" for value in function.inputs],
            output=[value.name or "" for value in function.outputs],
            attribute=[a.name for a in function.attributes.values() if a.value is None],
        )
        for domain, version in function.opset_imports.items():
            rest.opset_import.add(domain=domain, version=version)
        if self._model.ir_version >= _FUNCTION_TYPES:
            for value in (*function.inputs, *(out for node in function for out in node.outputs)):
                if value.name and (value.type is not None or value.metadata_props or value.doc_string):
                    _write_value(value, rest.value_info.add())
        _add_entries(rest.metadata_props, function.metadata_props)
        result = Message(rest.SerializeToString())
        for attribute in function.attributes.values():
            if attribute.value is not None:
                result.add_message(11, self._attribute(attribute))
        for node in function:
            result.add_message(7, self._node(node))
        return result

    def _node(self, node: ir.Node) -> Message:
        """A NodeProto. Outputs at the end that have no name are left out."""
        outputs = [out.name or "" for out in node.outputs]
        while outputs and not outputs[-1]:
            outputs.pop()
        head = onnx.NodeProto(
            op_type=node.op_type,
            input=["" if value is None else value.name or "" for value in node.inputs],
            output=outputs,
        )
        for name in ("domain", "name", "overload", "doc_string"):
            if text := getattr(node, name):
                setattr(head, name, text)
        _add_entries(head.metadata_props, node.metadata_props | (_provenance(node) if self._provenance else {}))
        for device in node.device_configurations:
            head.device_configurations.append(ir.serde.serialize_node_device_configuration(device))
        result = Message(head.SerializeToString())
        for attribute in node.attributes.values():
            result.add_message(5, self._attribute(attribute))
        return result

    def _attribute(self, attribute: ir.Attr) -> Message:
        """An AttributeProto."""
        if attribute.is_ref():
            return Message(ir.serde.serialize_reference_attribute(attribute).SerializeToString())
        name, kind, value = attribute.name, attribute.type, attribute.value
        if kind not in _NESTED:
            return Message(ir.serde.serialize_attribute(attribute).SerializeToString())
        if kind == Kinds.TENSOR and isinstance(value, SparseTensor):
            name, kind = "sparse_value", Kinds.SPARSE_TENSOR  # of a Constant: no other operator has it
        field, several, encode = _NESTED[kind]
        head = onnx.AttributeProto(name=name, type=kind.name, doc_string=attribute.doc_string or "")
        result = Message(head.SerializeToString())
        for item in value if several else [value]:
            result.add_message(field, encode(self, item))
        return result

    def _tensor(self, tensor: ir.TensorProtocol, name: str | None = None, *, elsewhere: bool = True) -> Message:
        """A TensorProto; ``name`` in place of its own. ``elsewhere``: its values may be in another file."""
        name = name if name is not None else tensor.name or ""
        if tensor.dtype == ir.DataType.STRING:
            proto = ir.serde.serialize_tensor(tensor)
            proto.name = name
            return Message(proto.SerializeToString())
        head = onnx.TensorProto(data_type=tensor.dtype.value, dims=tensor.shape.numpy(), name=name)
        if tensor.doc_string:
            head.doc_string = tensor.doc_string
        _add_entries(head.metadata_props, tensor.metadata_props)
        if elsewhere and (place := self._place(tensor)) is not None:
            location, offset = place
            for entry, text in (("location", location), ("offset", str(offset)), ("length", str(tensor.nbytes))):
                head.external_data.add(key=entry, value=text)
            head.data_location = onnx.TensorProto.EXTERNAL
            return Message(head.SerializeToString())
        result = Message(head.SerializeToString())
        if tensor.nbytes:
            result.add_values(9, tensor)
        return result

    def _sparse_tensor(self, tensor: SparseTensor) -> Message:
        """A SparseTensorProto."""
        result = Message()
        result.add_message(1, self._tensor(tensor.values, elsewhere=False))
        result.add_message(2, self._tensor(tensor.indices, elsewhere=False))
        result.add(delimited(3, b"".join(map(varint, tensor.shape.numpy()))))
        return result


_NESTED: dict[Kinds, tuple[int, bool, Callable[[Encoder, Any], Message]]] = {
    Kinds.TENSOR: (5, False, Encoder._tensor),
    Kinds.TENSORS: (10, True, Encoder._tensor),
    Kinds.GRAPH: (6, False, Encoder._graph),
    Kinds.GRAPHS: (11, True, Encoder._graph),
    Kinds.SPARSE_TENSOR: (22, False, Encoder._sparse_tensor),
    Kinds.SPARSE_TENSORS: (23, True, Encoder._sparse_tensor),
}
"""Attributes that may hold tensors: their field, whether it is a list, and how each is encoded."""


def _write_value(value: ir.Value, proto: onnx.ValueInfoProto) -> None:
    proto.name = value.name or ""
    if value.type is not None:
        write_type(value.type, value.shape, proto.type)
    if value.doc_string:
        proto.doc_string = value.doc_string
    _add_entries(proto.metadata_props, value.metadata_props)


def _add_entries(target: Any, entries: Mapping[str, str]) -> None:
    for name, text in entries.items():
        target.add(key=name, value=text)


def _provenance(node: ir.Node) -> dict[str, str]:
    """The source layers of a node, one to a line."""
    found = origins(node)
    places = [str(origin.location) for origin in found if origin.location is not None]
    lines = {
        "dragoman.layer": [origin.layer for origin in found],
        "dragoman.operator": [origin.operator for origin in found],
        "dragoman.location": list(dict.fromkeys(places)),
    }
    return {name: "\n".join(texts) for name, texts in lines.items() if texts}
