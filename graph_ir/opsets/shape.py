"""Shapes: axes and sizes that were attributes, Shape's range, Reshape's zeros, and constants."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, whole
from dragoman.graph_ir.opsets.operators import END, blank, cast, reshape, where
from dragoman.graph_ir.opsets.step import (
    Emitter,
    attribute,
    input_at,
    lowers,
    needed,
    numpy_dtype,
    raises,
    rank,
)
from dragoman.graph_ir.passes.editing import constant


@lowers(15, "Shape")
def shape_range(node: ir.Node, e: Emitter) -> ir.Value | None:
    """A Slice of the whole shape."""
    start, end = attribute(node, "start", 0), attribute(node, "end")
    shape = e.op("Shape", needed(node, 0))
    if start == 0 and end is None:
        return shape
    stop = END if end is None else end
    return e.op("Slice", shape, e.vector(start), e.vector(stop), e.vector(0))


@lowers(14, "Reshape")
def reshape_to_zero(node: ir.Node, e: Emitter) -> ir.Value | None:
    """A target without a zero doesn't need ``allowzero``; else a zero, which then meant the input's dimension, is worked around."""
    if not attribute(node, "allowzero", 0):
        return None
    target = constant(needed(node, 1))
    if target is None or 0 in target.numpy():
        return reshape(e, needed(node, 0), needed(node, 1))
    del node.attributes["allowzero"]
    return None


@lowers(13, "Squeeze", "Unsqueeze")
def axes_as_attribute(node: ir.Node, e: Emitter) -> ir.Value:
    """Constant axes become the attribute; with computed ones it is a reshape to the shape with or without them."""
    x, axes = needed(node, 0), input_at(node, 1)
    tensor = constant(axes)
    if axes is None or tensor is not None:
        return e.op(node.op_type, x, axes=None if tensor is None else [int(v) for v in tensor.numpy().reshape(-1)])
    before = e.op("Shape", x)
    zeros = e.op("Sub", axes, axes)
    if node.op_type == "Squeeze":
        stay = e.op("ScatterElements", e.const(np.ones(rank(x)), np.int64), axes, zeros)
        return reshape(e, x, e.op("Compress", before, cast(e, stay, ir.DataType.BOOL)))
    count = e.op("Add", e.op("Shape", axes), e.vector(rank(x)))
    ones = e.op("Expand", e.vector(1), count)
    old = e.op("Reshape", e.op("NonZero", e.op("ScatterElements", ones, axes, zeros)), e.vector(-1))
    return reshape(e, x, e.op("ScatterElements", ones, old, before))


@raises(13, "Squeeze", "Unsqueeze")
def axes_as_input(node: ir.Node, e: Emitter) -> ir.Value:
    """The attribute becomes a constant input."""
    axes = attribute(node, "axes")
    return e.op(node.op_type, needed(node, 0), *([e.vector(*axes)] if axes is not None else []))


@lowers(18, "Split")
def split_into_a_number(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """Before 18 equal parts needed no number, and unequal ones their sizes: the last is what is left."""
    count = attribute(node, "num_outputs")
    if count is None:
        return None
    data, axis = needed(node, 0), attribute(node, "axis", 0)
    n = Arithmetic(e)
    size = n.size(data, axis)
    if isinstance(size, np.ndarray) and size.item() % count == 0:
        return e.ops("Split", data, outputs=count, axis=axis)
    each = n.div(n.add(size, whole(count - 1)), whole(count))
    left = n.sub(size, n.mul(each, whole(*range(count))))
    parts = n.minimum(each, n.maximum(left, whole(0)))
    return e.ops("Split", data, n.value(parts), outputs=count, axis=axis)


@raises(18, "Split")
def split_with_its_number(node: ir.Node, e: Emitter) -> None:
    """Equal parts are a number of outputs now."""
    if input_at(node, 1) is None:
        node.attributes["num_outputs"] = ir.AttrInt64("num_outputs", len(node.outputs))


@lowers(13, "Split")
def split_sizes_as_attribute(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """Constant sizes become the attribute; with computed ones each part is a slice between their sums."""
    data, axis, count = needed(node, 0), attribute(node, "axis", 0), len(node.outputs)
    parts = input_at(node, 1)
    tensor = constant(parts)
    if parts is None or tensor is not None:
        split = None if tensor is None else [int(v) for v in tensor.numpy().reshape(-1)]
        return e.ops("Split", data, outputs=count, axis=axis, split=split)
    ends = e.op("CumSum", parts, e.scalar(0))
    starts = e.op("Sub", ends, parts)
    along = e.vector(axis)
    bounds = [
        [e.op("Slice", v, e.vector(i), e.vector(i + 1)) for v in (starts, ends)] for i in range(count)
    ]
    return tuple(e.op("Slice", data, start, end, along) for start, end in bounds)


@raises(13, "Split")
def split_sizes_as_input(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """The attribute becomes a constant input."""
    parts = attribute(node, "split")
    inputs = [needed(node, 0)] + ([e.vector(*parts)] if parts is not None else [])
    return e.ops("Split", *inputs, outputs=len(node.outputs), axis=attribute(node, "axis", 0))


_LONGEST = 1 << 10
"""Rows and columns of a triangle that is written as a constant."""


@lowers(14, "Trilu")
def triangle(node: ir.Node, e: Emitter) -> ir.Value:
    """Where column − row is at least (upper) or at most (lower) the diagonal's number, x; elsewhere zero."""
    x, diagonal = needed(node, 0), input_at(node, 1)
    upper = bool(attribute(node, "upper", 1))
    n, dims = Arithmetic(e), rank(x)
    size = [n.size(x, axis) for axis in (dims - 2, dims - 1)]
    if all(isinstance(length, np.ndarray) and length.item() > _LONGEST for length in size):
        size = [n.value(length) for length in size]  # a mask that the network computes
    row, column = (n.along(n.count(length), axis, dims) for axis, length in zip((dims - 2, dims - 1), size, strict=True))
    shift = whole(0) if diagonal is None else n.along(n.of(diagonal), 0, 1)
    distance = n.sub(n.sub(column, row), shift)
    mask = n.value(n.negation(n.less(distance, whole(0)) if upper else n.less(whole(0), distance)))
    if x.dtype == ir.DataType.BOOL:
        return e.op("And", mask, x)
    return where(e, mask, x, e.const(0, numpy_dtype(x)))


@lowers(12, "Constant")
def constant_as_tensor(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 12 a constant was a tensor, never plain numbers."""
    dtypes = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    for name, dtype in dtypes.items():
        if (value := attribute(node, name)) is not None:
            return e.op("Constant", value=ir.Tensor(np.asarray(value, dtype)))
    for name in ("value_string", "value_strings"):
        if (value := attribute(node, name)) is not None:
            words = [
                word.encode() if isinstance(word, str) else word for word in ([value] if name == "value_string" else value)
            ]
            return e.op(
                "Constant", value=ir.StringTensor(words, shape=ir.Shape([] if name == "value_string" else [len(words)]))
            )
    return None


@lowers(14, "Identity")
def identity_of_a_sequence(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 14 only tensors were passed on: a sequence becomes another when an element is put in, and taken out again."""
    x = needed(node, 0)
    if not isinstance(x.type, ir.SequenceType):
        return None
    element, first = blank(e, x.type.dtype), e.scalar(0)
    return e.op("SequenceErase", e.op("SequenceInsert", x, element, first), first)


@lowers(20, "ConstantOfShape")
def filled_with_bfloat16(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 20 bfloat16 wasn't filled in: it is cast from float32, which holds all its values."""
    value = attribute(node, "value")
    if value is None or value.dtype != ir.DataType.BFLOAT16:
        return None
    filled = e.op("ConstantOfShape", needed(node, 0), value=ir.Tensor(value.numpy().astype(np.float32)))
    return cast(e, filled, ir.DataType.BFLOAT16)


@raises(10, "Slice")
def bounds_as_inputs(node: ir.Node, e: Emitter) -> ir.Value:
    """The attributes become constant inputs."""
    bounds = [attribute(node, name) for name in ("starts", "ends", "axes")]
    return e.op("Slice", needed(node, 0), *(e.vector(*v) for v in bounds if v is not None))


@raises(11, "DynamicSlice")
def slice_of_computed_bounds(node: ir.Node, e: Emitter) -> ir.Value:
    """An experimental operator of ONNX 1.4 and 1.5: what Slice became with 10."""
    return e.op("Slice", *node.inputs)


@raises(10, "TopK")
def number_as_input(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """The attribute becomes a constant input."""
    return e.ops(
        "TopK", needed(node, 0), e.vector(attribute(node, "k")), outputs=2, axis=attribute(node, "axis", -1)
    )
