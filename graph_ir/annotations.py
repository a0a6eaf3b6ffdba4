"""Quantization annotations: what a value says of the tensors that hold its scale and zero point."""

from __future__ import annotations

import onnx_ir as ir

QUANTIZATION = "quant_parameter_tensor_names"
"""Where onnx_ir keeps a value's annotation, in its ``meta``: what a tensor is for, and its name."""


def annotated(graph: ir.Graph) -> set[str]:
    """The names of the tensors that annotations of the graph's values name: they are read, though no node reads them."""
    values = (*graph.inputs, *graph.initializers.values(), *(out for node in graph for out in node.outputs))
    return {name for value in values for name in (value.meta.get(QUANTIZATION) or {}).values()}
