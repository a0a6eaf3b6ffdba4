"""Resizing images."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.converters.mxnet.emitters.table import emits
from dragoman.converters.mxnet.symbol import Ref
from dragoman.converters.mxnet.symbol_writer import CannotEmitError, SymbolWriter, known_sizes, sizes
from dragoman.graph_ir.passes.editing import attribute, constant


@emits("Resize")
def resize(w: SymbolWriter, node: ir.Node) -> Ref:
    """Nearest by a whole number → UpSampling; linear between corners, or of half pixels, → BilinearResize2D."""
    x, mode = node.inputs[0], attribute(node, "mode", "nearest")
    if len(known_sizes(x)) != 4:
        raise CannotEmitError("it doesn't resize an image")
    where = attribute(node, "coordinate_transformation_mode", "half_pixel")
    if mode == "nearest":
        rounding = attribute(node, "nearest_mode", "round_prefer_floor")
        if not (where == "asymmetric" and rounding == "floor") and not (where == "half_pixel" and rounding.startswith("round")):
            raise CannotEmitError(f"it takes the nearest pixel by {where} and {rounding}; MXNet repeats pixels")
        return w.op("UpSampling", w.ref(x), scale=_factor(w, node), sample_type="nearest", num_args=1)
    if mode != "linear" or where not in ("align_corners", "half_pixel", "pytorch_half_pixel"):
        raise CannotEmitError(f"it resizes by {mode} and {where}; MXNet has nearest, and linear by half pixels or corners")
    height, width = known_sizes(node.outputs[0])[2:]
    if height is None or width is None:
        raise CannotEmitError("the size of its output is dynamic")
    _exact(w, node, height, width)
    if where == "pytorch_half_pixel" and 1 in (height, width):
        raise CannotEmitError("its output is one pixel wide")
    corners = where == "align_corners"
    return w.op("_contrib_BilinearResize2D", w.ref(x), height=height, width=width, mode="size", align_corners=corners)


def is_native(node: ir.Node) -> bool:
    """Whether MXNet has the resizing; any other is gathered and multiplied, if its sizes are known."""
    w = SymbolWriter()
    for value in node.inputs:
        if value is not None and constant(value) is None:
            w.stand_in(value)
    try:
        resize(w, node)
    except CannotEmitError:
        return False
    return True


def _exact(w: SymbolWriter, node: ir.Node, height: int, width: int) -> None:
    """Scales that aren't output / input, because a size was rounded, move the pixels that are read; MXNet knows sizes only."""
    scales = node.inputs[2] if len(node.inputs) > 2 else None
    if scales is None or not w.array(scales, "scales").size:
        return
    for size, scale, out in zip(known_sizes(node.inputs[0])[2:], w.array(scales, "scales")[2:], (height, width), strict=True):
        if size is None or abs(size * float(scale) - out) > 1e-4:
            raise CannotEmitError(f"it scales by {float(scale):g} to a size that was rounded")


def _factor(w: SymbolWriter, node: ir.Node) -> int:
    """How often each pixel is repeated."""
    scales = node.inputs[2] if len(node.inputs) > 2 else None
    if scales is not None and w.array(scales, "scales").size:
        factors = [float(s) for s in w.array(scales, "scales")]
    else:
        source, target = sizes(node.inputs[0], "its input"), sizes(node.outputs[0], "its output")
        factors = [t / s for t, s in zip(target, source, strict=True)]
    if factors[:2] != [1, 1] or factors[2] != factors[3] or factors[2] != int(factors[2]) or factors[2] < 1:
        raise CannotEmitError(f"it scales by {factors}; MXNet's UpSampling repeats pixels, equally in both directions")
    return int(factors[2])
