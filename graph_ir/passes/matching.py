"""What recognises patterns: values as polynomials of others, nodes that nobody else needs, one operator for many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import onnx_ir as ir

from dragoman.graph_ir.passes.editing import Names, constant, remove_node, replace_value
from dragoman.graph_ir.provenance import merge_origins

Polynomial = dict[tuple[int, ...], float]
"""Coefficient of each product of powers of the symbols."""

_DEPTH = 8
_DEGREE = 4

TOLERANCE = {ir.DataType.FLOAT16: 1e-3, ir.DataType.FLOAT: 1e-6, ir.DataType.DOUBLE: 1e-13}
"""How far a written constant may be from the number that it stands for: the rounding noise of its type."""


def made_by(value: ir.Value | None, *op_types: str) -> ir.Node | None:
    """The node that makes ``value``, if it is one of these operators."""
    node = value.producer() if value is not None else None
    return node if node is not None and node.domain == "" and node.op_type in op_types else None


def operands(node: ir.Node) -> Iterator[tuple[ir.Value, ir.Value]]:
    """Both inputs of a commutative node, in both orders."""
    left, right = node.inputs[0], node.inputs[1]
    if left is not None and right is not None:
        yield left, right
        yield right, left


def number(value: ir.Value | None) -> float | None:
    """The constant number that ``value`` is."""
    tensor = constant(value)
    if tensor is None or tensor.size != 1 or tensor.dtype == ir.DataType.STRING:
        return None
    return float(tensor.numpy().reshape(()))


def close(value: float, wanted: float, dtype: ir.DataType | None) -> bool:
    """Whether ``value`` is ``wanted`` as a constant of ``dtype`` can be."""
    return abs(value - wanted) <= TOLERANCE.get(dtype or ir.DataType.UNDEFINED, 0.0) * abs(wanted)


def equals(found: Polynomial, wanted: Mapping[tuple[int, ...], float], dtype: ir.DataType | None) -> bool:
    """Whether two polynomials have the same terms."""
    return found.keys() == wanted.keys() and all(close(found[powers], wanted[powers], dtype) for powers in wanted)


def polynomial(value: ir.Value, symbols: Sequence[ir.Value], depth: int = _DEPTH) -> tuple[Polynomial, list[ir.Node]] | None:
    """``value`` as a polynomial of ``symbols`` with constant coefficients, and the nodes that compute it."""
    one = (0,) * len(symbols)
    for index, symbol in enumerate(symbols):
        if value is symbol:
            return {(*one[:index], 1, *one[index + 1 :]): 1.0}, []
    if (known := number(value)) is not None:
        return {one: known}, []
    node = made_by(value, "Add", "Sub", "Mul", "Div", "Neg", "Pow")
    if node is None or depth == 0:
        return None
    parts = [polynomial(part, symbols, depth - 1) if part is not None else None for part in node.inputs]
    if any(part is None for part in parts):
        return None
    known_parts = [part for part in parts if part is not None]
    result = _combined(node.op_type, [terms for terms, _ in known_parts], one)
    if result is None or any(sum(powers) > _DEGREE for powers in result):
        return None
    nodes = list(dict.fromkeys([*(inner for _, found in known_parts for inner in found), node]))
    return {powers: factor for powers, factor in result.items() if factor}, nodes


def _combined(operator: str, parts: list[Polynomial], one: tuple[int, ...]) -> Polynomial | None:
    left, right = parts[0], parts[-1]
    if operator == "Neg":
        return {powers: -factor for powers, factor in left.items()}
    if operator in ("Add", "Sub"):
        sign = 1.0 if operator == "Add" else -1.0
        return {p: left.get(p, 0.0) + sign * right.get(p, 0.0) for p in left | right}
    if operator == "Mul":
        return _product(left, right)
    if right.keys() != {one}:
        return None
    if operator == "Div":
        return {powers: factor / right[one] for powers, factor in left.items()} if right[one] else None
    if right[one] not in (2.0, 3.0):
        return None
    square = _product(left, left)
    return square if right[one] == 2.0 else _product(square, left)


def _product(left: Polynomial, right: Polynomial) -> Polynomial:
    result: Polynomial = {}
    for first, a in left.items():
        for second, b in right.items():
            powers = tuple(x + y for x, y in zip(first, second, strict=True))
            result[powers] = result.get(powers, 0.0) + a * b
    return result


def only_inside(nodes: Iterable[ir.Node], result: ir.Value) -> bool:
    """Whether nobody but ``nodes`` reads what they make, ``result`` aside, and all are in the same graph."""
    inside, last = set(nodes), result.producer()
    return last is not None and all(
        node.graph is last.graph
        and all(
            out is result or (not out.is_graph_output() and all(u.node in inside for u in out.uses())) for out in node.outputs
        )
        for node in inside
    )


def fuse(
    nodes: Sequence[ir.Node],
    result: ir.Value,
    op_type: str,
    inputs: Sequence[ir.Value],
    attributes: Mapping[str, int | float | str],
    names: Names,
) -> ir.Value:
    """One operator makes ``result`` in place of ``nodes``."""
    last = result.producer()
    assert last is not None and isinstance(last.graph, ir.Graph)
    node = ir.node(op_type, list(inputs), dict(attributes))
    out = node.outputs[0]
    out.type, out.shape = result.type, result.shape
    out.name = node.name = names.unique(f"{result.name}/{op_type}")
    last.graph.insert_before(last, node)
    merge_origins(node, *in_order(nodes, last.graph))
    replace_value(result, out)
    node.name = out.name
    pending = list(nodes)
    while pending:
        dead = [n for n in pending if not any(o.uses() for o in n.outputs)]
        assert dead
        for n in dead:
            remove_node(n)
            pending.remove(n)
    return out


def in_order(nodes: Sequence[ir.Node], graph: ir.Graph) -> list[ir.Node]:
    """``nodes`` as they come in ``graph``: each behind what it reads."""
    inside, order = set(nodes), list[ir.Node]()

    def visit(node: ir.Node) -> None:
        for value in node.inputs:
            producer = value.producer() if value is not None else None
            if producer in inside and producer not in order and producer is not None:
                visit(producer)
        if node not in order:
            order.append(node)

    for node in nodes:
        visit(node)
    return order
