"""numpy's reductions: over no axes if there are none, and of all to a scalar."""

from __future__ import annotations

import math

from onnx_ir import DataType, Value

from dragoman.converters.mxnet import reductions as over
from dragoman.converters.mxnet.arithmetic import FLOATS, cast, dtype_of, floats_only, number, same_type, truth
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


def _axes(g: SymbolBuilder, node: Node, x: Value, axis: Ints | None) -> list[int]:
    """All axes if ``axis`` is None."""
    return list(range(g.rank(node, x))) if axis is None else over.distinct_axes(g, node, x, axis)


def _numpy(
    g: SymbolBuilder,
    node: Node,
    x: Value,
    reduction: over.Reduction,
    axis: Ints | None,
    keep: bool,
    of_nothing: over.Reduction | None = None,
) -> Value:
    """``reduction`` over the axes of ``axis``, or over all if it is None; ``of_nothing`` where they have no elements."""
    axes = _axes(g, node, x, axis)
    if over.is_empty(x, axes):
        if reduction in (over.greatest, over.least):
            raise g.malformed(node, f"has no greatest or least in {list(dims(x))}")
        reduction = of_nothing or reduction
    return reduction(g, x, axes, keep)


def _no_initial(g: SymbolBuilder, node: Node, initial: float | None) -> None:
    if initial is not None:
        raise g.malformed(node, "has an initial value, which MXNet doesn't support")


def _typed(
    g: SymbolBuilder,
    node: Node,
    x: Value,
    reduction: over.Reduction,
    axis: Ints | None,
    keep: bool,
    dtype: DataType | None,
    of_nothing: over.Reduction | None = None,
) -> Value:
    """``reduction`` to ``dtype``, or to int64 from truths, or to the type of ``x``: in it if it holds what ``x`` does, and else cast."""
    own = dtype_of(x)
    given = dtype or (DataType.INT64 if own == DataType.BOOL else own)
    if given in FLOATS or (own not in FLOATS and given != DataType.BOOL):
        wide = given
    else:
        wide = own if own in FLOATS else DataType.INT64
    return cast(g, _numpy(g, node, cast(g, x, wide), reduction, axis, keep, of_nothing), given)


@op("_np_sum", "_npi_sum")
def np_sum(
    g: SymbolBuilder,
    node: Node,
    a: Value,
    *,
    axis: Ints | None = None,
    dtype: DataType | None = None,
    keepdims: bool = False,
    initial: float | None = None,
) -> Value:
    """MXNet np.sum: in ``dtype``, or int64 for truths, or a's own type. np_broadcast_reduce_op_value.cc."""
    _no_initial(g, node, initial)
    return _typed(g, node, a, over.total, axis, keepdims, dtype)


@op("_np_prod", "_np_product", "_npi_prod")
def np_prod(
    g: SymbolBuilder,
    node: Node,
    a: Value,
    *,
    axis: Ints | None = None,
    dtype: DataType | None = None,
    keepdims: bool = False,
    initial: float | None = None,
) -> Value:
    """MXNet np.prod: as np.sum; of nothing it is 0. np_broadcast_reduce_op_value.cc."""
    _no_initial(g, node, initial)
    return _typed(g, node, a, over.product, axis, keepdims, dtype, of_nothing=over.total)


@op("_npi_mean")
def np_mean(
    g: SymbolBuilder,
    node: Node,
    a: Value,
    *,
    axis: Ints | None = None,
    dtype: DataType | None = None,
    keepdims: bool = False,
    initial: float | None = None,
) -> Value:
    """MXNet np.mean: in ``dtype``, or a's own type, float32 for integers; of nothing it is 0. An integer's is the sum, as that type
    holds it, divided. np_broadcast_reduce_op_value.cc.
    """
    _no_initial(g, node, initial)
    given = dtype or (dtype_of(a) if dtype_of(a) in FLOATS else DataType.FLOAT)
    if given in FLOATS:
        return _numpy(g, node, cast(g, a, given), over.mean, axis, keepdims, of_nothing=over.total)
    total = _typed(g, node, a, over.total, axis, keepdims, given)
    axes = _axes(g, node, a, axis)
    if given == DataType.BOOL or over.is_empty(a, axes):
        return total
    return cast(g, g.op("Div", cast(g, total, DataType.INT64), over.count(g, a, axes)), given)


@op("_np_max", "_np_amax", "_npi_max", "_npi_amax")
def np_max(
    g: SymbolBuilder, node: Node, a: Value, *, axis: Ints | None = None, keepdims: bool = False, initial: float | None = None
) -> Value:
    """MXNet np.max. np_broadcast_reduce_op_value.cc."""
    _no_initial(g, node, initial)
    return _numpy(g, node, a, over.greatest, axis, keepdims)


@op("_np_min", "_np_amin", "_npi_min", "_npi_amin")
def np_min(
    g: SymbolBuilder, node: Node, a: Value, *, axis: Ints | None = None, keepdims: bool = False, initial: float | None = None
) -> Value:
    """MXNet np.min. np_broadcast_reduce_op_value.cc."""
    _no_initial(g, node, initial)
    return _numpy(g, node, a, over.least, axis, keepdims)


@op("_np_any", "_np_sometrue", "_npi_any")
def np_any(g: SymbolBuilder, node: Node, data: Value, *, axis: Ints | None = None, keepdims: bool = False) -> Value:
    """MXNet np.any: whether one isn't 0. np_broadcast_reduce_op_boolean.cc."""
    return _numpy(g, node, data, over.any_true, axis, keepdims)


@op("_np_all", "_npi_all")
def np_all(g: SymbolBuilder, node: Node, data: Value, *, axis: Ints | None = None, keepdims: bool = False) -> Value:
    """MXNet np.all: whether none is 0. np_broadcast_reduce_op_boolean.cc."""
    return _numpy(g, node, data, over.all_true, axis, keepdims)


@op("_npi_var", "_npi_std")
def np_var(
    g: SymbolBuilder,
    node: Node,
    a: Value,
    *,
    axis: Ints | None = None,
    dtype: DataType | None = None,
    ddof: int = 0,
    keepdims: bool = False,
) -> tuple[Value, Value]:
    """MXNet np.var: Σ(x − mean)² / (N − ddof) as ``dtype`` or a's own type, np.std its root; and the mean, which it hides.

    np_moments_op.h.
    """
    variance, mean = _moments(g, node, a, axis, ddof, keepdims, dtype)
    return cast(g, g.op("Sqrt", variance) if node.op == "_npi_std" else variance, dtype or dtype_of(a)), mean


def _moments(
    g: SymbolBuilder, node: Node, x: Value, axis: Ints | None, ddof: int, keep: bool, dtype: DataType | None
) -> tuple[Value, Value]:
    """The variance, float32 or float64, and the mean, which is of the type of ``x``: an integer's is truncated."""
    wide = DataType.DOUBLE if DataType.DOUBLE in (dtype, dtype_of(x)) else DataType.FLOAT
    axes = _axes(g, node, x, axis)
    mean = cast(g, over.mean(g, cast(g, x, wide), axes, True), dtype_of(x))
    distance = g.op("Sub", cast(g, x, wide), cast(g, mean, wide))
    total = over.total(g, g.op("Mul", distance, distance), axes, keep)
    count = g.op("Sub", over.count(g, x, axes), g.const(ddof))
    return g.op("Div", total, cast(g, count, wide)), mean if keep or not axes else g.op("Squeeze", mean, g.const(axes))


@op("_npi_average")
def average(
    g: SymbolBuilder,
    node: Node,
    a: Value,
    weights: Value | None = None,
    *,
    axis: Ints | None = None,
    returned: bool = False,
    weighted: bool = True,
) -> tuple[Value, Value]:
    """MXNet np.average: Σ a·w / Σ w, weights of a's shape or of one axis; and Σ w, or how many elements become one.

    np_average_op-inl.h.
    """
    floats_only(g, node, a)
    if weighted != (weights is not None):
        raise g.malformed(node, f"has weighted {weighted} and {'no' if weights is None else 'a'} tensor of weights")
    axes = _axes(g, node, a, axis)
    if weights is None:
        return over.mean(g, a, axes, False), cast(g, over.count(g, a, axes), dtype_of(a))
    same_type(g, node, a, weights)
    rank = len(dims(a))
    whole = g.rank(node, weights) == rank
    if not whole and (len(axes) != 1 or len(dims(weights)) != 1):
        raise g.malformed(node, f"averages the axes {axis} of {list(dims(a))} by weights of {list(dims(weights))}")
    pairs = zip(dims(a) if whole else [dims(a)[axes[0]]], dims(weights), strict=True)
    if any(isinstance(x, int) and isinstance(y, int) and x != y for x, y in pairs):
        raise g.malformed(node, f"averages {list(dims(a))} by weights of {list(dims(weights))}")
    spread = weights if whole else g.op("Unsqueeze", weights, g.const([i for i in range(rank) if i != axes[0]]))
    total = over.total(g, g.op("Mul", a, spread), axes, False)
    weight = over.total(g, weights, axes if whole else [0], False)
    return g.op("Div", total, weight), weight


@op("_npi_norm")
def np_norm(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    ord: float = 2.0,
    axis: Ints | None = None,
    keepdims: bool = False,
    flag: int = -1,
) -> tuple[Value, None]:
    """MXNet np.linalg.norm: (Σ|x|^ord)^(1/ord), or how many aren't 0 for ord 0; what it hides are singular values.

    np_norm-inl.h: a ``flag`` of 0 or 2 is for norms by singular values.
    """
    floats_only(g, node, data)
    axes = _axes(g, node, data, axis)
    if flag in (0, 2) or not 0 <= ord < math.inf:
        raise g.unsupported(node, f"has the ord {ord} and the flag {flag}: singular values, or powers that MXNet has its own way with")
    size = g.op("Abs", data)
    if not axes:
        return size, None
    if ord == 0:
        return over.total(g, cast(g, truth(g, data), dtype_of(data)), axes, keepdims), None
    if ord == 2:
        return over.length(g, data, axes, keepdims), None
    powers = over.total(g, g.op("Pow", size, number(g, data, ord)), axes, keepdims)
    return g.op("Pow", powers, number(g, data, 1 / ord)), None
