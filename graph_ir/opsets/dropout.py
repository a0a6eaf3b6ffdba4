"""Dropout, which leaves its input as it is in a network that isn't being trained."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, Number
from dragoman.graph_ir.opsets.step import Emitter, attribute, input_at, is_used, lowers, needed, numpy_dtype, raises
from dragoman.graph_ir.passes.editing import constant


@raises(12, "Dropout")
def dropout_ratio_as_input(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """The attribute becomes a constant input. Without training_mode nothing is dropped, as before; but the mask, which is true
    now, was false in ONNX Runtime, and before 10 a 0 of the data's type."""
    data = needed(node, 0)
    y = e.op("Dropout", data, e.const(attribute(node, "ratio", 0.5), np.float32))
    if not _has_mask(node):
        return (y,)
    mask = node.outputs[1]
    nothing = np.zeros(1, bool if mask.dtype is None else mask.dtype.numpy())
    return y, e.op("ConstantOfShape", e.op("Shape", data), value=ir.Tensor(nothing))


def _has_mask(node: ir.Node) -> bool:
    """Whether the mask is read; if not, the node loses it."""
    if len(node.outputs) > 1 and not is_used(node.outputs[1]):
        node.resize_outputs(1)
    return len(node.outputs) > 1


@raises(10, "Dropout")
def dropout_with_its_mask(node: ir.Node, e: Emitter) -> None:
    """The mask became bool. What reads it is left its type, which the step to 12 gives it."""


@lowers(12, "Dropout")
def dropout_ratio_as_attribute(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """Before 12 the ratio was an attribute, and nothing was dropped; the mask, which is all true, was not."""
    data, training, ratio = needed(node, 0), input_at(node, 2), constant(input_at(node, 1))
    mode = constant(training)
    value = 0.5 if ratio is None else float(np.asarray(ratio.numpy()).reshape(()))
    known = input_at(node, 1) is None or ratio is not None
    never = training is None or (mode is not None and not mode.numpy()) or (known and value == 0)
    if not never:
        return _dropped(node, e)
    y = e.op("Dropout", data, ratio=value)
    if not _has_mask(node):
        return (y,)
    return y, e.op("ConstantOfShape", e.op("Shape", data), value=ir.Tensor(np.ones(1, bool)))


def _dropped(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """In training: 0 where a number drawn between 0 and 1 is below the ratio, else x / (1 − ratio)."""
    n = Arithmetic(e)
    x, given, training = needed(node, 0), input_at(node, 1), n.of(needed(node, 2))
    dtype = numpy_dtype(x)
    ratio: Number = np.array(0.5, dtype) if given is None else n.cast(n.of(given), dtype)
    seed = attribute(node, "seed")
    drawn = e.op("RandomUniformLike", x, dtype=ir.DataType.FLOAT.value, seed=None if seed is None else float(seed))
    drops = n.negation(n.either(n.negation(n.less(drawn, n.cast(ratio, np.float32))), n.negation(training)))
    scaled = n.where(training, n.div(x, n.sub(np.array(1, dtype), ratio)), x)
    y = n.where(drops, np.array(0, dtype), scaled)
    results = n.value(y), n.value(n.negation(drops))
    return results if _has_mask(node) else results[:1]
