"""Local response normalization."""

from __future__ import annotations

from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.schema import NormRegion
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims


@layer_type("LRN")
def lrn(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """Caffe LRN: (N, C, H, W) → x (k + alpha mean(x²))^−beta, the mean being over local_size channels, missing ones as 0.

    WITHIN_CHANNEL it is x (1 + alpha mean(x²))^−beta over local_size × local_size pixels: ``k`` isn't used. BVLC lrn_layer.cpp.
    """
    p = layer.param.lrn_param
    if len(dims(x)) != 4:
        raise g.malformed(layer, f"normalizes 4 axes, its bottom has {len(dims(x))}")
    if p.local_size % 2 == 0:
        raise g.malformed(layer, f"local_size {p.local_size} must be odd")
    if p.norm_region == NormRegion.ACROSS_CHANNELS and p.alpha > 0 and p.beta > 0:
        return g.op("LRN", x, size=p.local_size, alpha=p.alpha, beta=p.beta, bias=p.k)
    square = g.op("Mul", x, x)
    if p.norm_region == NormRegion.ACROSS_CHANNELS:  # settings that runtimes refuse in an LRN
        moved = g.op("Transpose", square, perm=[0, 2, 3, 1])
        mean = g.op("Transpose", _mean(g, moved, (1, p.local_size)), perm=[0, 3, 1, 2])
        return _divide(g, x, mean, p.alpha, p.beta, p.k)
    return _divide(g, x, _mean(g, square, (p.local_size, p.local_size)), p.alpha, p.beta, 1.0)


def _mean(g: NetBuilder, x: Value, kernel: tuple[int, int]) -> Value:
    """The mean around each pixel; what lies outside of the image counts as 0."""
    pads = [k // 2 for k in kernel] * 2
    return g.op("AveragePool", x, kernel_shape=kernel, pads=pads, count_include_pad=1)


def _divide(g: NetBuilder, x: Value, mean: Value, alpha: float, beta: float, k: float) -> Value:
    scale = g.op("Add", g.op("Mul", mean, g.const(alpha)), g.const(k))
    y = g.op("Mul", x, g.op("Pow", scale, g.const(-beta)))
    y.shape = x.shape  # of dynamic sizes inference loses those that pooling keeps
    return y
