"""BatchNormalization, for inference and for training."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.opsets.operators import cast, mean_over
from dragoman.graph_ir.opsets.step import (
    CannotConvertError,
    Emitter,
    attribute,
    dtype_of,
    is_used,
    lowers,
    needed,
    numpy_dtype,
    raises,
    rank,
)


@lowers(15, "BatchNormalization")
def batch_normalization_of_two_types(node: ir.Node, e: Emitter) -> ir.Value | tuple[ir.Value, ...] | None:
    """Before 15 scale and bias had x's type: what hasn't is computed in the widest type that there is."""
    return _in_one_type(node, e) if needed(node, 1).dtype != needed(node, 0).dtype else None


@lowers(14, "BatchNormalization")
def batch_normalization_of_one_type(node: ir.Node, e: Emitter) -> ir.Value | tuple[ir.Value, ...] | None:
    """Before 14 there was one type, without bfloat16, and training was told by its five outputs, two of them what a batch has."""
    x = needed(node, 0)
    if any(needed(node, i).dtype != x.dtype for i in range(1, 5)) or x.dtype == ir.DataType.BFLOAT16:
        return _in_one_type(node, e)
    training = attribute(node, "training_mode", 0)
    node.attributes.pop("training_mode", None)
    if not training:
        return None
    kept = {name: attribute(node, name) for name in ("epsilon", "momentum")}
    return e.ops(node.op_type, *(needed(node, i) for i in range(5)), outputs=5, **kept)[: len(node.outputs)]


def _in_one_type(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    inputs = [needed(node, i) for i in range(5)]
    kinds = [dtype_of(value) for value in inputs]
    wide = ir.DataType.DOUBLE if ir.DataType.DOUBLE in kinds else ir.DataType.FLOAT
    wides = [cast(e, value, wide) for value in inputs]
    kept = {name: attribute(node, name) for name in ("epsilon", "momentum")}
    if attribute(node, "training_mode", 0) and e.opset < 14:
        outputs = e.ops(node.op_type, *wides, outputs=5, **kept)
    else:
        kept["training_mode"] = attribute(node, "training_mode") if e.opset >= 14 else None
        outputs = e.ops(node.op_type, *wides, outputs=len(node.outputs), **kept)
    back = zip(outputs[: len(node.outputs)], (kinds[0], kinds[3], kinds[4]), strict=False)
    return tuple(cast(e, value, dtype) for value, dtype in back)


@raises(14, "BatchNormalization")
def batch_normalization_with_its_mode(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """Five outputs told of training, in which the batch's own mean and variance are used. The last two are those, for the
    gradient: what ONNX calls a variance there is 1 / sqrt(variance + epsilon) in ONNX Runtime."""
    if len(node.outputs) == 1:
        return None
    x, *others = (needed(node, i) for i in range(5))
    kept = {name: attribute(node, name) for name in ("epsilon", "momentum")}
    trained = e.ops(node.op_type, x, *others, outputs=3, training_mode=1, **kept)
    if not any(is_used(out) for out in node.outputs[3:]):
        node.resize_outputs(3)
        return trained
    axes = [axis for axis in range(rank(x)) if axis != 1]
    mean = mean_over(e, x, axes)
    centred = e.op("Sub", x, mean)
    variance = e.op("ReduceMean", e.op("Mul", centred, centred), axes=axes, keepdims=0)
    epsilon = e.const(attribute(node, "epsilon", 1e-5), numpy_dtype(x))
    inverse = e.op("Reciprocal", e.op("Sqrt", e.op("Add", variance, epsilon)))
    return (*trained, e.op("Reshape", mean, e.vector(-1)), inverse)


@raises(9, "BatchNormalization")
def batch_normalization_of_each_element(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Not ``spatial``: statistics (C, D1, …) for each element, which flattened is a channel."""
    if attribute(node, "spatial", 1):
        node.attributes.pop("spatial", None)
        return None
    if len(node.outputs) > 1:
        raise CannotConvertError("training that isn't spatial")
    x, *others = (needed(node, i) for i in range(5))
    flat = [e.op("Reshape", value, e.vector(-1)) for value in others]
    kept = {name: attribute(node, name) for name in ("epsilon", "momentum")}
    return e.op("Reshape", e.op(node.op_type, e.op("Flatten", x, axis=1), *flat, **kept), e.op("Shape", x))
