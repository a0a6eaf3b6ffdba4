"""What an MXNet handler works with: the builder, and the symbol's weights and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnx_ir as ir

from dragoman.converters.mxnet.symbol import Node
from dragoman.graph_ir import Builder
from dragoman.graph_ir.errors import MalformedModel, UnsupportedAttribute
from dragoman.graph_ir.model import dims


class SymbolBuilder(Builder):
    """A graph builder that knows the weights of the symbol it builds."""

    def __init__(self, name: str, weights: Mapping[str, ir.TensorProtocol]) -> None:
        """Nothing is emitted yet."""
        super().__init__(name)
        self.weights = weights
        self.notes: list[str] = []
        self.numpy = False
        """Whether the symbol's shapes are numpy's."""

    # -- errors -----------------------------------------------------------------------------------

    def malformed(self, node: Node, message: str) -> MalformedModel:
        """An error in the files, at ``node``."""
        return MalformedModel(message, layer=str(node))

    def unsupported(self, node: Node, message: str) -> UnsupportedAttribute:
        """A setting of ``node`` that can't be converted."""
        return UnsupportedAttribute(message, layer=str(node))

    def require(self, node: Node, value: ir.Value, *dtypes: ir.DataType) -> None:
        """Refuse a tensor of another type than those that MXNet's code for ``node`` takes."""
        if value.dtype is not None and value.dtype not in dtypes:
            raise self.unsupported(node, f"takes {' or '.join(t.name for t in dtypes)}, its input is {value.dtype.name}")

    # -- operators --------------------------------------------------------------------------------

    def single(self, op_type: str, *inputs: ir.Value | None, **attributes: Any) -> ir.Value:
        """An operator that runtimes have no float64 form of: computed in float32 if its inputs are float64."""
        if inputs[0] is None or inputs[0].dtype != ir.DataType.DOUBLE:
            return self.op(op_type, *inputs, **attributes)
        narrow = [
            self.op("Cast", value, to=ir.DataType.FLOAT) if value is not None and value.dtype == ir.DataType.DOUBLE else value
            for value in inputs
        ]
        return self.op("Cast", self.op(op_type, *narrow, **attributes), to=ir.DataType.DOUBLE)

    # -- shapes -----------------------------------------------------------------------------------

    def axis(self, node: Node, axis: int, rank: int, what: str = "axis") -> int:
        """A canonical axis from one that may be negative."""
        if not -rank <= axis < rank:
            raise self.malformed(node, f"{what} {axis} is out of range for a tensor of {rank} axes")
        return axis % rank

    def rank(self, node: Node, value: ir.Value) -> int:
        """The number of axes, which must be known."""
        if value.shape is None:
            raise self.unsupported(node, f"the rank of {value.name} isn't known")
        return len(value.shape)

    def sizes(self, node: Node, value: ir.Value, axes: Sequence[int], why: str) -> tuple[int, ...]:
        """Dimensions that must be known here, because ``why``."""
        found = []
        for axis in axes:
            size = dims(value)[axis]
            if not isinstance(size, int):
                raise self.unsupported(node, f"axis {axis} of its input is dynamic ({size}), but {why}")
            found.append(size)
        return tuple(found)
