"""LSTM, GRU and RNN where a loop over time was unrolled into basic operators: Gluon's and PyTorch's cells, or written by hand.

Sums are taken in another order, and nothing else differs, with one exception: ONNX Runtime's LSTM and GRU give finite numbers
for NaN (its RNN by tanh doesn't), which would hide what went wrong. So these two are made only where nothing can be NaN or
infinite: of embedded words, constants, initial states of zeros, and the outputs of the layer below. See docs/benchmarks.md for
what is gained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.model import dims
from dragoman.graph_ir.passes.bounds import Bounds
from dragoman.graph_ir.passes.cells import Step, is_zero, steps_at
from dragoman.graph_ir.passes.editing import Names, add_weight, attribute, constant, input_at, ints, remove_node, replace_value
from dragoman.graph_ir.passes.matching import made_by
from dragoman.graph_ir.provenance import merge_origins
from dragoman.graph_ir.traversal import graphs_of, subgraphs, walk

_FLOAT = ir.DataType.FLOAT
Dim = int | str | None


def fuse_recurrences(model: ir.Model) -> bool:
    """One operator for two or more steps of the same cell, each of which reads the state of the one before."""
    if not any(_multiplies_twice(value) for value in model.graph.initializers.values()):
        return False
    names, bounds, changed = Names([model.graph]), Bounds(), False
    for graph in graphs_of(model.graph):
        replaced = False
        moved: dict[ir.Value, ir.Value] = {}
        for chain in _chains(graph):
            replaced |= _Recurrence(chain, graph, names, moved).fuse(bounds)
        if replaced:
            graph.sort()
        changed |= replaced
    return changed


def _multiplies_twice(value: ir.Value) -> bool:
    """What is cheap to see: a matrix that several products share."""
    if value.shape is None or len(value.shape) != 2 or len(value.uses()) < 2:
        return False
    return sum(use.idx == 1 and use.node.op_type in ("Gemm", "MatMul") for use in value.uses()) > 1


def _chains(graph: ir.Graph) -> list[list[Step]]:
    """Steps that follow each other, two or more."""
    after: dict[tuple[ir.Value, ir.Value | None], list[Step]] = {}
    following: dict[int, Step] = {}
    followers = set[int]()
    found = [step for node in graph for step in steps_at(node)]
    for step in found:
        after.setdefault((step.result, step.cell), []).append(step)
    for step in found:
        for before in after.get((step.h, step.c), ()) if step.h is not None else ():
            if step.recurrent and id(before) not in following and (before.like(step) or before.starts(step)):
                following[id(before)] = step
                followers.add(id(step))
                break
    chains = []
    for step in found:
        if id(step) in following and id(step) not in followers:
            chain = [step]
            while id(chain[-1]) in following:
                chain.append(following[id(chain[-1])])
            chains.append(chain)
    return chains


class _Recurrence:
    """A chain of steps, and what takes its place; ``moved`` says what became of values that earlier chains made."""

    def __init__(self, chain: list[Step], graph: ir.Graph, names: Names, moved: dict[ir.Value, ir.Value]) -> None:
        self._chain, self._graph, self._names, self._moved = chain, graph, names, moved
        self._cell = chain[1]
        self._first, self._last = chain[0], chain[-1]
        self._nodes = dict.fromkeys(node for step in chain for node in step.nodes)
        self._added = list[ir.Node]()
        self._prefix = chain[-1].result.name
        self._xs = [self._now(step.x) for step in chain]
        self._batch = dims(self._xs[0])[0]
        self._width, self._hidden = self._cell.width, self._cell.hidden

    def fuse(self, bounds: Bounds) -> bool:
        """Put the operator in the place of the steps, if that is the same."""
        h = self._now(self._first.h) if self._first.h is not None and self._first.recurrent else None
        c = self._now(self._first.c) if self._first.c is not None else None
        states = [None if state is None or is_zero(state) else state for state in (h, c)]
        if not self._fits(h, c) or not self._closed() or self._depends_on_itself([*self._xs, *(s for s in (h, c) if s)]):
            return False
        if not self._cell.pays(self._batch, len(self._chain)) or not self._cell.keeps_nan([*self._xs, *states], bounds):
            return False
        for made in self._put(states)[:2]:
            if self._cell.op_type != "RNN":
                bounds.learn(made, max(1.0, bounds.of(states[0]) or 0.0))
        return True

    def _now(self, value: ir.Value) -> ir.Value:
        return self._moved.get(value, value)

    # -- whether it may be ---------------------------------------------------------------------------------

    def _fits(self, *states: ir.Value | None) -> bool:
        """Everything is of one batch; a state of zeros may be of a batch of one, since it says nothing."""
        if self._batch is None or any(dims(x) != (self._batch, self._width) for x in self._xs):
            return False
        for state in states:
            if state is None or dims(state) == (self._batch, self._hidden):
                continue
            if not is_zero(state) or len(dims(state)) > 2 or any(size not in (1, self._hidden) for size in dims(state)[-1:]):
                return False
            if dims(state)[:-1] not in ((), (1,)):
                return False
        blocks = (*self._cell.weights, *self._cell.recurrent)
        return all(block.columns[1] - block.columns[0] == self._hidden for block in blocks)

    def _closed(self) -> bool:
        """Nobody else reads what the steps make on the way: only their outputs, and the last cell."""
        open_values = {step.result for step in self._chain} | {self._last.cell}
        return all(
            node.graph is self._graph
            and all(
                out in open_values or (not out.is_graph_output() and all(use.node in self._nodes for use in out.uses()))
                for out in node.outputs
            )
            for node in self._nodes
        )

    def _depends_on_itself(self, inputs: Sequence[ir.Value]) -> bool:
        """Whether a step reads, by way of others, what an earlier one made; as a decoder does that is given its own words."""
        seen = set[ir.Node]()
        pending = [value.producer() for value in inputs]
        while pending:
            node = pending.pop()
            if node is None or node in seen or node.graph is not self._graph:
                continue
            if node in self._nodes:
                return True
            seen.add(node)
            inside = [value for graph in subgraphs(node) for inner in walk(graph) for value in inner.inputs]
            pending += [value.producer() for value in (*node.inputs, *inside) if value is not None]
        return False

    # -- what becomes of it --------------------------------------------------------------------------------

    def _put(self, states: Sequence[ir.Value | None]) -> Sequence[ir.Value]:
        """The operator and what stands around it; gives its outputs."""
        lstm = self._cell.op_type == "LSTM"
        parameters = [add_weight(self._graph, t, self._unique(n)) for t, n in zip(self._cell.parameters(), "WRB", strict=False)]
        inputs = [self._series(), *parameters, *[None] * (4 - len(parameters))]
        for state in states[: 2 if lstm else 1]:
            inputs.append(None if state is None else self._op("Unsqueeze", (state, self._ints([0])), (1, self._batch, self._hidden)))
        while inputs[-1] is None:
            inputs.pop()
        shapes = [(len(self._chain), 1, self._batch, self._hidden), *[(1, self._batch, self._hidden)] * (2 if lstm else 1)]
        y, *last = self._ops(self._cell.op_type, inputs, shapes, **self._cell.attributes())
        self._read(y, *last)
        merge = [node for node in self._graph if node in self._nodes]
        for node in self._added:
            merge_origins(node, *merge)
        self._remove()
        return y, *last

    def _series(self) -> ir.Value:
        """(steps, batch, width) of what the steps read; what they were picked from, if that can be."""
        picks = [pick for x in self._xs if (pick := _pick(x)) is not None]
        source, axis = picks[0][:2] if picks else (self._xs[0], 0)
        if len(picks) < len(self._xs) or any(pick[:2] != (source, axis) for pick in picks) or axis == 2:
            parts = [self._op("Unsqueeze", (x, self._ints([0])), (1, *dims(x))) for x in self._xs]
            return self._op("Concat", parts, (len(parts), *dims(self._xs[0])), axis=0)
        order, shape = [pick[2] for pick in picks], list(dims(source))
        if order != list(range(len(order))) or shape[axis] != len(order):
            shape[axis] = len(order)
            source = self._op("Gather", (source, self._ints(order)), shape, axis=axis)
        return source if axis == 0 else self._op("Transpose", (source,), (len(order), shape[0], shape[2]), perm=[1, 0, 2])

    def _read(self, y: ir.Value, *last: ir.Value) -> None:
        """Whoever read the steps' outputs reads the operator's; who put all of them together again, all at once."""
        shape = (len(self._chain), self._batch, self._hidden)
        stacked = self._op("Squeeze", (y, self._ints([1])), shape)
        for join, axis in _joins([step.result for step in self._chain]):
            flat = self._op("Squeeze", (y, self._ints([1])), shape)
            whole = flat if axis == 0 else self._op("Transpose", (flat,), (shape[1], shape[0], shape[2]), perm=[1, 0, 2])
            parts = [value.producer() for value in join.inputs if value is not None]
            merge_origins(self._added[-1], *(part for part in parts if part is not None), join)
            replace_value(join.outputs[0], whole)
            remove_node(join)
            for part in parts:
                if part is not None and not part.outputs[0].uses() and not part.outputs[0].is_graph_output():
                    remove_node(part)
        each = any(self._is_read(step.result) for step in self._chain[:-1])
        for index, step in enumerate(self._chain):
            if self._is_read(step.result) and each:  # the last one too: who reads all of them finds them in one place
                self._replace(step.result, self._op("Gather", (stacked, self._ints(index)), shape[1:], axis=0))
        for value, final in ((self._last.result, last[0]), (self._last.cell, last[-1])):
            if value is not None and self._is_read(value):
                self._replace(value, self._op("Squeeze", (final, self._ints([0])), shape[1:]))
        producer = stacked.producer()
        if not stacked.uses() and producer is not None:
            remove_node(producer)
            self._added.remove(producer)

    def _is_read(self, value: ir.Value) -> bool:
        return value.is_graph_output() or any(use.node not in self._nodes for use in value.uses())

    def _replace(self, old: ir.Value, new: ir.Value) -> None:
        replace_value(old, new)
        self._moved[old] = new

    def _remove(self) -> None:
        pending = list(self._nodes)
        while pending:
            node = pending.pop()
            if node.graph is None or any(out.uses() for out in node.outputs):
                continue
            producers = [value.producer() for value in node.inputs if value is not None]
            remove_node(node)
            pending += [producer for producer in producers if producer is not None and producer in self._nodes]

    # -- new nodes -----------------------------------------------------------------------------------------

    def _op(self, op_type: str, inputs: Sequence[ir.Value | None], shape: Sequence[Dim], **attributes: int | list[int]) -> ir.Value:
        return self._ops(op_type, inputs, [shape], **attributes)[0]

    def _ops(
        self, op_type: str, inputs: Sequence[ir.Value | None], shapes: Sequence[Sequence[Dim]], **attributes: int | list[int]
    ) -> Sequence[ir.Value]:
        node = ir.node(op_type, list(inputs), attributes, num_outputs=len(shapes))
        for out, shape in zip(node.outputs, shapes, strict=True):
            out.name, out.type, out.shape = self._unique(op_type), ir.TensorType(_FLOAT), ir.Shape(shape)
        node.name = node.outputs[0].name
        last = self._last.result.producer() if not self._added else self._added[-1]
        assert last is not None
        (self._graph.insert_after if self._added else self._graph.insert_before)(last, node)
        self._added.append(node)
        return node.outputs

    def _ints(self, numbers: int | list[int]) -> ir.Value:
        return add_weight(self._graph, ir.Tensor(np.array(numbers, np.int64)), self._unique("const"))

    def _unique(self, name: str) -> str:
        return self._names.unique(f"{self._prefix}/{name}")


def _pick(value: ir.Value) -> tuple[ir.Value, int, int] | None:
    """(source, axis, index) of one element along an axis of a value with three; the axis is gone."""
    node = made_by(value, "Gather", "Squeeze")
    source = node.inputs[0] if node is not None else None
    if node is None or source is None or source.shape is None or len(source.shape) != 3:
        return None
    if node.op_type == "Gather":
        indices, axis = constant(node.inputs[1]), attribute(node, "axis", 0) % 3
        index = int(indices.numpy()) if indices is not None and indices.numpy().ndim == 0 else None
        return _counted(source, axis, index)
    axes = ints(node, 1, "axes")
    part = made_by(source, "Split", "Slice")
    whole = part.inputs[0] if part is not None else None
    if axes is None or len(axes) != 1 or part is None or whole is None or dims(source)[axes[0] % 3] != 1:
        return None
    axis = axes[0] % 3
    if part.op_type == "Split":
        sizes = [dims(out)[axis] for out in part.outputs[: list(part.outputs).index(source)]]
        before = sum(size for size in sizes if isinstance(size, int))
        unknown = any(not isinstance(size, int) for size in sizes) or attribute(part, "axis", 0) % 3 != axis
        return _counted(whole, axis, None if unknown else before)
    starts, along, steps = (ints(part, index, name) for index, name in ((1, "starts"), (3, "axes"), (4, "steps")))
    if starts is None or along is None or len(along) != 1 or along[0] % 3 != axis or (input_at(part, 4) and steps != [1]):
        return None
    return _counted(whole, axis, starts[0])


def _counted(source: ir.Value, axis: int, index: int | None) -> tuple[ir.Value, int, int] | None:
    """With the index counted from the front, if it is one of a known number."""
    size = dims(source)[axis]
    if index is None or not isinstance(size, int) or not -size <= index < size:
        return None
    return source, axis, index % size


def _joins(parts: Sequence[ir.Value]) -> Iterator[tuple[ir.Node, int]]:
    """The Concats, and their axes, that stack ``parts`` along a new first or second axis."""
    for use in list(parts[0].uses()):
        if use.node.op_type != "Unsqueeze" or use.node.domain != "":
            continue
        for join in dict.fromkeys(inner.node for inner in use.node.outputs[0].uses()):
            axis = attribute(join, "axis", 0) if join.op_type == "Concat" and join.domain == "" else 2
            expanded = [made_by(value, "Unsqueeze") for value in join.inputs]
            if axis % 3 == 2 or len(expanded) != len(parts) or join.graph is not use.node.graph:
                continue
            if all(
                node is not None and node.inputs[0] is part and [a % 3 for a in ints(node, 1, "axes") or []] == [axis % 3]
                for node, part in zip(expanded, parts, strict=True)
            ):
                yield join, axis % 3
