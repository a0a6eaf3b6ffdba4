"""Pooling: Caffe's rounding, its clipped last window and its divisor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.schema import PoolingParameter, PoolMethod, RoundMode
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims
from dragoman.graph_ir.inference import lower_bound, parse

_LOWEST = float(np.finfo(np.float32).min)


@dataclass(frozen=True)
class Geometry:
    """Window, stride, padding (height, width), and whether sizes are rounded up."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    ceil: bool = True

    def out_size(self, size: int, axis: int) -> int:
        """How many windows there are; with padding, one that would start behind the image is dropped, even when padding is
        on the other axis only.
        """
        k, s, p = self.kernel[axis], self.stride[axis], self.pad[axis]
        span = size + 2 * p - k
        out = (-(-span // s) if self.ceil else span // s) + 1
        if any(self.pad) and (out - 1) * s >= size + p:
            out -= 1
        return out


@layer_type("Pooling")
def pooling(g: NetBuilder, layer: Layer, x: Value) -> Value | tuple[Value, ...]:
    """Caffe Pooling: (N, C, H, W) → (N, C, ceil((H + 2p − k) / s) + 1, …); a last window that starts in the padding is dropped,
    AVE divides by the window clipped to the image and its padding. A second MAX top has each maximum's index in its plane.
    BVLC pooling_layer.cpp; STOCHASTIC at test is sum(x²) / sum(x), pooling_layer.cu.
    """
    p = layer.param.pooling_param
    if len(dims(x)) != 4:
        raise g.malformed(layer, f"pools 4 axes, its bottom has {len(dims(x))}")
    if len(layer.tops) > 1 and p.pool != PoolMethod.MAX:
        raise g.malformed(layer, "only MAX has a second top")
    if p.global_pooling:
        return _global(g, layer, p, x)
    return pool(g, layer, x, p.pool, geometry(g, layer, p), mask=len(layer.tops) > 1)


def geometry(g: NetBuilder, layer: Layer, p: PoolingParameter) -> Geometry:
    """The window that PoolingParameter describes; what Caffe refuses is an error."""
    if p.has("kernel_size") == (p.has("kernel_h") and p.has("kernel_w")) or (
        p.has("kernel_size") and (p.has("kernel_h") or p.has("kernel_w"))
    ):
        raise g.malformed(layer, "needs kernel_size, or kernel_h and kernel_w, not both")
    for name in ("pad", "stride"):
        both = p.has(f"{name}_h") and p.has(f"{name}_w")
        if p.has(f"{name}_h") != p.has(f"{name}_w") or (p.has(name) and both):
            raise g.malformed(layer, f"needs {name}, or {name}_h and {name}_w, not both")
    kernel = (p.kernel_size, p.kernel_size) if p.has("kernel_size") else (p.kernel_h, p.kernel_w)
    stride = (p.stride_h, p.stride_w) if p.has("stride_h") else (p.stride, p.stride)
    pad = (p.pad_h, p.pad_w) if p.has("pad_h") else (p.pad, p.pad)
    if p.has("round_mode") and p.has("ceil_mode"):
        raise g.malformed(layer, "round_mode and ceil_mode say the same thing; only one can be given")
    if min(*kernel, *stride) <= 0:
        raise g.malformed(layer, f"kernel {kernel} and stride {stride} must be positive")
    if any(pad) and (p.pool == PoolMethod.STOCHASTIC or pad[0] >= kernel[0] or pad[1] >= kernel[1]):
        raise g.malformed(layer, f"padding {pad} must be smaller than the kernel {kernel}, and 0 for STOCHASTIC")
    return Geometry(kernel, stride, pad, p.round_mode == RoundMode.CEIL and p.ceil_mode)


def _global(g: NetBuilder, layer: Layer, p: PoolingParameter, x: Value) -> Value | tuple[Value, ...]:
    if p.has("kernel_size") or p.has("kernel_h") or p.has("kernel_w"):
        raise g.malformed(layer, "global_pooling takes the whole image: a kernel can't be given")
    if any((p.pad, p.pad_h, p.pad_w)) or p.stride != 1 or p.stride_h > 1 or p.stride_w > 1:
        raise g.malformed(layer, "global_pooling needs pad 0 and stride 1")
    if len(layer.tops) > 1:
        index = g.op("ArgMax", g.op("Reshape", x, g.const([0, 0, -1])), axis=2)
        return g.op("GlobalMaxPool", x), g.op("Cast", g.op("Unsqueeze", index, g.const([3])), to=ir.DataType.FLOAT)
    if p.pool == PoolMethod.STOCHASTIC:
        return _stochastic(g, g.op("GlobalAveragePool", x), g.op("GlobalAveragePool", g.op("Mul", x, x)))
    return g.op("GlobalMaxPool" if p.pool == PoolMethod.MAX else "GlobalAveragePool", x)


def pool(
    g: NetBuilder, layer: Layer, x: Value, method: PoolMethod, geo: Geometry, *, mask: bool = False
) -> Value | tuple[Value, ...]:
    """(N, C, H, W) → (N, C, out_size(H), out_size(W)), and the mask of a MAX if asked for."""
    sizes = dims(x)[2:]
    if geo.ceil and any(not isinstance(n, int) and s > 1 for n, s in zip(sizes, geo.stride, strict=True)):
        if mask:
            return _max_padded(g, x, geo, _pads(g, x, geo))
        return _pool_dynamic(g, x, method, geo)
    overhang = [0, 0]
    for i, size in enumerate(sizes):
        if isinstance(size, int):
            out = geo.out_size(size, i)
            if out <= 0:
                raise g.malformed(
                    layer, f"a window of {geo.kernel[i]} doesn't fit axis {2 + i} of size {size} padded by {geo.pad[i]}"
                )
            overhang[i] = max(0, (out - 1) * geo.stride[i] + geo.kernel[i] - size - geo.pad[i])
        else:  # nothing is rounded up here: the padding is Caffe's own
            overhang[i] = geo.pad[i]
    if any(o >= k for o, k in zip(overhang, geo.kernel, strict=True)):
        if mask:
            return _max_padded(g, x, geo, g.const([0, 0, *geo.pad, 0, 0, *overhang]))
        return _pool_dynamic(g, x, method, geo)
    if method == PoolMethod.MAX:
        pads = (*geo.pad, *overhang)
        if not mask:
            return g.op("MaxPool", x, pads=pads, kernel_shape=geo.kernel, strides=geo.stride)
        y, index = g.ops("MaxPool", x, outputs=2, pads=pads, kernel_shape=geo.kernel, strides=geo.stride)
        plane = g.op("Mul", g.dim(x, 2), g.dim(x, 3))
        return y, g.op("Cast", g.op("Mod", index, plane), to=ir.DataType.FLOAT)
    if method == PoolMethod.STOCHASTIC:
        pads = (0, 0, *overhang)
        return _stochastic(
            g,
            g.op("AveragePool", x, pads=pads, kernel_shape=geo.kernel, strides=geo.stride),
            g.op("AveragePool", g.op("Mul", x, x), pads=pads, kernel_shape=geo.kernel, strides=geo.stride),
        )
    if tuple(overhang) == geo.pad:  # every window lies in the padded image
        return g.op(
            "AveragePool",
            x,
            pads=geo.pad * 2,
            count_include_pad=1 if any(geo.pad) else None,
            kernel_shape=geo.kernel,
            strides=geo.stride,
        )
    beyond = [max(0, o - p) for o, p in zip(overhang, geo.pad, strict=True)]
    if any(geo.pad):  # padding counts in the divisor, what lies beyond it doesn't
        x = g.op("Pad", x, g.const([0, 0, *geo.pad, 0, 0, *geo.pad]))
    return g.op("AveragePool", x, pads=(0, 0, *beyond), kernel_shape=geo.kernel, strides=geo.stride)


def _max_padded(g: NetBuilder, x: Value, geo: Geometry, pads: Value) -> tuple[Value, Value]:
    """MAX with its mask of an image padded by hand; a window that lies outside of it gives the lowest number, and -1 as its
    index.
    """
    padded = g.op("Pad", x, pads, g.const(_LOWEST))
    y, index = g.ops("MaxPool", padded, outputs=2, kernel_shape=geo.kernel, strides=geo.stride)
    width = g.dim(padded, 3)
    flat = g.op("Mod", index, g.op("Mul", g.dim(padded, 2), width))
    row = g.op("Sub", g.op("Div", flat, width), g.const(geo.pad[0]))
    column = g.op("Sub", g.op("Mod", flat, width), g.const(geo.pad[1]))
    inside = g.op("Greater", y, g.const(_LOWEST))
    mask = g.op("Where", inside, g.op("Add", g.op("Mul", row, g.dim(x, 3)), column), g.const(-1))
    return y, g.op("Cast", mask, to=ir.DataType.FLOAT)


def _stochastic(g: NetBuilder, mean: Value, mean_square: Value) -> Value:
    zero = g.const(0.0)
    return g.op("Where", g.op("Greater", mean, zero), g.op("Div", mean_square, mean), zero)


def _last_windows(g: NetBuilder, x: Value, geo: Geometry) -> tuple[Value, Value]:
    """Height and width as a vector, and where the last windows start, from the padding's edge: ⌈(size + 2p − k) / s⌉ · s, and before
    size + p.
    """
    size = g.op("Slice", g.shape(x), g.const([2]), g.const([4]), g.const([0]))
    rounding = [s - 1 if geo.ceil else 0 for s in geo.stride]
    least = [lower_bound(n if isinstance(n, int) else parse(n or "?")) or 0 for n in dims(x)[2:]]
    last = _multiple(g, size, least, [2 * p - k + r for p, k, r in zip(geo.pad, geo.kernel, rounding, strict=True)], geo)
    if any(geo.pad):
        last = g.op("Min", last, _multiple(g, size, least, [p - 1 for p in geo.pad], geo))
    return size, last


def _multiple(g: NetBuilder, size: Value, least: Sequence[int], offset: Sequence[int], geo: Geometry) -> Value:
    """⌊(size + offset) / s⌋ · s for a size of at ``least`` that. Div cuts towards 0: what is divided can be seen not to be negative."""
    ahead = [max(0, -((low + o) // s)) * s for low, o, s in zip(least, offset, geo.stride, strict=True)]
    strides = g.const(list(geo.stride))
    quotient = g.op("Div", g.op("Add", size, g.const([o + a for o, a in zip(offset, ahead, strict=True)])), strides)
    return g.op("Sub", g.op("Mul", quotient, strides), g.const(ahead))


def _pads(g: NetBuilder, x: Value, geo: Geometry) -> Value:
    """What to pad so that the windows fit without rounding."""
    size, last = _last_windows(g, x, geo)
    k, p, none = g.const(list(geo.kernel)), g.const(list(geo.pad)), g.const([0, 0])
    end = g.op("Max", g.op("Sub", g.op("Add", last, k), g.op("Add", size, p)), none)
    return g.op("Concat", none, p, none, end, axis=0)


def _pool_dynamic(g: NetBuilder, x: Value, method: PoolMethod, geo: Geometry) -> Value:
    """Pad by amounts worked out in the graph, then pool without padding: for sizes that aren't known, and for windows
    outside of the image.
    """
    pads = _pads(g, x, geo)
    if method == PoolMethod.MAX:
        return g.op("MaxPool", g.op("Pad", x, pads, g.const(_LOWEST)), kernel_shape=geo.kernel, strides=geo.stride)
    if method == PoolMethod.STOCHASTIC:
        x = g.op("Pad", x, pads)
        return _stochastic(
            g,
            g.op("AveragePool", x, kernel_shape=geo.kernel, strides=geo.stride),
            g.op("AveragePool", g.op("Mul", x, x), kernel_shape=geo.kernel, strides=geo.stride),
        )
    total = g.op(
        "Mul",
        g.op("AveragePool", g.op("Pad", x, pads), kernel_shape=geo.kernel, strides=geo.stride),
        g.const(float(geo.kernel[0] * geo.kernel[1])),
    )
    size, last = _last_windows(g, x, geo)
    padded = g.op("Add", size, g.const([2 * p for p in geo.pad]))
    rows, columns = (_extents(g, geo, i, last, padded) for i in (0, 1))
    return g.op("Div", total, g.op("Mul", g.op("Unsqueeze", rows, g.const([1])), columns))


def _extents(g: NetBuilder, geo: Geometry, i: int, last: Value, padded: Value) -> Value:
    """How far each window along an axis reaches until it, or the padded image, ends: negative for a window that starts
    behind both.
    """
    one = [g.op("Squeeze", g.op("Slice", v, g.const([i]), g.const([i + 1])), g.const([0])) for v in (last, padded)]
    starts = g.op("Range", g.const(0), g.op("Add", one[0], g.const(1)), g.const(geo.stride[i]))
    return g.op(
        "Cast", g.op("Sub", g.op("Min", g.op("Add", starts, g.const(geo.kernel[i])), one[1]), starts), to=ir.DataType.FLOAT
    )
