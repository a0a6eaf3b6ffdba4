"""What an emitter works with: a symbol that grows, its parameters, and the ONNX node that is being expressed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.converters.mxnet.hints import say_input, say_output
from dragoman.converters.mxnet.params import DTYPES
from dragoman.converters.mxnet.symbol import VARIABLE, Node, Ref
from dragoman.graph_ir.errors import DragomanError
from dragoman.graph_ir.model import dims
from dragoman.graph_ir.passes.editing import constant
from dragoman.graph_ir.tensors import DerivedTensor

TYPE_FLAGS = {dtype: flag for flag, dtype in DTYPES.items() if flag <= 7}


class CannotEmitError(DragomanError):
    """MXNet lacks what a node does."""


class SymbolWriter:
    """A symbol under construction. Emitters add nodes by ``op``; the last of them gets the name of the ONNX node's output."""

    def __init__(self) -> None:
        """Nothing is emitted yet."""
        self.nodes: list[Node] = []
        self.params: dict[str, ir.TensorProtocol] = {}
        self.states: set[str] = set()
        self._refs: dict[ir.Value, Ref] = {}
        self._taken: set[str] = set()
        self._heads: set[Ref] = set()
        self._base = ""

    # -- nodes ------------------------------------------------------------------------------------

    def op(self, operator: str, *inputs: Ref, **attrs: Any) -> Ref:
        """Add a node; its first output. Attributes that are None are left to MXNet's default."""
        texts = {name: text(value) for name, value in attrs.items() if value is not None}
        name = self._unique(f"{self._base}_{operator.strip('_').lower()}")
        self.nodes.append(Node(name, operator, texts, inputs))
        return Ref(len(self.nodes) - 1, 0)

    def emit(self, node: ir.Node, emitter: Callable[[SymbolWriter, ir.Node], Ref | tuple[Ref, ...]]) -> None:
        """Express one ONNX node, and name what it gives."""
        start = len(self.nodes)
        output = node.outputs[0].name or node.name or node.op_type
        self._base = re.sub(r"_output\d?$", "", output)
        made = emitter(self, node)
        refs = made if isinstance(made, tuple) else (made,)
        if refs[0].node >= start:
            last = self.nodes[refs[0].node]
            self._taken.discard(last.name)
            last.name = self._unique(self._base)
        self._refs.update(zip(node.outputs, refs, strict=False))

    def input(self, value: ir.Value, index: int) -> None:
        """An input of the graph: a variable with what is known of it."""
        hints = self._type_hints(value.dtype, value.name or "")
        if value.shape is None:
            raise CannotEmitError(f"the rank of input {value.name} isn't known")
        if 0 in value.shape:
            raise CannotEmitError(f"input {value.name} has no elements, which MXNet's symbols can't say")
        if not len(value.shape):
            raise CannotEmitError(f"input {value.name} is a scalar, which MXNet's symbols can't take")
        hints["__shape__"] = text(tuple(d if isinstance(d, int) else 0 for d in value.shape))
        self._refs[value] = self._variable(value.name or f"data{index}", hints)
        say_input(self.nodes[-1], index, dims(value))

    def head(self, value: ir.Value, mxnet_name: Callable[[str, str, int, int], str]) -> Ref:
        """An output of the graph; ``mxnet_name`` is what MXNet calls an output of an operator.

        Where that isn't the output's own name, the node says it in a hint that MXNet passes over.
        """
        self._base = re.sub(r"_output\d?$", "", value.name or "output")
        ref = self.ref(value)
        if self.nodes[ref.node].is_variable and value.shape is not None and not len(value.shape):
            ref = self.op("_np_reshape", ref, newshape=())
        if not (value.producer() is not None or self.nodes[ref.node].is_variable) or ref.index or ref in self._heads:
            ref = self.op("_copy", ref)
        node = self.nodes[ref.node]
        name = node.name if node.is_variable else mxnet_name(node.op, node.name, ref.index, 1)
        if name != value.name:
            if node.is_variable:
                ref = self.op("_copy", ref)
                node = self.nodes[ref.node]
            say_output(node, value.name or "")
        self._heads.add(ref)
        return ref

    def stand_in(self, value: ir.Value) -> None:
        """Something in the place of a value that can't be expressed, so that its readers can be tried."""
        self._refs[value] = self._variable(value.name or "", {})

    def _variable(self, name: str, hints: dict[str, str]) -> Ref:
        self.nodes.append(Node(self._unique(name), VARIABLE, {}, (), hints))
        return Ref(len(self.nodes) - 1, 0)

    def _type_hints(self, dtype: ir.DataType | None, name: str) -> dict[str, str]:
        if dtype not in TYPE_FLAGS:
            raise CannotEmitError(f"{name} is {dtype.name.lower() if dtype else 'of unknown type'}, which MXNet hasn't")
        return {"__dtype__": str(TYPE_FLAGS[dtype])}

    def _unique(self, name: str) -> str:
        candidate, number = name, 0
        while candidate in self._taken:
            number += 1
            candidate = f"{name}{number}"
        self._taken.add(candidate)
        return candidate

    # -- values -----------------------------------------------------------------------------------

    def ref(self, value: ir.Value | None) -> Ref:
        """What ``value`` is in the symbol; a constant becomes a parameter when it is first read."""
        if value is None:
            raise CannotEmitError("an input that it needs is left out")
        if value not in self._refs:
            tensor = constant(value)
            if tensor is None:
                raise CannotEmitError(f"{value.name} isn't computed")
            self._refs[value] = self.weight(tensor, value.name or "constant")
        return self._refs[value]

    def weight(self, tensor: ir.TensorProtocol, name: str, *, state: bool = False) -> Ref:
        """A new parameter (or auxiliary ``state``). A scalar has one axis, since a symbol's variables can't have none."""
        if not len(tensor.shape):
            tensor = derived(tensor, lambda a: a.reshape(1), (1,))
        shape = tuple(tensor.shape.numpy())
        if 0 in shape:
            raise CannotEmitError(f"its constant {name} of shape {list(shape)} has no elements, which MXNet's symbols can't say")
        ref = self._variable(name, {**self._type_hints(tensor.dtype, name), "__shape__": text(shape)})
        self.params[self.nodes[ref.node].name] = tensor
        if state:
            self.states.add(self.nodes[ref.node].name)
        return ref

    def parameter(self, value: ir.Value, what: str) -> ir.TensorProtocol:
        """The values of an input that must be constant."""
        tensor = constant(value)
        if tensor is None:
            raise CannotEmitError(f"its {what} is computed")
        return tensor

    def array(self, value: ir.Value | None, what: str) -> npt.NDArray[Any]:
        """The same, as an array."""
        if value is None:
            raise CannotEmitError(f"it has no {what}")
        return self.parameter(value, what).numpy()

    def ints(self, node: ir.Node, index: int, what: str) -> tuple[int, ...] | None:
        """A constant input of integers; None if it is left out."""
        value = node.inputs[index] if index < len(node.inputs) else None
        return None if value is None else tuple(int(n) for n in self.array(value, what).reshape(-1))


def text(value: Any) -> str:
    """An attribute as MXNet writes it."""
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, (tuple, list)):
        items = ", ".join(map(text, value))
        return f"({items},)" if len(value) == 1 else f"({items})"
    return str(value)


def derived(tensor: ir.TensorProtocol, change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]], shape: Sequence[int]) -> ir.TensorProtocol:
    """``tensor`` changed when it is written."""
    return DerivedTensor(lambda: change(tensor.numpy()), tensor.dtype, tuple(shape), name=tensor.name)


def sizes(value: ir.Value | None, what: str) -> tuple[int, ...]:
    """Dimensions that must all be known."""
    found = known_sizes(value)
    if any(size is None for size in found):
        raise CannotEmitError(f"the size of {what} is dynamic")
    return tuple(size for size in found if size is not None)


def known_sizes(value: ir.Value | None) -> tuple[int | None, ...]:
    """Dimensions, None for those that aren't known."""
    if value is None or value.shape is None:
        raise CannotEmitError(f"the rank of {value.name if value is not None else 'an input'} isn't known")
    return tuple(d if isinstance(d, int) else None for d in value.shape)


def document(nodes: Sequence[Node], heads: Sequence[Ref]) -> str:
    """The symbol's JSON, as MXNet 1.9.1 writes it."""
    entries: list[dict[str, Any]] = []
    for node in nodes:
        entry: dict[str, Any] = {"op": node.op, "name": node.name}
        if node.attrs or node.hints:
            entry["attrs"] = {**node.attrs, **node.hints}
        entries.append({**entry, "inputs": [[ref.node, ref.index, 0] for ref in node.inputs]})
    variables = [index for index, node in enumerate(nodes) if node.is_variable]
    return json.dumps(
        {
            "nodes": entries,
            "arg_nodes": variables,
            "heads": [[ref.node, ref.index, 0] for ref in heads],
            "attrs": {"mxnet_version": ["int", 10901]},
        },
        indent=1,
    )


def scalar(value: ir.Value | None) -> float | None:
    """The one number that a floating-point constant is, or None."""
    tensor = constant(value)
    if tensor is None or tensor.size != 1 or not tensor.dtype.is_floating_point():
        return None
    return float(np.asarray(tensor.numpy(), np.float64).reshape(-1)[0])
