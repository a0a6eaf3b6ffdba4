"""Pooling: windows that may overhang the padding, and what they divide by."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import dtype_of, floats_only, number
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.ops.channels import Layout, channels_back, channels_first, check_layout
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims, static_dims
from dragoman.graph_ir.builder import Dim

Convention = Literal["valid", "full", "same"]


@dataclass(frozen=True)
class Windows:
    """Sizes along each spatial axis; ``end`` is the padding behind the image that lets the last window fit."""

    kernel: Ints
    stride: Ints
    pad: Ints
    end: Ints


@dataclass(frozen=True, kw_only=True)
class Windowing:
    """What pooling is set by."""

    kernel: Ints = ()
    pool_type: Literal["max", "avg", "sum", "lp"] = "max"
    global_pool: bool = False
    pooling_convention: Convention = "valid"
    stride: Ints = ()
    pad: Ints = ()
    p_value: int | None = None
    count_include_pad: bool | None = None
    layout: Layout = "None"


@op("Pooling", "_npx_pooling")
def pooling(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    pool: Windowing,
) -> Value:
    """MXNet Pooling, 1 to 3 spatial axes: (N, C, *S) → (N, C, ⌊(S + 2·pad − k) / stride⌋ + 1), ⌈…⌉ + 1 by convention ``full``.

    A ``full`` window may begin behind the image: its maximum is the lowest number, its mean 0. A mean divides by what the window
    covers of the padded image, or of the image if padding isn't counted; lp is (Σ xᵖ)^(1/p), p 1 to 3. pooling.cc, pool.h.
    """
    floats_only(g, node, data)
    kernel, pool_type, layout = pool.kernel, pool.pool_type, pool.layout
    check_layout(g, node, data, kernel, layout)
    if pool_type == "lp" and pool.p_value not in (1, 2, 3):
        raise g.unsupported(node, f"has the p_value {pool.p_value}; MXNet knows 1, 2 and 3")
    x = channels_first(g, data, layout)
    power = (pool.p_value or 1) if pool_type == "lp" else 1
    raised = x if power == 1 else g.op("Mul", x, x if power == 2 else g.op("Mul", x, x))
    if pool.global_pool:
        y = _whole(g, raised, pool_type)
    else:
        w = _windows(g, node, x, kernel, pool.stride, pool.pad, pool.pooling_convention)
        counted = pool.count_include_pad is not False
        outer = len(kernel) == 3 and (pool_type == "max" or counted)
        checked = slice(None, None, 2 if outer else 1)  # of a volume, not the axis in the middle
        fits = _smaller(w.pad[checked], w.kernel[checked])
        if not fits and _by_onednn(x, w, pool_type, pool.pooling_convention, layout):
            raise g.malformed(node, f"its padding {w.pad} isn't smaller than its kernel {w.kernel}")
        if pool_type == "max":
            y = _maxima(g, x, w)
        elif pool_type == "avg":
            y = _means(g, node, x, w, counted=counted)
        else:
            y = _sums(g, raised, w)
    return channels_back(g, _root(g, y, power), layout)


@op("Pooling_v1")
def pooling_v1(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    kernel: Ints = (),
    pool_type: Literal["max", "avg", "sum"] = "max",
    global_pool: bool = False,
    pooling_convention: Literal["valid", "full"] = "valid",
    stride: Ints = (),
    pad: Ints = (),
) -> Value:
    """MXNet Pooling_v1, of two spatial axes: padding is zeros, also to a maximum, and a mean divides by the whole kernel.

    The maximum of a ``full`` window behind the padding is −∞. pooling_v1-inl.h.
    """
    floats_only(g, node, data)
    if g.rank(node, data) != 4:
        raise g.malformed(node, "pools (N, C, H, W)")
    if global_pool:
        return _whole(g, data, pool_type)
    check_layout(g, node, data, kernel, "NCHW")
    w = _windows(g, node, data, kernel, stride, pad, pooling_convention)
    if pool_type != "max":
        sums = _sums(g, data, w)
        return sums if pool_type == "sum" else g.op("Div", sums, number(g, sums, prod(kernel)))
    x = _padded(g, data, w.pad, w.pad) if any(w.pad) else data
    none = (0,) * len(kernel)
    y = _maxima(g, x, Windows(kernel, w.stride, none, _minus(w.end, w.pad)))
    if _smaller(_minus(w.end, w.pad), kernel):
        return y
    return g.op("Where", g.op("Equal", y, number(g, x, _lowest(x))), number(g, x, -np.inf), y)


@op("_contrib_AdaptiveAvgPooling2D")
def adaptive_average_pooling(g: SymbolBuilder, node: Node, data: Value, *, output_size: Ints = ()) -> Value:
    """MXNet AdaptiveAvgPooling2D: (N, C, H, W) → (N, C, *output_size), cell i being the mean over ⌊i·H / out⌋ to ⌈(i + 1)·H / out⌉.

    output_size is one number for both axes, or two; anything else is 1. adaptive_avg_pooling-inl.h.
    """
    floats_only(g, node, data)
    if g.rank(node, data) != 4:
        raise g.malformed(node, "pools (N, C, H, W)")
    size = output_size if len(output_size) == 2 else output_size * 2 if len(output_size) == 1 else (1, 1)
    if min(size) < 1:
        raise g.unsupported(node, f"has the output_size {output_size}")
    if size == (1, 1):
        return g.single("GlobalAveragePool", data)
    equal = [n // out if isinstance(n, int) and n % out == 0 else 0 for n, out in zip(dims(data)[2:], size, strict=True)]
    if all(equal):
        return g.single("AveragePool", data, kernel_shape=equal, strides=equal)
    rows, columns = (_cells(g, data, axis, out) for axis, out in zip((2, 3), size, strict=True))
    return g.op("MatMul", g.op("MatMul", rows, data), g.op("Transpose", columns, perm=[1, 0]))


def _cells(g: SymbolBuilder, x: Value, axis: int, out: int) -> Value:
    """(out, size): what each element of an axis contributes to each cell's mean."""
    size = g.dim(x, axis)
    numbers = np.arange(out + 1).reshape(-1, 1)
    start = g.op("Div", g.op("Mul", g.const(numbers[:-1]), size), g.const([out]))
    end = g.op("Div", g.op("Add", g.op("Mul", g.const(numbers[1:]), size), g.const([out - 1])), g.const([out]))
    place = g.op("Range", g.const(0), g.op("Squeeze", size, g.const([0])), g.const(1))
    inside = g.op("And", g.op("GreaterOrEqual", place, start), g.op("Less", place, end))
    return g.op("Div", g.op("Cast", inside, to=dtype_of(x)), g.op("Cast", g.op("Sub", end, start), to=dtype_of(x)))


def _windows(
    g: SymbolBuilder, node: Node, x: Value, kernel: Ints, stride: Ints, pad: Ints, convention: Convention
) -> Windows:
    """What the settings describe; what MXNet refuses is an error."""
    count = len(dims(x)) - 2
    stride, pad = stride or (1,) * count, pad or (0,) * count
    if not len(kernel) == len(stride) == len(pad) == count or min(*kernel, *stride) < 1 or min(pad) < 0:
        raise g.malformed(node, f"its kernel {kernel}, stride {stride} and pad {pad} don't fit {count} spatial axes")
    if convention == "same":
        raise g.unsupported(node, "has the pooling_convention same, which MXNet 1.9.1 itself doesn't run")
    for size, k, p in zip(dims(x)[2:], kernel, pad, strict=True):
        if isinstance(size, int) and size + 2 * p < k:
            raise g.malformed(node, f"its kernel {kernel} is larger than its input {list(dims(x))}")
    ends = [_end(*sizes, full=convention == "full") for sizes in zip(dims(x)[2:], kernel, stride, pad, strict=True)]
    return Windows(kernel, stride, pad, tuple(ends))


def _by_onednn(x: Value, w: Windows, kind: str, convention: Convention, layout: Layout) -> bool:
    """Whether MXNet has oneDNN pool, which refuses what its own code doesn't."""
    if kind not in ("max", "avg") or dtype_of(x) != ir.DataType.FLOAT or layout.endswith("C"):
        return False
    spans = zip(dims(x)[2:], w.kernel, w.stride, w.pad, strict=True)
    exact = all(isinstance(size, int) and (size + 2 * p - k) % s == 0 for size, k, s, p in spans)
    return kind == "max" or convention == "valid" or exact


def _end(size: Dim, kernel: int, stride: int, pad: int, *, full: bool) -> int:
    """What to pad behind the image so that rounding down gives MXNet's count: ⌈a / s⌉ = ⌊(a + s − 1) / s⌋."""
    if not full:
        return pad
    if not isinstance(size, int):
        return pad + stride - 1
    steps = -(-(size + 2 * pad - kernel) // stride)
    return max(pad, steps * stride + kernel - size - pad)


def _whole(g: SymbolBuilder, x: Value, kind: str) -> Value:
    """(N, C, *S) → (N, C, 1, …)."""
    if kind in ("max", "avg"):
        return g.single("GlobalMaxPool" if kind == "max" else "GlobalAveragePool", x)
    return g.op("ReduceSum", x, g.const(list(range(2, len(dims(x))))))


def _root(g: SymbolBuilder, y: Value, power: int) -> Value:
    """The p-th root, with its sign."""
    if power == 3:
        return g.op("Mul", g.op("Sign", y), g.op("Pow", g.op("Abs", y), number(g, y, 1 / 3)))
    return g.op("Sqrt", y) if power == 2 else y


def _maxima(g: SymbolBuilder, x: Value, w: Windows) -> Value:
    """Maxima; that of no elements is the lowest number."""
    pads = (*w.pad, *w.end)
    if not _smaller(pads, w.kernel):
        x, pads = _padded(g, x, w.pad, w.end, _lowest(x)), ()
    return g.op("MaxPool", x, kernel_shape=w.kernel, strides=w.stride, pads=pads if any(pads) else None)


def _means(g: SymbolBuilder, node: Node, x: Value, w: Windows, *, counted: bool) -> Value:
    """Means over what the windows cover of the image, padded if that is ``counted``; of nothing it is 0."""
    beyond = _minus(w.end, w.pad)
    counted = counted and any(w.pad)
    if not _smaller(beyond if counted else (*w.pad, *w.end), w.kernel):
        if len(w.kernel) == 3:
            raise g.unsupported(node, "a window of a volume may begin behind its padding, where MXNet divides 0 by 0")
        return g.op("Div", _sums(g, x, w), _covered(g, x, w, counted=counted))
    if counted and (any(beyond) or not _smaller(w.pad, w.kernel)):
        none = (0,) * len(w.pad)
        x, w, counted = _padded(g, x, w.pad, w.pad), Windows(w.kernel, w.stride, none, beyond), False
    pads = (*w.pad, *w.end)
    return g.single(
        "AveragePool",
        x,
        kernel_shape=w.kernel,
        strides=w.stride,
        pads=pads if any(pads) else None,
        count_include_pad=1 if counted else None,
    )


def _sums(g: SymbolBuilder, x: Value, w: Windows) -> Value:
    """Σ over each window."""
    pads = (*w.pad, *w.end)
    if not _smaller(pads, w.kernel):
        x, pads = _padded(g, x, w.pad, w.end), ()
    padding = {"pads": pads, "count_include_pad": 1} if any(pads) else {}
    mean = g.single("AveragePool", x, kernel_shape=w.kernel, strides=w.stride, **padding)
    return mean if prod(w.kernel) == 1 else g.op("Mul", mean, number(g, mean, prod(w.kernel)))


def _covered(g: SymbolBuilder, x: Value, w: Windows, *, counted: bool) -> Value:
    """(1, 1, *windows): how much of the image each window covers, 1 where it is nothing."""
    sizes = static_dims(x)
    one = np.ones((1,), dtype_of(x).numpy())
    if sizes is not None:
        ones = g.const(np.broadcast_to(one, (1, 1, *sizes[2:])))
    else:
        shape = g.op("Concat", g.const([1, 1]), *(g.dim(x, axis) for axis in range(2, len(dims(x)))), axis=0)
        ones = g.op("ConstantOfShape", shape, value=ir.Tensor(one))
    if counted:
        none = (0,) * len(w.pad)
        ones, w = _padded(g, ones, w.pad, w.pad, 1.0), Windows(w.kernel, w.stride, none, _minus(w.end, w.pad))
    return g.op("Max", _sums(g, ones, w), number(g, x, 1))


def _padded(g: SymbolBuilder, x: Value, begin: Ints, end: Ints, value: float = 0.0) -> Value:
    return g.op("Pad", x, g.const([0, 0, *begin, 0, 0, *end]), number(g, x, value) if value else None)


def _lowest(x: Value) -> float:
    return float(np.finfo(dtype_of(x).numpy()).min)


def _smaller(pads: Ints, kernel: Ints) -> bool:
    """Whether runtimes take this padding of this kernel."""
    return all(p < k for p, k in zip(pads, kernel * (len(pads) // len(kernel)), strict=True))


def _minus(a: Ints, b: Ints) -> Ints:
    return tuple(x - y for x, y in zip(a, b, strict=True))
