"""Convolutions and transposed convolutions."""

from __future__ import annotations

from typing import Literal

from onnx_ir import Value

from dragoman.converters.mxnet.attributes import Ints
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims

Layout = Literal["None", "NCW", "NCHW", "NCDHW", "NWC", "NHWC", "NDHWC"]


@op("Convolution", "Convolution_v1")
def convolution(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    weight: Value,
    bias: Value | None = None,
    *,
    kernel: Ints,
    num_filter: int,
    stride: Ints = (),
    dilate: Ints = (),
    pad: Ints = (),
    num_group: int = 1,
    no_bias: bool = False,
    layout: Layout = "None",
) -> Value:
    """MXNet Convolution, 1 to 3 spatial axes: (N, C, *S) → (N, num_filter, ⌊(S + 2·pad − dilate·(k − 1) − 1) / stride⌋ + 1).

    weight (num_filter, C / num_group, *k), bias (num_filter). In the layouts with channels last data and weight have them there.
    convolution-inl.h.
    """
    if (bias is None) != no_bias:
        raise g.malformed(node, f"has no_bias {no_bias} and {'no' if bias is None else 'a'} bias")
    last = layout.endswith("C")
    if last:
        data, weight = _channels_first(g, data), _channels_first(g, weight)
    for size, k, d, p in zip(dims(data)[2:], kernel, dilate or (1,) * len(kernel), pad or (0,) * len(kernel), strict=True):
        if isinstance(size, int) and size + 2 * p < d * (k - 1) + 1:
            raise g.malformed(node, f"its kernel {kernel} is larger than its input {list(dims(data))}")
    y = g.op(
        "Conv",
        data,
        weight,
        bias,
        kernel_shape=list(kernel),
        strides=list(stride) or None,
        dilations=list(dilate) or None,
        pads=[*pad, *pad] or None,
        group=num_group,
    )
    return _channels_last(g, y) if last else y


@op("Deconvolution")
def deconvolution(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    weight: Value,
    bias: Value | None = None,
    *,
    kernel: Ints,
    num_filter: int,
    stride: Ints = (),
    dilate: Ints = (),
    pad: Ints = (),
    adj: Ints = (),
    target_shape: Ints = (),
    num_group: int = 1,
    no_bias: bool = True,
    layout: Layout = "None",
) -> Value:
    """MXNet Deconvolution: (N, C, *S) → (N, num_filter, (S − 1)·stride + dilate·(k − 1) + 1 − 2·pad + adj).

    A ``target_shape`` decides pad and adj: pad = ⌈total / 2⌉ where total = (S − 1)·stride + dilate·(k − 1) + 1 − target, and adj is
    what that takes too much. weight (C, num_filter / num_group, *k), bias (num_filter). deconvolution-inl.h, InferPad.
    """
    if (bias is None) != no_bias:
        raise g.malformed(node, f"has no_bias {no_bias} and {'no' if bias is None else 'a'} bias")
    if layout.endswith("C"):
        raise g.unsupported(node, f"has the layout {layout}, which MXNet's own CPU code doesn't run")
    count = len(kernel)
    stride, dilate = stride or (1,) * count, dilate or (1,) * count
    pad, adj = pad or (0,) * count, adj or (0,) * count
    if any(target_shape):
        sizes = g.sizes(node, data, range(2, 2 + count), "target_shape decides the padding by it")
        extents = [(s - 1) * t + d * (k - 1) + 1 for s, t, d, k in zip(sizes, stride, dilate, kernel, strict=True)]
        totals = [extent - target for extent, target in zip(extents, target_shape, strict=True)]
        if min(totals) < 0:
            raise g.malformed(node, f"its target_shape {target_shape} is larger than what it can make, {tuple(extents)}")
        pad = tuple((total + 1) // 2 for total in totals)
        adj = tuple(total % 2 for total in totals)
    return g.op(
        "ConvTranspose",
        data,
        weight,
        bias,
        kernel_shape=list(kernel),
        strides=list(stride),
        dilations=list(dilate),
        pads=[*pad, *pad],
        output_padding=list(adj) if any(adj) else None,
        group=num_group,
    )


def _channels_first(g: SymbolBuilder, value: Value) -> Value:
    rank = len(dims(value))
    return g.op("Transpose", value, perm=[0, rank - 1, *range(1, rank - 1)])


def _channels_last(g: SymbolBuilder, value: Value) -> Value:
    rank = len(dims(value))
    return g.op("Transpose", value, perm=[0, *range(2, rank), 1])
