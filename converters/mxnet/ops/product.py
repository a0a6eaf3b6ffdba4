"""Products of tensors: dot, batch_dot, numpy's, Einstein's sums, Khatri and Rao's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import cast, floats_only, same_type
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.ops.reshape import Part, reshape_to
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


@op("dot", "_sparse_dot")
def dot(
    g: SymbolBuilder,
    node: Node,
    lhs: Value,
    rhs: Value,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    forward_stype: str = "None",
) -> Value:
    """MXNet dot: the sum over the last axis of lhs, its first if transpose_a, and the first of rhs, its last if transpose_b.

    (*A, K), (K, *B) → (*A, *B); of two vectors (1,). dot-inl.h, DotShape.
    """
    floats_only(g, node, lhs)
    left, right = g.rank(node, lhs), g.rank(node, rhs)
    if not left or not right or (left == right == 1 and (transpose_a or transpose_b)):
        raise g.malformed(node, f"multiplies tensors of {left} and {right} axes, with transpose_a {transpose_a}, transpose_b {transpose_b}")
    y = _summed(g, node, lhs, rhs, [0 if transpose_a else left - 1], [right - 1 if transpose_b else 0])
    return y if dims(y) else reshape_to(g, node, y, [1])


def _summed(g: SymbolBuilder, node: Node, a: Value, b: Value, of_a: Sequence[int], of_b: Sequence[int]) -> Value:
    """The sum over axes of ``a`` and of ``b``, in pairs: the others of ``a``, then those of ``b``."""
    same_type(g, node, a, b)
    for axis, other in zip(of_a, of_b, strict=True):
        one, two = dims(a)[axis], dims(b)[other]
        if isinstance(one, int) and isinstance(two, int) and one != two:
            raise g.malformed(node, f"its inputs {list(dims(a))} and {list(dims(b))} don't fit: {one} and {two}")
    rest_a, rest_b = ([axis for axis in range(len(dims(v))) if axis not in used] for v, used in ((a, of_a), (b, of_b)))
    rows = _matrix(g, node, a, rest_a, list(of_a))
    columns = _matrix(g, node, b, list(of_b), rest_b)
    y = g.op("MatMul", rows, columns)
    if (len(rest_a), len(rest_b)) == (1, 1):
        return y
    return reshape_to(g, node, y, [*(Part(a, (axis,)) for axis in rest_a), *(Part(b, (axis,)) for axis in rest_b)])


def _matrix(g: SymbolBuilder, node: Node, x: Value, rows: list[int], columns: list[int]) -> Value:
    """``x`` as a matrix, whose rows and columns count through these axes."""
    if (order := rows + columns) != sorted(order):
        x = g.op("Transpose", x, perm=order)
    if len(rows) == len(columns) == 1:
        return x
    shape = [Part(x, tuple(axes)) if axes else 1 for axes in (range(len(rows)), range(len(rows), len(order)))]
    return reshape_to(g, node, x, shape)


@op("batch_dot", "_npx_batch_dot")
def batch_dot(
    g: SymbolBuilder,
    node: Node,
    lhs: Value,
    rhs: Value,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    forward_stype: str = "None",
) -> Value:
    """MXNet batch_dot: (*B, M, K), (*B, K, N) → (*B, M, N), either with its last two axes swapped. dot-inl.h, BatchDotShape."""
    floats_only(g, node, lhs)
    same_type(g, node, lhs, rhs)
    rank = g.rank(node, lhs)
    batches = [d for d in zip(dims(lhs)[:-2], dims(rhs)[:-2], strict=False) if all(isinstance(size, int) for size in d)]
    if rank < 3 or rank != g.rank(node, rhs) or any(a != b for a, b in batches):
        raise g.malformed(node, f"multiplies {list(dims(lhs))} with {list(dims(rhs))}")
    return g.op("MatMul", turned(g, lhs, transpose_a), turned(g, rhs, transpose_b))


def turned(g: SymbolBuilder, x: Value, yes: bool = True) -> Value:
    """The last two axes swapped, if ``yes``."""
    rank = len(dims(x))
    return g.op("Transpose", x, perm=[*range(rank - 2), rank - 1, rank - 2]) if yes else x


@op("_np_dot", "_npi_dot")
def np_dot(g: SymbolBuilder, node: Node, a: Value, b: Value) -> Value:
    """MXNet np.dot: the sum over the last axis of a and the last but one of b; a product if one is a scalar. np_dot-inl.h."""
    floats_only(g, node, a)
    same_type(g, node, a, b)
    left, right = g.rank(node, a), g.rank(node, b)
    if not left or not right:
        return g.op("Mul", a, b)
    return _summed(g, node, a, b, [left - 1], [max(right - 2, 0)])


@op("_npi_matmul")
def matmul(g: SymbolBuilder, node: Node, a: Value, b: Value) -> Value:
    """MXNet np.matmul: of the last two axes, the others broadcast. np_matmul_op.cc."""
    floats_only(g, node, a)
    same_type(g, node, a, b)
    if not g.rank(node, a) or not g.rank(node, b):
        raise g.malformed(node, "multiplies a scalar")
    return g.op("MatMul", a, b)


@op("_npi_tensordot")
def tensordot(g: SymbolBuilder, node: Node, a: Value, b: Value, *, a_axes_summed: Ints, b_axes_summed: Ints) -> Value:
    """MXNet np.tensordot over pairs of axes. np_tensordot_op-inl.h."""
    floats_only(g, node, a)
    left, right = ([g.axis(node, i, g.rank(node, x)) for i in axes] for x, axes in ((a, a_axes_summed), (b, b_axes_summed)))
    if len(left) != len(right) or len({*left}) != len(left) or len({*right}) != len(right):
        raise g.malformed(node, f"sums the axes {a_axes_summed} and {b_axes_summed}")
    return _summed(g, node, a, b, left, right)


@op("_npi_tensordot_int_axes")
def tensordot_int_axes(g: SymbolBuilder, node: Node, a: Value, b: Value, *, axes: int) -> Value:
    """MXNet np.tensordot over the last axes of a and as many first ones of b. np_tensordot_op-inl.h."""
    floats_only(g, node, a)
    rank = g.rank(node, a)
    if not 0 <= axes <= min(rank, g.rank(node, b)):
        raise g.malformed(node, f"sums {axes} axes of {list(dims(a))} and {list(dims(b))}")
    return _summed(g, node, a, b, range(rank - axes, rank), range(axes))


_NARROW = {DataType.INT8: DataType.INT32, DataType.UINT8: DataType.INT32, DataType.FLOAT16: DataType.FLOAT}
"""What ONNX Runtime has no Einsum of; the integers come out the same modulo 256."""


@op("_npi_einsum")
def einsum(g: SymbolBuilder, node: Node, *data: Value, num_args: int, subscripts: str = "", optimize: int = 0) -> Value:
    """MXNet np.einsum. np_einsum_op-inl.h."""
    if num_args != len(data):
        raise g.malformed(node, f"has {len(data)} inputs, and the num_args {num_args}")
    dtype = same_type(g, node, *data)
    wide = DataType.INT32 if dtype == DataType.BOOL else _NARROW.get(dtype, dtype)
    equation = re.sub(r"\s", "", subscripts)
    return cast(g, g.op("Einsum", *(cast(g, x, wide) for x in data), equation=equation), dtype)


@op("khatri_rao")
def khatri_rao(g: SymbolBuilder, node: Node, *args: Value, num_args: int = 0) -> Value:
    """MXNet khatri_rao: (Rᵢ, K) each → (∏Rᵢ, K), Kronecker's product of the columns. contrib/krprod.cc."""
    if not args or any(g.rank(node, x) != 2 or dims(x)[1] != dims(args[0])[1] for x in args):
        raise g.malformed(node, f"multiplies the columns of {[list(dims(x)) for x in args]}")
    floats_only(g, node, *args)
    y = args[0]
    for x in args[1:]:
        several = g.op("Mul", g.op("Unsqueeze", y, g.const([1])), g.op("Unsqueeze", x, g.const([0])))
        y = reshape_to(g, node, several, [Part(several, (0, 1)), Part(several, (2,))])
    return y
