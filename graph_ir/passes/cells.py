"""One step of a recurrent network in basic operators: sums of products by constants, through gates, to the next state.

A gate's argument is x · W + h · R + bias: of one product or of several that are added, of what is concatenated, before or after
the gates are split. Which gate is which is read off what it does to the state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.model import static_dims
from dragoman.graph_ir.passes.editing import attribute, constant, ints
from dragoman.graph_ir.passes.matching import Polynomial, equals, made_by, operands, polynomial

_DEPTH = 8
_GRU: Polynomial = {(1, 0, 1): 1.0, (0, 1, 0): 1.0, (1, 1, 0): -1.0}
"""z · h + n − z · n in powers of (z, n, h)."""

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


@dataclass(frozen=True)
class Step:
    """``result`` (and ``cell``) are the state that follows ``h`` (and ``c``) when ``x`` is read.

    ``weights`` and ``recurrent`` are by gate, as ONNX orders them; ``recurrent`` is empty, and ``h`` may be None, in a first step
    whose product with a constant state is among the biases. ``biases`` are by gate; in a GRU that resets after the product,
    the last are the candidate's inside the reset.
    """

    op_type: str
    variant: str
    x: ir.Value
    h: ir.Value | None
    c: ir.Value | None
    weights: tuple[Block, ...]
    recurrent: tuple[Block, ...]
    biases: tuple[frozenset[Bias], ...]
    result: ir.Value
    cell: ir.Value | None
    nodes: tuple[ir.Node, ...]

    def like(self, other: Step) -> bool:
        """Whether both compute the same of what they read."""
        return self._function() == other._function()

    def _function(self) -> tuple[object, ...]:
        return self.op_type, self.variant, self.weights, self.recurrent, self.biases

    def starts(self, other: Step) -> bool:
        """Whether this is ``other`` at a state of zeros: its products are gone, and what they added is a bias."""
        if self.recurrent or not other.recurrent or (self.op_type, self.variant) != (other.op_type, other.variant):
            return False
        if self.weights != other.weights or (self.h is not None and not is_zero(self.h)):
            return False
        if not all(np.isfinite(block.array()).all() for block in other.recurrent):
            return False
        first, last = self.weights[0].columns
        sums = ((total(a, last - first), total(b, last - first)) for a, b in zip(self.biases, other.biases, strict=True))
        return all(np.array_equal(a, b) for a, b in sums)


def total(biases: frozenset[Bias], size: int) -> npt.NDArray[np.float64]:
    """Their sum in float64, ``size`` zeros if there are none."""
    return sum((bias.array().astype(np.float64) for bias in biases), np.zeros(size, np.float64))


def is_zero(value: ir.Value) -> bool:
    """Whether all elements are 0, however many there are."""
    tensor, node = constant(value), made_by(value, "ConstantOfShape", "Expand")
    if tensor is not None:
        return not tensor.numpy().any()
    if node is not None and node.op_type == "ConstantOfShape":
        return "value" not in node.attributes or not node.attributes["value"].as_tensor().numpy().any()
    return node is not None and node.inputs[0] is not None and constant(node.inputs[0]) is not None and is_zero(node.inputs[0])


def steps_at(node: ir.Node) -> Iterator[Step]:
    """Every way to read ``node``'s output as a next state."""
    found = {"Mul": _lstm, "Add": _gru, "Tanh": _rnn}.get(node.op_type)
    result = node.outputs[0]
    if found is not None and node.domain == "" and result.dtype == ir.DataType.FLOAT and _width(result) is not None:
        yield from found(node)


# -- the cells -------------------------------------------------------------------------------------------


def _lstm(node: ir.Node) -> Iterator[Step]:
    """h' = o · tanh(c'), c' = f · c + i · g."""
    for opened, squashed in operands(node):
        tanh = made_by(squashed, "Tanh")
        cell = tanh.inputs[0] if tanh is not None else None
        add, o = made_by(cell, "Add"), _gate(opened, "Sigmoid")
        for kept, new in operands(add) if add is not None and o is not None else ():
            forget, write = made_by(kept, "Mul"), made_by(new, "Mul")
            if forget is None or write is None or tanh is None or add is None or o is None:
                continue
            for (f_value, c), (i_value, g_value) in ((a, b) for a in operands(forget) for b in operands(write)):
                gates = (_gate(i_value, "Sigmoid"), o, _gate(f_value, "Sigmoid"), _gate(g_value, "Tanh"))
                known = [gate for gate in gates if gate is not None]
                if len(known) == 4:
                    outer = (node, tanh, add, forget, write)
                    yield from _of_two("LSTM", "", known, outer, node.outputs[0], (c, cell))


def _rnn(node: ir.Node) -> Iterator[Step]:
    """h' = tanh(x · W + h · R + b)."""
    gate = _gate(node.outputs[0], "Tanh")
    if gate is not None:
        yield from _of_two("RNN", "", [gate], (), node.outputs[0], (None, None))


def _gru(node: ir.Node) -> Iterator[Step]:
    """h' = z · h + (1 − z) · n, in any form; n = tanh(x · W + (r · h) · R + b), or tanh(x · W + b + r · (h · R + b'))."""
    seen = _arguments(node)
    candidates = [value for value in seen if made_by(value, "Tanh") is not None]
    updates = [value for value in seen if _gate(value, "Sigmoid") is not None] if candidates else []
    for n, z, h in ((n, z, h) for n in candidates for z in updates for h in seen):
        if h is n or h is z or made_by(h, "Sub", "Mul") is not None:
            continue
        terms, gate, tanh = polynomial(node.outputs[0], [z, n, h], 4), _gate(z, "Sigmoid"), made_by(n, "Tanh")
        if terms is None or gate is None or tanh is None or not equals(terms[0], _GRU, node.outputs[0].dtype):
            continue
        x = next((source for source, _ in gate.products if source is not h), None)
        argument = tanh.inputs[0]
        if x is None or argument is None:
            continue
        outer = (*terms[1], tanh)
        for found in (_reset_after(gate, argument, x, h), _reset_before(gate, argument, x, h)):
            if found is not None:
                yield replace(found, result=node.outputs[0], nodes=tuple(dict.fromkeys((*outer, *found.nodes))))


def _reset_after(z: Linear, argument: ir.Value, x: ir.Value, h: ir.Value) -> Step | None:
    """The argument is x · W + b + r · (h · R + b')."""
    leaves, adds = _summands(argument)
    products = [node for leaf in leaves if (node := made_by(leaf, "Mul")) is not None]
    rest = [linear(leaf) for leaf in leaves if made_by(leaf, "Mul") is None]
    if len(products) != 1 or not rest:
        return None
    candidate = Linear((), (), tuple(adds))
    for part in rest:
        if part is None:
            return None
        candidate += part
    for r_value, inner_value in operands(products[0]):
        r, inner = _gate(r_value, "Sigmoid"), linear(inner_value)
        if r is None or inner is None:
            continue
        whole = (z.by(x, h), r.by(x, h), candidate.by(x), inner.by(h))
        first = (z.by(x), r.by(x), candidate.by(x), inner.by())
        pairs = whole if None not in whole else first if constant(h) is not None else (None,)
        if None in pairs:
            continue
        blocks = [block for block in pairs if block is not None]
        weights = tuple(block[0] for block in blocks[:3])
        recurrent = (blocks[0][1], blocks[1][1], blocks[3][0]) if blocks[3] else ()
        biases = tuple(frozenset(part.biases) for part in (z, r, candidate, inner))
        if any(len(part.biases) != len(own) for part, own in zip((z, r, candidate, inner), biases, strict=True)):
            continue
        nodes = (*z.nodes, *r.nodes, *candidate.nodes, *inner.nodes, products[0])
        return Step("GRU", "after", x, h, None, weights, recurrent, biases, x, None, nodes)
    return None


def _reset_before(z: Linear, argument: ir.Value, x: ir.Value, h: ir.Value) -> Step | None:
    """The argument is x · W + (r · h) · R + b."""
    candidate = linear(argument)
    for value in (source for source, _ in candidate.products if source is not x) if candidate is not None else ():
        product = made_by(value, "Mul")
        for r_value, state in operands(product) if product is not None else ():
            r = _gate(r_value, "Sigmoid")
            if r is None or state is not h or candidate is None or product is None:
                continue
            pairs = [pair for pair in (z.by(x, h), r.by(x, h), candidate.by(x, value)) if pair is not None]
            gates = (z, r, candidate)
            biases = tuple(frozenset(gate.biases) for gate in gates)
            if len(pairs) == 3 and all(len(a.biases) == len(b) for a, b in zip(gates, biases, strict=True)):
                weights, recurrent = (tuple(pair[i] for pair in pairs) for i in (0, 1))
                nodes = (*z.nodes, *r.nodes, *candidate.nodes, product)
                return Step("GRU", "before", x, h, None, weights, recurrent, biases, x, None, nodes)
    return None


def _of_two(
    op_type: str,
    variant: str,
    gates: Sequence[Linear],
    outer: tuple[ir.Node, ...],
    result: ir.Value,
    cells: tuple[ir.Value | None, ir.Value | None],
) -> Iterator[Step]:
    """The gates' arguments are all of the same two values, or of one and of constants."""
    biases = tuple(frozenset(gate.biases) for gate in gates)
    if any(len(gate.biases) != len(own) for gate, own in zip(gates, biases, strict=True)):
        return
    nodes = tuple(dict.fromkeys((*outer, *(node for gate in gates for node in gate.nodes))))
    sources = [source for source, _ in gates[0].products]
    roles = [(sources[0], sources[1]), (sources[1], sources[0])] if len(sources) == 2 else [(s, None) for s in sources]
    for x, h in roles if len(sources) <= 2 else ():
        pairs = [pair for gate in gates if (pair := gate.by(x, *([h] if h is not None else []))) is not None]
        if len(pairs) == len(gates):
            recurrent = tuple(pair[1] for pair in pairs) if h is not None else ()
            weights = tuple(pair[0] for pair in pairs)
            yield Step(op_type, variant, x, h, cells[0], weights, recurrent, biases, result, cells[1], nodes)


def _arguments(node: ir.Node) -> list[ir.Value]:
    """What ``node``'s sum is made of, three operators deep."""
    found = list[ir.Value]()
    pending = [(node, 1)]
    for current, depth in pending:
        for value in current.inputs:
            if value is not None and value not in found:
                found.append(value)
                inner = made_by(value, "Add", "Sub", "Mul")
                if inner is not None and depth < 3:
                    pending.append((inner, depth + 1))
    return found


# -- sums of products ------------------------------------------------------------------------------------


def linear(value: ir.Value, columns: Span | None = None, depth: int = _DEPTH) -> Linear | None:
    """These columns of ``value`` as a sum of products by constants, and of constants."""
    width = _width(value)
    tensor = constant(value)
    if tensor is not None:
        span = columns or (0, tensor.shape.numpy()[-1] if len(tensor.shape) else 1)
        return Linear((), (Bias(value, span),), ()) if _is_bias(value, span) else None
    value, span, picks = _picked(value, columns or (0, width or 0))
    node = made_by(value, "Add", "Gemm", "MatMul")
    if node is None or width is None or depth == 0 or value.dtype != ir.DataType.FLOAT:
        return None
    if node.op_type == "Add":
        found = [linear(v, span, depth - 1) for v in node.inputs if v is not None and _width(v) in (_width(value), None, 1)]
        left, right = found if len(found) == 2 else (None, None)
        return None if left is None or right is None else left + right + Linear((), (), (*picks, node))
    return _product(node, span, picks)


def _product(node: ir.Node, columns: Span, picks: tuple[ir.Node, ...]) -> Linear | None:
    source, matrix = node.inputs[0], node.inputs[1]
    sizes = static_dims(matrix) if matrix is not None and constant(matrix) is not None else None
    if source is None or matrix is None or sizes is None or len(sizes) != 2 or _width(source) is None:
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
        size = _width(part) if part is not None else None
        if part is None or size is None:
            return None
        products.append((part, Block(matrix, transposed, (first, first + size), columns)))
        first += size
    return Linear(tuple(products), biases, (*picks, node, joined))


def _gate(value: ir.Value, op_type: str) -> Linear | None:
    """The argument of a curve; the curve may be of all gates, of which ``value`` is one."""
    width = _width(value)
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
    whole = _width(node.inputs[0])
    if whole is None:
        return None
    if node.op_type == "Split":
        widths = [_width(out) for out in node.outputs[: list(node.outputs).index(part)]]
        return None if attribute(node, "axis", 0) not in (1, -1) or None in widths else sum(w for w in widths if w is not None)
    starts, axes, steps = (ints(node, index, name) for index, name in ((1, "starts"), (3, "axes"), (4, "steps")))
    if starts is None or axes is None or len(starts) != 1 or axes[0] not in (1, -1):
        return None
    if len(node.inputs) > 4 and node.inputs[4] is not None and steps != [1]:
        return None
    return min(starts[0] + whole if starts[0] < 0 else starts[0], whole)


def _summands(value: ir.Value) -> tuple[list[ir.Value], list[ir.Node]]:
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


def _width(value: ir.Value | None) -> int | None:
    """The last of two dimensions."""
    shape = value.shape if value is not None else None
    return shape[1] if shape is not None and len(shape) == 2 and isinstance(shape[1], int) else None


def _numpy(value: ir.Value) -> Array:
    tensor = constant(value)
    assert tensor is not None
    return tensor.numpy()
