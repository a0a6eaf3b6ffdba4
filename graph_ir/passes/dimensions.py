"""What is known of the integers that a network computes shapes with: numbers, and dimensions that have a name or a place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import onnx_ir as ir

from dragoman.graph_ir.model import dims
from dragoman.graph_ir.passes.editing import attribute, constant, input_at, ints

Element = int | str | tuple[int, int]
"""A number; a dynamic dimension by its name; or by the value (its ``id``) and axis that it is the size of."""

_LONGEST = 64
"""Elements of the longest vector that is looked at: no tensor has as many dimensions."""

_DEPTH = 64
_INTEGERS = frozenset({ir.DataType.INT64, ir.DataType.INT32, ir.DataType.BOOL})


def known_dims(value: ir.Value) -> tuple[Element, ...] | None:
    """A value's dimensions, each a number or what tells it from others; None if its rank isn't known.

    The names in an output's declaration are the author's, who may have used one name for two sizes: they don't count.
    """
    if value.shape is None:
        return None
    named = value.producer() is None or not value.is_graph_output()
    return tuple(
        size if isinstance(size, int) or (named and size is not None) else (id(value), axis)
        for axis, size in enumerate(dims(value))
    )


def elements(value: ir.Value | None) -> list[Element] | None:
    """The elements of a small vector or scalar of integers (bool as 0 and 1), in order; None if they can't be told."""
    return Sight().see(value)


class Sight:
    """One look at vectors: each value that they are made of is evaluated once."""

    def __init__(self) -> None:
        """Nothing is evaluated yet."""
        self._seen: dict[ir.Value, list[Element] | None] = {}
        self._depth = 0

    def see(self, value: ir.Value | None) -> list[Element] | None:
        """What ``elements`` gives."""
        if value is None or value.dtype not in _INTEGERS or self._depth == _DEPTH:
            return None
        if value not in self._seen:
            self._depth += 1
            found = self._evaluate(value)
            self._depth -= 1
            self._seen[value] = found if found is not None and len(found) <= _LONGEST else None
        return self._seen[value]

    def _evaluate(self, value: ir.Value) -> list[Element] | None:
        tensor = constant(value)
        if tensor is not None:
            return [int(v) for v in tensor.numpy().reshape(-1)] if tensor.size <= _LONGEST and len(tensor.shape) < 2 else None
        node = value.producer()
        if node is None or node.domain or node.op_type not in _OPERATORS or value.shape is None or len(value.shape) > 1:
            return None
        if any(found.is_ref() for found in node.attributes.values()):
            return None
        return _OPERATORS[node.op_type](node, self)


def _shape(node: ir.Node, _: Sight) -> list[Element] | None:
    source = node.inputs[0]
    known = known_dims(source) if source is not None else None
    return None if known is None else list(known[attribute(node, "start", 0) : attribute(node, "end")])


def _same(node: ir.Node, sight: Sight) -> list[Element] | None:
    return sight.see(node.inputs[0])


def _cast(node: ir.Node, sight: Sight) -> list[Element] | None:
    """Between integers of 32 and 64 bits; no dimension is beyond 32."""
    return sight.see(node.inputs[0]) if attribute(node, "to") in (ir.DataType.INT64, ir.DataType.INT32) else None


def _vector(node: ir.Node, sight: Sight) -> list[Element] | None:
    """The elements of an input that is known to be a vector, not a scalar."""
    source = node.inputs[0]
    return sight.see(source) if source is not None and source.shape is not None and len(source.shape) == 1 else None


def _gather(node: ir.Node, sight: Sight) -> list[Element] | None:
    data, indices = _vector(node, sight), sight.see(node.inputs[1])
    if data is None or indices is None:
        return None
    picked = [index for index in indices if isinstance(index, int) and -len(data) <= index < len(data)]
    return [data[index] for index in picked] if len(picked) == len(indices) else None


def _slice(node: ir.Node, sight: Sight) -> list[Element] | None:
    data = _vector(node, sight)
    starts, ends, steps = ints(node, 1, "starts"), ints(node, 2, "ends"), ints(node, 4, "steps")
    if data is None or starts is None or ends is None or len(starts) != 1:
        return None
    if (input_at(node, 4) is not None and steps is None) or (steps or [1]) != [1]:
        return None
    return data[max(starts[0], -len(data)) : ends[0] if ends[0] >= -len(data) else 0]


def _concat(node: ir.Node, sight: Sight) -> list[Element] | None:
    joined: list[Element] = []
    for value in node.inputs:
        part = sight.see(value)
        if part is None:
            return None
        joined.extend(part)
    return joined


def _binary(function: Callable[[Element, Element], Element | None]) -> Callable[[ir.Node, Sight], list[Element] | None]:
    def evaluate(node: ir.Node, sight: Sight) -> list[Element] | None:
        pairs = _broadcast(sight.see(node.inputs[0]), sight.see(node.inputs[1]))
        if pairs is None:
            return None
        results = [function(a, b) for a, b in pairs]
        known = [result for result in results if result is not None]
        return known if len(known) == len(results) else None

    return evaluate


def _broadcast(*vectors: Sequence[Element] | None) -> list[tuple[Element, ...]] | None:
    length = 1
    for vector in vectors:
        if vector is None:
            return None
        if len(vector) != 1:
            length = len(vector)
    spread = [list(vector) * length if len(vector) == 1 else vector for vector in vectors if vector is not None]
    return list(zip(*spread, strict=True)) if all(len(vector) == length for vector in spread) else None


def _add(a: Element, b: Element) -> Element | None:
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    return a if b == 0 else b if a == 0 else None


def _sub(a: Element, b: Element) -> Element | None:
    if isinstance(a, int) and isinstance(b, int):
        return a - b
    return a if b == 0 else 0 if a == b else None


def _mul(a: Element, b: Element) -> Element | None:
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    if 0 in (a, b):
        return 0
    return a if b == 1 else b if a == 1 else None


def _div(a: Element, b: Element) -> Element | None:
    if isinstance(a, int) and isinstance(b, int):
        return None if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return a if b == 1 else None


def _equal(a: Element, b: Element) -> Element | None:
    """A dimension is never negative."""
    if a == b:
        return 1
    if isinstance(a, int) and isinstance(b, int):
        return 0
    number = a if isinstance(a, int) else b
    return 0 if isinstance(number, int) and number < 0 else None


def _where(node: ir.Node, sight: Sight) -> list[Element] | None:
    triples = _broadcast(*(sight.see(value) for value in node.inputs))
    if triples is None or not all(isinstance(triple[0], int) for triple in triples):
        return None
    return [triple[1] if triple[0] else triple[2] for triple in triples]


_OPERATORS: dict[str, Callable[[ir.Node, Sight], list[Element] | None]] = {
    "Shape": _shape,
    "Identity": _same,
    "Squeeze": _same,
    "Unsqueeze": _same,
    "Reshape": _same,
    "Flatten": _same,
    "Cast": _cast,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Add": _binary(_add),
    "Sub": _binary(_sub),
    "Mul": _binary(_mul),
    "Div": _binary(_div),
    "Equal": _binary(_equal),
    "Where": _where,
}
