"""LayerNormalization and RMSNormalization where exporters wrote them out.

What ONNX Runtime 1.32 needs on one core for (8, 128, 768) in float32, written out → as one operator: 276 to 564 µs, depending on
the form → 281; RMS 152 to 419 → 149. GroupNormalization isn't recognised: PyTorch's form, by InstanceNormalization, takes 291 µs
for (4, 64, 56, 56), and the operator 669.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.model import static_dims
from dragoman.graph_ir.passes.editing import Names, add_weight, constant, only_consumer
from dragoman.graph_ir.passes.matching import fuse, made_by, number, only_inside, operands
from dragoman.graph_ir.tensors import DerivedTensor
from dragoman.graph_ir.traversal import graphs_of

_HALF = ir.DataType.FLOAT16
_LARGEST = 1 << 16
"""Elements of a scale of ones that is made where none is written."""


@dataclass(frozen=True)
class _Normal:
    """(x − mean) / sqrt(variance + epsilon), or without the mean, over the last ``count`` axes; ``nodes`` make ``result``."""

    x: ir.Value
    count: int
    epsilon: float
    centred: bool
    nodes: list[ir.Node]
    result: ir.Value
    scale: ir.Value | None = None
    bias: ir.Value | None = None


def fuse_normalizations(model: ir.Model) -> bool:
    """One operator for what divides by the root of a mean square, with the scale and the bias that follow."""
    names = Names([model.graph])
    changed = False
    for graph in graphs_of(model.graph):
        for node in list(graph):
            if node.graph is not graph or node.domain != "":
                continue
            found = (
                _written_out(node) if node.op_type in ("Div", "Mul") else _by_moments(node) if node.op_type == "Add" else None
            )
            if found is not None and found.x.dtype in (ir.DataType.FLOAT, _HALF):
                changed |= _fuse(found, graph, names)
    return changed


# -- what is there ---------------------------------------------------------------------------------------


def _written_out(node: ir.Node) -> _Normal | None:
    """c / sqrt(mean(c²) + epsilon), where c may be x − mean(x)."""
    for centre, root in _quotients(node):
        variance = _variance(root)
        if variance is None:
            continue
        epsilon, centre_squared, axes, nodes = variance
        square = _squared(centre_squared)
        if square is None or square[0] is not centre:
            continue
        nodes = [node, *nodes, square[1]]
        mean = _mean_of(centre)
        if mean is not None and mean[1] == axes:
            return _checked(_Normal(mean[0], len(axes), epsilon, True, [*nodes, *mean[2]], node.outputs[0]), axes)
        return _checked(_Normal(centre, len(axes), epsilon, False, nodes, node.outputs[0]), axes)
    return None


def _by_moments(node: ir.Node) -> _Normal | None:
    """TensorFlow's x · k + (bias − mean · k), where k = scale / sqrt(variance + epsilon)."""
    for product, rest in operands(node):
        multiply, subtract = made_by(product, "Mul"), made_by(rest, "Sub")
        moved = made_by(subtract.inputs[1], "Mul") if subtract is not None else None
        if multiply is None or subtract is None or moved is None or subtract.inputs[0] is None:
            continue
        for x, factor in operands(multiply):
            scaled = made_by(factor, "Mul")
            mean = next((a for a, b in operands(moved) if b is factor), None)
            averaged = _average(mean) if mean is not None else None
            if scaled is None or averaged is None or averaged[0] is not x:
                continue
            for inverse, scale in operands(scaled):
                root = _inverse_root(inverse)
                variance = _variance(root) if root is not None else None
                square = _squared(variance[1]) if variance is not None else None
                centred = _mean_of(square[0]) if square is not None else None
                if variance is None or square is None or centred is None or centred[0] is not x:
                    continue
                if not variance[2] == centred[1] == averaged[1]:
                    continue
                own = [node, multiply, subtract, moved, scaled, square[1], *averaged[2], *variance[3], *centred[2]]
                nodes, bias = list(dict.fromkeys(own)), subtract.inputs[0]
                return _checked(
                    _Normal(x, len(variance[2]), variance[0], True, nodes, node.outputs[0], scale, bias), variance[2]
                )
    return None


def _checked(found: _Normal, axes: list[int]) -> _Normal | None:
    """Only the last axes, and a result of x's own rank."""
    rank = len(found.x.shape) if found.x.shape is not None else 0
    shape = found.result.shape
    return found if axes == list(range(rank - len(axes), rank)) and shape is not None and len(shape) == rank else None


def _quotients(node: ir.Node) -> Iterator[tuple[ir.Value, tuple[ir.Value, list[ir.Node]]]]:
    """(dividend, (radicand, nodes)) of node = dividend / sqrt(radicand)."""
    if node.op_type == "Div":
        dividend, divisor = node.inputs[0], node.inputs[1]
        root = _root(divisor)
        if dividend is not None and root is not None:
            yield dividend, root
        return
    for dividend, inverse in operands(node):
        root = _inverse_root(inverse)
        if root is not None:
            yield dividend, root


def _root(value: ir.Value | None) -> tuple[ir.Value, list[ir.Node]] | None:
    node = made_by(value, "Sqrt", "Pow")
    if node is None or node.inputs[0] is None or (node.op_type == "Pow" and number(node.inputs[1]) != 0.5):
        return None
    return node.inputs[0], [node]


def _inverse_root(value: ir.Value) -> tuple[ir.Value, list[ir.Node]] | None:
    node = made_by(value, "Reciprocal", "Div", "Pow")
    if node is None:
        return None
    if node.op_type == "Pow":
        power = node.inputs[0]
        return (power, [node]) if power is not None and number(node.inputs[1]) == -0.5 else None
    if node.op_type == "Div" and number(node.inputs[0]) != 1:
        return None
    root = _root(node.inputs[-1])
    return (root[0], [node, *root[1]]) if root is not None else None


def _variance(root: tuple[ir.Value, list[ir.Node]]) -> tuple[float, ir.Value, list[int], list[ir.Node]] | None:
    """(epsilon, what is averaged, axes, nodes) of mean + epsilon."""
    add = made_by(root[0], "Add")
    for mean, small in operands(add) if add is not None else ():
        epsilon, averaged = number(small), _average(mean)
        if add is not None and epsilon is not None and averaged is not None and epsilon >= 0:
            return epsilon, averaged[0], averaged[1], [*root[1], add, *averaged[2]]
    return None


def _average(value: ir.Value) -> tuple[ir.Value, list[int], list[ir.Node]] | None:
    """(x, sorted axes, nodes) of a ReduceMean that keeps its axes."""
    node = made_by(value, "ReduceMean")
    axes = constant(node.inputs[1]) if node is not None and len(node.inputs) > 1 else None
    x = node.inputs[0] if node is not None else None
    if node is None or axes is None or x is None or x.shape is None or axes.size == 0:
        return None
    if "keepdims" in node.attributes and not node.attributes["keepdims"].as_int():
        return None
    return x, sorted({int(axis) % len(x.shape) for axis in axes.numpy().reshape(-1)}), [node]


def _squared(value: ir.Value) -> tuple[ir.Value, ir.Node] | None:
    """(x, node) of x²."""
    node = made_by(value, "Mul", "Pow")
    x = node.inputs[0] if node is not None else None
    if node is None or x is None:
        return None
    squares = x is node.inputs[1] if node.op_type == "Mul" else number(node.inputs[1]) == 2
    return (x, node) if squares else None


def _mean_of(centre: ir.Value) -> tuple[ir.Value, list[int], list[ir.Node]] | None:
    """(x, axes, nodes) of x − mean(x)."""
    node = made_by(centre, "Sub")
    averaged = _average(node.inputs[1]) if node is not None and node.inputs[1] is not None else None
    if node is None or averaged is None or averaged[0] is not node.inputs[0]:
        return None
    return averaged[0], averaged[1], [node, *averaged[2]]


# -- what becomes of it ----------------------------------------------------------------------------------


def _fuse(found: _Normal, graph: ir.Graph, names: Names) -> bool:
    x, result, scale, bias, nodes = found.x, found.result, found.scale, found.bias, found.nodes
    wide, narrow = made_by(x, "Cast"), only_consumer(result)
    if wide is not None and narrow is not None and wide.inputs[0] is not None and scale is None:
        narrowed = narrow.domain == "" and narrow.op_type == "Cast" and narrow.graph is graph
        if narrowed and wide.inputs[0].dtype == narrow.outputs[0].dtype == _HALF:
            nodes = [*nodes, narrow, *([wide] if all(use.node in nodes for use in x.uses()) else [])]
            x, result = wide.inputs[0], narrow.outputs[0]
    if scale is None:
        scale, result, nodes = _followed(x, result, nodes, "Mul", found.count)
    if bias is None and found.centred:
        bias, result, nodes = _followed(x, result, nodes, "Add", found.count)
    shape = _last_dims(x, found.count)
    if not only_inside(nodes, result) or (scale is None and (shape is None or int(np.prod(shape)) > _LARGEST)):
        return False
    if any(value is not None and not _fits(value, shape) for value in (scale, bias)):
        return False
    inputs = [x, _flat(scale, shape, graph, names, result)]
    if bias is not None:
        inputs.append(_flat(bias, shape, graph, names, result))
    op_type = "LayerNormalization" if found.centred else "RMSNormalization"
    fuse(nodes, result, op_type, inputs, {"axis": -found.count, "epsilon": found.epsilon}, names)
    return True


def _last_dims(x: ir.Value, count: int) -> tuple[int, ...] | None:
    assert x.shape is not None
    last = [d for d in list(x.shape)[-count:] if isinstance(d, int)]
    return tuple(last) if len(last) == count else None


def _followed(
    x: ir.Value, result: ir.Value, nodes: list[ir.Node], op_type: str, count: int
) -> tuple[ir.Value | None, ir.Value, list[ir.Node]]:
    """The parameter that the only reader of ``result`` combines it with, if it is one for each element of the last axes."""
    reader, shape = only_consumer(result), _last_dims(x, count)
    if reader is not None and reader.domain == "" and reader.op_type == op_type and reader.graph is nodes[0].graph:
        other = next((b for a, b in operands(reader) if a is result), None)
        if other is not None and other.dtype == x.dtype and _fits(other, shape):
            return other, reader.outputs[0], [*nodes, reader]
    return None, result, nodes


def _fits(value: ir.Value, shape: tuple[int, ...] | None) -> bool:
    """Exactly ``shape``; a constant may have more axes of size 1 before it."""
    own = static_dims(value)
    if own is None or shape is None:
        return False
    extra = len(own) - len(shape)
    return own == shape or (constant(value) is not None and extra > 0 and own == (1,) * extra + shape)


def _flat(value: ir.Value | None, shape: tuple[int, ...] | None, graph: ir.Graph, names: Names, result: ir.Value) -> ir.Value:
    """``value`` in ``shape``; ones where there is none."""
    assert shape is not None
    if value is None:
        assert result.dtype is not None
        ones = ir.Tensor(np.ones(shape, result.dtype.numpy()))
        return add_weight(graph, ones, names.unique(f"{result.name}/scale"))
    tensor = constant(value)
    if tensor is None or static_dims(value) == shape:
        return value
    derived = DerivedTensor(lambda: tensor.numpy().reshape(shape), tensor.dtype, shape)
    return add_weight(graph, derived, names.unique(f"{value.name}/flat"))
