"""Convolutions and transposed convolutions."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import floats_only
from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.ops.channels import Layout, channels_back, channels_first, check_layout
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


@dataclass(frozen=True, kw_only=True)
class Convolving:
    """What every convolution is set by."""

    kernel: Ints
    num_filter: int
    stride: Ints = ()
    dilate: Ints = ()
    pad: Ints = ()
    num_group: int = 1
    no_bias: bool = False
    layout: Layout = "None"

    def geometry(self) -> tuple[Ints, Ints, Ints]:
        """Stride, dilation and padding, those along each axis of the kernel that aren't given too."""
        stride, dilate, pad = (
            value or (default,) * len(self.kernel) for value, default in ((self.stride, 1), (self.dilate, 1), (self.pad, 0))
        )
        return stride, dilate, pad


@dataclass(frozen=True, kw_only=True)
class Deconvolving(Convolving):
    """And a transposed one."""

    adj: Ints = ()
    target_shape: Ints = ()
    no_bias: bool = True


@op("Convolution", "Convolution_v1", "_npx_convolution")
def convolution(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    weight: Value,
    bias: Value | None = None,
    *,
    conv: Convolving,
) -> Value:
    """MXNet Convolution, 1 to 3 spatial axes: (N, C, *S) → (N, num_filter, ⌊(S + 2·pad − dilate·(k − 1) − 1) / stride⌋ + 1).

    weight (num_filter, C / num_group, *k), bias (num_filter). In the layouts with channels last data and weight have them there,
    which MXNet computes on a GPU only. convolution-inl.h; Convolution_v1, of two spatial axes, convolution_v1-inl.h.
    """
    kernel, layout = conv.kernel, conv.layout
    _check(g, node, data, weight, bias, conv)
    stride, dilate, pad = _geometry(g, node, data, conv)
    if node.op == "Convolution_v1" and (len(kernel) != 2 or layout == "NHWC"):
        raise g.malformed(node, f"has the kernel {kernel} and the layout {layout}; its code is for (N, C, H, W)")
    x, w = channels_first(g, data, layout), channels_first(g, weight, layout)
    for size, k, d, p in zip(dims(x)[2:], kernel, dilate, pad, strict=True):
        if isinstance(size, int) and size + 2 * p < d * (k - 1) + 1:
            raise g.malformed(node, f"its kernel {kernel} is larger than its input {list(dims(data))}")
    _check_groups(g, node, conv, dims(x)[1])
    y = g.single(
        "Conv", x, w, bias, kernel_shape=kernel, strides=stride, dilations=dilate, pads=[*pad, *pad], group=conv.num_group
    )
    return channels_back(g, y, layout)


@op("Deconvolution", "_npx_deconvolution")
def deconvolution(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    weight: Value,
    bias: Value | None = None,
    *,
    conv: Deconvolving,
) -> Value:
    """MXNet Deconvolution: (N, C, *S) → (N, num_filter, (S − 1)·stride + dilate·(k − 1) + 1 − 2·pad + adj).

    A ``target_shape`` decides pad and adj: pad = ⌈total / 2⌉ where total = (S − 1)·stride + dilate·(k − 1) + 1 − target, and adj is
    what that takes too much. weight (C, num_filter / num_group, *k), bias (num_filter). deconvolution-inl.h, InferPad.
    """
    kernel, adj, target_shape = conv.kernel, conv.adj, conv.target_shape
    _check(g, node, data, weight, bias, conv)
    stride, dilate, pad = _geometry(g, node, data, conv)
    if conv.layout.endswith("C"):
        raise g.unsupported(node, f"has the layout {conv.layout}, which MXNet's own CPU code doesn't run")
    if len(kernel) == 3:
        g.require(node, data, ir.DataType.FLOAT, ir.DataType.FLOAT16)
    if data.dtype == ir.DataType.DOUBLE and max(stride) > 1 and max(dilate) > 1:
        raise g.unsupported(node, f"has the stride {stride} and the dilation {dilate}, of which MXNet's float64 code makes another sum")
    if any(target_shape):
        sizes = g.sizes(node, data, range(2, 2 + len(kernel)), "target_shape decides the padding by it")
        extents = [(s - 1) * t + d * (k - 1) + 1 for s, t, d, k in zip(sizes, stride, dilate, kernel, strict=True)]
        totals = [extent - target for extent, target in zip(extents, target_shape, strict=True)]
        if min(totals) < 0:
            raise g.malformed(node, f"its target_shape {target_shape} is larger than what it can make, {tuple(extents)}")
        pad = tuple((total + 1) // 2 for total in totals)
        adj = tuple(total % 2 for total in totals)
    if adj and (len(adj) != len(kernel) or any(a >= s for a, s in zip(adj, stride, strict=True))):
        raise g.malformed(node, f"its adj {adj} isn't smaller than its stride {stride}")
    adj = adj or (0,) * len(kernel)
    for size, k, s, d, p, a in zip(dims(data)[2:], kernel, stride, dilate, pad, adj, strict=True):
        if isinstance(size, int) and (size - 1) * s + d * (k - 1) + 1 - 2 * p + a < 1:
            raise g.malformed(node, f"its padding {pad} leaves nothing of its input {list(dims(data))}")
    _check_groups(g, node, conv, dims(data)[1])
    return g.single(
        "ConvTranspose",
        data,
        weight,
        bias,
        kernel_shape=kernel,
        strides=stride,
        dilations=dilate,
        pads=[*pad, *pad],
        output_padding=adj if any(adj) else None,
        group=conv.num_group,
    )


def _check(g: SymbolBuilder, node: Node, data: Value, weight: Value, bias: Value | None, conv: Convolving) -> None:
    """Floats, a bias if there is to be one, and a weight of as many axes as the data."""
    floats_only(g, node, data)
    if (bias is None) != conv.no_bias:
        raise g.malformed(node, f"has no_bias {conv.no_bias} and {'no' if bias is None else 'a'} bias")
    if conv.layout == "NWC" or g.rank(node, weight) != g.rank(node, data):
        raise g.malformed(node, f"has the layout {conv.layout}, data {list(dims(data))} and weight {list(dims(weight))}")


def _geometry(g: SymbolBuilder, node: Node, data: Value, conv: Convolving) -> tuple[Ints, Ints, Ints]:
    """Stride, dilation and padding along each axis of the kernel."""
    kernel = conv.kernel
    check_layout(g, node, data, kernel, conv.layout)
    found = conv.geometry()
    if not kernel or any(len(value) != len(kernel) for value in found) or min(*kernel, *found[0], *found[1]) < 1 or min(found[2]) < 0:
        raise g.malformed(node, f"its kernel {kernel}, stride, dilation and padding {found} don't fit each other")
    return found


def _check_groups(g: SymbolBuilder, node: Node, conv: Convolving, channels: object) -> None:
    groups, filters = conv.num_group, conv.num_filter
    if groups < 1 or filters % groups or (isinstance(channels, int) and channels % groups):
        raise g.malformed(node, f"{channels} channels and {filters} filters can't be divided into {groups} groups")
