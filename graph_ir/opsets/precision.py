"""Types that operators took later than others: before, they are computed in a wider one, which holds all their values."""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from dragoman.graph_ir.opsets.operators import cast
from dragoman.graph_ir.opsets.step import Emitter, dtype_of, lowers

Wider = Mapping[ir.DataType, ir.DataType]
"""A type, and the one that is computed in instead."""

BFLOAT16: Wider = {ir.DataType.BFLOAT16: ir.DataType.FLOAT}
HALVES: Wider = {ir.DataType.FLOAT16: ir.DataType.FLOAT, **BFLOAT16}
SMALL_INTEGERS: Wider = dict.fromkeys(
    (ir.DataType.INT8, ir.DataType.INT16, ir.DataType.UINT8, ir.DataType.UINT16), ir.DataType.INT64
)
_BYTES: Wider = dict.fromkeys((ir.DataType.INT8, ir.DataType.UINT8), ir.DataType.FLOAT)
_FLOAT8: Wider = dict.fromkeys(
    (ir.DataType.FLOAT8E4M3FN, ir.DataType.FLOAT8E4M3FNUZ, ir.DataType.FLOAT8E5M2, ir.DataType.FLOAT8E5M2FNUZ),
    ir.DataType.FLOAT,
)


def widened(node: ir.Node, e: Emitter, wider: Wider) -> tuple[ir.Value, ...] | None:
    """The same operator on wider types, its results cast back; None if no input has one of the narrow types."""
    if not any(value is not None and value.dtype in wider for value in node.inputs):
        return None
    inputs = [value if value is None else cast(e, value, wider.get(dtype_of(value), dtype_of(value))) for value in node.inputs]
    outputs = e.ops(node.op_type, *inputs, outputs=len(node.outputs), **node.attributes)
    return tuple(
        new if old.dtype is None or old.dtype not in wider else cast(e, new, old.dtype)
        for old, new in zip(node.outputs, outputs, strict=True)
    )


@lowers(28, "Compress", "Einsum", "OneHot", "ReverseSequence", "Unique")
@lowers(24, "TopK")
@lowers(22, "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cos", "Cosh", "Sin", "Sinh", "Tan")
@lowers(22, "Elu", "Selu", "HardSigmoid", "HardSwish", "Mish", "Softplus", "Softsign", "ThresholdedRelu")
@lowers(22, "InstanceNormalization", "LpNormalization", "GRU", "LSTM", "RNN", "NegativeLogLikelihoodLoss")
@lowers(22, "Det", "Multinomial", "Round")
@lowers(16, "GreaterOrEqual", "LessOrEqual", "Where", "LeakyRelu", "PRelu")
def bfloat16_as_float(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """Before, bfloat16 wasn't taken."""
    return widened(node, e, BFLOAT16)


@lowers(14, "CumSum")
def cumulated_sum_of_halves(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """Before 14 the 16-bit floats weren't taken."""
    return widened(node, e, HALVES)


@lowers(20, "IsInf")
def infinity_of_any_size(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """Before 20 only float32 and float64 were taken."""
    return widened(node, e, {**HALVES, **_FLOAT8})


@lowers(20, "IsNaN")
def not_a_number_of_8_bits(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """Before 20 the 8-bit floats weren't taken."""
    return widened(node, e, _FLOAT8)


@lowers(14, "Add", "Sub", "Mul", "Div")
def arithmetic_of_small_integers(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """Before 14 integers of 8 and 16 bits weren't taken: the lowest bits of what int64 gives are theirs."""
    return widened(node, e, SMALL_INTEGERS)


@lowers(12, "MaxPool")
def greatest_of_small_integers(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """Before 12 only floats were pooled."""
    return widened(node, e, _BYTES)
