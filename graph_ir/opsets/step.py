"""What a lowering step works with: the node it rewrites, and an emitter that puts new nodes in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.errors import DragomanError, MalformedModel
from dragoman.graph_ir.inference import NodeInference
from dragoman.graph_ir.passes.editing import Names, constant
from dragoman.graph_ir.provenance import origins, set_origins
from dragoman.graph_ir.registry import registers


class CannotConvertError(DragomanError):
    """What a node has that the other opset can't express, as a noun; becomes a gap in the report."""

    def reason(self, opset: int) -> str:
        """What the report says of the node."""
        return f"opset {opset} can't express {self.message}"


class TooLittleKnownError(CannotConvertError):
    """Why a node can't be rewritten, as a sentence, though the other opset might express it."""

    def reason(self, opset: int) -> str:
        """What the report says of the node."""
        return f"it can't be rewritten for opset {opset}, since {self.message}"


class Target:
    """The opset that is being converted to, and inference of its operators."""

    def __init__(self, opset: int, names: Names, dimensions: set[str]) -> None:
        """``names`` are those that the model has, and ``dimensions`` those of its dimensions, to which new ones are added."""
        self.opset = opset
        self.names = names
        self._inference = NodeInference({"": opset}, taken=dimensions)

    def infer(self, node: ir.Node) -> None:
        """Type and shape a new node's outputs; ``TooLittleKnownError`` if its inputs don't fit."""
        try:
            self._inference.infer(node)
        except MalformedModel as error:  # of a malformed model, or of types that the operator of this opset doesn't take
            raise TooLittleKnownError(error.message) from error


class Emitter:
    """Puts operators before the node that is being rewritten, typed and shaped, with its provenance."""

    def __init__(self, node: ir.Node, graph: ir.Graph, target: Target, *, in_function: bool) -> None:
        """``target`` is what is being converted to."""
        self._graph = graph
        self._in_function = in_function
        self.node = node
        self.target = target
        self.opset = target.opset

    def unique(self, name: str) -> str:
        """``name`` after the node's output, unlike every other name of the model."""
        return self.target.names.unique(f"{self.node.outputs[0].name or self.node.name}/{name}")

    def op(self, op_type: str, *inputs: ir.Value | None, **attributes: Any) -> ir.Value:
        """Emit an operator with one output; attributes that are None are left out."""
        return self.ops(op_type, *inputs, outputs=1, **attributes)[0]

    def ops(self, op_type: str, *inputs: ir.Value | None, outputs: int, **attributes: Any) -> tuple[ir.Value, ...]:
        """Emit an operator with several outputs."""
        given = {key: value for key, value in attributes.items() if value is not None}
        node = self.add(ir.node(op_type, list(inputs), given, num_outputs=outputs))
        self.target.infer(node)
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

    def vector(self, *values: int) -> ir.Value:
        """A constant vector of int64."""
        return self.const(list(values), np.int64)

    def scalar(self, value: int) -> ir.Value:
        """A constant scalar of int64."""
        return self.const(value, np.int64)

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
(or may stay as it is). Raises ``CannotConvertError``, whose reason is told."""

_LOWERING: dict[tuple[str, int], Step] = {}
_RAISING: dict[tuple[str, int], Step] = {}


def lowers(version: int, *op_types: str) -> Callable[[Step], Step]:
    """Decorator: the step takes these operators from ``version`` to the one before."""
    return registers(_LOWERING, [(op_type, version) for op_type in op_types])


def raises(version: int, *op_types: str) -> Callable[[Step], Step]:
    """Decorator: the step takes these operators to ``version`` from the one before."""
    return registers(_RAISING, [(op_type, version) for op_type in op_types])


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
        raise TooLittleKnownError(f"its {name} is a parameter of the function that it is in")
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
        raise TooLittleKnownError(f"its input {index} is missing")
    return value


def is_used(value: ir.Value) -> bool:
    """Whether anyone reads an output of the node, which may be left out."""
    return bool(value.name) and (bool(value.uses()) or value.is_graph_output())


def constant_ints(node: ir.Node, index: int, what: str) -> list[int] | None:
    """The values of a constant input, None if it is left out; ``TooLittleKnownError`` if it isn't constant."""
    value = input_at(node, index)
    if value is None:
        return None
    tensor = constant(value)
    if tensor is None:
        raise TooLittleKnownError(f"its {what} are computed by the network")
    return [int(v) for v in tensor.numpy().reshape(-1)]


def rank(value: ir.Value) -> int:
    """The number of dimensions; ``TooLittleKnownError`` if it isn't known."""
    if value.shape is None:
        raise TooLittleKnownError(f"the rank of {value.name} isn't known")
    return len(value.shape)


def sizes(value: ir.Value) -> tuple[int | None, ...]:
    """The dimensions, None where they are dynamic; ``TooLittleKnownError`` if not even the rank is known."""
    rank(value)
    assert value.shape is not None
    return tuple(d if isinstance(d, int) else None for d in value.shape)


def dtype_of(value: ir.Value) -> ir.DataType:
    """The elements' type; ``TooLittleKnownError`` if it isn't known."""
    if value.dtype is None:
        raise TooLittleKnownError(f"the type of {value.name} isn't known")
    return value.dtype


def numpy_dtype(value: ir.Value) -> np.dtype[Any]:
    """The same as numpy has it."""
    return dtype_of(value).numpy()
