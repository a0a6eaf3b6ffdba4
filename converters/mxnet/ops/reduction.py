"""Sums, means, extremes, products and norms over axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import FLOATS, cast, dtype_of, floats_only, number, select
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.ops.reshape import Part, reshape_to
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims

Reduction = Callable[[SymbolBuilder, Value, list[int], bool], Value]
"""A tensor, the axes that go, and whether they stay with the size 1 → what they are reduced to."""

_WIDER = {DataType.INT8: DataType.INT32, DataType.UINT8: DataType.INT32}
"""What ONNX Runtime doesn't reduce; modulo 256 it comes out the same."""


def _reduce(op_type: str) -> Reduction:
    """A reduction of ONNX's; of truths, whether any is true, or all for products and minima."""

    def reduction(g: SymbolBuilder, x: Value, axes: list[int], keep: bool) -> Value:
        dtype = dtype_of(x)
        if dtype == DataType.BOOL:
            return _all(g, x, axes, keep) if op_type in ("ReduceProd", "ReduceMin") else _any(g, x, axes, keep)
        if not axes:
            return x
        wide = DataType.DOUBLE if dtype == DataType.DOUBLE else _WIDER.get(dtype, dtype)
        return cast(g, g.op(op_type, cast(g, x, wide), g.const(axes), keepdims=int(keep)), dtype)

    return reduction


_sum, _product, _greatest, _least = (_reduce(name) for name in ("ReduceSum", "ReduceProd", "ReduceMax", "ReduceMin"))


def _any(g: SymbolBuilder, x: Value, axes: list[int], keep: bool) -> Value:
    return cast(g, _sum(g, cast(g, cast(g, x, DataType.BOOL), DataType.INT32), axes, keep), DataType.BOOL)


def _all(g: SymbolBuilder, x: Value, axes: list[int], keep: bool) -> Value:
    return g.op("Not", _any(g, g.op("Not", cast(g, x, DataType.BOOL)), axes, keep))


def _mean(g: SymbolBuilder, x: Value, axes: list[int], keep: bool) -> Value:
    """The mean; of integers the sum, which may have wrapped, divided and truncated."""
    whole = dtype_of(x) not in FLOATS
    if not whole and axes and not _is_empty(x, axes):
        return g.op("ReduceMean", x, g.const(axes), keepdims=int(keep))
    total = _sum(g, x, axes, keep)
    if dtype_of(x) == DataType.BOOL or not axes:
        return total
    if not whole:
        return g.op("Div", total, number(g, x, 0.0))
    return cast(g, g.op("Div", cast(g, total, DataType.INT64), _count(g, x, axes)), dtype_of(x))


def _is_empty(x: Value, axes: Sequence[int]) -> bool:
    """Whether there is nothing along an axis that goes."""
    return any(dims(x)[axis] == 0 for axis in axes)


def _count(g: SymbolBuilder, x: Value, axes: list[int]) -> Value:
    """How many elements become one, int64."""
    size = Part(x, tuple(axes))
    known = size.known() if axes else 1
    return g.const(known) if isinstance(known, int) else g.op("Squeeze", size.computed(g))


def _without_nan(reduction: Reduction, neutral: float) -> Reduction:
    """``reduction`` where what isn't a number counts as ``neutral``."""

    def reduced(g: SymbolBuilder, x: Value, axes: list[int], keep: bool) -> Value:
        return reduction(g, select(g, g.op("IsNaN", x), number(g, x, neutral), x) if dtype_of(x) in FLOATS else x, axes, keep)

    return reduced


# -- MXNet's own: nothing becomes a scalar --------------------------------------------------------


def _axes(g: SymbolBuilder, node: Node, x: Value, axis: Ints | None) -> list[int]:
    """The axes of ``axis``, ascending and each once."""
    rank = g.rank(node, x)
    axes = sorted(g.axis(node, index, rank) for index in axis or ())
    if len({*axes}) != len(axes):
        raise g.malformed(node, f"reduces an axis twice: {axis}")
    return axes


def _classic(g: SymbolBuilder, node: Node, x: Value, reduction: Reduction, axis: Ints | None, keep: bool, exclude: bool = False) -> Value:
    """``reduction`` over ``axis``, or all but them; over all if there are none. Where all go one stays."""
    every = list(range(g.rank(node, x)))
    axes = _axes(g, node, x, axis)
    if exclude and axes:
        axes = [index for index in every if index not in axes]
    elif not axes:
        axes = every
    if 0 in dims(x) and reduction in (_greatest, _least):
        raise g.malformed(node, f"has no greatest or least in {list(dims(x))}")
    y = reduction(g, x, axes, keep)
    return y if dims(y) else reshape_to(g, node, y, [1])


def _register(reduction: Reduction, *names: str) -> None:
    def handler(
        g: SymbolBuilder, node: Node, data: Value, *, axis: Ints | None = None, keepdims: bool = False, exclude: bool = False
    ) -> Value:
        return _classic(g, node, data, reduction, axis, keepdims, exclude)

    handler.__doc__ = f"MXNet {names[0]} over ``axis``, or all but them if ``exclude``; broadcast_reduce_op.h."
    op(*names)(handler)


for _reduction, *_names in (
    (_sum, "sum", "sum_axis", "_sparse_sum"),
    (_mean, "mean", "_sparse_mean"),
    (_greatest, "max", "max_axis"),
    (_least, "min", "min_axis"),
    (_product, "prod"),
    (_without_nan(_sum, 0.0), "nansum"),
    (_without_nan(_product, 1.0), "nanprod"),
):
    _register(_reduction, *_names)


@op("norm", "_sparse_norm")
def norm(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    ord: int = 2,
    axis: Ints | None = None,
    out_dtype: DataType | None = None,
    keepdims: bool = False,
) -> Value:
    """MXNet norm: Σ|x| or √Σx² over ``axis`` or all. broadcast_reduce_op.h."""
    if ord not in (1, 2) or out_dtype not in (None, dtype_of(data)):
        raise g.malformed(node, f"has the ord {ord} and the out_dtype {out_dtype} of {dtype_of(data)}")
    whole = dtype_of(data) not in FLOATS
    if whole and (ord == 2 or dtype_of(data) == DataType.BOOL):
        raise g.unsupported(node, f"has the ord {ord} of {dtype_of(data)}, which MXNet rounds step by step")

    def length(g: SymbolBuilder, x: Value, axes: list[int], keep: bool) -> Value:
        if ord == 1:
            return _sum(g, g.op("Abs", x), axes, keep)
        return g.op("ReduceL2", x, g.const(axes), keepdims=int(keep)) if axes else g.op("Abs", x)

    return _classic(g, node, data, length, axis, keepdims)


@op("moments")
def moments(g: SymbolBuilder, node: Node, data: Value, *, axes: Ints | None = None, keepdims: bool = False) -> tuple[Value, Value]:
    """MXNet moments: the mean over ``axes``, and the mean of the squared distance from it. nn/moments-inl.h."""
    if not axes:
        raise g.malformed(node, "has no axes")
    mean = _classic(g, node, data, _mean, axes, keep=True)
    distance = g.op("Sub", data, mean)
    variance = _classic(g, node, g.op("Mul", distance, distance), _mean, axes, keepdims)
    return mean if keepdims else _classic(g, node, data, _mean, axes, keep=False), variance


@op("L2Normalization")
def l2_normalization(
    g: SymbolBuilder, node: Node, data: Value, *, eps: float = 1e-10, mode: Literal["instance", "channel", "spatial"] = "instance"
) -> Value:
    """MXNet L2Normalization: x / √(Σx² + eps) over all axes but the first, the second, or those from the third. l2_normalization-inl.h."""
    rank = g.rank(node, data)
    floats_only(g, node, data)
    if rank < (1 if mode == "instance" else 3):
        raise g.malformed(node, f"normalises a tensor of {rank} axes by {mode}")
    axes = {"instance": range(1, rank), "channel": range(1, 2), "spatial": range(2, rank)}[mode]
    squares = g.op("ReduceSumSquare", data, g.const(list(axes))) if axes else g.op("Mul", data, data)
    return g.op("Div", data, g.op("Sqrt", g.op("Add", squares, number(g, data, eps))))


# -- numpy's --------------------------------------------------------------------------------------


def _numpy(
    g: SymbolBuilder, node: Node, x: Value, reduction: Reduction, axis: Ints | None, keep: bool, of_nothing: Reduction | None = None
) -> Value:
    """``reduction`` over the axes of ``axis``, or over all if it is None; ``of_nothing`` where they have no elements."""
    axes = list(range(g.rank(node, x))) if axis is None else _axes(g, node, x, axis)
    if _is_empty(x, axes):
        if reduction in (_greatest, _least):
            raise g.malformed(node, f"has no greatest or least in {list(dims(x))}")
        reduction = of_nothing or reduction
    return reduction(g, x, axes, keep)


def _no_initial(g: SymbolBuilder, node: Node, initial: float | None) -> None:
    if initial is not None:
        raise g.malformed(node, "has an initial value, which MXNet doesn't support")


def _counting(g: SymbolBuilder, x: Value, dtype: DataType | None) -> Value:
    """A tensor in the type that it is summed or multiplied in."""
    own = dtype_of(x)
    return cast(g, x, dtype or (DataType.INT64 if own == DataType.BOOL else own))


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
    return _numpy(g, node, _counting(g, a, dtype), _sum, axis, keepdims)


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
    return _numpy(g, node, _counting(g, a, dtype), _product, axis, keepdims, of_nothing=_sum)


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
    """MXNet np.mean: in ``dtype``, or a's own type, float32 for integers; of nothing it is 0. np_broadcast_reduce_op_value.cc."""
    _no_initial(g, node, initial)
    own = dtype_of(a)
    given = dtype or (own if own in FLOATS else DataType.FLOAT)
    wide = given if given in FLOATS else DataType.DOUBLE
    return cast(g, _numpy(g, node, cast(g, a, wide), _mean, axis, keepdims, of_nothing=_sum), given)


@op("_np_max", "_np_amax", "_npi_max", "_npi_amax")
def np_max(
    g: SymbolBuilder, node: Node, a: Value, *, axis: Ints | None = None, keepdims: bool = False, initial: float | None = None
) -> Value:
    """MXNet np.max. np_broadcast_reduce_op_value.cc."""
    _no_initial(g, node, initial)
    return _numpy(g, node, a, _greatest, axis, keepdims)


@op("_np_min", "_np_amin", "_npi_min", "_npi_amin")
def np_min(
    g: SymbolBuilder, node: Node, a: Value, *, axis: Ints | None = None, keepdims: bool = False, initial: float | None = None
) -> Value:
    """MXNet np.min. np_broadcast_reduce_op_value.cc."""
    _no_initial(g, node, initial)
    return _numpy(g, node, a, _least, axis, keepdims)


@op("_np_any", "_np_sometrue", "_npi_any")
def np_any(g: SymbolBuilder, node: Node, data: Value, *, axis: Ints | None = None, keepdims: bool = False) -> Value:
    """MXNet np.any: whether one isn't 0. np_broadcast_reduce_op_boolean.cc."""
    return _numpy(g, node, data, _any, axis, keepdims)


@op("_np_all", "_npi_all")
def np_all(g: SymbolBuilder, node: Node, data: Value, *, axis: Ints | None = None, keepdims: bool = False) -> Value:
    """MXNet np.all: whether none is 0. np_broadcast_reduce_op_boolean.cc."""
    return _numpy(g, node, data, _all, axis, keepdims)


@op("_npi_var")
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
    """MXNet np.var: Σ(x − mean)² / (N − ddof) as ``dtype`` or a's own type; and the mean, which it hides. np_moments_op.h."""
    variance, mean = _moments(g, node, a, axis, ddof, keepdims, dtype)
    return cast(g, variance, dtype or dtype_of(a)), mean


@op("_npi_std")
def np_std(
    g: SymbolBuilder,
    node: Node,
    a: Value,
    *,
    axis: Ints | None = None,
    dtype: DataType | None = None,
    ddof: int = 0,
    keepdims: bool = False,
) -> tuple[Value, Value]:
    """MXNet np.std: the root of np.var. np_moments_op.h."""
    variance, mean = _moments(g, node, a, axis, ddof, keepdims, dtype)
    return cast(g, g.op("Sqrt", variance), dtype or dtype_of(a)), mean


def _moments(
    g: SymbolBuilder, node: Node, x: Value, axis: Ints | None, ddof: int, keep: bool, dtype: DataType | None
) -> tuple[Value, Value]:
    """The variance, float32 or float64, and the mean, which is of the type of ``x``: an integer's is truncated."""
    wide = DataType.DOUBLE if DataType.DOUBLE in (dtype, dtype_of(x)) else DataType.FLOAT
    axes = list(range(g.rank(node, x))) if axis is None else _axes(g, node, x, axis)
    mean = cast(g, _mean(g, cast(g, x, wide), axes, True), dtype_of(x))
    distance = g.op("Sub", cast(g, x, wide), cast(g, mean, wide))
    total = _sum(g, g.op("Mul", distance, distance), axes, keep)
    count = g.op("Sub", _count(g, x, axes), g.const(ddof))
    return g.op("Div", total, cast(g, count, wide)), mean if keep or not axes else g.op("Squeeze", mean, g.const(axes))


@op("_np_cumsum", "cumsum", "_npi_cumsum")
def cumsum(g: SymbolBuilder, node: Node, a: Value, *, axis: int | None = None, dtype: DataType | None = None) -> Value:
    """MXNet cumsum: each element and all before it along ``axis``, or in the row of all. np_cumsum-inl.h."""
    x = a if axis is not None else reshape_to(g, node, a, [None])
    if axis is not None and axis < 0:
        raise g.malformed(node, f"has the axis {axis}: MXNet takes no negative ones here")
    place = g.axis(node, axis or 0, g.rank(node, x))
    given = dtype or dtype_of(a)
    wide = _WIDER.get(given, given)
    return cast(g, g.op("CumSum", cast(g, x, wide), g.const(place)), given)


@op("_npi_diff")
def diff(g: SymbolBuilder, node: Node, a: Value, *, n: int = 1, axis: int = -1) -> Value:
    """MXNet np.diff: n times the differences of neighbours along ``axis``. np_diff-inl.h."""
    place = g.axis(node, axis, g.rank(node, a))
    if n < 0:
        raise g.malformed(node, f"takes the differences {n} times")
    dtype = dtype_of(a)
    x = cast(g, a, _WIDER.get(dtype, dtype))
    for _ in range(n):
        later = g.op("Slice", x, g.const([1]), g.const([1 << 62]), g.const([place]))
        x = g.op("Sub", later, g.op("Slice", x, g.const([0]), g.const([-1]), g.const([place])))
    return cast(g, x, dtype)
