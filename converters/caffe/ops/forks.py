"""Small layers of published forks: SSD, SENet, ShuffleNet, MobileNet, darknet2caffe, SegNet and PSPNet."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.schema import BNMode, FillerParameter
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims


@layer_type("Permute")
def permute(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """SSD Permute: the axes that ``order`` names come first, the others after them in their own order. permute_layer.cpp."""
    rank = len(dims(x))
    order: list[int] = layer.param.permute_param.order
    if any(axis >= rank for axis in order) or len(set(order)) != len(order):
        raise g.malformed(layer, f"order {order} must name different axes of its {rank}")
    order = [*order, *(axis for axis in range(rank) if axis not in order)]
    return x if order == list(range(rank)) else g.op("Transpose", x, perm=order)


@layer_type("Normalize")
def normalize(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """SSD Normalize: (N, C, …) → x / √(Σx² + eps) · scale, the sum over C, or over all but N if across_spatial.
    normalize_layer.cpp.
    """
    p = layer.param.norm_param
    rank = len(dims(x))
    if rank < 2:
        raise g.malformed(layer, f"needs at least 2 axes, not {rank}")
    count = 1 if p.channel_shared else g.sizes(layer, x, [1], "each channel has its own scale")[0]
    filler = p.scale_filler if p.has("scale_filler") else FillerParameter(type="constant", value=1.0)
    scale = _vector(g, layer, 0, count, "scale", filler)
    axes = list(range(1, rank)) if p.across_spatial else [1]
    norm = g.op("Sqrt", g.op("Add", g.op("ReduceSumSquare", x, g.const(axes), keepdims=1), g.const(p.eps)))
    return g.op("Mul", g.op("Div", x, norm), g.const(_by_channel(scale, rank), name=f"{layer.name}.scale"))


@layer_type("ReLU6")
def relu6(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """MobileNet ReLU6: min(max(x, 0), 6). relu6_layer.cpp."""
    return g.op("Clip", x, g.const(0.0), g.const(6.0))


@layer_type("HardSwish")
def hard_swish(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """MobileNetV3 HardSwish: x · min(max(x / 6 + 0.5, 0), 1). hard_swish_layer.cpp."""
    return g.op("HardSwish", x)


@layer_type("Mish")
def mish(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """darknet2caffe Mish: x · tanh(ln(1 + eˣ)). mish_layer.cpp."""
    return g.op("Mul", x, g.op("Tanh", g.op("Softplus", x)))


@layer_type("ShuffleChannel")
def shuffle_channel(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """ShuffleNet ShuffleChannel: channel i·C/group + j becomes channel j·group + i. shuffle_channel_layer.cpp."""
    group = layer.param.shuffle_channel_param.group
    (channels,) = g.sizes(layer, x, [1], "its channels are shuffled")
    if group == 0 or channels % group:
        raise g.malformed(layer, f"group {group} doesn't divide {channels} channels")
    order = np.arange(channels).reshape(group, -1).T.ravel()
    return g.op("Gather", x, g.const(order), axis=1)


@layer_type("Axpy")
def axpy(g: NetBuilder, layer: Layer, scale: Value, x: Value, y: Value) -> Value:
    """SENet Axpy: (N, C) or (N, C, 1, 1), (N, C, …), (N, C, …) → scale · x + y. axpy_layer.cpp."""
    rank = len(dims(x))
    if rank < 2 or any(d != 1 for d in dims(scale)[2:]) or _differ(dims(scale)[:2], dims(x)[:2]) or _differ(dims(x), dims(y)):
        shapes = ", ".join(str(list(dims(v))) for v in (scale, x, y))
        raise g.malformed(layer, f"needs (N, C, 1, 1), (N, C, …) and (N, C, …); its bottoms are {shapes}")
    if len(dims(scale)) < rank:
        scale = g.op("Unsqueeze", scale, g.const(list(range(len(dims(scale)), rank))))
    return g.op("Add", g.op("Mul", scale, x), y)


@layer_type("BN")
def bn(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """SegNet's BN (blobs scale, shift) and PSPNet's (slope, bias, mean, variance): (N, C, H, W) → the same. bn_layer.cpp of
    both.

    PSPNet's is batch normalization with stored statistics. SegNet's in its INFERENCE mode is scale · x + shift, the
    statistics being merged into these; in its LEARN mode, the default, the statistics are those of the batch, and eps is
    1e-9.
    """
    p = layer.param.bn_param
    rank = len(dims(x))
    (channels,) = g.sizes(layer, x, [1], "each channel has its own scale")
    stored = [name for name in ("slope_filler", "bias_filler", "momentum", "eps", "frozen", "engine") if p.has(name)]
    if layer.blobs is not None and len(layer.blobs) == 4:
        if p.has("bn_mode"):
            raise g.malformed(layer, "bn_mode belongs to SegNet's BN, which has 2 blobs; the weights hold 4")
        roles = ("slope", "bias", "mean", "variance")
        values = [g.const(_vector(g, layer, i, channels, role), name=f"{layer.name}.{role}") for i, role in enumerate(roles)]
        return g.op("BatchNormalization", x, *values, epsilon=p.eps)
    if stored:
        raise g.malformed(layer, f"{', '.join(stored)} belong to PSPNet's BN, whose 4 blobs aren't in the weights")
    scale, shift = (
        g.const(_by_channel(_vector(g, layer, i, channels, role, filler), rank), name=f"{layer.name}.{role}")
        for i, (role, filler) in enumerate((("scale", p.scale_filler), ("shift", p.shift_filler)))
    )
    if p.bn_mode == BNMode.LEARN:
        axes = g.const([0, *range(2, rank)])
        mean = g.op("ReduceMean", x, axes)
        centered = g.op("Sub", x, mean)
        variance = g.op("ReduceMean", g.op("Mul", centered, centered), axes)
        x = g.op("Div", centered, g.op("Sqrt", g.op("Add", variance, g.const(1e-9))))
    return g.op("Add", g.op("Mul", x, scale), shift)


def _vector(
    g: NetBuilder, layer: Layer, index: int, count: int, role: str, filler: FillerParameter | None = None
) -> npt.NDArray[np.float32]:
    """A blob of ``count`` values, in whatever shape the forks store it."""
    shape: tuple[int, ...] = (count,)
    if layer.blobs is not None and index < len(layer.blobs) and math.prod(layer.blobs[index].shape) == count:
        shape = layer.blobs[index].shape
    return g.array(layer, index, shape, role, filler).reshape(count)


def _by_channel(values: npt.NDArray[np.float32], rank: int) -> npt.NDArray[np.float32]:
    """(C,) → (1, C, 1, …) of ``rank`` axes."""
    return values.reshape(1, -1, *[1] * (rank - 2))


def _differ(a: tuple[int | str | None, ...], b: tuple[int | str | None, ...]) -> bool:
    """Whether two shapes can't be the same."""
    return len(a) != len(b) or any(isinstance(m, int) and isinstance(n, int) and m != n for m, n in zip(a, b, strict=True))
