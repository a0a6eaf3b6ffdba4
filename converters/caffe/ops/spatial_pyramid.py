"""Spatial pyramid pooling."""

from __future__ import annotations

from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.ops.pooling import Geometry, pool
from dragoman.converters.caffe.schema import PoolMethod
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims


@layer_type("SPP")
def spp(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe SPP: (N, C, H, W) → (N, C Σ 4^i) for i < pyramid_height: the poolings of all levels, flattened side by side.

    A pyramid of one level is a pooling alone, (N, C, 1, 1). Level i has windows of ceil(size / 2^i) in steps of their own size,
    and on both sides a padding of half of what they lack, rounded up. BVLC spp_layer.cpp.
    """
    p = layer.param.spp_param
    if len(dims(x)) != 4:
        raise g.malformed(layer, f"pools 4 axes, its bottom has {len(dims(x))}")
    if p.pyramid_height <= 0:
        raise g.malformed(layer, f"pyramid_height {p.pyramid_height} must be positive")
    size = g.sizes(layer, x, [2, 3], "the windows' sizes depend on it")
    levels = [_level(g, layer, x, p.pool, (size[0], size[1]), 1 << i) for i in range(p.pyramid_height)]
    return levels[0] if len(levels) == 1 else g.op("Concat", *(g.op("Flatten", y, axis=1) for y in levels), axis=1)


def _level(g: NetBuilder, layer: Layer, x: Value, method: PoolMethod, size: tuple[int, int], bins: int) -> Value:
    (kernel_h, pad_h), (kernel_w, pad_w) = (_window(n, bins) for n in size)
    if pad_h >= kernel_h or pad_w >= kernel_w:
        raise g.malformed(layer, f"{size[0]} × {size[1]} is too small for {bins} windows: their padding is as wide as they are")
    if method == PoolMethod.STOCHASTIC and (pad_h or pad_w):
        raise g.malformed(layer, f"STOCHASTIC takes no padding, but {bins} windows over {size[0]} × {size[1]} need some")
    y = pool(g, layer, x, method, Geometry((kernel_h, kernel_w), (kernel_h, kernel_w), (pad_h, pad_w)))
    assert isinstance(y, Value)  # no mask was asked for
    return y


def _window(size: int, bins: int) -> tuple[int, int]:
    """Kernel, and padding on each side."""
    kernel = -(-size // bins)
    return kernel, (kernel * bins - size + 1) // 2
