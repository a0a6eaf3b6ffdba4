"""Resize, and Upsample before it."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, Number
from dragoman.graph_ir.opsets.interpolation import Axis, Method, real, resample
from dragoman.graph_ir.opsets.step import (
    Emitter,
    TooLittleKnownError,
    attribute,
    input_at,
    lowers,
    needed,
    raises,
    rank,
    sizes,
)


@raises(9, "Upsample")
def scales_as_input(node: ir.Node, e: Emitter) -> ir.Value:
    """The attribute becomes a constant input."""
    scales = e.const(attribute(node, "scales"), np.float32)
    return e.op("Upsample", needed(node, 0), scales, mode=attribute(node, "mode", "nearest"))


@raises(10, "Upsample")
def upsample_becomes_resize(node: ir.Node, e: Emitter) -> ir.Value:
    """The same under its new name."""
    return e.op("Resize", needed(node, 0), needed(node, 1), mode=attribute(node, "mode", "nearest"))


@raises(11, "Resize")
def resize_of_ten(node: ir.Node, e: Emitter) -> ir.Value:
    """Element i came from i / scale. The nearest one was, in ONNX Runtime, the floor of that, or the ceiling where an axis shrinks:
    two steps, of which one is left out if the scales are known and don't need it."""
    n = Arithmetic(e)
    x, scales, mode = needed(node, 0), n.of(needed(node, 1)), attribute(node, "mode", "nearest")
    none = e.const(np.zeros(0), np.float32)

    def resized(x: ir.Value, scales: Number, nearest: str | None) -> ir.Value:
        how = {"mode": mode, "coordinate_transformation_mode": "asymmetric", "nearest_mode": nearest}
        return e.op("Resize", x, none, n.value(scales), **how)

    if mode != "nearest":
        return resized(x, scales, None)
    if isinstance(scales, np.ndarray) and (scales >= 1).all():
        return resized(x, scales, "floor")
    shrunk = resized(x, n.minimum(scales, real(1)), "ceil")
    if isinstance(scales, np.ndarray) and (scales <= 1).all():
        return shrunk
    return resized(shrunk, n.maximum(scales, real(1)), "floor")


@raises(13, "Resize")
def resize_of_eleven(node: ir.Node, e: Emitter) -> ir.Value | None:
    """An empty scale is none now. One coordinate mode was withdrawn, (i + 1/2) / scale: its elements are gathered."""
    for index in (1, 2, 3):
        value = input_at(node, index)
        if value is not None and sizes(value) == (0,):
            node.replace_input_with(index, None)
    if attribute(node, "coordinate_transformation_mode", "half_pixel") != "tf_half_pixel_for_nn":
        return None
    return by_gather(node, e)


@lowers(19, "Resize")
def resize_without_symmetry(node: ir.Node, e: Emitter) -> ir.Value | None:
    """half_pixel_symmetric came with 19. It is half_pixel if the scale makes a whole number of elements, else it is gathered."""
    if attribute(node, "coordinate_transformation_mode", "half_pixel") != "half_pixel_symmetric":
        return None
    if attribute(node, "keep_aspect_ratio_policy", "stretch") != "stretch" or input_at(node, 3) is None:
        return by_gather(node, e)
    node.attributes["coordinate_transformation_mode"] = ir.AttrString("coordinate_transformation_mode", "half_pixel")
    return None


@lowers(18, "Resize")
def resize_every_axis(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 18 every axis had its scale, size and region: those not named keep theirs. Antialiasing and the policies are gathered."""
    antialias = attribute(node, "antialias", 0) and attribute(node, "mode", "nearest") != "nearest"
    if attribute(node, "keep_aspect_ratio_policy", "stretch") != "stretch" or (
        antialias and any(map(_may_filter, _axes(node, e)))
    ):
        return by_gather(node, e)
    for name in ("antialias", "keep_aspect_ratio_policy"):
        node.attributes.pop(name, None)
    axes = attribute(node, "axes")
    if axes is None:
        return None
    n = Arithmetic(e)
    x = needed(node, 0)
    dims = rank(x)
    places = np.array([axis % dims for axis in axes])
    regions = _regions(node, places, n, e)
    scales, target = None, None
    if input_at(node, 3) is not None:
        target = n.value(n.overwritten(n.concat([n.size(x, i) for i in range(dims)]), places, n.of(needed(node, 3))))
    else:
        scales = n.value(n.overwritten(np.ones(dims, np.float32), places, n.of(needed(node, 2))))
    kept: dict[str, Any] = {name: attr.value for name, attr in node.attributes.items() if name != "axes"}
    return e.op("Resize", x, n.value(regions) if regions is not None else None, scales, target, **kept)


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


# -- Resize by Gather -------------------------------------------------------------------------------------


def by_gather(node: ir.Node, e: Emitter) -> ir.Value:
    """Any Resize in operators that every opset, and most targets, have: elements gathered along each axis, and their weighted sums."""
    method = Method(
        attribute(node, "mode", "nearest"),
        attribute(node, "coordinate_transformation_mode", "half_pixel"),
        attribute(node, "nearest_mode", "round_prefer_floor"),
        attribute(node, "cubic_coeff_a", -0.75),
        bool(attribute(node, "exclude_outside", 0)),
        bool(attribute(node, "antialias", 0)),
    )
    return resample(needed(node, 0), _axes(node, e), method, e)


def _may_filter(axis: Axis) -> bool:
    """Whether antialiasing matters: where elements get fewer; and ONNX Runtime copies an axis whose size stays, whatever its scale."""
    if not isinstance(axis.scale, np.ndarray) or not isinstance(axis.size, np.ndarray) or not isinstance(axis.out, np.ndarray):
        return True
    scale = float(axis.scale.item())
    return scale < 1 or (scale != 1 and bool(axis.size.item() == axis.out.item()))


def _regions(node: ir.Node, places: np.ndarray[Any, Any], n: Arithmetic, e: Emitter) -> Number | None:
    """(2 · rank): where each axis starts and where it stops, by tf_crop_and_resize; an axis that isn't named is all of itself."""
    if attribute(node, "coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize":
        return None
    dims = rank(needed(node, 0))
    everything = np.repeat(real(0, 1), dims)
    if input_at(node, 1) is None:
        raise TooLittleKnownError("its region is missing")
    return n.cast(n.overwritten(everything, np.concatenate([places, places + dims]), n.of(needed(node, 1))), np.float32)


def _axes(node: ir.Node, e: Emitter) -> list[Axis]:
    n = Arithmetic(e)
    x = needed(node, 0)
    dims = rank(x)
    places = np.array([axis % dims for axis in attribute(node, "axes", range(dims))])
    ins = [n.size(x, place) for place in places]
    outs, scales = _targets(node, ins, n)
    return [Axis(int(place), *numbers) for place, *numbers in zip(places, ins, outs, scales, strict=True)]


def _targets(node: ir.Node, ins: list[Number], n: Arithmetic) -> tuple[list[Number], list[Number]]:
    """Each axis' size after and its scale. The policies take one scale for all: the least (not_larger) or the greatest."""
    lengths = [n.cast(size, np.float32) for size in ins]
    if input_at(node, 3) is None:
        given = n.cast(n.of(needed(node, 2)), np.float32)
        scales = [n.part(given, i, i + 1) for i in range(len(ins))]
        return [n.cast(n.floor(n.mul(a, b)), np.int64) for a, b in zip(lengths, scales, strict=True)], scales
    target = n.cast(n.of(needed(node, 3)), np.int64)
    outs = [n.part(target, i, i + 1) for i in range(len(ins))]
    scales = [n.div(n.cast(out, np.float32), length) for out, length in zip(outs, lengths, strict=True)]
    policy = attribute(node, "keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return outs, scales
    one = scales[0]
    for scale in scales[1:]:
        one = n.minimum(one, scale) if policy == "not_larger" else n.maximum(one, scale)
    outs = [n.cast(n.floor(n.add(n.mul(one, length), real(0.5))), np.int64) for length in lengths]
    return outs, [one] * len(ins)
