"""Diagonals and triangles of matrices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import cast, dtype_of, floats_only, number
from dragoman.converters.mxnet.ops.np_reduction import np_sum
from dragoman.converters.mxnet.ops.reshape import Part, reshape_to
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims

Places = Callable[[int, int], tuple[npt.NDArray[np.intp], ...]]
"""Rows and columns of elements of a matrix of so many rows and columns."""


def _taken(g: SymbolBuilder, node: Node, x: Value, axes: tuple[int, int], places: Places) -> Value:
    """Elements of the matrices of two axes, in one row behind the other axes."""
    rank = g.rank(node, x)
    one, two = (g.axis(node, axis, rank) for axis in axes)
    if one == two:
        raise g.malformed(node, f"takes one axis of {rank} twice: {axes}")
    rows, columns = g.sizes(node, x, [one, two], "a part of its matrices is taken")
    at, across = places(rows, columns)
    rest = [axis for axis in range(rank) if axis not in (one, two)]
    if (order := [*rest, one, two]) != sorted(order):
        x = g.op("Transpose", x, perm=order)
    flat = reshape_to(g, node, x, [*(Part(x, (axis,)) for axis in range(rank - 2)), rows * columns])
    return g.op("Gather", flat, g.const(at * columns + across), axis=rank - 2)


def _diagonal(k: int) -> Places:
    """The k-th diagonal above the main one."""

    def places(rows: int, columns: int) -> tuple[npt.NDArray[np.intp], ...]:
        along = np.arange(max(0, min(rows + min(k, 0), columns - max(k, 0))))
        return along + max(-k, 0), along + max(k, 0)

    return places


def _placed(g: SymbolBuilder, x: Value, size: int, at: npt.NDArray[np.intp], across: npt.NDArray[np.intp]) -> Value:
    """Square matrices of zeros but for the elements of the last axis of ``x``, at these rows and columns."""
    plan = np.full((size, size), len(at))
    plan[at, across] = np.arange(len(at))
    rank = len(dims(x))
    zero = g.op("Expand", number(g, x, 0), g.op("Concat", *(g.dim(x, axis) for axis in range(rank - 1)), g.const([1]), axis=0))
    return g.op("Gather", g.op("Concat", x, zero, axis=rank - 1), g.const(plan), axis=rank - 1)


def _made(g: SymbolBuilder, node: Node, x: Value, k: int) -> Value:
    """Square matrices with the last axis of ``x`` as their k-th diagonal."""
    (count,) = g.sizes(node, x, [-1], "it is a diagonal")
    along = np.arange(count)
    return _placed(g, x, count + abs(k), along + max(-k, 0), along + max(k, 0))


@op("diag")
def diag(g: SymbolBuilder, node: Node, data: Value, *, k: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """MXNet diag: the k-th diagonal of the matrices of two axes, behind the other axes; the matrix of a vector. diag_op-inl.h."""
    rank = g.rank(node, data)
    if rank == 1:
        return _made(g, node, data, k)
    rows, columns = g.sizes(node, data, [g.axis(node, axis, rank) for axis in (axis1, axis2)], "its diagonal is taken")
    if min(rows + min(k, 0), columns - max(k, 0)) < 0:
        raise g.malformed(node, f"takes the diagonal {k} of {rows} rows and {columns} columns")
    return _taken(g, node, data, (axis1, axis2), _diagonal(k))


@op("_np_diag")
def np_diag(g: SymbolBuilder, node: Node, data: Value, *, k: int = 0) -> Value:
    """MXNet np.diag: the k-th diagonal of a matrix, or the matrix of a vector. np_matrix_op-inl.h."""
    rank = g.rank(node, data)
    if rank not in (1, 2):
        raise g.malformed(node, f"takes the diagonal of {rank} axes")
    return _made(g, node, data, k) if rank == 1 else _taken(g, node, data, (0, 1), _diagonal(k))


@op("_np_diagflat")
def diagflat(g: SymbolBuilder, node: Node, data: Value, *, k: int = 0) -> Value:
    """MXNet np.diagflat: the matrix with all elements as its k-th diagonal. np_matrix_op-inl.h."""
    return _made(g, node, reshape_to(g, node, data, [None]), k)


@op("_np_diagonal")
def diagonal(g: SymbolBuilder, node: Node, data: Value, *, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """MXNet np.diagonal: the diagonals of the matrices of two axes, behind the other axes. np_matrix_op-inl.h."""
    return _taken(g, node, data, (axis1, axis2), _diagonal(offset))


@op("_np_trace")
def trace(g: SymbolBuilder, node: Node, data: Value, *, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """MXNet np.trace: the sums of the diagonals. np_trace_op-inl.h."""
    return np_sum(g, node, _taken(g, node, data, (axis1, axis2), _diagonal(offset)), axis=(-1,))


@op("_npi_tril")
def tril(g: SymbolBuilder, node: Node, data: Value, *, k: int = 0) -> Value:
    """MXNet np.tril: the matrices of the last two axes with zeros above the k-th diagonal; of a vector those of equal rows.

    np_tril_op-inl.h.
    """
    if g.rank(node, data) == 1:
        data = g.op("Expand", data, g.op("Concat", g.dim(data, 0), g.dim(data, 0), axis=0))
    dtype = dtype_of(data)
    wide = DataType.INT32 if dtype in (DataType.INT8, DataType.UINT8) else dtype  # ONNX Runtime has no Trilu of bytes
    return cast(g, g.op("Trilu", cast(g, data, wide), g.const(k), upper=0), dtype)


@op("_linalg_makediag", "linalg_makediag")
def makediag(g: SymbolBuilder, node: Node, A: Value, *, offset: int = 0) -> Value:  # noqa: N803
    """MXNet linalg.makediag: (*B, N) → (*B, M, M), M = N + |offset|, with the vectors as a diagonal. la_op-inl.h."""
    floats_only(g, node, A)
    return _made(g, node, A, offset)


@op("_linalg_extractdiag", "linalg_extractdiag")
def extractdiag(g: SymbolBuilder, node: Node, A: Value, *, offset: int = 0) -> Value:  # noqa: N803
    """MXNet linalg.extractdiag: (*B, N, N) → (*B, N − |offset|), a diagonal. la_op-inl.h."""
    _square(g, node, A)
    return _taken(g, node, A, (-2, -1), _diagonal(offset))


@op("_linalg_extracttrian", "linalg_extracttrian")
def extracttrian(g: SymbolBuilder, node: Node, A: Value, *, offset: int = 0, lower: bool = True) -> Value:  # noqa: N803
    """MXNet linalg.extracttrian: (*B, N, N) → (*B, K), a triangle. la_op-inl.h."""
    _square(g, node, A)
    return _taken(g, node, A, (-2, -1), _triangle(offset, lower))


def _triangle(offset: int, lower: bool) -> Places:
    """The triangle from a diagonal outwards, below row by row, above column by column; an offset says which, whatever ``lower``."""
    below = offset < 0 or (offset == 0 and lower)
    return lambda rows, _: np.tril_indices(rows, -abs(offset))[:: 1 if below else -1]


@op("_linalg_maketrian", "linalg_maketrian")
def maketrian(g: SymbolBuilder, node: Node, A: Value, *, offset: int = 0, lower: bool = True) -> Value:  # noqa: N803
    """MXNet linalg.maketrian: (*B, K) → (*B, N, N), the vectors as a triangle. la_op-inl.h."""
    floats_only(g, node, A)
    (count,) = g.sizes(node, A, [-1], "it is a triangle")
    side = next((n for n in range(count + 1) if n * (n + 1) // 2 >= count), 0)
    if side * (side + 1) // 2 != count:
        raise g.malformed(node, f"{count} elements aren't a triangle")
    size = side + abs(offset)
    return _placed(g, A, size, *_triangle(offset, lower)(size, size))


def _square(g: SymbolBuilder, node: Node, x: Value) -> None:
    floats_only(g, node, x)
    if g.rank(node, x) < 2 or dims(x)[-1] != dims(x)[-2]:
        raise g.malformed(node, f"takes square matrices, not {list(dims(x))} of {dtype_of(x)}")
