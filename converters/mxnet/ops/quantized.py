"""Layers of quantised numbers: int8 and uint8 in, int32 or int8 out, with the range that their result stands for."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.mxnet.ops.conv import Convolving
from dragoman.converters.mxnet.ops.normalization import ByStatistics
from dragoman.converters.mxnet.ops.pooling import Windowing, pooling
from dragoman.converters.mxnet.ops.quantization import INT32, LAST, STEPS, Triple, calibrated, magnitude, rounded, steps_of
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op
from dragoman.graph_ir import dims


@op("_contrib_quantized_fully_connected", "_npx_quantized_fully_connected")
def quantized_fully_connected(
    g: SymbolBuilder, node: Node, *inputs: Value, num_hidden: int, no_bias: bool = False, flatten: bool = True
) -> Triple:
    """MXNet quantized_fully_connected: int8 or uint8 (N, *F), int8 weight and bias, and the range of each → int32 (N, num_hidden).

    The bias is brought to the product's steps, its fraction dropped. mkldnn_quantized_fully_connected.cc.
    """
    data, weight, bias, ranges = _layer(g, node, inputs, no_bias)
    flat = g.op("Flatten", data) if flatten and len(dims(data)) != 2 else data
    product = g.op("MatMulInteger", *_unsigned(g, flat, g.op("Transpose", weight, perm=[1, 0])))
    if bias is not None:
        steps = [g.op("Div", steps_of(g, node, x), magnitude(g, *r)) for x, r in zip((data, weight), ranges[:2], strict=True)]
        scale = g.op("Div", g.op("Mul", g.op("Mul", *steps), magnitude(g, *ranges[2])), g.const(STEPS[ir.DataType.INT8]))
        scaled = g.op("Mul", g.op("Cast", bias, to=ir.DataType.FLOAT), scale)
        product = g.op("Add", product, g.op("Cast", scaled, to=ir.DataType.INT32))
    return product, *_product_range(g, data.dtype, ranges)


@dataclass(frozen=True, kw_only=True)
class QuantizedConvolving(Convolving):
    """What a quantised convolution is set by."""

    layout: Literal["None", "NCHW", "NCDHW"] = "None"


@op("_contrib_quantized_conv", "_npx_quantized_conv")
def quantized_conv(
    g: SymbolBuilder,
    node: Node,
    *inputs: Value,
    conv: QuantizedConvolving,
) -> Triple:
    """MXNet quantized_conv: uint8 (N, C, *S), int8 weight and bias, and the range of each → int32 (N, num_filter, *S').

    The bias is added as it is, and the range takes the data for int8, both as MXNet has it. mkldnn_quantized_conv.cc.
    """
    kernel, (stride, dilate, pad) = conv.kernel, conv.geometry()
    data, weight, bias, ranges = _layer(g, node, inputs, conv.no_bias)
    if data.dtype != ir.DataType.UINT8 or conv.num_group != 1 or len(kernel) not in (2, 3):
        given = f"{data.dtype}, {len(kernel)} and {conv.num_group}"
        raise g.malformed(node, f"takes uint8 of 2 or 3 spatial axes in one group, not {given}")
    result = g.op(
        "ConvInteger",
        *_unsigned(g, data, weight),
        kernel_shape=list(kernel),
        strides=list(stride),
        dilations=list(dilate),
        pads=[*pad, *pad],
    )
    if bias is not None:
        column = g.op("Reshape", g.op("Cast", bias, to=ir.DataType.INT32), g.const([1, -1, *[1] * len(kernel)]))
        result = g.op("Add", result, column)
    return result, *_product_range(g, ir.DataType.INT8, ranges)


def _layer(
    g: SymbolBuilder, node: Node, inputs: tuple[Value, ...], no_bias: bool
) -> tuple[Value, Value, Value | None, list[tuple[Value, Value]]]:
    """Data, weight and bias, and the range of each."""
    count = 2 if no_bias else 3
    if len(inputs) != 3 * count:
        raise g.malformed(node, f"has {len(inputs)} inputs, takes {3 * count}")
    ends = inputs[count:]
    ranges = [(ends[i], ends[i + 1]) for i in range(0, len(ends), 2)]
    data, weight = inputs[:2]
    if data.dtype not in STEPS or weight.dtype != ir.DataType.INT8:
        raise g.malformed(node, f"takes int8 or uint8, and int8 weights, not {data.dtype} and {weight.dtype}")
    return data, weight, None if no_bias else inputs[2], ranges


def _unsigned(g: SymbolBuilder, *values: Value) -> tuple[Value, ...]:
    """The values as uint8, then the zero of each: on processors without VNNI products with int8 may be cut off at 16 bits."""
    def moved(value: Value) -> Value:
        wide = g.op("Add", g.op("Cast", value, to=ir.DataType.INT32), g.const(np.int32(128)))
        return g.op("Cast", wide, to=ir.DataType.UINT8)

    signed = [value.dtype == ir.DataType.INT8 for value in values]
    unsigned = [moved(value) if is_signed else value for value, is_signed in zip(values, signed, strict=True)]
    return *unsigned, *(g.const(np.uint8(128 if is_signed else 0)) for is_signed in signed)


def _product_range(g: SymbolBuilder, dtype: ir.DataType | None, ranges: list[tuple[Value, Value]]) -> tuple[Value, Value]:
    """What the ends of int32 stand for in a product: quantization_utils.h, QuantizationRangeForMultiplication."""
    level = g.op("Div", magnitude(g, *ranges[0]), g.const(LAST[dtype or ir.DataType.INT8]))
    weight = g.op("Div", magnitude(g, *ranges[1]), g.const(LAST[ir.DataType.INT8]))
    high = g.op("Mul", g.op("Mul", level, weight), g.const(INT32))
    return g.op("Neg", high), high


@dataclass(frozen=True, kw_only=True)
class QuantizedWindowing(Windowing):
    """What quantised pooling is set by."""

    pool_type: Literal["max", "avg"] = "max"


@op("_contrib_quantized_pooling", "_npx_quantized_pooling")
def quantized_pooling(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    min_data: Value,
    max_data: Value,
    *,
    pool: QuantizedWindowing,
) -> Triple:
    """MXNet quantized_pooling: Pooling of int8 or uint8, means rounded; the range as it was.

    Unless padding isn't counted, a mean divides by the whole kernel, also where the last window of convention ``full`` overhangs.
    mkldnn_quantized_pooling.cc.
    """
    steps_of(g, node, data)
    whole = pool.pool_type == "avg" and pool.count_include_pad is not False and not pool.global_pool
    numbers = g.op("Cast", data, to=ir.DataType.FLOAT)
    pooled = pooling(g, node, numbers, pool=Windowing(**{**vars(pool), "pool_type": "sum"}) if whole else pool)
    pooled = g.op("Div", pooled, g.const(float(prod(pool.kernel)))) if whole else pooled
    return rounded(g, pooled, data.dtype or ir.DataType.INT8), min_data, max_data


@op("_contrib_quantized_flatten")
def quantized_flatten(g: SymbolBuilder, node: Node, data: Value, min_data: Value, max_data: Value) -> Triple:
    """MXNet quantized_flatten: (N, *S) → (N, ∏S), the range as it was. quantized_flatten-inl.h."""
    return g.op("Flatten", data), min_data, max_data


@op("_contrib_quantized_act", "_npx_quantized_act")
def quantized_act(g: SymbolBuilder, node: Node, data: Value, min_data: Value, max_data: Value, *, act_type: Literal["relu"]) -> Triple:
    """MXNet quantized_act: int8 → max(x, 0), the range as it was; uint8 is given out as the int8 of the same bits.
    quantized_activation.cc.
    """
    if data.dtype == ir.DataType.UINT8:
        return g.op("Cast", data, to=ir.DataType.INT8), min_data, max_data
    return g.op("Max", data, g.const(np.int8(0))), min_data, max_data


@op("_contrib_quantized_embedding")
def quantized_embedding(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    weight: Value,
    min_weight: Value,
    max_weight: Value,
    *,
    input_dim: int,
    output_dim: int,
    dtype: str = "float32",
) -> Triple:
    """MXNet quantized_embedding: indices (…), int8 rows (input_dim, output_dim) → (…, output_dim), clipped to the rows there are; the
    range as it was. quantized_indexing_op.cc.
    """
    index = g.op("Clip", g.op("Cast", data, to=ir.DataType.INT64), g.const(0), g.const(input_dim - 1))
    return g.op("Gather", weight, index), min_weight, max_weight


@op("_contrib_quantized_concat")
def quantized_concat(g: SymbolBuilder, node: Node, *inputs: Value, num_args: int, dim: int = 1) -> Triple:
    """MXNet quantized_concat: tensors, then the range of each → one of the widest range, from 0 at most to 0 at least; int8 if one of
    them is. mkldnn_quantized_concat.cc.
    """
    if len(inputs) != 3 * num_args:
        raise g.malformed(node, f"has {len(inputs)} inputs, takes {3 * num_args}")
    data, ends = inputs[:num_args], inputs[num_args:]
    low = g.op("Min", *ends[::2], g.const([0.0]))
    high = g.op("Max", *ends[1::2], g.const([0.0]))
    dtype = ir.DataType.INT8 if any(x.dtype == ir.DataType.INT8 for x in data) else ir.DataType.UINT8
    scale = g.op("Div", g.const(STEPS[dtype]), magnitude(g, low, high))
    parts = []
    for x, *ends_of in zip(data, ends[::2], ends[1::2], strict=True):
        own = g.op("Div", steps_of(g, node, x), magnitude(g, *ends_of))
        parts.append(rounded(g, g.op("Mul", g.op("Cast", x, to=ir.DataType.FLOAT), g.op("Div", scale, own)), dtype))
    return g.op("Concat", *parts, axis=g.axis(node, dim, len(dims(data[0])))), low, high


@op("_contrib_quantized_elemwise_mul")
def quantized_elemwise_mul(
    g: SymbolBuilder,
    node: Node,
    lhs: Value,
    rhs: Value,
    lhs_min: Value,
    lhs_max: Value,
    rhs_min: Value,
    rhs_max: Value,
    *,
    min_calib_range: float | None = None,
    max_calib_range: float | None = None,
    enable_float_output: bool = False,
) -> tuple[Value, ...]:
    """MXNet quantized_elemwise_mul: int8, of equal shapes → the product as int32, as int8 of the calibrated range, its fraction
    dropped, or as float. quantized_elemwise_mul.cc.
    """
    if {lhs.dtype, rhs.dtype} != {ir.DataType.INT8} or dims(lhs) != dims(rhs):
        raise g.malformed(node, f"multiplies int8 of one shape, not {lhs.dtype} {list(dims(lhs))} and {rhs.dtype} {list(dims(rhs))}")
    product = g.op("Mul", *(g.op("Cast", x, to=ir.DataType.INT32) for x in (lhs, rhs)))
    known = None if enable_float_output else calibrated(min_calib_range, max_calib_range)
    ranges = [(lhs_min, lhs_max), (rhs_min, rhs_max)]
    if known is None and not enable_float_output:
        return product, *_product_range(g, ir.DataType.INT8, ranges)
    steps = [g.op("Div", steps_of(g, node, x), magnitude(g, *r)) for x, r in zip((lhs, rhs), ranges, strict=True)]
    first = g.const(1.0 if known is None else np.float32(STEPS[ir.DataType.INT8]) / np.float32(known.most))
    scaled = g.op("Mul", g.op("Cast", product, to=ir.DataType.FLOAT), g.op("Div", g.op("Div", first, steps[0]), steps[1]))
    if known is None:
        return (scaled,)
    whole = g.op("Cast", g.op("Cast", scaled, to=ir.DataType.INT32), to=ir.DataType.INT8)
    return whole, *known.ends(g)


@op("_contrib_quantized_elemwise_add", "_npx_quantized_elemwise_add")
def quantized_elemwise_add(
    g: SymbolBuilder,
    node: Node,
    lhs: Value,
    rhs: Value,
    lhs_min: Value,
    lhs_max: Value,
    rhs_min: Value,
    rhs_max: Value,
    *,
    min_calib_range: float | None = None,
    max_calib_range: float | None = None,
) -> Triple:
    """MXNet quantized_elemwise_add: int8 or uint8 → their sum as int8 of the calibrated range (uint8 if both are), or as int32 of the
    sum of their magnitudes. Of one of each kind, the uint8 is rounded to int8 first. mkldnn_quantized_elemwise_add.cc.
    """
    data, known = (lhs, rhs), calibrated(min_calib_range, max_calib_range)
    most = [magnitude(g, *ends) for ends in ((lhs_min, lhs_max), (rhs_min, rhs_max))]
    both = {lhs.dtype, rhs.dtype}
    dtype = ir.DataType.INT32 if known is None else ir.DataType.UINT8 if both == {ir.DataType.UINT8} else ir.DataType.INT8
    parts = []
    if known is None:
        total = g.op("Add", *most)
        scales = [
            g.op("Div", g.op("Mul", m, g.const(INT32)), g.op("Mul", total, steps_of(g, node, x)))
            for x, m in zip(data, most, strict=True)
        ]
    else:
        wanted = g.const(np.float32(STEPS[dtype]) / np.float32(known.most))
        scales = [g.op("Div", wanted, g.op("Div", steps_of(g, node, x), m)) for x, m in zip(data, most, strict=True)]
    for x, scale in zip(data, scales, strict=True):
        part = g.op("Mul", g.op("Cast", x, to=ir.DataType.FLOAT), scale)
        if len(both) == 2 and x.dtype == ir.DataType.UINT8:
            part = g.op("Cast", rounded(g, part, ir.DataType.INT8), to=ir.DataType.FLOAT)
        parts.append(part)
    result = g.op("Add", *parts)
    if known is not None:
        return rounded(g, result, dtype), *known.ends(g)
    return g.op("Cast", g.op("Round", result), to=ir.DataType.INT32), g.op("Neg", total), total


@op("_contrib_quantized_batch_norm")
def quantized_batch_norm(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    gamma: Value,
    beta: Value,
    moving_mean: Value,
    moving_var: Value,
    min_data: Value,
    max_data: Value,
    *,
    norm: ByStatistics,
) -> Triple:
    """MXNet quantized_batch_norm: int8, or uint8 rounded to it, (N, C, …) → int8 of the calibrated range: w·x + b, where
    w = γ / √(var + ε) · m / m' and b = (β − mean·γ / √(var + ε)) · 127.5 / m'. oneDNN divides w by √(1 + ε) once more, takes γ as it is
    whatever ``fix_gamma`` says, and channels from axis 1 whatever ``axis`` does; and so does this. mkldnn_quantized_batch_norm.cc.
    """
    known, axis, eps = calibrated(norm.min_calib_range, norm.max_calib_range), norm.axis, norm.eps
    if known is None:
        raise g.malformed(node, "needs min_calib_range and max_calib_range")
    if data.dtype == ir.DataType.UINT8:
        narrow = g.op("Mul", g.op("Cast", data, to=ir.DataType.FLOAT), g.const(np.float32(127.5) / np.float32(255.5)))
        data = rounded(g, narrow, ir.DataType.INT8)
    rank = len(dims(data))
    if dims(data)[g.axis(node, axis, rank)] != dims(data)[1]:
        raise g.unsupported(node, f"has its channels on axis {axis}, which MXNet reads behind the end of its parameters for")
    shape = g.const([-1, *[1] * (rank - 2)])
    invert = g.op("Div", gamma, g.op("Sqrt", g.op("Add", moving_var, g.const(eps))))
    weight = g.op("Div", g.op("Mul", invert, magnitude(g, min_data, max_data)), g.const(known.most))
    weight = g.op("Div", weight, g.const(np.sqrt(np.float32(1 + eps))))
    shift = g.op("Mul", g.op("Sub", beta, g.op("Mul", moving_mean, invert)), g.const(STEPS[ir.DataType.INT8]))
    shift = g.op("Div", shift, g.const(known.most))
    scaled = g.op("Mul", g.op("Cast", data, to=ir.DataType.FLOAT), g.op("Reshape", weight, shape))
    result = rounded(g, g.op("Add", scaled, g.op("Reshape", shift, shape)), ir.DataType.INT8)
    return result, *known.ends(g)
