"""Opsets 1 to 6, before ONNX was stable: broadcasting by attribute, flags for inference, shapes as attributes."""

from __future__ import annotations

from typing import Any

import onnx_ir as ir

from dragoman.graph_ir.opsets.step import (
    CannotConvertError,
    Emitter,
    TooLittleKnownError,
    attribute,
    constant_ints,
    input_at,
    needed,
    raises,
    rank,
)

_ARITHMETIC = ("Add", "Sub", "Mul", "Div")
_COMPARISONS = ("And", "Or", "Xor", "Equal", "Greater", "Less", "Pow")


def _forget(node: ir.Node, *names: str) -> None:
    for name in names:
        node.attributes.pop(name, None)


@raises(
    6,
    *("Abs", "Add", "BatchNormalization", "Ceil", "Clip", "Div", "Dropout", "Elu", "Exp", "Floor", "HardSigmoid", "InstanceNormalization"),
    *("LeakyRelu", "Log", "Max", "Mean", "Min", "Mul", "Neg", "PRelu", "Reciprocal", "Relu", "Selu", "Sigmoid", "Sqrt", "Sub"),
    *("Sum", "Tanh"),
)  # fmt: skip
def without_consumed_inputs(node: ir.Node, e: Emitter) -> None:
    """``consumed_inputs`` only allowed a runtime to reuse memory. Selu's constants had fewer digits, PRelu and others the same."""
    _forget(node, "consumed_inputs")
    if node.op_type == "Selu":
        for name, before in (("alpha", 1.6732), ("gamma", 1.0507)):
            node.attributes.setdefault(name, ir.AttrFloat32(name, before))


@raises(7, *_ARITHMETIC, *_COMPARISONS)
def broadcast_by_rule(node: ir.Node, e: Emitter) -> None:
    """With ``broadcast`` the second tensor's axes stand at ``axis`` of the first, at its end without; now always at the end."""
    a, b = needed(node, 0), needed(node, 1)
    broadcast, axis = attribute(node, "broadcast", 0), attribute(node, "axis")
    _forget(node, "broadcast", "axis")
    if not broadcast:
        return
    if axis is not None and rank(b) > 0:
        behind = rank(a) - axis % max(rank(a), 1) - rank(b)
        if behind < 0:
            raise CannotConvertError(f"broadcasting {b.shape} at axis {axis} of {a.shape}")
        if behind:
            shape = [0] * rank(b) + [1] * behind
            node.replace_input_with(1, e.op("Reshape", b, e.vector(*shape)))


@raises(7, "PRelu")
def slope_of_channels(node: ir.Node, e: Emitter) -> None:
    """A slope of one axis belonged to the channels, which are axis 1."""
    x, slope = needed(node, 0), needed(node, 1)
    if rank(slope) == 1 and slope.shape is not None and slope.shape[0] != 1 and rank(x) > 2:
        shape = [-1] + [1] * (rank(x) - 2)
        node.replace_input_with(1, e.op("Reshape", slope, e.vector(*shape)))


@raises(7, "Gemm")
def gemm_broadcasts_by_rule(node: ir.Node, e: Emitter) -> None:
    """The addend's ``broadcast`` needs no flag now."""
    _forget(node, "broadcast")


@raises(7, "BatchNormalization", "Dropout")
def inference_by_default(node: ir.Node, e: Emitter) -> None:
    """``is_test`` chose inference, which is all there is now."""
    if not attribute(node, "is_test", 0):
        raise CannotConvertError("training: its is_test isn't set")
    _forget(node, "is_test")


@raises(6, "Cast")
def cast_to_a_number(node: ir.Node, e: Emitter) -> None:
    """The type was named in text."""
    name = str(attribute(node, "to")).upper()
    if name not in ir.DataType.__members__:
        raise CannotConvertError(f"a cast to {name}")
    node.attributes["to"] = ir.AttrInt64("to", ir.DataType[name].value)


@raises(5, "Reshape")
def reshape_by_input(node: ir.Node, e: Emitter) -> ir.Value:
    """The shape was an attribute."""
    shape = attribute(node, "shape")
    if shape is None:
        raise TooLittleKnownError("its shape is missing")
    return e.op("Reshape", needed(node, 0), e.vector(*shape))


@raises(4, "Concat")
def concat_with_its_axis(node: ir.Node, e: Emitter) -> None:
    """The axis was 1 where it wasn't said."""
    node.attributes.setdefault("axis", ir.AttrInt64("axis", 1))


@raises(6, "Tile")
def tile_every_axis(node: ir.Node, e: Emitter) -> ir.Value:
    """One axis was repeated: its number and the repeats were inputs of one element."""
    x, tiles, axis = needed(node, 0), constant_ints(node, 1, "tiles"), constant_ints(node, 2, "axis")
    repeats = [1] * rank(x)
    repeats[(axis or [0])[0]] = (tiles or [1])[0]
    return e.op("Tile", x, e.vector(*repeats))


@raises(2, "Pad")
def pads_by_their_name(node: ir.Node, e: Emitter) -> None:
    """``paddings`` became ``pads``."""
    pads = attribute(node, "paddings")
    _forget(node, "paddings")
    node.attributes["pads"] = ir.AttrInt64s("pads", list(pads))


@raises(2, "Split")
def split_by_attribute(node: ir.Node, e: Emitter) -> None:
    """Sizes were an attribute or an input; the input went, until 13 brought it back."""
    if input_at(node, 1) is not None:
        raise CannotConvertError("sizes as an input")
    node.attributes.setdefault("axis", ir.AttrInt64("axis", 0))


@raises(7, "Upsample")
def upsample_every_axis(node: ir.Node, e: Emitter) -> None:
    """Two scales, of height and width, became one for each axis."""
    height, width = (float(attribute(node, name)) for name in ("height_scale", "width_scale"))
    _forget(node, "height_scale", "width_scale")
    node.attributes["scales"] = ir.AttrFloat32s("scales", [1.0, 1.0, height, width])


@raises(2, "LpPool", "GlobalLpPool")
def whole_norm(node: ir.Node, e: Emitter) -> None:
    """``p`` was a float."""
    order: Any = attribute(node, "p", 2.0)
    if order != int(order):
        raise CannotConvertError(f"the norm of order {order}")
    node.attributes["p"] = ir.AttrInt64("p", int(order))


@raises(3, "GRU")
@raises(7, "GRU", "LSTM", "RNN")
def sequence_by_outputs(node: ir.Node, e: Emitter) -> None:
    """``output_sequence`` said that the first output is wanted, which a name says too."""
    _forget(node, "output_sequence")
