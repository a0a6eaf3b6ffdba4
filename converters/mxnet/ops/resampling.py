"""Enlarging and resizing images."""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import floats_only
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims
from dragoman.graph_ir.builder import Dim


@op("UpSampling")
def upsampling(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *others: Value,
    scale: int,
    sample_type: Literal["nearest", "bilinear"],
    num_args: int = 1,
    num_filter: int = 0,
    multi_input_mode: Literal["concat", "sum"] = "concat",
) -> Value:
    """MXNet UpSampling: (N, C, H, W) → (N, C, scale·H, scale·W).

    ``nearest`` enlarges more images to the size that the first one gets, and concatenates or sums them. ``bilinear`` has a second
    input, weight (C, 1, k, k): a transposed convolution of each channel, k = 2·scale − scale % 2. upsampling-inl.h.
    """
    floats_only(g, node, data)
    if scale < 1 or num_args != 1 + len(others) or any(g.rank(node, value) != 4 for value in (data, *others)):
        raise g.malformed(node, f"enlarges {num_args} images (N, C, H, W) by {scale}, has {1 + len(others)} inputs")
    if sample_type == "bilinear":
        return _deconvolved(g, node, data, others, scale, num_filter)
    first = _enlarged(g, data, scale)
    images = [first, *(_to_size_of(g, node, value, first) for value in others)]
    if len(images) == 1:
        return first
    return g.op("Concat", *images, axis=1) if multi_input_mode == "concat" else g.op("Sum", *images)


def _deconvolved(g: SymbolBuilder, node: Node, data: Value, weights: tuple[Value, ...], scale: int, channels: int) -> Value:
    size = 2 * scale - scale % 2
    if len(weights) != 1 or dims(weights[0]) != (channels, 1, size, size) or _differ(dims(data)[1], channels):
        raise g.malformed(node, f"wants one weight ({channels}, 1, {size}, {size}) for its {dims(data)[1]} channels")
    pads = [scale // 2] * 4
    return g.single("ConvTranspose", data, weights[0], strides=[scale] * 2, pads=pads, group=channels)


def _enlarged(g: SymbolBuilder, x: Value, scale: int) -> Value:
    """Each pixel repeated ``scale`` times in both directions."""
    if x.dtype == ir.DataType.DOUBLE:  # which Resize isn't run in
        repeated = g.op("Expand", g.op("Unsqueeze", x, g.const([3, 5])), g.const([1, 1, 1, scale, 1, scale]))
        return g.op("Reshape", repeated, g.op("Mul", g.shape(x), g.const([1, 1, scale, scale])))
    scales = g.const([1.0, 1.0, scale, scale], np.float32)
    return g.op(
        "Resize", x, None, scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )


def _to_size_of(g: SymbolBuilder, node: Node, x: Value, model: Value) -> Value:
    """``x`` enlarged to the height and width of ``model``, a whole multiple of its own."""
    height, width = g.sizes(node, x, (2, 3), "another input's size decides how much it is enlarged")
    target = g.sizes(node, model, (2, 3), "another input is enlarged to its size")
    scale = target[0] // height
    if target != (scale * height, scale * width):
        raise g.malformed(node, f"can't enlarge an image of {height} × {width} to {target[0]} × {target[1]}")
    return _enlarged(g, x, scale)


@op("_contrib_BilinearResize2D")
def bilinear_resize(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    like: Value | None = None,
    *,
    height: int = 1,
    width: int = 1,
    scale_height: float | None = None,
    scale_width: float | None = None,
    mode: Literal["size", "odd_scale", "like", "to_even_down", "to_even_up", "to_odd_down", "to_odd_up"] = "size",
    align_corners: bool = True,
) -> Value:
    """MXNet BilinearResize2D: (N, C, H, W) → (N, C, *size), linear between the centres of pixels, or of the corners' if aligned.

    size is height and width, or the scales times the image's, or ``like``'s; ``odd_scale`` keeps an odd size odd, the others go to
    the next even or odd one. bilinear_resize-inl.h.
    """
    floats_only(g, node, data)
    if g.rank(node, data) != 4 or (like is not None) != (mode == "like"):
        raise g.malformed(node, f"resizes (N, C, H, W) by mode {mode}; it has {len(node.inputs)} inputs")
    image = g.op("Concat", g.dim(data, 2), g.dim(data, 3), axis=0)
    odd = g.op("Mod", image, g.const([2, 2]))
    even = g.op("Sub", g.const([1, 1]), odd)
    if like is not None:
        size = g.op("Concat", g.dim(like, 2), g.dim(like, 3), axis=0)
    elif mode == "size" and scale_height is None:
        size = g.const([height, width])
    elif mode in ("size", "odd_scale"):
        if scale_height is None or scale_width is None:
            raise g.malformed(node, "lacks a scale")
        kept = odd if mode == "odd_scale" else g.const([0, 0])
        scaled = g.op("Mul", g.op("Cast", g.op("Sub", image, kept), to=ir.DataType.FLOAT), g.const([scale_height, scale_width]))
        size = g.op("Add", g.op("Cast", scaled, to=ir.DataType.INT64), kept)
    else:
        size = g.op("Add" if mode.endswith("up") else "Sub", image, odd if mode.startswith("to_even") else even)
    if size.const_value is not None and size.const_value.numpy().min() < 1:
        raise g.malformed(node, f"resizes to {size.const_value.numpy().tolist()}")
    centres = "align_corners" if align_corners else "pytorch_half_pixel"
    return g.single("Resize", data, None, None, size, mode="linear", coordinate_transformation_mode=centres, axes=[2, 3])


def _differ(a: Dim, b: int) -> bool:
    return isinstance(a, int) and a != b
