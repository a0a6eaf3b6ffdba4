"""Resampling: Resize, GridSample and RoiAlign."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.step import (
    CannotConvertError,
    Emitter,
    attribute,
    constant_ints,
    input_at,
    lowers,
    needed,
    raises,
    rank,
    sizes,
)
from dragoman.graph_ir.passes.editing import constant


@lowers(19, "Resize")
def resize_without_symmetry(node: ir.Node, e: Emitter) -> None:
    """half_pixel_symmetric came with 19."""
    if attribute(node, "coordinate_transformation_mode", "half_pixel") == "half_pixel_symmetric":
        raise CannotConvertError("half_pixel_symmetric coordinates")


@lowers(18, "Resize")
def resize_every_axis(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 18 every axis had its scale or size: those not named keep theirs."""
    axes = attribute(node, "axes")
    if attribute(node, "keep_aspect_ratio_policy", "stretch") != "stretch":
        raise CannotConvertError("its keep_aspect_ratio_policy")
    if attribute(node, "antialias", 0):
        raise CannotConvertError("antialiasing")
    if axes is None:
        return None
    if attribute(node, "coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize":
        raise CannotConvertError("the region of some axes")
    x = needed(node, 0)
    dropped = ("axes", "keep_aspect_ratio_policy", "antialias")
    kept = {name: attr.value for name, attr in node.attributes.items() if name not in dropped}
    scales, target = None, None
    if input_at(node, 3) is not None:
        given = constant_ints(node, 3, "sizes") or []
        target = _full_sizes(x, [a % rank(x) for a in axes], given, e)
    else:
        tensor = constant(needed(node, 2))
        if tensor is None:
            raise CannotConvertError("scales that the network computes")
        values = np.ones(rank(x), np.float32)
        values[list(axes)] = tensor.numpy()
        scales = e.const(values, np.float32)
    return e.op("Resize", x, input_at(node, 1), scales, target, **kept)


def _full_sizes(x: ir.Value, axes: list[int], given: list[int], e: Emitter) -> ir.Value:
    wanted = dict(zip(axes, given, strict=True))
    known = [wanted.get(i, size) for i, size in enumerate(sizes(x))]
    if None not in known:
        return e.const(np.array(known), np.int64)
    shape = e.op("Shape", x)
    parts = [
        e.op("Gather", shape, e.const([axis], np.int64)) if size is None else e.const([size], np.int64)
        for axis, size in enumerate(known)
    ]
    return e.op("Concat", *parts, axis=0)


@lowers(13, "Resize")
def resize_with_all_inputs(node: ir.Node, e: Emitter) -> None:
    """Before 13 an unused region or scale was given, and empty."""
    given = [input_at(node, i) for i in range(4)]
    for index in (1, 2):
        if given[index] is None:
            given[index] = e.const(np.zeros(0), np.float32)
    node.resize_inputs(4 if given[3] is not None else 3)
    for index, value in enumerate(given[: len(node.inputs)]):
        node.replace_input_with(index, value)


@raises(13, "Resize")
def resize_of_eleven(node: ir.Node, e: Emitter) -> None:
    """One coordinate mode was withdrawn."""
    if attribute(node, "coordinate_transformation_mode", "half_pixel") == "tf_half_pixel_for_nn":
        raise CannotConvertError("tf_half_pixel_for_nn coordinates")


_GRID_MODES = {"linear": "bilinear", "cubic": "bicubic", "nearest": "nearest"}


@lowers(20, "GridSample")
def grid_sample_of_images(node: ir.Node, e: Emitter) -> None:
    """Before 20 there were only images (N, C, H, W), and the modes were called by their two dimensions."""
    if rank(needed(node, 0)) != 4:
        raise CannotConvertError("sampling of volumes")
    mode = _GRID_MODES[attribute(node, "mode", "linear")]
    node.attributes["mode"] = ir.AttrString("mode", mode)


@raises(20, "GridSample")
def grid_sample_modes(node: ir.Node, e: Emitter) -> None:
    """The modes lost their two dimensions."""
    mode = attribute(node, "mode", "bilinear").removeprefix("bi")
    node.attributes["mode"] = ir.AttrString("mode", mode)


@lowers(16, "RoiAlign")
def roi_align_without_offset(node: ir.Node, e: Emitter) -> None:
    """Before 16 coordinates weren't shifted by half a pixel."""
    if attribute(node, "coordinate_transformation_mode", "half_pixel") != "output_half_pixel":
        raise CannotConvertError("half_pixel coordinates")
    del node.attributes["coordinate_transformation_mode"]


@raises(16, "RoiAlign")
def roi_align_with_its_mode(node: ir.Node, e: Emitter) -> None:
    """What was the only mode is no longer the default."""
    node.attributes["coordinate_transformation_mode"] = ir.AttrString("coordinate_transformation_mode", "output_half_pixel")
