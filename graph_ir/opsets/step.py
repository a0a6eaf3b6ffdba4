"""What a lowering step works with: the node it rewrites, and an emitter that puts new nodes in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from onnx import shape_inference

from dragoman.graph_ir.errors import DragomanError
from dragoman.graph_ir.passes.editing import Names, constant
from dragoman.graph_ir.provenance import origins, set_origins


class CannotConvertError(DragomanError):
    """A node that the other opset can't express; becomes a gap in the report."""


class Emitter:
    """Puts operators before the node that is being rewritten, typed and shaped, with its provenance."""

    def __init__(self, node: ir.Node, graph: ir.Graph, opset: int, names: Names, *, in_function: bool) -> None:
        """``opset`` is the one that is being converted to."""
        self._graph = graph
        self._in_function = in_function
        self.node = node
        self.names = names
        self.opset = opset

    def unique(self, name: str) -> str:
        """``name`` after the node's output, unlike every other name of the model."""
        return self.names.unique(f"{self.node.outputs[0].name or self.node.name}/{name}")

    def op(self, op_type: str, *inputs: ir.Value | None, **attributes: Any) -> ir.Value:
        """Emit an operator with one output; attributes that are None are left out."""
        return self.ops(op_type, *inputs, outputs=1, **attributes)[0]

    def ops(self, op_type: str, *inputs: ir.Value | None, outputs: int, **attributes: Any) -> tuple[ir.Value, ...]:
        """Emit an operator with several outputs."""
        given = {key: value for key, value in attributes.items() if value is not None}
        node = self.add(ir.node(op_type, list(inputs), given, num_outputs=outputs))
        infer(node, self.opset)
        return tuple(node.outputs)

    def add(self, node: ir.Node) -> ir.Node:
        """Put ``node`` in its place, named and with its provenance; its outputs' types and shapes are left as they are."""
        for out in node.outputs:
            out.name = self.unique(node.op_type)
        node.name = node.outputs[0].name
        set_origins(node, origins(self.node))
        self._insert(node)
        return node

    def _insert(self, node: ir.Node) -> None:
        self._graph.insert_before(self.node, node)

    def const(self, array: npt.ArrayLike, dtype: npt.DTypeLike) -> ir.Value:
        """A constant: an initializer, or a Constant node inside a function, which can't have initializers."""
        tensor = ir.Tensor(np.array(array, dtype=dtype, order="C"))
        if self._in_function:
            return self.op("Constant", value=tensor)
        name = self.unique("const")
        tensor.name = name
        value = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(tensor.shape), const_value=tensor)
        self._graph.initializers.add(value)
        return value


Step = Callable[[ir.Node, Emitter], ir.Value | tuple[ir.Value, ...] | None]
"""Rewrites a node for the neighbouring opset: gives the values that replace its outputs, or None if it was changed in place
(or may stay as it is). Raises ``CannotConvertError``."""

_LOWERING: dict[tuple[str, int], Step] = {}
_RAISING: dict[tuple[str, int], Step] = {}


def lowers(version: int, *op_types: str) -> Callable[[Step], Step]:
    """Decorator: the step takes these operators from ``version`` to the one before."""
    return _registers(_LOWERING, version, op_types)


def raises(version: int, *op_types: str) -> Callable[[Step], Step]:
    """Decorator: the step takes these operators to ``version`` from the one before."""
    return _registers(_RAISING, version, op_types)


def _registers(table: dict[tuple[str, int], Step], version: int, op_types: tuple[str, ...]) -> Callable[[Step], Step]:
    def register(step: Step) -> Step:
        for op_type in op_types:
            if (op_type, version) in table:
                raise RuntimeError(f"{op_type} has a step to or from version {version} already")
            table[op_type, version] = step
        return step

    return register


def lowering_step(op_type: str, version: int) -> Step | None:
    """The step from ``version`` downwards, if there is one."""
    return _LOWERING.get((op_type, version))


def raising_step(op_type: str, version: int) -> Step | None:
    """The step up to ``version``, if there is one."""
    return _RAISING.get((op_type, version))


# -- what steps ask of their node -----------------------------------------------------------------------


def attribute(node: ir.Node, name: str, default: Any = None) -> Any:
    """An attribute's value; inside functions it may be a reference, whose value nobody knows yet."""
    found = node.attributes.get(name)
    if found is None:
        return default
    if found.is_ref():
        raise CannotConvertError(f"its {name} is a parameter of the function that it is in")
    if found.type == ir.AttributeType.STRING and isinstance(found.value, bytes):
        return found.value.decode()
    return found.value


def input_at(node: ir.Node, index: int) -> ir.Value | None:
    """An input, None if it is left out."""
    return node.inputs[index] if index < len(node.inputs) else None


def needed(node: ir.Node, index: int) -> ir.Value:
    """An input that the schema demands."""
    value = input_at(node, index)
    if value is None:
        raise CannotConvertError(f"its input {index} is missing")
    return value


def is_used(value: ir.Value) -> bool:
    """Whether anyone reads an output of the node, which may be left out."""
    return bool(value.name) and (bool(value.uses()) or value.is_graph_output())


def constant_ints(node: ir.Node, index: int, what: str) -> list[int] | None:
    """The values of a constant input, None if it is left out; ``CannotConvertError`` if it isn't constant."""
    value = input_at(node, index)
    if value is None:
        return None
    tensor = constant(value)
    if tensor is None:
        raise CannotConvertError(f"its {what} are computed by the network, and would have to be constant")
    return [int(v) for v in tensor.numpy().reshape(-1)]


def rank(value: ir.Value) -> int:
    """The number of dimensions; ``CannotConvertError`` if it isn't known."""
    if value.shape is None:
        raise CannotConvertError(f"the rank of {value.name} isn't known")
    return len(value.shape)


def sizes(value: ir.Value) -> tuple[int | None, ...]:
    """The dimensions, None where they are dynamic; ``CannotConvertError`` if not even the rank is known."""
    rank(value)
    assert value.shape is not None
    return tuple(d if isinstance(d, int) else None for d in value.shape)


def numpy_dtype(value: ir.Value) -> np.dtype[Any]:
    """The elements' type; ``CannotConvertError`` if it isn't known."""
    if value.dtype is None:
        raise CannotConvertError(f"the type of {value.name} isn't known")
    return value.dtype.numpy()


def infer(node: ir.Node, opset: int) -> None:
    """Type and shape a new node's outputs, as far as onnx can tell; ``CannotConvertError`` if it says that they don't fit."""
    schema = onnx.defs.get_schema(node.op_type, opset, "")
    types: dict[str, onnx.TypeProto] = {}
    data: dict[str, onnx.TensorProto] = {}
    for value in node.inputs:
        if value is None or not value.name:
            continue
        if value.type is None:
            return
        types[value.name] = ir.serde.serialize_type(value.type)
        if value.shape is not None:
            ir.serde.serialize_shape_into(types[value.name], value.shape)
        tensor = constant(value)
        if tensor is not None and tensor.size <= 64:
            data[value.name] = ir.serde.serialize_tensor(tensor)
    imports = [onnx.helper.make_opsetid("", opset)]
    try:
        found = shape_inference.infer_node_outputs(schema, ir.serde.serialize_node(node), types, data, opset_imports=imports)
    except (shape_inference.InferenceError, onnx.checker.ValidationError) as error:
        # onnx judges types and shapes here: of a malformed model, or of types that the operator of this opset doesn't take.
        raise CannotConvertError(f"{node.op_type} on what it is given ({str(error).strip().splitlines()[0]})") from error
    for out in node.outputs:
        if (proto := found.get(out.name or "")) is not None:
            out.type = ir.serde.deserialize_type_proto_for_type(proto)
            out.shape = ir.serde.deserialize_type_proto_for_shape(proto)
