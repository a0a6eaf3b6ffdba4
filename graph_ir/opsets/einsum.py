"""Einsum before 12: diagonals, sums, and products of two operands as matrices."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic
from dragoman.graph_ir.opsets.operators import shape_from, sum_over, unsqueeze, where
from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, attribute, lowers, needed, numpy_dtype, rank


@dataclass(frozen=True)
class _Term:
    """A tensor with a name for each of its axes."""

    value: ir.Value
    axes: tuple[str, ...]


@lowers(12, "Einsum")
def einsum(node: ir.Node, e: Emitter) -> ir.Value:
    """Operand by operand: what no later operand and no result has is summed; what both have is a batch, or contracted."""
    operands = [needed(node, i) for i in range(len(node.inputs))]
    names, result = _parsed(attribute(node, "equation").replace(" ", ""), [rank(x) for x in operands])
    terms = [_diagonal(e, x, axes) for x, axes in zip(operands, names, strict=True)]
    done = terms[0]
    for index, term in enumerate(terms[1:], 2):
        later = {axis for other in terms[index:] for axis in other.axes} | set(result)
        done = _product(e, _summed(e, done, later | set(term.axes)), _summed(e, term, later | set(done.axes)), later)
    return _arranged(e, _summed(e, done, set(result)), result)


def _parsed(equation: str, ranks: list[int]) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """The names of every operand's axes and of the result's; an ellipsis stands for the axes ``…0`` to the last, from the right."""
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise CannotConvertError(f"the equation {equation!r} of {len(ranks)} operands")
    hidden = [r - len(t.replace("...", "")) if "..." in t else 0 for t, r in zip(terms, ranks, strict=True)]
    widest = max(hidden)

    def named(term: str, count: int) -> tuple[str, ...]:
        before, dots, after = term.partition("...")
        return (*before, *(f"…{i}" for i in range(widest - count, widest) if dots), *after)

    if not arrow:
        letters = left.replace("...", "").replace(",", "")
        right = ("..." if "..." in left else "") + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    return [named(t, n) for t, n in zip(terms, hidden, strict=True)], named(right, widest)


def _diagonal(e: Emitter, x: ir.Value, axes: tuple[str, ...]) -> _Term:
    """An axis that is named twice is one, where both indices are the same."""
    while twice := [i for i, axis in enumerate(axes) if axis in axes[:i]]:
        second, first = twice[0], axes.index(axes[twice[0]])
        n = Arithmetic(e)
        index = n.count(n.size(x, first))
        met = n.equal(*(n.along(index, axis, len(axes)) for axis in (first, second)))
        kept = where(e, n.value(met), x, e.const(0, numpy_dtype(x)))
        x = sum_over(e, kept, [second], keepdims=0)
        axes = axes[:second] + axes[second + 1 :]
    return _Term(x, axes)


def _summed(e: Emitter, term: _Term, needed_axes: set[str]) -> _Term:
    gone = [i for i, axis in enumerate(term.axes) if axis not in needed_axes]
    if not gone:
        return term
    return _Term(sum_over(e, term.value, gone, keepdims=0), tuple(axis for axis in term.axes if axis in needed_axes))


def _arranged(e: Emitter, term: _Term, axes: tuple[str, ...]) -> ir.Value:
    """The axes in this order; those that the term doesn't have are new, of size 1."""
    own = [axis for axis in axes if axis in term.axes]
    perm = [term.axes.index(axis) for axis in own]
    value = term.value if perm == list(range(len(perm))) else e.op("Transpose", term.value, perm=perm)
    new = [i for i, axis in enumerate(axes) if axis not in term.axes]
    if new:
        return unsqueeze(e, value, new)
    return value if value is not term.value else e.op("Identity", value)


def _product(e: Emitter, a: _Term, b: _Term, later: set[str]) -> _Term:
    """What both have and is needed later stays in front, and broadcasts; what isn't is the inner dimension of a MatMul."""
    shared = [axis for axis in a.axes if axis in b.axes]
    batch = tuple(axis for axis in shared if axis in later)
    inner = tuple(axis for axis in shared if axis not in later)
    rows = tuple(axis for axis in a.axes if axis not in shared)
    columns = tuple(axis for axis in b.axes if axis not in shared)
    if not inner:
        axes = (*batch, *rows, *columns)
        return _Term(e.op("Mul", _arranged(e, a, axes), _arranged(e, b, axes)), axes)
    left, right = _arranged(e, a, (*batch, *rows, *inner)), _arranged(e, b, (*batch, *inner, *columns))
    product = e.op(
        "MatMul",
        _matrix(e, left, len(batch), len(rows)),
        _matrix(e, right, len(batch), len(inner)),
    )
    heads = shape_from(e, product, 0, len(batch))
    tail = [shape_from(e, left, len(batch), len(batch) + len(rows)), shape_from(e, right, len(batch) + len(inner))]
    return _Term(e.op("Reshape", product, e.op("Concat", heads, *tail, axis=0)), (*batch, *rows, *columns))


def _matrix(e: Emitter, x: ir.Value, batch: int, rows: int) -> ir.Value:
    """(batch…, rows…, rest…) → (batch…, rows, rest)."""
    heads = shape_from(e, x, 0, batch)
    sides = [
        e.op("ReduceProd", e.op("Concat", e.vector(1), part, axis=0), axes=[0], keepdims=1)
        for part in (shape_from(e, x, batch, batch + rows), shape_from(e, x, batch + rows))
    ]
    return e.op("Reshape", x, e.op("Concat", heads, *sides, axis=0))
