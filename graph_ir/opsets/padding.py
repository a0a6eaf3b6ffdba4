"""Padding: pads that were attributes, pads of some axes, wrapping around, and CenterCropPad."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, Number, whole
from dragoman.graph_ir.opsets.step import (
    CannotConvertError,
    Emitter,
    attribute,
    input_at,
    lowers,
    needed,
    numpy_dtype,
    raises,
    rank,
)


@raises(11, "Pad")
def pads_as_input(node: ir.Node, e: Emitter) -> ir.Value:
    """The attributes ``pads`` and ``value`` become constant inputs."""
    data = needed(node, 0)
    value = e.const(attribute(node, "value", 0.0), numpy_dtype(data))
    return e.op("Pad", data, e.vector(*attribute(node, "pads")), value, mode=attribute(node, "mode", "constant"))


@lowers(19, "Pad")
def pad_without_wrap(node: ir.Node, e: Emitter) -> ir.Value | None:
    """``wrap`` came with 19: (…, d, …) → (…, before + d + after, …), element i of which is element (i − before) mod d.

    Negative pads crop first, and what is left is wrapped around.
    """
    if attribute(node, "mode", "constant") != "wrap":
        return None
    n = Arithmetic(e)
    data = x = needed(node, 0)
    pads = n.of(_pads_of_every_axis(node, e))
    dims = rank(data)
    for axis in range(dims):
        before, after = n.part(pads, axis, axis + 1), n.part(pads, dims + axis, dims + axis + 1)
        if isinstance(before, np.ndarray) and isinstance(after, np.ndarray) and not before.any() and not after.any():
            continue
        size = n.size(data, axis)
        left = n.add(size, n.add(n.minimum(before, whole(0)), n.minimum(after, whole(0))))
        place = n.sub(n.count(n.add(n.add(size, before), after)), n.maximum(before, whole(0)))
        x = n.gather(x, n.add(n.mod(place, left), n.maximum(n.sub(whole(0), before), whole(0))), axis)
    return x if x is not data else e.op("Identity", x)


@lowers(18, "Pad")
def pad_every_axis(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 18 every axis had its pads: those not named get none."""
    if input_at(node, 3) is None:
        return None
    mode = attribute(node, "mode", "constant")
    return e.op("Pad", needed(node, 0), _pads_of_every_axis(node, e), input_at(node, 2), mode=mode)


def _pads_of_every_axis(node: ir.Node, e: Emitter) -> ir.Value:
    """(2 · rank): what is added before each axis, then after each; negative axes count from the end."""
    data, axes = needed(node, 0), input_at(node, 3)
    if axes is None:
        return needed(node, 1)
    n = Arithmetic(e)
    dims = whole(rank(data))
    given = n.cast(n.of(axes), np.int64)
    places = n.where(n.less(given, whole(0)), n.add(given, dims), given)
    both = n.concat([places, n.add(places, dims)])
    return n.value(n.overwritten(whole(*[0] * (2 * rank(data))), both, n.of(needed(node, 1))))


@lowers(18, "CenterCropPad")
def center_crop_pad(node: ir.Node, e: Emitter) -> ir.Value:
    """Of d elements the middle s: from ⌊(d − s) / 2⌋ on, or with ⌊(s − d) / 2⌋ zeros before and the rest after them."""
    n = Arithmetic(e)
    x = needed(node, 0)
    axes = [axis % rank(x) for axis in attribute(node, "axes", range(rank(x)))]
    wanted = n.cast(n.of(needed(node, 1)), np.int64)
    before: list[Number] = [whole(0)] * rank(x)
    after: list[Number] = [whole(0)] * rank(x)
    for i, axis in enumerate(axes):
        size, target = n.size(x, axis), n.part(wanted, i, i + 1)
        lost, added = n.maximum(n.sub(size, target), whole(0)), n.maximum(n.sub(target, size), whole(0))
        if not isinstance(lost, np.ndarray) or lost.any():
            start = n.div(lost, whole(2))
            x = n.crop(x, axis, start, n.add(start, n.minimum(size, target)))
        before[axis] = n.div(added, whole(2))
        after[axis] = n.sub(added, before[axis])
    pads = n.concat([*before, *after])
    if isinstance(pads, np.ndarray) and not pads.any():
        return x if x is not needed(node, 0) else e.op("Identity", x)
    return e.op("Pad", x, n.value(pads))


@lowers(20, "ImageDecoder")
def image_decoder(node: ir.Node, e: Emitter) -> None:
    """No older operator reads image files."""
    raise CannotConvertError("reading image files inside of the network")
