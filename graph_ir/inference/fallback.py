"""What onnx's own inference says of one node."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import onnx_ir as ir
from onnx import shape_inference

from dragoman.graph_ir.inference.call import Call
from dragoman.graph_ir.inference.facts import (
    Fact,
    Tensor,
    elements_of,
    from_type,
    innermost,
    is_known,
    to_type,
)
from dragoman.graph_ir.inference.signature import MisfitError
from dragoman.graph_ir.inference.size import Size
from dragoman.graph_ir.inference.values import dim

_MOST_ELEMENTS = 1 << 16
"""Elements up to which a constant is shown to onnx."""

_SHOWN = frozenset({ir.DataType.INT64, ir.DataType.INT32, ir.DataType.FLOAT})


def infer_by_onnx(c: Call, schema: onnx.defs.OpSchema, opsets: Mapping[str, int]) -> list[Fact | None]:
    """The outputs as far as onnx can tell, nothing if an input's type isn't known. Raises ``MisfitError``."""
    types: dict[str, onnx.TypeProto] = {}
    data: dict[str, onnx.TensorProto] = {}
    proto = _node_proto(c)
    for name, fact in zip(proto.input, c.facts, strict=True):
        if not name:
            continue
        kind = _type_proto(fact)
        if kind is None:
            return []
        types[name] = kind
        if (tensor := _data(fact)) is not None:
            data[name] = tensor
    imports = [onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    try:
        found = shape_inference.infer_node_outputs(schema, proto, types, data, opset_imports=imports)
    except (shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError) as error:
        if any(_is_open(fact) for fact in c.facts):
            return []  # onnx takes some names for sizes that don't fit
        raise MisfitError(_last_words(error)) from error
    return [_fact(found.get(name)) for name in proto.output]


def _is_open(fact: Fact | None) -> bool:
    """Whether something isn't known of the shape."""
    tensor = innermost(fact)
    return fact is not None and (tensor is None or tensor.dims is None or any(isinstance(d, Size) for d in tensor.dims))


def _node_proto(c: Call) -> onnx.NodeProto:
    """The node with plain names, and the attributes that the call of its function gives it."""
    node = c.node
    proto = onnx.NodeProto(op_type=node.op_type, domain=node.domain)
    proto.input.extend(f"i{index}" if value is not None else "" for index, value in enumerate(node.inputs))
    proto.output.extend(f"o{index}" for index in range(len(node.outputs)))
    for name in node.attributes:
        if (attribute := c.attr(name)) is not None:
            ir.serde.serialize_attribute_into(proto.attribute.add(), ir.Attr(name, attribute.type, attribute.value))
    return proto


def definition(c: Call, schema: onnx.defs.OpSchema) -> ir.Function | None:
    """The function that an operator is defined as, if its schema has one for these inputs."""
    if schema.has_function:  # type: ignore[attr-defined]
        return ir.serde.deserialize_function(schema.function_body)
    if not schema.has_context_dependent_function:  # type: ignore[attr-defined]
        return None
    kinds = [_type_proto(fact) for fact in c.facts]
    if any(kind is None and c.has(index) for index, kind in enumerate(kinds)):
        return None
    try:
        body: bytes = schema.get_context_dependent_function(  # type: ignore[attr-defined]
            _node_proto(c).SerializeToString(), [b"" if kind is None else kind.SerializeToString() for kind in kinds]
        )
        return ir.serde.deserialize_function(onnx.FunctionProto.FromString(body)) if body else None
    except (RuntimeError, ValueError, TypeError):  # of attributes that contradict the definition
        return None


def _type_proto(fact: Fact | None) -> onnx.TypeProto | None:
    kind, tensor = to_type(fact), innermost(fact)
    if kind is None:
        return None
    proto = ir.serde.serialize_type(kind)
    if tensor is not None and tensor.dims is not None:
        shape = ir.Shape(
            [str(d) if isinstance(d, Size) and is_known(d) else d if isinstance(d, int) else None for d in tensor.dims]
        )
        ir.serde.serialize_shape_into(proto, shape)
    return proto


def _data(fact: Fact | None) -> onnx.TensorProto | None:
    if not isinstance(fact, Tensor):
        return None
    if fact.constant is not None:
        shown = fact.dtype in _SHOWN and fact.constant.size <= _MOST_ELEMENTS
        return ir.serde.serialize_tensor(fact.constant) if shown else None
    elements = elements_of(fact)
    if elements is None or fact.dtype not in (ir.DataType.INT64, ir.DataType.INT32):
        return None
    if any(not isinstance(element, int) for element in elements.flat):
        return None
    return onnx.numpy_helper.from_array(elements.astype(fact.dtype.numpy() if fact.dtype is not None else np.int64))


def _fact(proto: onnx.TypeProto | None) -> Fact | None:
    if proto is None or proto.WhichOneof("value") in (None, "map_type"):
        return None
    try:
        kind = ir.serde.deserialize_type_proto_for_type(proto)
        shape = ir.serde.deserialize_type_proto_for_shape(proto)
    except (ValueError, ir.serde.SerdeError):
        return None
    return from_type(kind, None if shape is None else tuple(map(dim, shape)))


def _last_words(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
