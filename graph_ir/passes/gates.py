"""Sums of products by constants, and the curves that take them: what the gates of recurrent cells are made of.

A gate's argument is x · W + h · R + bias: of one product or of several that are added, of what is concatenated, before or after
the gates are split.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.model import static_dims
from dragoman.graph_ir.passes.editing import attribute, constant, ints
from dragoman.graph_ir.passes.matching import made_by

_DEPTH = 8

Span = tuple[int, int]
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Block:
    """The rows and columns of a constant matrix, or of its transpose, that something is multiplied by."""

    matrix: ir.Value
    transposed: bool
    rows: Span
    columns: Span

    def array(self) -> Array:
        """(columns, rows), as ONNX's recurrent operators have their weights."""
        found: Array = _numpy(self.matrix)
        found = found if self.transposed else found.T
        return found[slice(*self.columns), slice(*self.rows)]


@dataclass(frozen=True)
class Bias:
    """The columns of a constant that is added: a vector, rows that are all the same, or a number."""

    vector: ir.Value
    columns: Span

    def array(self) -> Array:
        """(columns,)"""
        found: Array = _numpy(self.vector)
        if found.size == 1:
            return np.full(self.columns[1] - self.columns[0], found.item(), np.float32)
        return found.reshape(-1, found.shape[-1])[0, slice(*self.columns)]


@dataclass(frozen=True)
class Linear:
    """The sum of products of values by blocks, and of biases; ``nodes`` compute it."""

    products: tuple[tuple[ir.Value, Block], ...]
    biases: tuple[Bias, ...]
    nodes: tuple[ir.Node, ...]

    def __add__(self, other: Linear) -> Linear:
        return Linear(self.products + other.products, self.biases + other.biases, self.nodes + other.nodes)

    def by(self, *sources: ir.Value) -> tuple[Block, ...] | None:
        """The blocks that ``sources`` are multiplied by, if each is once, and nothing else is."""
        found = dict(self.products)
        matches = len(self.products) == len(found) == len(sources) and all(s in found for s in sources)
        return tuple(found[source] for source in sources) if matches else None


def linear(value: ir.Value, columns: Span | None = None, depth: int = _DEPTH) -> Linear | None:
    """These columns of ``value`` as a sum of products by constants, and of constants."""
    width = width_of(value)
    tensor = constant(value)
    if tensor is not None:
        span = columns or (0, tensor.shape.numpy()[-1] if len(tensor.shape) else 1)
        return Linear((), (Bias(value, span),), ()) if _is_bias(value, span) else None
    value, span, picks = _picked(value, columns or (0, width or 0))
    node = made_by(value, "Add", "Gemm", "MatMul")
    if node is None or width is None or depth == 0 or value.dtype != ir.DataType.FLOAT:
        return None
    if node.op_type == "Add":
        found = [linear(v, span, depth - 1) for v in node.inputs if v is not None and width_of(v) in (width_of(value), None, 1)]
        left, right = found if len(found) == 2 else (None, None)
        return None if left is None or right is None else left + right + Linear((), (), (*picks, node))
    return _product(node, span, picks)


def _product(node: ir.Node, columns: Span, picks: tuple[ir.Node, ...]) -> Linear | None:
    source, matrix = node.inputs[0], node.inputs[1]
    sizes = static_dims(matrix) if matrix is not None and constant(matrix) is not None else None
    if source is None or matrix is None or sizes is None or len(sizes) != 2 or width_of(source) is None:
        return None
    if attribute(node, "transA", 0) or attribute(node, "alpha", 1.0) != 1 or attribute(node, "beta", 1.0) != 1:
        return None
    transposed = bool(attribute(node, "transB", 0))
    biases: tuple[Bias, ...] = ()
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        if not _is_bias(node.inputs[2], columns):
            return None
        biases = (Bias(node.inputs[2], columns),)
    joined = made_by(source, "Concat")
    if joined is None or attribute(joined, "axis") not in (1, -1):
        rows = (0, sizes[1] if transposed else sizes[0])
        return Linear(((source, Block(matrix, transposed, rows, columns)),), biases, (*picks, node))
    products, first = list[tuple[ir.Value, Block]](), 0
    for part in joined.inputs:
        size = width_of(part) if part is not None else None
        if part is None or size is None:
            return None
        products.append((part, Block(matrix, transposed, (first, first + size), columns)))
        first += size
    return Linear(tuple(products), biases, (*picks, node, joined))


def gate_of(value: ir.Value, op_type: str) -> Linear | None:
    """The argument of a curve; the curve may be of all gates, of which ``value`` is one."""
    width = width_of(value)
    whole, columns, picks = _picked(value, (0, width or 0))
    node = made_by(whole, op_type)
    found = linear(node.inputs[0], columns) if node is not None and width and node.inputs[0] is not None else None
    return found + Linear((), (), (*picks, node)) if found is not None and node is not None else None


def _picked(value: ir.Value, columns: Span) -> tuple[ir.Value, Span, tuple[ir.Node, ...]]:
    """What Split or Slice took ``value`` from along the last axis, which columns of it, and by which nodes."""
    picks: tuple[ir.Node, ...] = ()
    while (node := made_by(value, "Split", "Slice")) is not None:
        first = _first_column(node, value)
        if first is None or node.inputs[0] is None:
            break
        value, columns, picks = node.inputs[0], (columns[0] + first, columns[1] + first), (*picks, node)
    return value, columns, picks


def _first_column(node: ir.Node, part: ir.Value) -> int | None:
    """Where ``part`` begins in what ``node`` takes apart, if that has two axes and is taken apart along the last."""
    whole = width_of(node.inputs[0])
    if whole is None:
        return None
    if node.op_type == "Split":
        widths = [width_of(out) for out in node.outputs[: list(node.outputs).index(part)]]
        return None if attribute(node, "axis", 0) not in (1, -1) or None in widths else sum(w for w in widths if w is not None)
    starts, axes, steps = (ints(node, index, name) for index, name in ((1, "starts"), (3, "axes"), (4, "steps")))
    if starts is None or axes is None or len(starts) != 1 or axes[0] not in (1, -1):
        return None
    if len(node.inputs) > 4 and node.inputs[4] is not None and steps != [1]:
        return None
    return min(starts[0] + whole if starts[0] < 0 else starts[0], whole)


def summands(value: ir.Value) -> tuple[list[ir.Value], list[ir.Node]]:
    """What is added to make ``value``, and the nodes that add."""
    leaves, adds = [value], list[ir.Node]()
    for _ in range(_DEPTH):
        index = next((i for i, leaf in enumerate(leaves) if made_by(leaf, "Add") is not None), None)
        node = made_by(leaves[index], "Add") if index is not None else None
        if index is None or node is None:
            break
        adds.append(node)
        leaves[index : index + 1] = [part for part in node.inputs if part is not None]
    return leaves, adds


def _is_bias(value: ir.Value, columns: Span) -> bool:
    tensor = constant(value)
    if tensor is None or tensor.dtype != ir.DataType.FLOAT or len(tensor.shape) > 2:
        return False
    array = tensor.numpy()
    if array.size == 1:
        return True
    return array.ndim > 0 and columns[1] <= array.shape[-1] and (array.ndim == 1 or bool((array == array[:1]).all()))


def width_of(value: ir.Value | None) -> int | None:
    """The last of two dimensions."""
    shape = value.shape if value is not None else None
    return shape[1] if shape is not None and len(shape) == 2 and isinstance(shape[1], int) else None


def _numpy(value: ir.Value) -> Array:
    tensor = constant(value)
    assert tensor is not None
    return tensor.numpy()
