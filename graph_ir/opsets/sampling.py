"""Sampling at given places: GridSample and RoiAlign."""

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
