"""Normalisation layers, written out where an opset lacks them."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

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
    sizes,
)
from dragoman.graph_ir.passes.editing import constant

_SMALL = 1 << 16
"""Elements of a scale that is looked at."""


@raises(14, "BatchNormalization")
def batch_normalization_for_inference(node: ir.Node, e: Emitter) -> None:
    """The further outputs were training's, and mean something else now."""
    if len(node.outputs) > 1:
        raise CannotConvertError("the training outputs")


@lowers(23, "RMSNormalization")
def rms_normalization(node: ir.Node, e: Emitter) -> ir.Value:
    """x / sqrt(mean(x²) + epsilon) · scale, over the axes from ``axis`` on, the mean in float32."""
    x, scale = needed(node, 0), needed(node, 1)
    wide = _widened(x, e)
    square = _mean(_squared(wide, e), attribute(node, "axis", -1), e)
    root = e.op("Sqrt", e.op("Add", square, _epsilon(node, wide, e)))
    return _scaled(_narrowed(e.op("Div", wide, root), x, e), scale, e)


@lowers(17, "LayerNormalization")
def layer_normalization(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """(x − mean) / sqrt(var + epsilon) · scale + bias, over the axes from ``axis`` on, the statistics in float32."""
    x, scale, bias = needed(node, 0), needed(node, 1), input_at(node, 2)
    wide = _widened(x, e)
    axis = attribute(node, "axis", -1)
    mean = _mean(wide, axis, e)
    centred = e.op("Sub", wide, mean)
    variance = _mean(_squared(centred, e), axis, e)
    root = e.op("Sqrt", e.op("Add", variance, _epsilon(node, wide, e)))
    y = _scaled(_narrowed(e.op("Div", centred, root), x, e), scale, e)
    if bias is not None:
        y = e.op("Add", y, bias)
    return (y, mean, e.op("Reciprocal", root))[: len(node.outputs)] if len(node.outputs) > 1 else (y,)


def _squared(x: ir.Value, e: Emitter) -> ir.Value:
    """By Pow: the form that ONNX Runtime fuses again."""
    return e.op("Pow", x, e.const(2, numpy_dtype(x)))


def _scaled(x: ir.Value, scale: ir.Value, e: Emitter) -> ir.Value:
    """x · scale; a scale of ones was only there because the operator wants one."""
    tensor = constant(scale)
    ones = tensor is not None and tensor.dtype == x.dtype and tensor.size <= _SMALL and bool((tensor.numpy() == 1).all())
    return x if ones else e.op("Mul", x, scale)


def _mean(x: ir.Value, axis: int, e: Emitter) -> ir.Value:
    axes = list(range(axis % rank(x), rank(x)))
    return e.op("ReduceMean", x, e.const(axes, np.int64)) if e.opset >= 18 else e.op("ReduceMean", x, axes=axes)


def _epsilon(node: ir.Node, like: ir.Value, e: Emitter) -> ir.Value:
    return e.const(attribute(node, "epsilon", 1e-5), numpy_dtype(like))


def _widened(x: ir.Value, e: Emitter) -> ir.Value:
    small = x.dtype in (ir.DataType.FLOAT16, ir.DataType.BFLOAT16)
    return e.op("Cast", x, to=ir.DataType.FLOAT.value) if small else x


def _narrowed(y: ir.Value, like: ir.Value, e: Emitter) -> ir.Value:
    return y if y.dtype == like.dtype or like.dtype is None else e.op("Cast", y, to=like.dtype.value)


@lowers(21, "GroupNormalization")
def group_normalization(node: ir.Node, e: Emitter) -> ir.Value:
    """(N, C, …): each group of channels as one instance, then a scale and bias for each channel."""
    x, scale, bias = needed(node, 0), needed(node, 1), needed(node, 2)
    groups = attribute(node, "num_groups")
    dtype = numpy_dtype(x)
    y = _by_group(node, x, e.const(np.ones(groups), dtype), e.const(np.zeros(groups), dtype), e)
    per_channel = e.const([-1] + [1] * (rank(x) - 2), np.int64)
    return e.op("Add", e.op("Mul", y, e.op("Reshape", scale, per_channel)), e.op("Reshape", bias, per_channel))


@lowers(18, "GroupNormalization")
def group_normalization_by_group(node: ir.Node, e: Emitter) -> ir.Value:
    """(N, C, …): each group of channels as one instance, with one scale and bias for each group, as 18 had it."""
    return _by_group(node, needed(node, 0), needed(node, 1), needed(node, 2), e)


@raises(21, "GroupNormalization")
def group_normalization_to_channels(node: ir.Node, e: Emitter) -> ir.Value:
    """Each group's scale and bias are repeated for its channels."""
    x = needed(node, 0)
    groups, channels = attribute(node, "num_groups"), sizes(x)[1]
    if channels is None:
        raise CannotConvertError("a dynamic number of channels")
    owner = e.const(np.repeat(np.arange(groups), channels // groups), np.int64)
    scale, bias = (e.op("Gather", needed(node, i), owner) for i in (1, 2))
    return e.op("GroupNormalization", x, scale, bias, num_groups=groups, epsilon=attribute(node, "epsilon", 1e-5))


def _by_group(node: ir.Node, x: ir.Value, scale: ir.Value, bias: ir.Value, e: Emitter) -> ir.Value:
    grouped = e.op("Reshape", x, e.const([0, attribute(node, "num_groups"), -1], np.int64))
    normal = e.op("InstanceNormalization", grouped, scale, bias, epsilon=attribute(node, "epsilon", 1e-5))
    return e.op("Reshape", normal, e.op("Shape", x))
