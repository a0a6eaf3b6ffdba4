"""Matrices: general and triangular products, factorisations and inverses, by LAPACK's names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import cast, dtype_of, number, same_type, select
from dragoman.converters.mxnet.ops.diagonal import extractdiag
from dragoman.converters.mxnet.ops.product import turned
from dragoman.converters.mxnet.ops.reshape import reshape_to
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


def _matrices(g: SymbolBuilder, node: Node, *values: Value, square: bool = False, rows: int = -2) -> None:
    """Matrices of floats of one width in batches of one shape; the first of them ``square``, the axis of all rows ``rows``."""
    ranks = {g.rank(node, value) for value in values}
    if same_type(g, node, *values) not in (DataType.FLOAT, DataType.DOUBLE) or len(ranks) != 1 or min(ranks) < 2:
        raise g.malformed(node, f"takes float32 or float64 matrices, not {[list(dims(v)) for v in values]} of {dtype_of(values[0])}")
    rank = min(ranks)
    place = g.axis(node, rows, rank)
    for sizes in zip(*([d for i, d in enumerate(dims(v)[:-1]) if i != place] for v in values), strict=True):
        if len({size for size in sizes if isinstance(size, int)}) > 1:
            raise g.malformed(node, f"takes batches of one shape, not {[list(dims(v)) for v in values]}")
    if square and dims(values[0])[-1] != dims(values[0])[-2]:
        raise g.malformed(node, f"takes square matrices, not {list(dims(values[0]))}")


def _times(g: SymbolBuilder, x: Value, factor: float) -> Value:
    return x if factor == 1 else g.op("Mul", x, number(g, x, factor))


# -- products -------------------------------------------------------------------------------------


@op("_linalg_gemm2", "linalg_gemm2")
def gemm2(
    g: SymbolBuilder,
    node: Node,
    A: Value,  # noqa: N803
    B: Value,  # noqa: N803
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    alpha: float = 1.0,
    axis: int = -2,
) -> Value:
    """MXNet linalg.gemm2: alpha·op(A)·op(B), the rows of the matrices along ``axis``, their columns along the last. la_op-inl.h."""
    _matrices(g, node, A, B, rows=axis)
    product = g.op("MatMul", *(turned(g, _rows(g, node, x, axis), t) for x, t in ((A, transpose_a), (B, transpose_b))))
    return _rows(g, node, _times(g, product, alpha), axis, back=True)


@op("_linalg_gemm", "linalg_gemm")
def gemm(
    g: SymbolBuilder,
    node: Node,
    A: Value,  # noqa: N803
    B: Value,  # noqa: N803
    C: Value,  # noqa: N803
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    alpha: float = 1.0,
    beta: float = 1.0,
    axis: int = -2,
) -> Value:
    """MXNet linalg.gemm: alpha·op(A)·op(B) + beta·C, as gemm2. la_op-inl.h."""
    _matrices(g, node, A, B, C, rows=axis)
    product = gemm2(g, node, A, B, transpose_a=transpose_a, transpose_b=transpose_b, alpha=alpha, axis=axis)
    if any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in zip(dims(product), dims(C), strict=True)):
        raise g.malformed(node, f"adds {list(dims(C))} to {list(dims(product))}")
    return g.op("Add", product, _times(g, C, beta))


def _rows(g: SymbolBuilder, node: Node, x: Value, axis: int, *, back: bool = False) -> Value:
    """The axis of rows moved before the last, or ``back`` again."""
    rank = len(dims(x))
    place = g.axis(node, axis, rank)
    if place == rank - 1:
        raise g.malformed(node, f"has its rows along axis {axis}, which is its columns'")
    order = [*(i for i in range(rank - 1) if i != place), place, rank - 1]
    if order == list(range(rank)):
        return x
    return g.op("Transpose", x, perm=np.argsort(order).tolist() if back else order)


@op("_linalg_syrk", "linalg_syrk")
def syrk(g: SymbolBuilder, node: Node, A: Value, *, transpose: bool = False, alpha: float = 1.0) -> Value:  # noqa: N803
    """MXNet linalg.syrk: alpha·A·Aᵀ, or alpha·Aᵀ·A. la_op-inl.h."""
    _matrices(g, node, A)
    return _times(g, g.op("MatMul", turned(g, A, transpose), turned(g, A, not transpose)), alpha)


@dataclass(frozen=True, kw_only=True)
class Triangle:
    """How a triangular matrix is multiplied with or solved by."""

    transpose: bool = False
    rightside: bool = False
    lower: bool = True
    alpha: float = 1.0


@op("_linalg_trmm", "linalg_trmm")
def trmm(
    g: SymbolBuilder,
    node: Node,
    A: Value,  # noqa: N803
    B: Value,  # noqa: N803
    *,
    by: Triangle,
) -> Value:
    """MXNet linalg.trmm: alpha·op(A)·B, or alpha·B·op(A), of A only one triangle. la_op-inl.h."""
    _matrices(g, node, A, B, square=True)
    triangle = turned(g, g.op("Trilu", A, upper=int(not by.lower)), by.transpose)
    return _times(g, g.op("MatMul", *((B, triangle) if by.rightside else (triangle, B))), by.alpha)


# -- step by step ---------------------------------------------------------------------------------


def _stepwise(g: SymbolBuilder, count: Value, start: Value, step: Callable[[Value, Value], Value]) -> Value:
    """``start`` after ``count`` (one element) steps; a step makes the next of its number and what was before."""
    with g.subgraph(g.unique("step")) as body:
        index = g.input(g.unique("index"), DataType.INT64, ())
        going = g.input(g.unique("going"), DataType.BOOL, ())
        before = g.input(g.unique("before"), dtype_of(start), dims(start))
        body.outputs.extend([g.op("Identity", going), step(index, before)])
    (last,) = g.ops("Loop", g.op("Squeeze", count), g.const(np.True_), start, outputs=1, body=body)
    last.type, last.shape = ir.TensorType(dtype_of(start)), start.shape
    return last


def _hot(g: SymbolBuilder, index: Value, count: Value) -> Value:
    """(count, 1): true at the index."""
    return g.op("Unsqueeze", g.op("Equal", g.op("Range", g.const(0), g.op("Squeeze", count), g.const(1)), index), g.const([1]))


def _row(g: SymbolBuilder, x: Value, index: Value) -> Value:
    """(*B, M, N) → (*B, 1, N)."""
    return g.op("Gather", x, g.op("Unsqueeze", index, g.const([0])), axis=len(dims(x)) - 2)


def _column(g: SymbolBuilder, x: Value, index: Value) -> Value:
    """(*B, M, N) → (*B, M, 1)."""
    return g.op("Gather", x, g.op("Unsqueeze", index, g.const([0])), axis=len(dims(x)) - 1)


def _zeros(g: SymbolBuilder, like: Value) -> Value:
    return g.op("Expand", number(g, like, 0), g.shape(like))


@op("_linalg_potrf", "linalg_potrf", "_npi_cholesky")
def potrf(g: SymbolBuilder, node: Node, A: Value, *, lower: bool = True) -> Value:  # noqa: N803
    """MXNet linalg.potrf: the lower L with L·Lᵀ = A, of which only the lower triangle is read; or Lᵀ, and the upper. la_op-inl.h.

    Column k of L is what A's has more than the columns before make, over the root of its k-th element.
    """
    _matrices(g, node, A, square=True)
    if not lower:
        return turned(g, potrf(g, node, turned(g, A)))
    count = g.dim(A, -1)

    def step(k: Value, before: Value) -> Value:
        made = g.op("MatMul", before, turned(g, _row(g, before, k)))
        column = g.op("Sub", _column(g, A, k), made)
        scaled = g.op("Div", column, g.op("Sqrt", _row(g, column, k)))
        return select(g, turned(g, _hot(g, k, count)), scaled, before)

    return g.op("Trilu", _stepwise(g, count, _zeros(g, A), step), upper=0)


@op("_linalg_trsm", "linalg_trsm")
def trsm(
    g: SymbolBuilder,
    node: Node,
    A: Value,  # noqa: N803
    B: Value,  # noqa: N803
    *,
    by: Triangle,
) -> Value:
    """MXNet linalg.trsm: the X of op(A)·X = alpha·B, or X·op(A) = alpha·B, of A only one triangle. la_op-inl.h."""
    _matrices(g, node, A, B, square=True)
    other = by.transpose != by.rightside
    triangle = turned(g, g.op("Trilu", A, upper=int(not by.lower)), other)
    found = _solved(g, triangle, turned(g, _times(g, B, by.alpha), by.rightside), forward=by.lower != other)
    return turned(g, found, by.rightside)


def _solved(g: SymbolBuilder, triangle: Value, right: Value, *, forward: bool) -> Value:
    """The X of triangle·X = right: row k is what right's has more than the rows before make, over the triangle's k-th element.

    ``forward`` from the first row for a lower triangle, else from the last.
    """
    count = g.dim(triangle, -1)

    def step(index: Value, before: Value) -> Value:
        k = index if forward else g.op("Sub", g.op("Sub", g.op("Squeeze", count), g.const(1)), index)
        row = _row(g, triangle, k)
        rest = g.op("Sub", _row(g, right, k), g.op("MatMul", row, before))
        return select(g, _hot(g, k, count), g.op("Div", rest, _column(g, row, k)), before)

    return _stepwise(g, count, _zeros(g, right), step)


@op("_linalg_potri", "linalg_potri")
def potri(g: SymbolBuilder, node: Node, A: Value, *, lower: bool = True) -> Value:  # noqa: N803
    """MXNet linalg.potri: (A·Aᵀ)⁻¹ of the lower triangle of A, or (Aᵀ·A)⁻¹ of the upper. la_op-inl.h."""
    _matrices(g, node, A, square=True)
    A = A if lower else turned(g, A)  # noqa: N806
    inverse = _solved(g, g.op("Trilu", A, upper=0), _identities(g, A), forward=True)
    return g.op("MatMul", turned(g, inverse), inverse)


def _identities(g: SymbolBuilder, like: Value) -> Value:
    size = g.op("Concat", g.dim(like, -1), g.dim(like, -1), axis=0)
    unit = g.op("EyeLike", g.op("Expand", number(g, like, 0), size))
    return g.op("Expand", unit, g.shape(like))


@op("_linalg_inverse", "linalg_inverse", "_npi_inv")
def inverse(g: SymbolBuilder, node: Node, A: Value) -> Value:  # noqa: N803
    """MXNet linalg.inverse: A⁻¹. la_op-inl.h."""
    _matrices(g, node, A, square=True)
    return _eliminated(g, node, A, _identities(g, A))


@op("_npi_solve")
def solve(g: SymbolBuilder, node: Node, A: Value, B: Value) -> Value:  # noqa: N803
    """MXNet np.linalg.solve: the X of A·X = B, of matrices or of vectors. np_solve-inl.h."""
    vectors = g.rank(node, B) == g.rank(node, A) - 1
    right = g.op("Unsqueeze", B, g.const([-1])) if vectors else B
    _matrices(g, node, A, right, square=True)
    found = _eliminated(g, node, A, right)
    return g.op("Squeeze", found, g.const([-1])) if vectors else found


def _eliminated(g: SymbolBuilder, node: Node, a: Value, right: Value) -> Value:
    """a⁻¹·right by Gauss and Jordan: of the rows left, that with the greatest element in the column takes the place of the k-th, and
    its multiples are taken from all others.
    """
    count = g.dim(a, -1)
    rank = len(dims(a))
    places = g.op("Range", g.const(0), g.op("Squeeze", count), g.const(1))
    standing = g.op("Unsqueeze", places, g.const([1]))

    def step(k: Value, before: Value) -> Value:
        left = g.op("GreaterOrEqual", standing, k)
        sizes = select(g, left, g.op("Abs", _column(g, before, k)), number(g, a, -1))
        best = g.op("ArgMax", sizes, axis=rank - 2)  # (*B, 1, 1)
        at_k, at_best = g.op("Equal", standing, k), g.op("Equal", standing, best)
        pivot = g.op("MatMul", cast(g, turned(g, at_best), dtype_of(a)), before)
        swapped = select(g, at_k, pivot, select(g, at_best, _row(g, before, k), before))
        factors = g.op("Div", _column(g, swapped, k), _column(g, pivot, k))
        return select(g, at_k, pivot, g.op("Sub", swapped, g.op("Mul", factors, pivot)))

    both = g.op("Concat", a, right, axis=rank - 1)
    done = _stepwise(g, count, both, step)
    edges = g.const([0]), count, g.const([1 << 62])
    diagonal, found = (g.op("Slice", done, edges[i], edges[i + 1], g.const([rank - 1])) for i in (0, 1))
    unit = cast(g, g.op("Equal", standing, places), dtype_of(a))
    return g.op("Div", found, g.op("ReduceSum", g.op("Mul", diagonal, unit), g.const([rank - 1])))


@op("_linalg_det", "linalg_det", "_npi_det")
def det(g: SymbolBuilder, node: Node, A: Value) -> Value:  # noqa: N803
    """MXNet linalg.det: (*B, N, N) → (*B), of one matrix (1,). la_op-inl.h. ONNX Runtime has it in float32 only."""
    _matrices(g, node, A, square=True)
    return _listed(g, node, cast(g, g.op("Det", cast(g, A, DataType.FLOAT)), dtype_of(A)))


@op("_linalg_slogdet", "linalg_slogdet", "_npi_slogdet")
def slogdet(g: SymbolBuilder, node: Node, A: Value) -> tuple[Value, Value]:  # noqa: N803
    """MXNet linalg.slogdet: the sign of the determinant, and the logarithm of its size. la_op-inl.h."""
    value = det(g, node, A)
    return g.op("Sign", value), g.op("Log", g.op("Abs", value))


@op("_linalg_sumlogdiag", "linalg_sumlogdiag")
def sumlogdiag(g: SymbolBuilder, node: Node, A: Value) -> Value:  # noqa: N803
    """MXNet linalg.sumlogdiag: (*B, N, N) → (*B), the sum of the diagonal's logarithms; of one matrix (1,). la_op-inl.h."""
    _matrices(g, node, A, square=True)
    total = g.op("ReduceSum", g.op("Log", extractdiag(g, node, A)), g.const([len(dims(A)) - 2]), keepdims=0)
    return _listed(g, node, total)


def _listed(g: SymbolBuilder, node: Node, x: Value) -> Value:
    """What would be a scalar as a list of one, but where shapes are numpy's."""
    return x if dims(x) or g.numpy else reshape_to(g, node, x, [1])
