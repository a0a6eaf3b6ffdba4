"""Operators that onnx had as experimental ones, which it has since forgotten, and ONNX Runtime hasn't."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.opsets.operators import mean_over
from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, attribute, needed, raises, rank


@raises(10, "ThresholdedRelu")
def thresholded_relu(node: ir.Node, e: Emitter) -> ir.Value:
    """The operator that it became."""
    return e.op("ThresholdedRelu", needed(node, 0), alpha=attribute(node, "alpha", 1.0))


@raises(9, "MeanVarianceNormalization")
def mean_variance_normalization(node: ir.Node, e: Emitter) -> ir.Value:
    """(N, C, H, W): each channel over all samples, or all ``across_channels``; without ``normalize_variance`` only less its mean."""
    x = needed(node, 0)
    if rank(x) != 4:
        raise CannotConvertError(f"its {rank(x)} dimensions, for which only onnx before 1.4 had an operator")
    axes = [0, 1, 2, 3] if attribute(node, "across_channels", 0) else [0, 2, 3]
    if attribute(node, "normalize_variance", 1):
        return e.op("MeanVarianceNormalization", x, axes=axes)
    return e.op("Sub", x, mean_over(e, x, axes))
