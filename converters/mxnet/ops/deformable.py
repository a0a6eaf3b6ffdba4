"""Deformable convolutions: each tap of the kernel is moved by an offset that the network computes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import number
from dragoman.converters.mxnet.ops.conv import Convolving
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


@dataclass(frozen=True, kw_only=True)
class Deforming(Convolving):
    """What a deformable convolution is set by."""

    num_deformable_group: int = 1
    layout: Literal["None", "NCHW"] = "None"


@op("_contrib_DeformableConvolution")
def deformable_convolution(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    offset: Value,
    weight: Value,
    bias: Value | None = None,
    *,
    conv: Deforming,
) -> Value:
    """MXNet DeformableConvolution: (N, C, H, W), offsets (N, groups·kernel·2: y x, H', W') → (N, num_filter, H', W').

    A tap samples bilinearly where it is moved to: before the first pixel it is 0, after the last one, up to its far edge, it is the
    last pixel. DeformConv fades to 0 on either side; so the places there are moved to where it gives the same. deformable_im2col.h.
    """
    _check(g, node, data, offset, conv)
    kernel, (stride, dilate, pad) = conv.kernel, conv.geometry()
    channels = 2 * conv.num_deformable_group * prod(kernel)
    vertical = g.const((np.arange(channels) % 2 == 0).reshape(1, channels, 1, 1))

    def by_axis(y: Value, x: Value) -> Value:
        return g.op("Where", vertical, *(g.op("Cast", value, to=offset.dtype) for value in (y, x)))

    taps = np.stack(np.meshgrid(*(np.arange(k) * d - p for k, d, p in zip(kernel, dilate, pad, strict=True)), indexing="ij"), -1)
    starts = []
    for axis, shape in ((2, [1, 1, -1, 1]), (3, [1, 1, 1, -1])):
        places = g.op("Range", g.const(0), g.op("Squeeze", g.dim(offset, axis)), g.const(1))
        starts.append(g.op("Reshape", g.op("Mul", places, g.const(stride[axis - 2])), g.const(shape)))
    tap = g.const(np.tile(taps.reshape(1, -1, 1, 1), (1, conv.num_deformable_group, 1, 1)))
    base = g.op("Add", by_axis(*starts), g.op("Cast", tap, to=offset.dtype))
    size = by_axis(g.dim(data, 2), g.dim(data, 3))

    place = g.op("Add", base, offset)
    inside = g.op("And", g.op("GreaterOrEqual", place, number(g, place, 0)), g.op("Less", place, size))
    last = g.op("Sub", size, number(g, size, 1))
    place = g.op("Where", inside, g.op("Min", place, last), number(g, place, -2))
    moved = g.op("Sub", place, base)
    return _convolve(g, data, weight, moved, bias, None, conv)


@op("_contrib_ModulatedDeformableConvolution")
def modulated_deformable_convolution(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    offset: Value,
    mask: Value,
    weight: Value,
    bias: Value | None = None,
    *,
    conv: Deforming,
) -> Value:
    """MXNet ModulatedDeformableConvolution: the same, each tap times its mask (N, groups·kernel, H', W'), and samples that fade to
    0 outside: DeformConv itself. modulated_deformable_im2col.h.
    """
    _check(g, node, data, offset, conv)
    return _convolve(g, data, weight, offset, bias, mask, conv)


def _check(g: SymbolBuilder, node: Node, data: Value, offset: Value, conv: Deforming) -> None:
    """Two spatial axes, and an offset for every tap at every place of the output."""
    kernel, groups, (stride, dilate, pad) = conv.kernel, conv.num_deformable_group, conv.geometry()
    if len(kernel) != 2 or len(dims(data)) != 4:
        raise g.unsupported(node, f"has a kernel of {len(kernel)} axes; MXNet's own CPU code runs 2 only")
    wanted: list[int | None] = [2 * groups * prod(kernel)]
    for size, k, s, d, p in zip(dims(data)[2:], kernel, stride, dilate, pad, strict=True):
        wanted.append((size + 2 * p - d * (k - 1) - 1) // s + 1 if isinstance(size, int) else None)
    for found, right in zip(dims(offset)[1:], wanted, strict=True):
        if right is not None and (right < 1 or (isinstance(found, int) and found != right)):
            raise g.malformed(node, f"needs offsets (N, {', '.join(map(str, wanted))}), not {list(dims(offset))}")


def _convolve(
    g: SymbolBuilder,
    data: Value,
    weight: Value,
    offset: Value,
    bias: Value | None,
    mask: Value | None,
    conv: Deforming,
) -> Value:
    stride, dilate, pad = conv.geometry()
    return g.op(
        "DeformConv",
        data,
        weight,
        offset,
        bias,
        mask,
        kernel_shape=list(conv.kernel),
        strides=list(stride),
        dilations=list(dilate),
        pads=[*pad, *pad],
        group=conv.num_group,
        offset_group=conv.num_deformable_group,
    )
