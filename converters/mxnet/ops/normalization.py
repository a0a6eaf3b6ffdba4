"""Normalisation by stored statistics, or by those of layers, groups and instances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import dtype_of, floats_only, number
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims

Three = tuple[Value, Value | None, Value | None]
"""The output, and two statistics if they are asked for."""


@dataclass(frozen=True, kw_only=True)
class ByChannel:
    """What every normalisation by stored statistics is set by."""

    eps: float = 1e-3
    momentum: float = 0.9
    fix_gamma: bool = True
    use_global_stats: bool = False
    output_mean_var: bool = False


@dataclass(frozen=True, kw_only=True)
class ByStatistics(ByChannel):
    """And one along any axis."""

    axis: int = 1
    min_calib_range: float | None = None
    max_calib_range: float | None = None


@op("BatchNorm", "CuDNNBatchNorm", "_npx_batch_norm")
def batch_norm(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    gamma: Value,
    beta: Value,
    moving_mean: Value,
    moving_var: Value,
    *,
    norm: ByStatistics,
) -> Three:
    """MXNet BatchNorm at inference: (x − mean) / sqrt(var + eps) · gamma + beta for each index of ``axis``.

    gamma is 1 if fix_gamma, whatever is stored. The statistics are the stored mean, and 1 / sqrt(var + eps). batch_norm.cc.
    """
    y = _by_stored(g, node, data, (gamma, beta, moving_mean, moving_var), norm, norm.axis)
    if not norm.output_mean_var:
        return y, None, None
    shifted = g.op("Add", moving_var, number(g, moving_var, norm.eps))
    return y, g.op("Identity", moving_mean), g.op("Reciprocal", g.op("Sqrt", shifted))


@op("_contrib_BatchNormWithReLU")
def batch_norm_with_relu(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    gamma: Value,
    beta: Value,
    moving_mean: Value,
    moving_var: Value,
    *,
    norm: ByStatistics,
) -> Three:
    """MXNet BatchNormWithReLU: max(BatchNorm, 0), which only oneDNN computes: of 4 axes, the second one. batch_norm_relu.cc."""
    g.require(node, data, ir.DataType.FLOAT)
    if g.rank(node, data) != 4 or norm.axis not in (1, -3):
        raise g.malformed(node, f"normalises axis 1 of 4, not {norm.axis} of {g.rank(node, data)}")
    y = _by_stored(g, node, data, (gamma, beta, moving_mean, moving_var), norm, norm.axis)
    return g.op("Relu", y), None, None


@op("BatchNorm_v1")
def batch_norm_v1(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    gamma: Value,
    beta: Value,
    moving_mean: Value,
    moving_var: Value,
    *,
    norm: ByChannel,
) -> tuple[Value, Value, Value]:
    """MXNet BatchNorm_v1, of 2 or 4 axes: BatchNorm whose statistics are the stored mean and variance. batch_norm_v1-inl.h."""
    g.require(node, data, ir.DataType.FLOAT)
    if g.rank(node, data) not in (2, 4):
        raise g.malformed(node, f"normalises 2 or 4 axes, its input has {g.rank(node, data)}")
    y = _by_stored(g, node, data, (gamma, beta, moving_mean, moving_var), norm, 1)
    return y, moving_mean, moving_var


@op("_contrib_SyncBatchNorm")
def sync_batch_norm(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    gamma: Value,
    beta: Value,
    moving_mean: Value,
    moving_var: Value,
    *,
    key: str,
    ndev: int = 1,
    norm: ByChannel,
) -> Three:
    """MXNet SyncBatchNorm: at inference BatchNorm of axis 1, its statistics not written. sync_batch_norm-inl.h."""
    g.require(node, data, ir.DataType.FLOAT)
    return _by_stored(g, node, data, (gamma, beta, moving_mean, moving_var), norm, 1), None, None


def _by_stored(
    g: SymbolBuilder, node: Node, data: Value, stored: tuple[Value, ...], norm: ByChannel, axis: int
) -> Value:
    floats_only(g, node, data)
    rank = g.rank(node, data)
    axis = g.axis(node, axis, rank)
    (gamma, *others), eps = stored, norm.eps
    if norm.fix_gamma:
        count = dims(gamma)[0] if gamma.shape is not None else None
        size = count if isinstance(count, int) else g.sizes(node, data, (axis,), "each index has a gamma")[0]
        gamma = g.const(np.ones(size, dtype_of(gamma).numpy()), name=f"{node.name}/ones")
    if axis == 1:
        return g.op("BatchNormalization", data, gamma, *others, epsilon=eps)
    if rank == 1:
        row = g.op("BatchNormalization", g.op("Unsqueeze", data, g.const([0])), gamma, *others, epsilon=eps)
        return g.op("Squeeze", row, g.const([0]))
    order = [i for i in range(rank) if i != axis]
    order.insert(1, axis)
    y = g.op("BatchNormalization", g.op("Transpose", data, perm=order), gamma, *others, epsilon=eps)
    return g.op("Transpose", y, perm=np.argsort(order).tolist())


@op("LayerNorm", "_npx_layer_norm")
def layer_norm(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    gamma: Value,
    beta: Value,
    *,
    axis: int = -1,
    eps: float = 1e-5,
    output_mean_var: bool = False,
) -> Three:
    """MXNet LayerNorm: (x − mean) / sqrt(var + eps) · gamma + beta along ``axis``; mean and sqrt(var + eps) with that axis 1.

    layer_norm-inl.h.
    """
    floats_only(g, node, data)
    rank = g.rank(node, data)
    axis = g.axis(node, axis, rank)
    if axis == rank - 1:
        y = g.op("LayerNormalization", data, gamma, beta, axis=-1, epsilon=eps)
    else:
        order = [*(i for i in range(rank) if i != axis), axis]
        y = g.op("LayerNormalization", g.op("Transpose", data, perm=order), gamma, beta, axis=-1, epsilon=eps)
        y = g.op("Transpose", y, perm=np.argsort(order).tolist())
    return (y, *_statistics(g, data, axis, eps, keep=True)) if output_mean_var else (y, None, None)


@op("GroupNorm")
def group_norm(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    gamma: Value,
    beta: Value,
    *,
    num_groups: int = 1,
    eps: float = 1e-5,
    output_mean_var: bool = False,
) -> Three:
    """MXNet GroupNorm: (N, C, *S), C / num_groups channels normalised together; gamma and beta are one number for each group.

    The statistics are mean and sqrt(var + eps), (N, num_groups). group_norm-inl.h.
    """
    floats_only(g, node, data)
    if g.rank(node, data) < 3:
        raise g.malformed(node, "normalises 3 axes or more")
    channels = dims(data)[1]
    if num_groups < 1 or (isinstance(channels, int) and channels % num_groups):
        raise g.malformed(node, f"{channels} channels can't be {num_groups} groups")
    grouped = g.op("Reshape", data, g.const([0, num_groups, -1]))
    y = g.reshape_like(g.single("InstanceNormalization", grouped, gamma, beta, epsilon=eps), data)
    return (y, *_statistics(g, grouped, 2, eps, keep=False)) if output_mean_var else (y, None, None)


@op("InstanceNorm")
def instance_norm(g: SymbolBuilder, node: Node, data: Value, gamma: Value, beta: Value, *, eps: float = 1e-3) -> Value:
    """MXNet InstanceNorm: (N, C, *S), each channel of each sample normalised, times gamma (C) plus beta (C). instance_norm-inl.h."""
    g.require(node, data, ir.DataType.FLOAT)
    if g.rank(node, data) < 3:
        raise g.malformed(node, "normalises 3 axes or more")
    return g.op("InstanceNormalization", data, gamma, beta, epsilon=eps)


def _statistics(g: SymbolBuilder, x: Value, axis: int, eps: float, *, keep: bool) -> tuple[Value, Value]:
    """Mean and sqrt(var + eps) along an axis."""
    axes = g.const([axis])
    centred = g.op("Sub", x, g.op("ReduceMean", x, axes))
    variance = g.op("ReduceMean", g.op("Mul", centred, centred), axes, keepdims=int(keep))
    return g.op("ReduceMean", x, axes, keepdims=int(keep)), g.op("Sqrt", g.op("Add", variance, number(g, x, eps)))


@op("LRN")
def lrn(
    g: SymbolBuilder, node: Node, data: Value, *, nsize: int, alpha: float = 1e-4, beta: float = 0.75, knorm: float = 2.0
) -> Value:
    """MXNet LRN: (N, C, H, W) or (N, C) → x (knorm + alpha / nsize · Σ x²)^−beta, Σ over ⌊(nsize − 1) / 2⌋ channels on either side.

    lrn.cc, oneDNN's lrn.
    """
    g.require(node, data, ir.DataType.FLOAT)
    rank = g.rank(node, data)
    if rank not in (2, 4) or nsize < 1:
        raise g.malformed(node, f"normalises (N, C) or (N, C, H, W), not {rank} axes, over {nsize} channels")
    if alpha == 0 or beta == 0:
        return g.op("Mul", data, number(g, data, knorm**-beta))
    if alpha < 0 or beta < 0:
        raise g.unsupported(node, f"has alpha {alpha} and beta {beta}, which runtimes don't take")
    size = 2 * ((nsize - 1) // 2) + 1
    image = data if rank == 4 else g.op("Unsqueeze", data, g.const([2, 3]))
    y = g.op("LRN", image, size=size, alpha=alpha * size / nsize, beta=beta, bias=knorm)
    return y if rank == 4 else g.op("Squeeze", y, g.const([2, 3]))
