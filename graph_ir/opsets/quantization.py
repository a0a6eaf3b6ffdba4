"""Quantisation: y = saturate(round(x / scale) + zero point) and x = (y − zero point) · scale, per tensor, axis or block."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, whole
from dragoman.graph_ir.opsets.operators import cast, unsqueeze
from dragoman.graph_ir.opsets.step import (
    CannotConvertError,
    Emitter,
    TooLittleKnownError,
    attribute,
    dtype_of,
    input_at,
    lowers,
    needed,
    rank,
    sizes,
)

_FLOAT = ir.DataType.FLOAT
_WRITTEN_OUT = frozenset({ir.DataType.INT16, ir.DataType.UINT16})
"""The quantised types that only newer opsets have, and whose values an older Cast makes."""


def _quantised_type(node: ir.Node) -> ir.DataType:
    zero_point = input_at(node, 2)
    if zero_point is not None:
        return dtype_of(zero_point)
    return ir.DataType(attribute(node, "output_dtype", 0) or ir.DataType.UINT8.value)


@lowers(23, "QuantizeLinear")
def division_of_one_type(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 23 x and its scale had one type: that of the division, which ``precision`` says, else the scale."""
    x, scale = needed(node, 0), needed(node, 1)
    precision = attribute(node, "precision", 0)
    node.attributes.pop("precision", None)
    if not precision and x.dtype == scale.dtype:
        return None
    via = ir.DataType(precision or dtype_of(scale).value)
    return e.op("QuantizeLinear", cast(e, x, via), cast(e, scale, via), input_at(node, 2), **node.attributes)


@lowers(21, "QuantizeLinear")
def quantise_to_16_bits_and_in_blocks(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 21 there were 8 bits, without blocks, of the zero point's type: the others are written out."""
    x, scale, zero_point = needed(node, 0), needed(node, 1), input_at(node, 2)
    dtype, block, axis = _quantised_type(node), attribute(node, "block_size", 0), attribute(node, "axis", 1)
    if block or dtype in _WRITTEN_OUT:
        return _quantise(e, x, scale, zero_point, dtype, axis, block)
    for name in ("block_size", "output_dtype"):
        node.attributes.pop(name, None)
    if zero_point is not None or dtype == ir.DataType.UINT8:
        return None
    size = sizes(scale)
    if None in size:
        raise TooLittleKnownError(f"{dtype.name} takes a zero point, and the size of its scale isn't known")
    return e.op("QuantizeLinear", x, scale, e.const(np.zeros(size), dtype.numpy()), **node.attributes)


@lowers(19, "QuantizeLinear")
def quantise_float32(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 19 scales were float32, and ``saturate`` is about the float8 types, which came with it."""
    x, scale = needed(node, 0), needed(node, 1)
    if (dtype := _quantised_type(node)).is_floating_point():
        raise CannotConvertError(f"a quantisation to {dtype.name}")
    node.attributes.pop("saturate", None)
    if x.dtype == scale.dtype == _FLOAT:
        return None
    return e.op("QuantizeLinear", cast(e, x, _FLOAT), cast(e, scale, _FLOAT), input_at(node, 2), **node.attributes)


@lowers(13, "QuantizeLinear")
def quantise_per_axis(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 13 there was one scale: several are written out."""
    x, scale = needed(node, 0), needed(node, 1)
    if sizes(scale) in ((), (1,)):
        node.attributes.pop("axis", None)
        return None
    return _quantise(e, x, scale, input_at(node, 2), _quantised_type(node), attribute(node, "axis", 1), 0)


def _quantise(
    e: Emitter, x: ir.Value, scale: ir.Value, zero_point: ir.Value | None, dtype: ir.DataType, axis: int, block: int
) -> ir.Value:
    divided = e.op("Round", e.op("Div", cast(e, x, dtype_of(scale)), _spread(e, scale, x, axis, block)))
    moved = cast(e, divided, _FLOAT)
    if zero_point is not None:
        moved = e.op("Add", moved, _spread(e, cast(e, zero_point, _FLOAT), x, axis, block))
    ends = np.iinfo(dtype.numpy())
    return cast(e, e.op("Clip", moved, e.const(ends.min, np.float32), e.const(ends.max, np.float32)), dtype)


@lowers(23, "DequantizeLinear")
def output_of_the_scales_type(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 23 the result, and the product, had the scale's type."""
    scale, given = needed(node, 1), attribute(node, "output_dtype", 0)
    node.attributes.pop("output_dtype", None)
    if not given or given == scale.dtype:
        return None
    to = cast(e, scale, ir.DataType(given))
    return e.op("DequantizeLinear", needed(node, 0), to, input_at(node, 2), **node.attributes)


@lowers(21, "DequantizeLinear")
def dequantise_16_bits_and_blocks(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 21 there were 8 and 32 bits, without blocks: the others are written out."""
    block = attribute(node, "block_size", 0)
    if block or needed(node, 0).dtype in _WRITTEN_OUT:
        return _dequantise(node, e, block)
    node.attributes.pop("block_size", None)
    return None


@lowers(19, "DequantizeLinear")
def dequantise_to_float32(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 19 scales and results were float32."""
    x, scale = needed(node, 0), needed(node, 1)
    if dtype_of(x).is_floating_point():
        raise CannotConvertError(f"a quantisation to {dtype_of(x).name}")
    if scale.dtype == _FLOAT:
        return None
    result = e.op("DequantizeLinear", x, cast(e, scale, _FLOAT), input_at(node, 2), **node.attributes)
    return cast(e, result, dtype_of(scale))


@lowers(13, "DequantizeLinear")
def dequantise_per_axis(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 13 there was one scale: several are written out."""
    if sizes(needed(node, 1)) in ((), (1,)):
        node.attributes.pop("axis", None)
        return None
    return _dequantise(node, e, 0)


def _dequantise(node: ir.Node, e: Emitter, block: int) -> ir.Value:
    """In float32, as ONNX Runtime does also for 16-bit scales."""
    x, scale, zero_point = needed(node, 0), needed(node, 1), input_at(node, 2)
    axis = attribute(node, "axis", 1)
    value = cast(e, x, _FLOAT) if dtype_of(x).is_floating_point() else cast(e, x, ir.DataType.INT32)
    if zero_point is not None:
        value = e.op("Sub", value, _spread(e, cast(e, zero_point, dtype_of(value)), x, axis, block))
    product = e.op("Mul", cast(e, value, _FLOAT), _spread(e, cast(e, scale, _FLOAT), x, axis, block))
    return cast(e, product, dtype_of(scale))


def _spread(e: Emitter, v: ir.Value, x: ir.Value, axis: int, block: int) -> ir.Value:
    """A scale or zero point as it meets ``x``: (n) at its axis; of blocks each repeated ``block`` times, up to the axis' end."""
    n = Arithmetic(e)
    if not block:
        if rank(v) == 0 or rank(x) == 1:
            return v
        return n.value(n.along(n.of(v), axis % rank(x), rank(x)))
    axis %= rank(x)
    parts = [1] * (rank(x) + 1)
    parts[axis + 1] = block
    repeated = e.op("Expand", unsqueeze(e, v, [axis + 1]), e.vector(*parts))
    size = [n.size(v, i) if i != axis else whole(-1) for i in range(rank(v))]
    return n.crop(e.op("Reshape", repeated, n.shape(*size)), axis, whole(0), n.size(x, axis))


@lowers(21, "QLinearMatMul")
def scales_of_float32(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 21 scales were float32."""
    scales = (1, 4, 6)
    if all(needed(node, i).dtype == _FLOAT for i in scales):
        return None
    inputs = [needed(node, i) for i in range(8)]
    return e.op("QLinearMatMul", *(cast(e, v, _FLOAT) if i in scales else v for i, v in enumerate(inputs)))
