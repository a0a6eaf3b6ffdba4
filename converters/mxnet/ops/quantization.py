"""Quantised numbers: from floats and back, and in other ranges.

A quantised tensor comes with the floats that its range stands for, ``min`` and ``max``; the larger magnitude of them is the largest
step: 127.5 of int8 and 255.5 of uint8 in some operators, 127 and 255 in others. Rounding is to the nearest, halves to even, and what
is out of the type's range is its end (oneDNN).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx_ir as ir
from onnx_ir import Value

from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op

STEPS = {ir.DataType.INT8: 127.5, ir.DataType.UINT8: 255.5}
"""quantization_utils.h, kInt8Range and kUint8Range."""
LAST = {ir.DataType.INT8: 127.0, ir.DataType.UINT8: 255.0}
INT32 = float(np.float32(0x7FFFFFFF))
TYPES = {"int8": ir.DataType.INT8, "uint8": ir.DataType.UINT8}

OutType = Literal["auto", "int8", "uint8"]
Triple = tuple[Value, Value, Value]
"""A quantised tensor, and the ends of its range (1)."""


def magnitude(g: SymbolBuilder, low: Value, high: Value) -> Value:
    """The larger magnitude of a range's ends (1)."""
    return g.op("Max", g.op("Abs", low), g.op("Abs", high))


def steps_of(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """How many steps the largest magnitude of a quantised tensor has."""
    if data.dtype not in STEPS:
        raise g.malformed(node, f"takes int8 or uint8, not {data.dtype}")
    return g.const(STEPS[data.dtype])


def rounded(g: SymbolBuilder, steps: Value, dtype: ir.DataType) -> Value:
    """Floats as the nearest integers of a type, its ends for what is beyond them."""
    zero = g.const(np.zeros((), dtype.numpy()))
    return g.op("QuantizeLinear", steps, g.const(1.0), zero)


@dataclass(frozen=True)
class Calibrated:
    """A range that is known before."""

    low: float
    high: float

    @property
    def most(self) -> float:
        """The larger magnitude of its ends."""
        return max(abs(self.low), abs(self.high))

    def ends(self, g: SymbolBuilder) -> tuple[Value, Value]:
        """Its ends (1)."""
        return g.const([self.low], np.float32), g.const([self.high], np.float32)


def calibrated(low: float | None, high: float | None) -> Calibrated | None:
    """The range, if both of its ends are known."""
    return None if low is None or high is None else Calibrated(low, high)


def target_type(out_type: str, known: Calibrated | None) -> ir.DataType:
    """``auto`` is uint8 for a calibrated range that isn't negative."""
    unsigned = out_type == "uint8" or (out_type == "auto" and known is not None and known.low >= 0)
    return ir.DataType.UINT8 if unsigned else ir.DataType.INT8


@op("_contrib_quantize")
def quantize(
    g: SymbolBuilder, node: Node, data: Value, min_range: Value, max_range: Value, *, out_type: Literal["int8", "uint8"] = "uint8"
) -> Triple:
    """MXNet quantize: float32 → int8 or uint8, x · 127 / m or x · 255 / m, where m = max(|min|, |max|); and the range, −m to m for
    int8. mkldnn_quantize-inl.h.
    """
    dtype, most = TYPES[out_type], magnitude(g, min_range, max_range)
    scale = g.op("Div", g.const(LAST[dtype]), most)
    ends = (g.op("Neg", most), most) if out_type == "int8" else (min_range, max_range)
    return rounded(g, g.op("Mul", data, scale), dtype), *ends


@op("_contrib_quantize_v2")
def quantize_v2(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    out_type: OutType = "int8",
    min_calib_range: float | None = None,
    max_calib_range: float | None = None,
) -> Triple:
    """MXNet quantize_v2: float32 → int8, x · 127.5 / m, or uint8, x · 255.5 / m, where m is the larger magnitude of the calibrated
    range or of the data's; and the range, −m to m for int8.

    What is int8 or uint8 already stays, and the range is all of it. mkldnn_quantize_v2-inl.h.
    """
    known = calibrated(min_calib_range, max_calib_range)
    dtype = target_type(out_type, known)
    unsigned = dtype == ir.DataType.UINT8
    if data.dtype in STEPS:
        whole = Calibrated(0.0 if data.dtype == ir.DataType.UINT8 else -STEPS[data.dtype], STEPS[data.dtype])
        return data if data.dtype == dtype else g.op("Cast", data, to=dtype), *(known or whole).ends(g)
    if known is None:
        flat = g.op("Reshape", data, g.const([-1]))
        low, high = (g.op(kind, flat, keepdims=1) for kind in ("ReduceMin", "ReduceMax"))
    else:
        low, high = known.ends(g)
    most = magnitude(g, low, high)
    steps = g.op("Mul", data, g.op("Div", g.const(STEPS[dtype]), most))
    if known is None:  # of nothing but zeros, 0 · ∞: oneDNN makes 127 of it, or 0
        steps = g.op("Where", g.op("IsNaN", steps), g.const(0.0 if unsigned else LAST[dtype]), steps)
    ends = (low, high) if unsigned else (g.op("Neg", most), most)
    return rounded(g, steps, dtype), *ends


@op("_contrib_dequantize")
def dequantize(
    g: SymbolBuilder, node: Node, data: Value, min_range: Value, max_range: Value, *, out_type: Literal["float32"] = "float32"
) -> Value:
    """MXNet dequantize: int8 → x · m / 127.5, uint8 → x · m / 255.5. mkldnn_dequantize-inl.h."""
    scale = g.op("Div", magnitude(g, min_range, max_range), steps_of(g, node, data))
    return g.op("DequantizeLinear", data, g.op("Reshape", scale, g.const([], np.int64)))


@op("_contrib_requantize")
def requantize(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    min_range: Value,
    max_range: Value,
    *,
    out_type: OutType = "int8",
    min_calib_range: float | None = None,
    max_calib_range: float | None = None,
) -> Triple:
    """MXNet requantize: int32 of a range → int8, x · (m / 2³¹) · (127 / m'), or uint8 with 255, where m' is the larger magnitude of
    the calibrated range or of the data's; and the new range, −m' to m' or 0 to m'. mkldnn_requantize-inl.h.
    """
    if data.dtype != ir.DataType.INT32:
        raise g.malformed(node, f"takes int32, not {data.dtype}")
    known = calibrated(min_calib_range, max_calib_range)
    dtype = target_type(out_type, known)
    real = g.op("Cast", data, to=ir.DataType.FLOAT)
    before = magnitude(g, min_range, max_range)
    if known is None:
        widest = g.op("ReduceMax", g.op("Reshape", g.op("Abs", real), g.const([-1])), keepdims=1)
        after = g.op("Div", g.op("Mul", widest, before), g.const(INT32))
    else:
        after = g.const([known.most])
    scale = g.op("Mul", g.op("Div", before, g.const(INT32)), g.op("Div", g.const(LAST[dtype]), after))
    low = g.const([0.0]) if dtype == ir.DataType.UINT8 else g.op("Neg", after)
    return rounded(g, g.op("Mul", real, scale), dtype), low, after
