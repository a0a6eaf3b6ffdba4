"""Layers that change the resolution: DeepLab's Interp, Upsample of SegNet and of darknet2caffe, YOLO's Reorg."""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.caffe.net_builder import NetBuilder
from dragoman.converters.caffe.network import Layer
from dragoman.converters.caffe.table import layer_type
from dragoman.graph_ir import dims

_END = (1 << 31) - 1


@layer_type("Interp")
def interp(g: NetBuilder, layer: Layer, x: Value, like: Value | None = None) -> Value:
    """DeepLab Interp: (N, C, H, W) → (N, C, H', W'), bilinear between the corners, after cropping pad_beg and pad_end (both ≤
    0).

    With a shrink factor s, H' = (H − 1) / s + 1; with a zoom factor z, H' = H + (H − 1)(z − 1); else H' is ``height``; with
    all of them both factors only where a size isn't given. A second bottom gives its own height and width. interp_layer.cpp,
    interp.cpp.
    """
    p = layer.param.interp_param
    if p.pad_beg > 0 or p.pad_end > 0:
        raise g.malformed(layer, "pad_beg and pad_end must not be positive: they crop")
    if p.pad_beg or p.pad_end:
        axes, start, end = [2, 3], g.const([-p.pad_beg] * 2), g.const([p.pad_end or _END] * 2)
        x = g.op("Slice", x, start, end, g.const(axes))
    if any(isinstance(d, int) and d <= 0 for d in dims(x)[2:]):
        raise g.malformed(layer, "nothing is left of its input after cropping")
    size = g.op("Concat", g.dim(x, 2), g.dim(x, 3), axis=0)
    target = _interp_size(g, layer, size, like)
    return g.op("Resize", x, None, None, target, mode="linear", coordinate_transformation_mode="align_corners", axes=[2, 3])


def _interp_size(g: NetBuilder, layer: Layer, size: Value, like: Value | None) -> Value:
    """The output's height and width, from the cropped input's, in the order of precedence of Interp's Reshape."""
    p = layer.param.interp_param
    shrink, zoom, given = p.has("shrink_factor"), p.has("zoom_factor"), p.has("height") and p.has("width")
    if like is not None:
        if shrink or zoom or p.has("height") or p.has("width"):
            raise g.malformed(layer, "has a second bottom and a size or factor; it may have one of them")
        return g.op("Concat", g.dim(like, 2), g.dim(like, 3), axis=0)
    if (shrink and p.shrink_factor < 1) or (zoom and p.zoom_factor < 1):
        raise g.malformed(layer, "shrink_factor and zoom_factor must be positive")
    if given and shrink == zoom:
        if p.height <= 0 or p.width <= 0:
            raise g.malformed(layer, "height and width must be positive")
        return g.const([p.height, p.width])
    if not shrink and not zoom:
        raise g.malformed(layer, "needs height and width, shrink_factor, zoom_factor or a second bottom")
    one = g.const([1])
    if shrink:
        size = g.op("Add", g.op("Div", g.op("Sub", size, one), g.const([p.shrink_factor])), one)
    if zoom:
        size = g.op("Add", g.op("Mul", g.op("Sub", size, one), g.const([p.zoom_factor])), one)
    return size


@layer_type("Upsample")
def upsample(g: NetBuilder, layer: Layer, x: Value, mask: Value | None = None) -> Value:
    """Upsample: with one bottom (darknet2caffe) each pixel becomes a square of ``scale``; with a mask (SegNet) see
    ``_unpool``.
    """
    p = layer.param.upsample_param
    if mask is not None:
        return _unpool(g, layer, x, mask)
    extra = [name for name in p.present() if name != "scale"]
    if extra or not p.has("scale") or p.scale < 1:
        raise g.malformed(
            layer,
            f"without a mask it needs scale, greater than 0, and nothing else (it has {', '.join(p.present()) or 'nothing'})",
        )
    return g.op(
        "Resize",
        x,
        None,
        g.const([float(p.scale)] * 2),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=[2, 3],
    )


def _unpool(g: NetBuilder, layer: Layer, x: Value, mask: Value) -> Value:
    """SegNet Upsample: (N, C, H, W) and a mask of that shape → (N, C, H', W'): each value at the place in its plane that the
    mask says.

    H' is upsample_h, or H · scale_h − pad_out_h; the rest is 0. upsample_layer.cpp. Of values for one place the last stays.
    """
    p = layer.param.upsample_param
    if any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in zip(dims(x), dims(mask), strict=True)):
        raise g.malformed(layer, f"its mask has the shape {list(dims(mask))}, its input {list(dims(x))}")
    both = p.has("scale_h") and p.has("scale_w")
    if p.has("upsample_h") and p.has("upsample_w"):
        if p.upsample_h <= 1 or p.upsample_w <= 1:
            raise g.malformed(layer, "upsample_h and upsample_w must be greater than 1")
        size = g.const([p.upsample_h, p.upsample_w])
    elif (p.has("scale_h") or p.has("scale_w")) and (not both or p.has("scale")):
        raise g.malformed(layer, "needs upsample_h and upsample_w, or scale, or scale_h and scale_w")
    else:
        scales = [p.scale_h, p.scale_w] if both else [p.scale, p.scale]
        pads = [p.pad_out_h, p.pad_out_w]
        if min(scales) <= 1 or any(pad and scale != 2 for pad, scale in zip(pads, scales, strict=True)):
            raise g.malformed(layer, "scales must be greater than 1, and 2 where pad_out is set")
        own = g.op("Concat", g.dim(x, 2), g.dim(x, 3), axis=0)
        size = g.op("Sub", g.op("Mul", own, g.const(scales)), g.const([int(pad) for pad in pads]))
    planes = g.op("Concat", g.dim(x, 0), g.dim(x, 1), axis=0)
    zeros = g.op("ConstantOfShape", g.op("Concat", planes, g.op("ReduceProd", size), axis=0))
    flat = g.const([0, 0, -1])
    places = g.op("Cast", g.op("Reshape", mask, flat), to=ir.DataType.INT64)
    filled = g.op("ScatterElements", zeros, places, g.op("Reshape", x, flat), axis=2)
    return g.op("Reshape", filled, g.op("Concat", planes, size, axis=0))


@layer_type("Reorg")
def reorg(g: NetBuilder, layer: Layer, x: Value) -> Value:
    """YOLO Reorg: (N, C, H, W) → (N, C·s², H / s, W / s); with ``reverse`` (N, C / s², H·s, W·s). reorg_layer.cpp, after
    Darknet's.

    ``reverse`` is depth to space, blocks first. The other way Darknet's code reads its input as (N, C / s², H·s, W·s),
    whatever it is, and takes that from space to depth; so does this.
    """
    p = layer.param.reorg_param
    s = p.stride
    channels, height, width = g.sizes(layer, x, [1, 2, 3], "Reorg reads it as another shape")
    if s < 1 or channels % (s * s) or (not p.reverse and (height % s or width % s)):
        raise g.malformed(
            layer, f"stride {s} must divide the channels twice, and the height and width: {[channels, height, width]}"
        )
    if p.reverse:
        return g.op("DepthToSpace", x, blocksize=s, mode="DCR")
    spread = g.reshape(x, [dims(x)[0], channels // (s * s), height * s, width * s])
    return g.reshape(g.op("SpaceToDepth", spread, blocksize=s), [dims(x)[0], channels * s * s, height // s, width // s])
