"""Normalisation layers, written out where an opset lacks them."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.dimensions import counted, over, size, vector
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
from dragoman.graph_ir.passes.editing import constant

_FLOAT = ir.DataType.FLOAT

_SMALL = 1 << 16
"""Elements of a scale that is looked at."""


@lowers(23, "RMSNormalization")
def rms_normalization(node: ir.Node, e: Emitter) -> ir.Value:
    """x / sqrt(mean(x²) + epsilon) · scale, over the axes from ``axis`` on, the mean in float32 at least; y has scale's type."""
    x, scale = needed(node, 0), needed(node, 1)
    wide = _widened(node, x, e)
    square = _mean(_squared(wide, e), attribute(node, "axis", -1), e)
    root = e.op("Sqrt", e.op("Add", square, _epsilon(node, wide, e)))
    normal = _cast(e.op("Div", wide, root), x.dtype, e)
    return _scaled(_cast(normal, scale.dtype, e), scale, e)


@lowers(17, "LayerNormalization")
def layer_normalization(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """(x − mean) / sqrt(var + epsilon) · scale + bias, over the axes from ``axis`` on, the statistics in float32 at least."""
    x, scale, bias = needed(node, 0), needed(node, 1), input_at(node, 2)
    wide = _widened(node, x, e)
    axis = attribute(node, "axis", -1)
    mean = _mean(wide, axis, e)
    centred = e.op("Sub", wide, mean)
    variance = _mean(_squared(centred, e), axis, e)
    root = e.op("Sqrt", e.op("Add", variance, _epsilon(node, wide, e)))
    y = _scaled(_cast(e.op("Div", centred, root), x.dtype, e), scale, e)
    if bias is not None:
        y = e.op("Add", y, bias)
    results = [y, mean] if len(node.outputs) < 3 else [y, mean, e.op("Reciprocal", root)]
    return (y, *(_cast(value, _FLOAT, e) for value in results[1 : len(node.outputs)]))


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


def _widened(node: ir.Node, x: ir.Value, e: Emitter) -> ir.Value:
    """In float32, unless it is wider already: ``stash_type`` says float32, and ONNX Runtime has doubles all the same."""
    if attribute(node, "stash_type", _FLOAT.value) != _FLOAT.value:
        raise CannotConvertError(f"its stash_type {attribute(node, 'stash_type')}")
    return e.op("Cast", x, to=_FLOAT.value) if x.dtype in (ir.DataType.FLOAT16, ir.DataType.BFLOAT16) else x


def _cast(x: ir.Value, dtype: ir.DataType | None, e: Emitter) -> ir.Value:
    return x if dtype is None or x.dtype == dtype else e.op("Cast", x, to=dtype.value)


@lowers(21, "GroupNormalization")
def group_normalization(node: ir.Node, e: Emitter) -> ir.Value:
    """(N, C, …): each group of channels as one instance, in float32, then a scale and bias for each channel."""
    x, scale, bias = needed(node, 0), needed(node, 1), needed(node, 2)
    groups = attribute(node, "num_groups")
    wide = _cast(_widened(node, x, e), _FLOAT, e)
    one, zero = (e.const(np.full(groups, value), np.float32) for value in (1, 0))
    y = _cast(_by_group(node, wide, one, zero, e), x.dtype, e)
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
    groups, channels = attribute(node, "num_groups"), size(x, 1, e)
    if groups < 1:
        raise CannotConvertError(f"its num_groups {groups}")
    if isinstance(channels, int):
        owner = e.const(np.repeat(np.arange(groups), channels // groups), np.int64)
    else:
        owner = e.op("Div", counted(channels, e), vector(e, over(channels, groups, e)))
    scale, bias = (e.op("Gather", needed(node, i), owner) for i in (1, 2))
    return e.op("GroupNormalization", x, scale, bias, num_groups=groups, epsilon=attribute(node, "epsilon", 1e-5))


def _by_group(node: ir.Node, x: ir.Value, scale: ir.Value, bias: ir.Value, e: Emitter) -> ir.Value:
    grouped = e.op("Reshape", x, e.const([0, attribute(node, "num_groups"), -1], np.int64))
    normal = e.op("InstanceNormalization", grouped, scale, bias, epsilon=attribute(node, "epsilon", 1e-5))
    return e.op("Reshape", normal, e.op("Shape", x))
