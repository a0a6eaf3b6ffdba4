"""Per-channel affine maps, y = scale · x + shift: recognised, composed, and their values computed in float64 when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.passes.editing import attribute, constant, only_consumer

Vector = npt.NDArray[np.float64]

FLOATS = frozenset({ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.DOUBLE})
"""The types that are folded."""

_ROUNDS = 1 << 20
"""Who adds a number as big as this may do so to round: the next Sub brings integers back."""


@dataclass(frozen=True)
class Affine:
    """One map: ``nodes`` compute it from ``source``, the last of them gives the result.

    ``values`` gives scale and shift, each of shape (``channels``,), or () where ``channels`` is None: one for all.
    """

    nodes: tuple[ir.Node, ...]
    source: ir.Value
    channels: int | None
    values: Callable[[], tuple[Vector, Vector]]
    scales: bool
    shifts: bool

    @property
    def result(self) -> ir.Value:
        """The value that the map makes."""
        return self.nodes[-1].outputs[0]

    def then(self, after: Affine) -> Affine:
        """This map, and ``after`` of its result."""

        def values() -> tuple[Vector, Vector]:
            (a, b), (c, d) = self.values(), after.values()
            return a * c, b * c + d

        channels = after.channels if self.channels is None else self.channels
        nodes = (*self.nodes, *after.nodes)
        return Affine(nodes, self.source, channels, values, self.scales or after.scales, self.shifts or after.shifts)


def affine_of(node: ir.Node, axis: int) -> Affine | None:
    """``node`` as a map of its input's channels, which are at ``axis`` (not negative); None if it isn't one."""
    if node.domain != "" or node.outputs[0].dtype not in FLOATS or any(a.is_ref() for a in node.attributes.values()):
        return None
    if node.op_type == "BatchNormalization":
        return _batch_normalization(node) if axis == 1 else None
    if node.op_type in ("Add", "Sub", "Mul", "Div"):
        return _arithmetic(node, axis)
    return None


def affine_chain(value: ir.Value, axis: int, *, shifts: bool = True) -> Affine | None:
    """All the maps that follow ``value`` one after the other, as one; none that the outside sees in between. Without ``shifts``,
    up to the first that shifts.
    """
    found: Affine | None = None
    while (node := only_consumer(value)) is not None:
        step = affine_of(node, axis)
        if step is None or step.source is not value or node.graph is not _graph_of(value) or (step.shifts and not shifts):
            break
        if found is not None and found.channels and step.channels and found.channels != step.channels:
            break
        found = step if found is None else found.then(step)
        value = step.result
    return found


def affine_before(node: ir.Node, axis: int, *, shifts: bool = True) -> Affine | None:
    """All the maps that lead to the first input of ``node``, as one, if they serve it alone. Without ``shifts``, from behind the
    last that shifts.
    """
    found: Affine | None = None
    value = node.inputs[0]
    while value is not None and (producer := value.producer()) is not None and only_consumer(value) is not None:
        step = affine_of(producer, axis)
        if step is None or producer.graph is not node.graph or (step.shifts and not shifts):
            break
        if found is not None and found.channels and step.channels and found.channels != step.channels:
            break
        found = step if found is None else step.then(found)
        value = step.source
    return found


def _graph_of(value: ir.Value) -> ir.Graph | ir.Function | None:
    producer = value.producer()
    return producer.graph if producer is not None else value.graph


def _batch_normalization(node: ir.Node) -> Affine | None:
    """ONNX BatchNormalization at inference: (x − mean) / sqrt(var + epsilon) · scale + bias."""
    parameters = [constant(value) for value in node.inputs[1:5]]
    training = attribute(node, "training_mode", 0)
    source = node.inputs[0]
    if source is None or source.dtype not in FLOATS or training or len(parameters) != 4 or len(node.outputs) != 1:
        return None
    known = [tensor for tensor in parameters if tensor is not None and tensor.dtype in FLOATS]
    if len(known) != 4:
        return None
    epsilon = attribute(node, "epsilon", 1e-5)

    def values() -> tuple[Vector, Vector]:
        scale, bias, mean, variance = (tensor.numpy().astype(np.float64) for tensor in known)
        factor = scale / np.sqrt(variance + epsilon)
        return factor, bias - mean * factor

    return Affine((node,), source, known[0].size, values, scales=True, shifts=True)


def _arithmetic(node: ir.Node, axis: int) -> Affine | None:
    """x ∘ c or c ∘ x, where c is constant, and one number or one for each channel."""
    left, right = node.inputs[0], node.inputs[1]
    if left is None or right is None:
        return None
    first, second = constant(left), constant(right)
    if (first is None) == (second is None):
        return None
    source, tensor = (left, second) if first is None else (right, first)
    if tensor is None or tensor.dtype not in FLOATS or source.shape is None:
        return None
    channels = _per_channel(tensor, source.shape, axis)
    if channels == 0 or (node.op_type == "Div" and (first is not None or not tensor.numpy().all())):
        return None
    if node.op_type in ("Add", "Sub") and channels is None and abs(float(tensor.numpy().reshape(()))) >= _ROUNDS:
        return None
    operator, reversed_ = node.op_type, first is not None

    def values() -> tuple[Vector, Vector]:
        number = tensor.numpy().astype(np.float64).reshape(() if channels is None else (channels,))
        one, zero = np.ones_like(number), np.zeros_like(number)
        if operator == "Mul":
            return number, zero
        if operator == "Div":
            return 1 / number, zero
        if operator == "Add":
            return one, number
        return (-one, number) if reversed_ else (one, -number)

    scales = operator in ("Mul", "Div") or (operator == "Sub" and reversed_)
    return Affine((node,), source, channels, values, scales=scales, shifts=operator in ("Add", "Sub"))


def _per_channel(tensor: ir.TensorProtocol, shape: ir.Shape, axis: int) -> int | None:
    """The number of channels that ``tensor`` has values for, None if it is one number, 0 if it broadcasts in another way."""
    own = list(tensor.shape.numpy())
    if len(own) > len(shape):
        return 0
    aligned = [1] * (len(shape) - len(own)) + own
    channels = int(aligned.pop(axis)) if axis < len(aligned) else 1
    if any(size != 1 for size in aligned):
        return 0
    if channels == 1:
        return None
    return channels if shape[axis] == channels else 0
