"""How large the elements of a value can be, where that follows from constants: then it holds no infinity and no NaN."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.model import dims
from dragoman.graph_ir.passes.editing import attribute, constant

_MOVED = frozenset({"Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"})
_CURVES = frozenset({"Relu", "Neg", "Abs"})
_SQUASHED = frozenset({"Tanh", "Sigmoid", "Softmax"})
_INTEGERS = (ir.DataType.INT32, ir.DataType.INT64, ir.DataType.BOOL, ir.DataType.INT8, ir.DataType.UINT8)
_LARGEST = 1e37
"""A tenth of float32's largest, so that what is rounded on the way is within it too."""


class Bounds:
    """Bounds of the values of a graph, each found once."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: dict[ir.Value, float | None] = {}

    def of(self, *values: ir.Value | None) -> float | None:
        """The largest magnitude that any of ``values`` can hold; None if it may be infinite or NaN, or isn't known."""
        found = [0.0 if value is None else self._of(value) for value in values]
        known = [bound for bound in found if bound is not None and bound <= _LARGEST]
        return max(known, default=0.0) if len(known) == len(found) else None

    def learn(self, value: ir.Value, bound: float) -> None:
        """Say what is known of ``value`` from elsewhere."""
        self._known[value] = bound

    def _of(self, value: ir.Value) -> float | None:
        if value not in self._known:
            self._known[value] = None
            self._known[value] = self._find(value)
        return self._known[value]

    def _find(self, value: ir.Value) -> float | None:
        tensor = constant(value)
        if tensor is not None:
            if tensor.dtype != ir.DataType.FLOAT:
                return None
            largest = float(np.abs(tensor.numpy()).max(initial=0))
            return largest if math.isfinite(largest) else None
        node = value.producer()
        return _from_inputs(node, self) if node is not None and node.domain == "" and value.dtype == ir.DataType.FLOAT else None


def _from_inputs(node: ir.Node, bounds: Bounds) -> float | None:
    operator = node.op_type
    if operator == "Cast":
        return 2.0**63 if node.inputs[0] is not None and node.inputs[0].dtype in _INTEGERS else None
    if operator == "ConstantOfShape":
        fill = abs(float(node.attributes["value"].as_tensor().numpy().item())) if "value" in node.attributes else 0.0
        return fill if math.isfinite(fill) else None
    if operator in _MOVED or operator in _CURVES:
        return bounds.of(node.inputs[0])
    inputs = [bounds.of(value) for value in node.inputs]
    known = [bound for bound in inputs if bound is not None]
    if len(known) < len(inputs):
        return None
    if operator == "Concat":
        return max(known)
    if operator in _SQUASHED:
        return 1.0
    if operator in ("Add", "Sub"):
        return sum(known)
    if operator == "Mul":
        return known[0] * known[1]
    if operator in ("MatMul", "Gemm"):
        return _of_product(node, known)
    return None


def _of_product(node: ir.Node, known: list[float]) -> float | None:
    """Of x · W (+ b), each element of which is a sum of as many products as a row of x has elements."""
    sizes = dims(node.inputs[0]) if node.inputs[0] is not None else ()
    scaled = any(attribute(node, name, plain) != plain for name, plain in (("alpha", 1.0), ("beta", 1.0), ("transA", 0)))
    if not sizes or not isinstance(sizes[-1], int) or scaled:
        return None
    return known[0] * known[1] * sizes[-1] + sum(known[2:])
