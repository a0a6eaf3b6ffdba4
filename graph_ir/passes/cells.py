"""One step of a recurrent network in basic operators: x and the state, through gates, to the next state.

Which gate is which is read off what it does to the state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.passes.bounds import Bounds
from dragoman.graph_ir.passes.editing import constant
from dragoman.graph_ir.passes.gates import Bias, Block, Linear, gate_of, linear, summands, width_of
from dragoman.graph_ir.passes.matching import Polynomial, equals, made_by, operands, polynomial
from dragoman.graph_ir.tensors import DerivedTensor

_FLOAT = ir.DataType.FLOAT
_LARGEST = 1e36
"""So far below float32's largest that sums in any order don't reach it."""
_STEPS = 5
"""As few steps of a plain RNN, of one row, as are slower than the operator at every size."""
_ROWS = 8
"""As many rows as a GRU reads at once faster than its parts do, at every size."""
_GRU: Polynomial = {(1, 0, 1): 1.0, (0, 1, 0): 1.0, (1, 1, 0): -1.0}
"""z · h + n − z · n in powers of (z, n, h)."""

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

    def parameters(self) -> list[ir.TensorProtocol]:
        """W (1, gates · hidden, width), R (1, gates · hidden, hidden), and B (1, 2 · gates · hidden) if there are biases."""
        gates, hidden = len(self.weights), self.hidden
        found: list[ir.TensorProtocol] = []
        for blocks, width in ((self.weights, self.width), (self.recurrent, hidden)):
            shape = (1, gates * hidden, width)
            found.append(DerivedTensor(lambda blocks=blocks: np.concatenate([b.array() for b in blocks])[None], _FLOAT, shape))  # type: ignore[misc]
        if any(self.biases):
            added = np.zeros((2, gates, hidden))
            for gate, biases in enumerate(self.biases):
                added[(0, gate) if gate < gates else (1, gates - 1)] = _total(biases, hidden)
            found.append(ir.Tensor(added.astype(np.float32).reshape(1, -1)))
        return found

    def attributes(self) -> dict[str, int]:
        """Those of the operator that does the same."""
        return {"hidden_size": self.hidden} | ({"linear_before_reset": 1} if self.variant == "after" else {})

    def pays(self, batch: int | str | None, steps: int | None) -> bool:
        """Whether ONNX Runtime's operator is faster than its parts, as far as that is known: see docs/benchmarks.md."""
        if self.op_type == "RNN":
            return batch == 1 and (steps is None or steps >= _STEPS)
        return self.op_type == "LSTM" or not isinstance(batch, int) or batch <= _ROWS

    def keeps_nan(self, read: Sequence[ir.Value | None], bounds: Bounds) -> bool:
        """Whether the operator gives NaN where its parts do: an RNN of finite weights does, or else nothing can become NaN."""
        factor = bounds.of(*(block.matrix for block in (*self.weights, *self.recurrent)))
        added = bounds.of(*(bias.vector for biases in self.biases for bias in biases))
        if factor is None or added is None:
            return False
        if self.op_type == "RNN":
            return True
        largest = bounds.of(*read)
        count = max(len(biases) for biases in self.biases)
        return largest is not None and max(largest, 1.0) * max(factor, 1.0) * (self.width + self.hidden) + (count + 1) * added < _LARGEST

    def like(self, other: Step) -> bool:
        """Whether both compute the same of what they read."""
        return self._function() == other._function()

    def _function(self) -> tuple[object, ...]:
        return self.op_type, self.variant, self.weights, self.recurrent, self.biases

    @property
    def width(self) -> int:
        """Elements of a row of ``x``."""
        first, last = self.weights[0].rows
        return last - first

    @property
    def hidden(self) -> int:
        """Elements of a row of the state."""
        first, last = self.weights[0].columns
        return last - first

    def starts(self, other: Step) -> bool:
        """Whether this is ``other`` at a state of zeros: its products are gone, and what they added is a bias."""
        if self.recurrent or not other.recurrent or (self.op_type, self.variant) != (other.op_type, other.variant):
            return False
        if self.weights != other.weights or (self.h is not None and not is_zero(self.h)):
            return False
        if not all(np.isfinite(block.array()).all() for block in other.recurrent):
            return False
        sums = ((_total(a, self.hidden), _total(b, self.hidden)) for a, b in zip(self.biases, other.biases, strict=True))
        return all(np.array_equal(a, b) for a, b in sums)


def _total(biases: frozenset[Bias], size: int) -> npt.NDArray[np.float64]:
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
    if found is not None and node.domain == "" and result.dtype == ir.DataType.FLOAT and width_of(result) is not None:
        yield from found(node)


# -- the cells -------------------------------------------------------------------------------------------


def _lstm(node: ir.Node) -> Iterator[Step]:
    """h' = o · tanh(c'), c' = f · c + i · g."""
    for opened, squashed in operands(node):
        tanh = made_by(squashed, "Tanh")
        cell = tanh.inputs[0] if tanh is not None else None
        add, o = made_by(cell, "Add"), gate_of(opened, "Sigmoid")
        for kept, new in operands(add) if add is not None and o is not None else ():
            forget, write = made_by(kept, "Mul"), made_by(new, "Mul")
            if forget is None or write is None or tanh is None or add is None or o is None:
                continue
            for (f_value, c), (i_value, g_value) in ((a, b) for a in operands(forget) for b in operands(write)):
                gates = (gate_of(i_value, "Sigmoid"), o, gate_of(f_value, "Sigmoid"), gate_of(g_value, "Tanh"))
                known = [gate for gate in gates if gate is not None]
                if len(known) == 4:
                    outer = (node, tanh, add, forget, write)
                    yield from _of_two("LSTM", "", known, outer, node.outputs[0], (c, cell))


def _rnn(node: ir.Node) -> Iterator[Step]:
    """h' = tanh(x · W + h · R + b)."""
    gate = gate_of(node.outputs[0], "Tanh")
    if gate is not None:
        yield from _of_two("RNN", "", [gate], (), node.outputs[0], (None, None))


def _gru(node: ir.Node) -> Iterator[Step]:
    """h' = z · h + (1 − z) · n, in any form; n = tanh(x · W + (r · h) · R + b), or tanh(x · W + b + r · (h · R + b'))."""
    seen = _arguments(node)
    candidates = [value for value in seen if made_by(value, "Tanh") is not None]
    updates = [value for value in seen if gate_of(value, "Sigmoid") is not None] if candidates else []
    for n, z, h in ((n, z, h) for n in candidates for z in updates for h in seen):
        if h is n or h is z or made_by(h, "Sub", "Mul") is not None:
            continue
        terms, gate, tanh = polynomial(node.outputs[0], [z, n, h], 4), gate_of(z, "Sigmoid"), made_by(n, "Tanh")
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
    leaves, adds = summands(argument)
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
        r, inner = gate_of(r_value, "Sigmoid"), linear(inner_value)
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
            r = gate_of(r_value, "Sigmoid")
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
