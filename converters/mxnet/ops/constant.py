"""Tensors that come from settings and shapes alone."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, isfinite, prod

import numpy as np
import numpy.typing as npt
from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import cast, dtype_of, filled
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims

_MOST = 1 << 27
"""Elements of a tensor that is made here."""


def _array(g: SymbolBuilder, values: npt.NDArray[np.generic], dtype: DataType) -> Value:
    return g.const(values.astype(dtype.numpy()))


def _shape(g: SymbolBuilder, node: Node, shape: Ints) -> Value:
    return g.const(np.array(_possible(g, node, *shape), np.int64))


def _possible(g: SymbolBuilder, node: Node, *sizes: int) -> tuple[int, ...]:
    """The sizes of a tensor, which must be able to exist."""
    if min(sizes, default=0) < 0 or prod(sizes) > _MOST:
        raise g.malformed(node, f"can't make a tensor of {list(sizes)}")
    return sizes


@op("_zeros", "_npi_zeros")
def zeros(g: SymbolBuilder, node: Node, *, shape: Ints = (), dtype: DataType = DataType.FLOAT) -> Value:
    """``shape`` of 0. init_op.cc."""
    return filled(g, node, _shape(g, node, shape), 0, dtype)


@op("_ones", "_npi_ones")
def ones(g: SymbolBuilder, node: Node, *, shape: Ints = (), dtype: DataType = DataType.FLOAT) -> Value:
    """``shape`` of 1. init_op.cc."""
    return filled(g, node, _shape(g, node, shape), 1, dtype)


@op("_full")
def full(g: SymbolBuilder, node: Node, *, value: float, shape: Ints = (), dtype: DataType = DataType.FLOAT) -> Value:
    """``shape`` of ``value``. init_op.cc."""
    return filled(g, node, _shape(g, node, shape), value, dtype)


@op("zeros_like")
def zeros_like(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """0 in the shape and type of ``data``. elemwise_unary_op_basic.cc."""
    return filled(g, node, g.shape(data), 0, dtype_of(data))


@op("ones_like")
def ones_like(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """1 in the shape and type of ``data``. elemwise_unary_op_basic.cc."""
    return filled(g, node, g.shape(data), 1, dtype_of(data))


@op("_npi_full_like")
def full_like(g: SymbolBuilder, node: Node, a: Value, *, fill_value: float, dtype: DataType | None = None) -> Value:
    """``fill_value`` in the shape of ``a``, and in its type unless another is said. np_init_op.cc."""
    return filled(g, node, g.shape(a), fill_value, dtype or dtype_of(a))


@op("_eye")
def eye(
    g: SymbolBuilder,
    node: Node,
    *,
    N: int,  # noqa: N803
    M: int = 0,  # noqa: N803
    k: int = 0,
    dtype: DataType = DataType.FLOAT,
) -> Value:
    """(N, M), or (N, N) where M is 0: 1 on diagonal k. init_op.h."""
    _possible(g, node, N, M or N)
    return _array(g, np.eye(N, M or N, k), dtype)


@op("_npi_eye")
def numpy_eye(
    g: SymbolBuilder,
    node: Node,
    *,
    N: int,  # noqa: N803
    M: int | None = None,  # noqa: N803
    k: int = 0,
    dtype: DataType = DataType.FLOAT,
) -> Value:
    """(N, M): 1 on diagonal k. np_init_op.cc."""
    _possible(g, node, N, N if M is None else M)
    return _array(g, np.eye(N, M, k), dtype)


@op("_npi_identity")
def numpy_identity(g: SymbolBuilder, node: Node, *, shape: Ints = (), dtype: DataType = DataType.FLOAT) -> Value:
    """``shape``, which is square: 1 on the diagonal. np_init_op.cc."""
    if len(shape) != 2 or shape[0] != shape[1]:
        raise g.malformed(node, f"is of shape {shape}, which isn't square")
    _possible(g, node, *shape)
    return _array(g, np.eye(shape[0]), dtype)


@op("_arange", "_npi_arange")
def arange(
    g: SymbolBuilder,
    node: Node,
    *,
    start: float,
    stop: float | None = None,
    step: float = 1.0,
    repeat: int = 1,
    infer_range: bool = False,
    dtype: DataType = DataType.FLOAT,
) -> Value:
    """(⌈(stop − start) / step⌉ · repeat): start + step · ⌊i / repeat⌋. init_op.h, RangeCompute."""
    numpy = node.op.startswith("_npi")
    if stop is None:
        if infer_range:
            raise g.unsupported(node, "its length comes from its reader (infer_range)")
        start, stop = 0.0, start
    if not all(map(isfinite, (start, stop, step))):
        raise g.malformed(node, f"its range isn't finite: from {start} to {stop} by {step}")
    count = ceil((stop - start) / step) if step else -1
    if not step or (count <= 0 and not numpy):
        raise g.malformed(node, f"its range is empty: from {start} to {stop} by {step}")
    if numpy and repeat != 1:
        raise g.malformed(node, f"repeats {repeat} times, takes 1")
    _possible(g, node, max(count, 0), repeat)
    return g.const(_steps(max(count, 0), start, step, repeat, dtype))


@op("_contrib_arange_like")
def arange_like(
    g: SymbolBuilder, node: Node, data: Value, *, start: float = 0.0, step: float = 1.0, repeat: int = 1, axis: int | None = None
) -> Value:
    """start + step · ⌊i / repeat⌋, of the length of ``axis``, or in the shape of ``data``. tensor/init_op.h, RangeLikeParam."""
    if repeat < 1:
        raise g.malformed(node, f"repeats {repeat} times")
    dtype = dtype_of(data)
    if dtype == DataType.BOOL:
        raise g.malformed(node, "counts numbers, its input is truths")
    axes = range(g.rank(node, data)) if axis is None else [g.axis(node, axis, g.rank(node, data))]
    shape = [dims(data)[i] for i in axes]
    known = [size for size in shape if isinstance(size, int)]
    if len(known) == len(shape):
        count = prod(known)
        return g.const(_steps(-(-count // repeat), start, step, repeat, dtype)[:count].reshape(known))
    wanted = g.shape(data) if axis is None else g.dim(data, axes[0])
    count_ = g.op("ReduceProd", wanted, keepdims=0)
    places = g.op("Range", g.const(np.int64(0)), count_, g.const(np.int64(1)))
    if repeat != 1:
        places = g.op("Div", places, g.const(np.int64(repeat)))
    first, by = _limits(start, step, dtype)
    scaled = g.op("Mul", cast(g, places, DataType.DOUBLE), g.const(np.float64(by)))
    line = cast(g, g.op("Add", scaled, g.const(np.float64(first))), dtype)
    return g.reshape_like(line, data) if axis is None else g.reshape(line, shape, source=data)


def _steps(count: int, start: float, step: float, repeat: int, dtype: DataType) -> npt.NDArray[np.generic]:
    first, by = _limits(start, step, dtype)
    return np.repeat((first + by * np.arange(count)).astype(dtype.numpy()), repeat)


def _limits(start: float, step: float, dtype: DataType) -> tuple[float, float]:
    """Start and step as MXNet takes them: cut to whole numbers for integers, and for halves too."""
    whole = dtype not in (DataType.FLOAT, DataType.DOUBLE)
    return (float(int(start)), float(int(step))) if whole else (start, step)


@op("_linspace")
def linspace(
    g: SymbolBuilder, node: Node, *, start: float, stop: float, num: int, endpoint: bool = True, dtype: DataType = DataType.FLOAT
) -> Value:
    """(num) values evenly from start to stop. init_op.h, LinspaceCompute."""
    _possible(g, node, num)
    return _array(g, np.linspace(start, stop, num, endpoint=endpoint), dtype)


@op("_npi_logspace")
def logspace(
    g: SymbolBuilder,
    node: Node,
    *,
    start: float,
    stop: float,
    num: int,
    endpoint: bool = True,
    base: float = 10.0,
    dtype: DataType = DataType.FLOAT,
) -> Value:
    """(num) powers of ``base``, exponents evenly from start to stop. np_init_op.h."""
    _possible(g, node, num)
    return _array(g, np.logspace(start, stop, num, endpoint=endpoint, base=base), dtype)


@op("_npi_indices")
def indices(g: SymbolBuilder, node: Node, *, dimensions: Ints, dtype: DataType = DataType.INT32) -> Value:
    """(len(dimensions), *dimensions): the place of each element, axis by axis. np_init_op.cc."""
    _possible(g, node, *dimensions)
    return _array(g, np.indices(dimensions), dtype)


_WINDOWS: dict[str, Callable[[int], npt.NDArray[np.float64]]] = {
    "_npi_blackman": np.blackman,
    "_npi_hamming": np.hamming,
    "_npi_hanning": np.hanning,
}


@op(*_WINDOWS)
def window(
    g: SymbolBuilder,
    node: Node,
    *,
    M: int,  # noqa: N803
    dtype: DataType = DataType.FLOAT,
) -> Value:
    """(M): a window of signal processing. np_window_op.cc."""
    _possible(g, node, M)
    return _array(g, _WINDOWS[node.op](M), dtype)
