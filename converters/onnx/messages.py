"""What is done to an ONNX message before it becomes a graph: onnx_ir knows no sparse tensors and no maps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import onnx
import onnx_ir as ir
from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto

from dragoman.converters.onnx.external import ExternalFiles
from dragoman.converters.onnx.values import check_values
from dragoman.converters.onnx.wire import INSIDE
from dragoman.graph_ir.tensors import SparseTensor
from dragoman.graph_ir.traversal import graphs_of, parts, walk
from dragoman.graph_ir.types import has_map, read_shape, read_type

_MAP = "dragoman.map_type"


def scopes(proto: ModelProto) -> Iterator[GraphProto | FunctionProto]:
    """The main graph, the functions, and every graph in their nodes, the outer before the inner."""
    pending: list[GraphProto | FunctionProto] = [proto.graph, *proto.functions]
    while pending:
        scope = pending.pop()
        yield scope
        for node in scope.node:
            for attribute in node.attribute:
                if attribute.type == AttributeProto.GRAPH:
                    pending.append(attribute.g)
                elif attribute.type == AttributeProto.GRAPHS:
                    pending.extend(attribute.graphs)


def nodes(proto: ModelProto) -> Iterator[NodeProto]:
    """Every node of the model."""
    for scope in scopes(proto):
        yield from scope.node


def attribute_tensors(proto: ModelProto) -> Iterator[TensorProto]:
    """Every tensor that an attribute holds, or that is the default of a function's."""
    for _, attribute in _attributes(proto):
        if attribute.type == AttributeProto.TENSOR:
            yield attribute.t
        elif attribute.type == AttributeProto.TENSORS:
            yield from attribute.tensors


def _attributes(proto: ModelProto) -> Iterator[tuple[NodeProto | None, AttributeProto]]:
    """Every attribute with its node, and the defaults of functions' attributes. ``ValueError`` for a graph among those."""
    for function in proto.functions:
        for attribute in function.attribute_proto:
            if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
                raise ValueError(f"function {function.name} has a graph as the default of {attribute.name}")
            yield None, attribute
    for node in nodes(proto):
        for attribute in node.attribute:
            yield node, attribute


# -- sparse tensors -------------------------------------------------------------------------------------


def check_tensors(proto: ModelProto) -> None:
    """``ValueError`` for a tensor that hasn't the values that it declares."""
    for scope in scopes(proto):
        for tensor in scope.initializer if isinstance(scope, GraphProto) else ():
            check_values(tensor)
    for tensor in attribute_tensors(proto):
        check_values(tensor)


def set_sparse_aside(proto: ModelProto) -> list[SparseTensorProto]:
    """Every sparse tensor becomes a placeholder that names its index in the result, sparse initializers in Constant nodes.

    A Constant has it as its ``value`` then, which is how operators see it: as a tensor with many zeros.
    """
    found: list[SparseTensorProto] = []
    for scope in list(scopes(proto)):
        if isinstance(scope, GraphProto) and scope.sparse_initializer:
            constants = [
                onnx.helper.make_node("Constant", [], [tensor.values.name], sparse_value=tensor)
                for tensor in scope.sparse_initializer
            ]
            del scope.sparse_initializer[:]
            rest = list(scope.node)
            del scope.node[:]
            scope.node.extend([*constants, *rest])
    for node, attribute in _attributes(proto):
        if attribute.type == AttributeProto.SPARSE_TENSOR:
            attribute.type = AttributeProto.TENSOR
            attribute.t.CopyFrom(_placeholder(attribute.sparse_tensor, found))
            attribute.ClearField("sparse_tensor")
            if node is not None and node.op_type == "Constant" and not node.domain:
                attribute.name = "value"
        elif attribute.type == AttributeProto.SPARSE_TENSORS:
            attribute.type = AttributeProto.TENSORS
            attribute.tensors.extend(_placeholder(tensor, found) for tensor in attribute.sparse_tensors)
            attribute.ClearField("sparse_tensors")
    return found


def _placeholder(tensor: SparseTensorProto, found: list[SparseTensorProto]) -> TensorProto:
    result = TensorProto(data_type=tensor.values.data_type, dims=tensor.dims, data_location=TensorProto.EXTERNAL)
    result.external_data.add(key="location", value=f"{INSIDE}/{len(found)}")
    found.append(tensor)
    return result


def sparse_tensor(proto: SparseTensorProto, files: ExternalFiles) -> SparseTensor:
    """The tensor, checked: ``ValueError`` for values without places, or places out of order or outside."""
    values, indices = (_dense(part, files) for part in (proto.values, proto.indices))
    shape, name = tuple(proto.dims), proto.values.name
    count = values.size
    if len(values.shape) != 1 or indices.dtype != ir.DataType.INT64 or min(shape, default=0) < 0 or math.prod(shape) >= 1 << 63:
        raise ValueError(f"sparse tensor {name} isn't a list of values with int64 indices")
    if tuple(indices.shape.numpy()) not in ((count,), (count, len(shape))):
        raise ValueError(f"sparse tensor {name} has {count} values, but indices of shape {list(indices.shape.numpy())}")
    result = SparseTensor(values, indices, shape, name=name)
    if not result.in_order():
        raise ValueError(f"sparse tensor {name} of shape {list(shape)} has indices outside it, or not in ascending order")
    return result


def _dense(proto: TensorProto, files: ExternalFiles) -> ir.TensorProtocol:
    check_values(proto)
    tensor = ir.serde.deserialize_tensor(proto)
    return files.tensor(tensor) if isinstance(tensor, ir.ExternalTensor) else tensor


def open_tensors(model: ir.Model, sparse: list[SparseTensorProto], files: ExternalFiles) -> None:
    """Every tensor that is in a file becomes a slice of it, those of attributes and subgraphs too; sparse ones are put back."""

    def opened(tensor: Any) -> Any:
        if not isinstance(tensor, ir.ExternalTensor):
            return tensor
        mark, _, number = str(tensor.location).partition("/")
        return sparse_tensor(sparse[int(number)], files) if mark == INSIDE and number else files.tensor(tensor)

    for part in parts(model):
        for graph in graphs_of(part):
            for value in graph.initializers.values():
                value.const_value = opened(value.const_value)
        if isinstance(part, ir.Function):
            _open_attributes(part.attributes, opened, constant=False)
        for node in walk(part):
            _open_attributes(node.attributes, opened, constant=node.op_type == "Constant")


def _open_attributes(attributes: Any, opened: Callable[[Any], Any], *, constant: bool) -> None:
    """``constant``: they are those of a Constant, whose value is a tensor even if it is sparse."""
    kinds = ir.AttributeType
    for attribute in list(attributes.values()):
        if attribute.is_ref() or attribute.value is None or attribute.type not in (kinds.TENSOR, kinds.TENSORS):
            continue
        several = attribute.type == kinds.TENSORS
        before = list(attribute.value) if several else [attribute.value]
        after = [opened(tensor) for tensor in before]
        if all(new is old for new, old in zip(after, before, strict=True)):
            continue
        sparse = isinstance(after[0], SparseTensor) and not constant
        if several:
            attributes[attribute.name] = ir.Attr(attribute.name, kinds.SPARSE_TENSORS if sparse else kinds.TENSORS, after)
        else:
            attributes[attribute.name] = ir.Attr(attribute.name, kinds.SPARSE_TENSOR if sparse else kinds.TENSOR, after[0])


# -- maps -----------------------------------------------------------------------------------------------


def set_maps_aside(proto: ModelProto) -> None:
    """Values with maps in them lose their type; their metadata says it."""
    for scope in scopes(proto):
        infos = list(scope.value_info)
        if isinstance(scope, GraphProto):
            infos += [*scope.input, *scope.output]
        for info in infos:
            if has_map(info.type):
                info.metadata_props.add(key=_MAP, value=info.type.SerializeToString().hex())
                info.ClearField("type")


def put_maps_back(model: ir.Model) -> None:
    """The types that were set aside."""
    for part in parts(model):
        for graph in graphs_of(part):
            for value in (*graph.inputs, *(out for node in graph for out in node.outputs)):
                if (text := value.metadata_props.pop(_MAP, None)) is not None:
                    proto = onnx.TypeProto.FromString(bytes.fromhex(text))
                    value.type, value.shape = read_type(proto), read_shape(proto)


# -- text -----------------------------------------------------------------------------------------------


def check_text(model: ir.Model) -> None:
    """``ValueError`` for names and texts that aren't UTF-8 (protobuf gives them as bytes), and for devices without a name."""
    for part in parts(model):
        for node in walk(part):
            if any(device.configuration is None for device in node.device_configurations):
                raise ValueError(f"node {node.name} has a device configuration without a name")
    wrong = next((text for text in _texts(model) if isinstance(text, bytes)), None)
    if wrong is not None:
        raise ValueError(f"{wrong[:60]!r} isn't UTF-8 text")


def _texts(model: ir.Model) -> Iterator[Any]:
    yield from (model.producer_name, model.producer_version, model.domain, model.doc_string, *model.graph.opset_imports)
    yield from _entries(model)
    for configuration in model.device_configurations:
        yield from (configuration.name, *configuration.device_names)
    for part in parts(model):
        if isinstance(part, ir.Function):
            yield from (part.name, part.domain, part.overload, *part.opset_imports, *part.attributes)
        for graph in graphs_of(part):
            yield from (graph.name, graph.doc_string, *_entries(graph))
            weights = graph.initializers.values() if isinstance(graph, ir.Graph) else ()
            for value in (*graph.inputs, *weights):
                yield from _value_texts(value)
        for node in walk(part):
            yield from (node.name, node.op_type, node.domain, node.overload, node.doc_string, *_entries(node))
            for attribute in node.attributes.values():
                yield from (attribute.name, attribute.doc_string, attribute.ref_attr_name)
                if attribute.type == ir.AttributeType.TENSOR and not attribute.is_ref():
                    yield from _tensor_texts(attribute.value)
            for value in node.outputs:
                yield from _value_texts(value)


def _value_texts(value: ir.Value) -> Iterator[Any]:
    yield from (value.name, value.doc_string, *_entries(value))
    for names in (value.meta.get("quant_parameter_tensor_names") or {}).items():
        yield from names
    for index, dim in enumerate(value.shape or ()):
        yield from (None if isinstance(dim, int) else dim.value, value.shape.get_denotation(index) if value.shape else None)
    if value.type is not None:
        yield value.type.denotation
    if value.const_value is not None:
        yield from _tensor_texts(value.const_value)


def _tensor_texts(tensor: ir.TensorProtocol) -> Iterator[Any]:
    yield from (tensor.name, tensor.doc_string, *_entries(tensor))
    if isinstance(tensor, SparseTensor):
        yield from (*_tensor_texts(tensor.values), *_tensor_texts(tensor.indices))


def _entries(item: Any) -> Iterator[Any]:
    for entry in item.metadata_props.items():
        yield from entry
