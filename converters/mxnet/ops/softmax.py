"""Softmax and its relatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import Function, cast, dtype_of, floats_only, number, same_type
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


def _tempered(g: SymbolBuilder, node: Node, data: Value, temperature: float | None) -> Value:
    """``data`` divided by the temperature."""
    floats_only(g, node, data)
    if temperature in (None, 1.0):
        return data
    return g.op("Div", data, number(g, data, temperature))


@dataclass(frozen=True, kw_only=True)
class Along:
    """What every softmax is set by."""

    axis: int = -1
    temperature: float | None = None
    dtype: DataType | None = None
    use_length: bool | None = False


@op("softmax")
def softmax(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    length: Value | None = None,
    *,
    along: Along,
) -> Value:
    """e^(x / t) / Σ e^(x / t) along ``axis``; only the first ``length`` (data's shape without axis) count, the others are 0.

    nn/softmax-inl.h.
    """
    if bool(along.use_length) != (length is not None):
        raise g.malformed(node, f"has use_length {along.use_length} and {'no' if length is None else 'a'} length")
    axis = g.axis(node, along.axis, g.rank(node, data))
    x = _tempered(g, node, data, along.temperature)
    if length is None:
        return _as(g, g.op("Softmax", x, axis=axis), along.dtype)
    inside = _inside(g, node, data, length, axis)
    y = g.op("Softmax", g.op("Where", inside, x, number(g, x, -np.inf)), axis=axis)
    return _as(g, g.op("Where", inside, y, number(g, y, 0)), along.dtype)


@op("softmin")
def softmin(g: SymbolBuilder, node: Node, data: Value, *, along: Along) -> Value:
    """e^(−x / t) / Σ e^(−x / t) along ``axis``. nn/softmax-inl.h."""
    axis = g.axis(node, along.axis, g.rank(node, data))
    return _as(g, g.op("Softmax", g.op("Neg", _tempered(g, node, data, along.temperature)), axis=axis), along.dtype)


@op("log_softmax")
def log_softmax(g: SymbolBuilder, node: Node, data: Value, *, along: Along) -> Value:
    """x / t − ln Σ e^(x / t) along ``axis``. nn/softmax-inl.h."""
    axis = g.axis(node, along.axis, g.rank(node, data))
    return _as(g, g.op("LogSoftmax", _tempered(g, node, data, along.temperature), axis=axis), along.dtype)


def _as(g: SymbolBuilder, y: Value, dtype: DataType | None) -> Value:
    return y if dtype is None else cast(g, y, dtype)


def _inside(g: SymbolBuilder, node: Node, data: Value, length: Value, axis: int) -> Value:
    """Which places along ``axis`` come before the length."""
    if dtype_of(length) not in (DataType.INT32, DataType.INT64):
        raise g.malformed(node, f"its length must be of integers, it is {dtype_of(length)}")
    rank = g.rank(node, data)
    if g.rank(node, length) != rank - 1:
        raise g.malformed(node, f"its length has {g.rank(node, length)} axes, it takes {rank - 1}")
    size = g.op("Squeeze", g.dim(data, axis))
    places = g.op("Range", g.const(np.int64(0)), size, g.const(np.int64(1)))
    if axis != rank - 1:
        places = g.op("Unsqueeze", places, g.const(list(range(1, rank - axis))))
    return g.op("Less", places, g.op("Unsqueeze", cast(g, length, DataType.INT64), g.const([axis])))


@op("SoftmaxActivation")
def softmax_activation(
    g: SymbolBuilder, node: Node, data: Value, *, mode: Literal["instance", "channel"] = "instance"
) -> Value:
    """Softmax along the last axis, or along axis 1 (mode channel). nn/softmax_activation-inl.h."""
    if dtype_of(data) != DataType.FLOAT:
        raise g.malformed(node, f"takes float32, its input is {dtype_of(data)}")
    if mode == "channel" and g.rank(node, data) < 3:
        raise g.malformed(node, f"mode channel takes 3 axes or more, its input has {g.rank(node, data)}")
    return g.op("Softmax", data, axis=1 if mode == "channel" else -1)


@op("SoftmaxOutput")
def softmax_output(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    grad_scale: float = 1.0,
    ignore_label: float = -1.0,
    multi_output: bool = False,
    use_ignore: bool = False,
    preserve_shape: bool = False,
    normalization: Literal["null", "batch", "valid"] = "null",
    out_grad: bool = False,
    smooth_alpha: float = 0.0,
) -> Value:
    """The softmax of its loss: along axis 1 (multi_output), the last (preserve_shape), or over all axes but the first.

    One axis and four of float32 are oneDNN's, which takes the last. The label is for training. softmax_output-inl.h.
    """
    floats_only(g, node, data)
    rank = g.rank(node, data)
    if multi_output:
        return g.op("Softmax", data, axis=g.axis(node, 1, rank))
    if preserve_shape or rank == 2 or (rank in (1, 4) and dtype_of(data) == DataType.FLOAT):
        return g.op("Softmax", data, axis=g.axis(node, -1, rank))
    return g.reshape_like(g.op("Softmax", g.op("Flatten", data), axis=-1), data)


@op("softmax_cross_entropy")
def softmax_cross_entropy(g: SymbolBuilder, node: Node, data: Value, label: Value) -> Value:
    """data (N, C), label (N) of classes → (1): −Σ ln max(softmax(data)[label], 1e−8). loss_binary_op-inl.h."""
    floats_only(g, node, data)
    same_type(g, node, data, label)
    if g.rank(node, data) != 2 or g.rank(node, label) != 1:
        raise g.malformed(node, f"takes (N, C) and (N), it has {list(dims(data))} and {list(dims(label))}")
    chosen = g.op("Unsqueeze", cast(g, label, DataType.INT64), g.const([1]))

    def formula(g: SymbolBuilder, x: Value) -> Value:
        picked = g.op("GatherElements", g.op("LogSoftmax", x, axis=1), chosen, axis=1)
        floored = g.op("Max", picked, number(g, x, np.log(1e-8)))
        return g.op("Neg", g.op("ReduceSum", floored, g.const([0, 1]), keepdims=0))

    return g.reshape(Function(formula)(g, data), (1,))
