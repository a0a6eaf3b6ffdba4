"""Normalisation layers, written out where an opset lacks them."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, whole
from dragoman.graph_ir.opsets.operators import cast, flattened, mean_over, unsqueeze
from dragoman.graph_ir.opsets.precision import HALVES
from dragoman.graph_ir.opsets.step import (
    CannotConvertError,
    Emitter,
    attribute,
    dtype_of,
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
    square = mean_over(e, _squared(wide, e), _axes(node, x))
    root = e.op("Sqrt", e.op("Add", square, _epsilon(node, wide, e)))
    normal = cast(e, e.op("Div", wide, root), dtype_of(x))
    return _scaled(cast(e, normal, dtype_of(scale)), scale, e)


@lowers(17, "LayerNormalization")
def layer_normalization(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """(x − mean) / sqrt(var + epsilon) · scale + bias, over the axes from ``axis`` on, the statistics in float32 at least."""
    x, scale, bias = needed(node, 0), needed(node, 1), input_at(node, 2)
    wide = _widened(node, x, e)
    axes = _axes(node, x)
    mean = mean_over(e, wide, axes)
    centred = e.op("Sub", wide, mean)
    variance = mean_over(e, _squared(centred, e), axes)
    root = e.op("Sqrt", e.op("Add", variance, _epsilon(node, wide, e)))
    y = _scaled(cast(e, e.op("Div", centred, root), dtype_of(x)), scale, e)
    if bias is not None:
        y = e.op("Add", y, bias)
    results = [y, mean] if len(node.outputs) < 3 else [y, mean, e.op("Reciprocal", root)]
    return (y, *(cast(e, value, _FLOAT) for value in results[1 : len(node.outputs)]))


def _squared(x: ir.Value, e: Emitter) -> ir.Value:
    """By Pow: the form that ONNX Runtime fuses again."""
    return e.op("Pow", x, e.const(2, numpy_dtype(x)))


def _scaled(x: ir.Value, scale: ir.Value, e: Emitter) -> ir.Value:
    """x · scale; a scale of ones was only there because the operator wants one."""
    tensor = constant(scale)
    ones = tensor is not None and tensor.dtype == x.dtype and tensor.size <= _SMALL and bool((tensor.numpy() == 1).all())
    return x if ones else e.op("Mul", x, scale)


def _axes(node: ir.Node, x: ir.Value) -> range:
    return range(attribute(node, "axis", -1) % rank(x), rank(x))


def _epsilon(node: ir.Node, like: ir.Value, e: Emitter) -> ir.Value:
    return e.const(attribute(node, "epsilon", 1e-5), numpy_dtype(like))


def _widened(node: ir.Node, x: ir.Value, e: Emitter) -> ir.Value:
    """In float32, unless it is wider already: ``stash_type`` says float32, and ONNX Runtime has doubles all the same."""
    if attribute(node, "stash_type", _FLOAT.value) != _FLOAT.value:
        raise CannotConvertError(f"stash_type = {attribute(node, 'stash_type')}")
    return cast(e, x, HALVES.get(dtype_of(x), dtype_of(x)))


@lowers(21, "GroupNormalization")
def group_normalization(node: ir.Node, e: Emitter) -> ir.Value:
    """(N, C, …): each group of channels as one instance, in float32, then a scale and bias for each channel."""
    x, scale, bias = needed(node, 0), needed(node, 1), needed(node, 2)
    groups = attribute(node, "num_groups")
    wide = cast(e, _widened(node, x, e), _FLOAT)
    one, zero = (e.const(np.full(groups, value), np.float32) for value in (1, 0))
    y = cast(e, _by_group(node, wide, one, zero, e), dtype_of(x))
    per_channel = e.vector(-1, *[1] * (rank(x) - 2))
    return e.op("Add", e.op("Mul", y, e.op("Reshape", scale, per_channel)), e.op("Reshape", bias, per_channel))


@lowers(18, "GroupNormalization")
def group_normalization_by_group(node: ir.Node, e: Emitter) -> ir.Value:
    """(N, C, …): each group of channels as one instance, with one scale and bias for each group, as 18 had it."""
    return _by_group(node, needed(node, 0), needed(node, 1), needed(node, 2), e)


@raises(21, "GroupNormalization")
def group_normalization_to_channels(node: ir.Node, e: Emitter) -> ir.Value:
    """Each group's scale and bias are repeated for its channels."""
    x = needed(node, 0)
    groups = attribute(node, "num_groups")
    if groups < 1:
        raise CannotConvertError(f"num_groups = {groups}")
    n = Arithmetic(e)
    together = n.shape(whole(groups), n.div(n.size(x, 1), whole(groups)))
    repeated = (e.op("Expand", unsqueeze(e, needed(node, i), [1]), together) for i in (1, 2))
    scale, bias = (flattened(e, value) for value in repeated)
    return e.op("GroupNormalization", x, scale, bias, num_groups=groups, epsilon=attribute(node, "epsilon", 1e-5))


def _by_group(node: ir.Node, x: ir.Value, scale: ir.Value, bias: ir.Value, e: Emitter) -> ir.Value:
    grouped = e.op("Reshape", x, e.vector(0, attribute(node, "num_groups"), -1))
    normal = e.op("InstanceNormalization", grouped, scale, bias, epsilon=attribute(node, "epsilon", 1e-5))
    return e.op("Reshape", normal, e.op("Shape", x))
