"""Sums, means, extremes, products and norms over axes; of all, one axis is left. Sums and differences along one."""

from __future__ import annotations

from typing import Literal

from onnx_ir import DataType, Value

from dragoman.converters.mxnet import reductions as over
from dragoman.converters.mxnet.arithmetic import FLOATS, cast, dtype_of, floats_only, number
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.ops.reshape import reshape_to
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


def _classic(
    g: SymbolBuilder, node: Node, x: Value, reduction: over.Reduction, axis: Ints | None, keep: bool, exclude: bool = False
) -> Value:
    """``reduction`` over ``axis``, or all but them; over all if there are none. Where all go one stays."""
    every = list(range(g.rank(node, x)))
    axes = over.distinct_axes(g, node, x, axis)
    if exclude and axes:
        axes = [index for index in every if index not in axes]
    elif not axes:
        axes = every
    if 0 in dims(x) and reduction in (over.greatest, over.least):
        raise g.malformed(node, f"has no greatest or least in {list(dims(x))}")
    y = reduction(g, x, axes, keep)
    return y if dims(y) else reshape_to(g, node, y, [1])


def _register(reduction: over.Reduction, *names: str) -> None:
    def handler(
        g: SymbolBuilder, node: Node, data: Value, *, axis: Ints | None = None, keepdims: bool = False, exclude: bool = False
    ) -> Value:
        return _classic(g, node, data, reduction, axis, keepdims, exclude)

    handler.__doc__ = f"MXNet {names[0]} over ``axis``, or all but them if ``exclude``; broadcast_reduce_op.h."
    op(*names)(handler)


for _reduction, *_names in (
    (over.total, "sum", "sum_axis", "_sparse_sum"),
    (over.mean, "mean", "_sparse_mean"),
    (over.greatest, "max", "max_axis"),
    (over.least, "min", "min_axis"),
    (over.product, "prod"),
    (over.without_nan(over.total, 0.0), "nansum"),
    (over.without_nan(over.product, 1.0), "nanprod"),
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

    def sum_of_sizes(g: SymbolBuilder, x: Value, axes: list[int], keep: bool) -> Value:
        return over.total(g, g.op("Abs", x), axes, keep)

    return _classic(g, node, data, sum_of_sizes if ord == 1 else over.length, axis, keepdims)


@op("moments")
def moments(g: SymbolBuilder, node: Node, data: Value, *, axes: Ints | None = None, keepdims: bool = False) -> tuple[Value, Value]:
    """MXNet moments: the mean over ``axes``, and the mean of the squared distance from it. nn/moments-inl.h."""
    if not axes:
        raise g.malformed(node, "has no axes")
    mean = _classic(g, node, data, over.mean, axes, keep=True)
    distance = g.op("Sub", data, mean)
    variance = _classic(g, node, g.op("Mul", distance, distance), over.mean, axes, keepdims)
    return mean if keepdims else _classic(g, node, data, over.mean, axes, keep=False), variance


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


@op("_np_cumsum", "cumsum", "_npi_cumsum")
def cumsum(g: SymbolBuilder, node: Node, a: Value, *, axis: int | None = None, dtype: DataType | None = None) -> Value:
    """MXNet cumsum: each element and all before it along ``axis``, or in the row of all. np_cumsum-inl.h."""
    x = a if axis is not None else reshape_to(g, node, a, [None])
    if axis is not None and axis < 0:
        raise g.malformed(node, f"has the axis {axis}: MXNet takes no negative ones here")
    place = g.axis(node, axis or 0, g.rank(node, x))
    given = dtype or dtype_of(a)
    wide = over.WIDER.get(given, given)
    return cast(g, g.op("CumSum", cast(g, x, wide), g.const(place)), given)


@op("_npi_diff")
def diff(g: SymbolBuilder, node: Node, a: Value, *, n: int = 1, axis: int = -1) -> Value:
    """MXNet np.diff: n times the differences of neighbours along ``axis``. np_diff-inl.h."""
    place = g.axis(node, axis, g.rank(node, a))
    if n < 0:
        raise g.malformed(node, f"takes the differences {n} times")
    dtype = dtype_of(a)
    x = cast(g, a, over.WIDER.get(dtype, dtype))
    for _ in range(n):
        later = g.op("Slice", x, g.const([1]), g.const([1 << 62]), g.const([place]))
        x = g.op("Sub", later, g.op("Slice", x, g.const([0]), g.const([-1]), g.const([place])))
    return cast(g, x, dtype)
