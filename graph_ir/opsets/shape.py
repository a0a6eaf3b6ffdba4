"""Shapes: axes and sizes that were attributes, Shape's range, Reshape's zeros, and constants."""

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
    numpy_dtype,
    raises,
    sizes,
)


@lowers(15, "Shape")
def shape_range(node: ir.Node, e: Emitter) -> ir.Value | None:
    """A Slice of the whole shape."""
    start, end = attribute(node, "start", 0), attribute(node, "end")
    whole = e.op("Shape", needed(node, 0))
    if start == 0 and end is None:
        return whole
    stop = np.iinfo(np.int64).max if end is None else end
    return e.op("Slice", whole, e.const([start], np.int64), e.const([stop], np.int64), e.const([0], np.int64))


@lowers(14, "Reshape")
def reshape_to_zero(node: ir.Node, e: Emitter) -> None:
    """A target without a zero doesn't need ``allowzero``; with one there was no way to say it."""
    if not attribute(node, "allowzero", 0):
        return
    if 0 in (constant_ints(node, 1, "dimensions") or []):
        raise CannotConvertError("a reshape to an empty tensor")
    del node.attributes["allowzero"]


@lowers(13, "Squeeze", "Unsqueeze")
def axes_as_attribute(node: ir.Node, e: Emitter) -> ir.Value:
    """Constant axes become the attribute."""
    return e.op(node.op_type, needed(node, 0), axes=constant_ints(node, 1, "axes"))


@raises(13, "Squeeze", "Unsqueeze")
def axes_as_input(node: ir.Node, e: Emitter) -> ir.Value:
    """The attribute becomes a constant input."""
    axes = attribute(node, "axes")
    return e.op(node.op_type, needed(node, 0), *([e.const(list(axes), np.int64)] if axes is not None else []))


@lowers(18, "Split")
def split_into_a_number(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """Before 18 equal parts needed no number, and unequal ones their sizes."""
    count = attribute(node, "num_outputs")
    if count is None:
        return None
    data, axis = needed(node, 0), attribute(node, "axis", 0)
    size = sizes(data)[axis]
    if size is None:
        raise CannotConvertError("splitting a dynamic dimension into a number of parts")
    if size % count == 0:
        return e.ops("Split", data, outputs=count, axis=axis)
    part = -(-size // count)
    parts = [min(part, size - i * part) for i in range(count)]
    return e.ops("Split", data, e.const(parts, np.int64), outputs=count, axis=axis)


@raises(18, "Split")
def split_with_its_number(node: ir.Node, e: Emitter) -> None:
    """Equal parts are a number of outputs now."""
    if input_at(node, 1) is None:
        node.attributes["num_outputs"] = ir.AttrInt64("num_outputs", len(node.outputs))


@lowers(13, "Split")
def split_sizes_as_attribute(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """Constant sizes become the attribute."""
    parts = constant_ints(node, 1, "sizes")
    return e.ops("Split", needed(node, 0), outputs=len(node.outputs), axis=attribute(node, "axis", 0), split=parts)


@raises(13, "Split")
def split_sizes_as_input(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """The attribute becomes a constant input."""
    parts = attribute(node, "split")
    inputs = [needed(node, 0)] + ([e.const(list(parts), np.int64)] if parts is not None else [])
    return e.ops("Split", *inputs, outputs=len(node.outputs), axis=attribute(node, "axis", 0))


@lowers(14, "Trilu")
def triangle(node: ir.Node, e: Emitter) -> ir.Value:
    """A constant mask over the last two axes, whose sizes must be known."""
    x = needed(node, 0)
    height, width = sizes(x)[-2:]
    if height is None or width is None:
        raise CannotConvertError("the triangle of a matrix of dynamic size")
    shift = constant_ints(node, 1, "diagonal") or [0]
    ones = np.ones((height, width), bool)
    mask = np.triu(ones, shift[0]) if attribute(node, "upper", 1) else np.tril(ones, shift[0])
    return e.op("Where", e.const(mask, bool), x, e.const(0, numpy_dtype(x)))


@lowers(12, "Constant")
def constant_as_tensor(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 12 a constant was a tensor, never plain numbers."""
    dtypes = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    for name, dtype in dtypes.items():
        if (value := attribute(node, name)) is not None:
            return e.op("Constant", value=ir.Tensor(np.asarray(value, dtype)))
    return None
