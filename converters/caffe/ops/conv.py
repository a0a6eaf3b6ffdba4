"""Convolution and Deconvolution, with the forks' names for depthwise convolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.schema import ConvolutionParameter
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims
from dragoman.graph_ir.builder import Dim

DEPTHWISE = ("DepthwiseConvolution", "ConvolutionDepthwise")


@dataclass(frozen=True)
class Window:
    """A kernel's geometry, one number for each spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    dilation: tuple[int, ...]


def window(g: NetBuilder, layer: Layer, p: ConvolutionParameter, spatial: int) -> Window:
    """The geometry that ConvolutionParameter gives for ``spatial`` axes: once for all, once for each, or by ``_h`` and
    ``_w``.
    """

    def each(name: str, listed: Sequence[int], default: int | None) -> tuple[int, ...]:
        if name != "dilation" and (p.has(f"{name}_h") or p.has(f"{name}_w")):
            if spatial != 2:
                raise g.malformed(layer, f"{name}_h and {name}_w need two spatial axes, there are {spatial}")
            if listed:
                raise g.malformed(layer, f"{name} is given twice: by itself and as {name}_h, {name}_w")
            return (getattr(p, f"{name}_h"), getattr(p, f"{name}_w"))
        if not listed and default is not None:
            return (default,) * spatial
        if len(listed) not in (1, spatial):
            raise g.malformed(layer, f"{name} is given {len(listed)} times, for {spatial} spatial axes")
        return tuple(listed) * spatial if len(listed) == 1 else tuple(listed)

    found = Window(
        each("kernel", p.kernel_size, None), each("stride", p.stride, 1), each("pad", p.pad, 0), each("dilation", p.dilation, 1)
    )
    if min((*found.kernel, *found.stride, *found.dilation), default=1) <= 0:
        raise g.malformed(layer, f"kernel {found.kernel}, stride {found.stride} and dilation {found.dilation} must be positive")
    return found


@layer_type("Convolution", *DEPTHWISE)
def convolution(g: NetBuilder, layer: Layer, *xs: Value) -> tuple[Value, ...]:
    """Caffe Convolution: each (N, C, *D) → (N, num_output, *floor((D + 2p − d(k − 1) − 1) / s + 1)), with the same weights.
    BVLC base_conv_layer.cpp.
    """
    return tuple(_convolve(g, layer, x, transposed=False) for x in xs)


@layer_type("Deconvolution")
def deconvolution(g: NetBuilder, layer: Layer, *xs: Value) -> tuple[Value, ...]:
    """Caffe Deconvolution: each (N, C, *D) → (N, num_output, *(s(D − 1) + d(k − 1) + 1 − 2p)). BVLC deconv_layer.cpp."""
    return tuple(_convolve(g, layer, x, transposed=True) for x in xs)


def _convolve(g: NetBuilder, layer: Layer, x: Value, *, transposed: bool) -> Value:
    p = layer.param.convolution_param
    rank = len(dims(x))
    axis = g.axis(layer, p.axis, rank)
    spatial = rank - axis - 1
    (channels,) = g.sizes(layer, x, [axis], "the weights fix the number of channels")
    group = channels if layer.type in DEPTHWISE else p.group
    w = window(g, layer, p, spatial)
    if p.num_output <= 0 or group <= 0 or channels % group or p.num_output % group:
        raise g.malformed(layer, f"{channels} channels to num_output {p.num_output} can't be split into {group} groups")
    shape = (channels, p.num_output // group) if transposed else (p.num_output, channels // group)
    weight = g.weight(layer, 0, (*shape, *w.kernel), "weight", p.weight_filler)
    bias = g.weight(layer, 1, (p.num_output,), "bias", p.bias_filler) if p.bias_term else None
    beyond = _beyond(g, layer, x, axis, w, transposed) or (0,)
    batch = dims(x)[:axis]
    flat = _with_leading(g, x, axis, spatial)
    begin = w.pad or (0,)
    end = tuple(p + b for p, b in zip(begin, beyond, strict=True))
    y = g.op(
        "ConvTranspose" if transposed else "Conv", flat, *_at_least_1d(g, weight, spatial), *([bias] if bias is not None else []),
        kernel_shape=w.kernel or (1,), strides=w.stride or (1,), dilations=w.dilation or (1,), pads=(*begin, *end),
        group=group,
    )  # fmt: skip
    return y if axis == 1 and spatial else g.reshape(y, (*batch, p.num_output, *dims(y)[2 : 2 + spatial]), source=x)


def _at_least_1d(g: NetBuilder, weight: Value, spatial: int) -> tuple[Value]:
    """ONNX has no convolution over no axis at all: give it one of size 1."""
    return (weight if spatial else g.reshape(weight, (*dims(weight), 1)),)


def _with_leading(g: NetBuilder, x: Value, axis: int, spatial: int) -> Value:
    """(*L, C, *D) → (prod(L), C, *D), and a spatial axis where there is none."""
    if axis == 1 and spatial:
        return x
    lead: Dim = dims(x)[0] if axis == 1 else 1 if axis == 0 else None
    known = [d for d in dims(x)[:axis] if isinstance(d, int)]
    if axis > 1 and len(known) == axis:
        lead = 1
        for d in known:
            lead *= d
    return g.reshape(x, (lead, *dims(x)[axis:], *(() if spatial else (1,))))


def _beyond(g: NetBuilder, layer: Layer, x: Value, axis: int, w: Window, transposed: bool) -> tuple[int, ...]:
    """How far the only window reaches beyond the padded image: Caffe's division truncates toward zero, so that it allows
    less than a stride of that.
    """
    beyond = []
    for i, (k, s, pad, d) in enumerate(zip(w.kernel, w.stride, w.pad, w.dilation, strict=True)):
        size = dims(x)[axis + 1 + i]
        extent = d * (k - 1) + 1
        missing = 0
        if isinstance(size, int):
            missing = max(0, extent - size - 2 * pad) if not transposed else 0
            if missing >= s or (transposed and s * (size - 1) + extent - 2 * pad <= 0):
                raise g.malformed(layer, f"a window of {extent} doesn't fit axis {axis + 1 + i} of size {size} padded by {pad}")
        beyond.append(missing)
    return tuple(beyond)
