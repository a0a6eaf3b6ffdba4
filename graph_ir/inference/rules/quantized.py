"""Quantisation."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.inference.call import Call
from dragoman.graph_ir.inference.facts import Fact, Tensor
from dragoman.graph_ir.inference.table import rule


@rule("QuantizeLinear")
def quantize(c: Call) -> Fact:
    """The same shape in the dtype of the zero point, of ``output_dtype``, or uint8."""
    wanted = c.number("output_dtype", 0)
    if c.has(2):
        dtype = c.tensor(2).dtype
    else:
        dtype = ir.DataType(wanted) if wanted else ir.DataType.UINT8
    return Tensor(dtype, c.dims(0))


@rule("DequantizeLinear")
def dequantize(c: Call) -> Fact:
    """The same shape in the dtype of the scale, or of ``output_dtype``."""
    wanted = c.number("output_dtype", 0)
    return Tensor(ir.DataType(wanted) if wanted else c.tensor(1).dtype, c.dims(0))


@rule("DynamicQuantizeLinear")
def dynamic_quantize(c: Call) -> list[Fact]:
    """(d…) → (d…), its scale () and zero point ()."""
    return [Tensor(None, c.dims(0)), Tensor(ir.DataType.FLOAT, ()), Tensor(None, ())]
