"""Operators that onnx had as experimental ones, which it has since forgotten, and ONNX Runtime hasn't."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic
from dragoman.graph_ir.opsets.operators import END, mean_over
from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, attribute, needed, numpy_dtype, raises, rank


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


# -- those that became nothing: opset 10 ended them, also in ONNX Runtime ------------------------------------------------


@raises(10, "Affine", "ScaledTanh", "ParametricSoftplus")
def scaled_activation(node: ir.Node, e: Emitter) -> ir.Value:
    """alpha · x + beta, alpha · tanh(beta · x), alpha · ln(1 + exp(beta · x))."""
    n, x = Arithmetic(e), needed(node, 0)
    alpha, beta = (np.array(attribute(node, name), numpy_dtype(x)) for name in ("alpha", "beta"))
    if node.op_type == "Affine":
        return n.value(n.add(n.mul(alpha, x), beta))
    curve = e.op("Tanh" if node.op_type == "ScaledTanh" else "Softplus", n.value(n.mul(beta, x)))
    return n.value(n.mul(alpha, curve))


@raises(10, "ImageScaler")
def image_scaler(node: ir.Node, e: Emitter) -> ir.Value:
    """(N, C, H, W): scale · x, and each channel's bias."""
    n, x = Arithmetic(e), needed(node, 0)
    dtype = numpy_dtype(x)
    bias = np.array(attribute(node, "bias", [0.0]), dtype).reshape(-1, 1, 1)
    return n.value(n.add(n.mul(np.array(attribute(node, "scale", 1.0), dtype), x), bias))


@raises(10, "Crop")
def crop(node: ir.Node, e: Emitter) -> ir.Value:
    """(N, C, H, W) without a border (left, top, right, bottom), or of it a part of ``scale``, height and width, beside the first two."""
    left, top, right, bottom = attribute(node, "border")
    size = attribute(node, "scale")
    ends = [END if not behind else -behind for behind in (bottom, right)] if size is None else [top + size[0], left + size[1]]
    return e.op("Slice", needed(node, 0), e.vector(top, left), e.vector(*ends), e.vector(2, 3))
