"""Losses, written out before 12."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.operators import cast, squeeze, unsqueeze
from dragoman.graph_ir.opsets.step import Emitter, attribute, input_at, lowers, needed, numpy_dtype


@lowers(12, "SoftmaxCrossEntropyLoss")
def softmax_cross_entropy(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...]:
    """The likelihood loss of the logarithm of the softmax over axis 1, which is the second output."""
    scores = needed(node, 0)
    logarithms = e.op("Sub", scores, e.op("ReduceLogSumExp", scores, axes=[1], keepdims=1))
    return (_likelihood_loss(node, e, logarithms), logarithms)[: len(node.outputs)]


@lowers(12, "NegativeLogLikelihoodLoss")
def negative_log_likelihood(node: ir.Node, e: Emitter) -> ir.Value:
    """−x[n, target] · weight[target], their sum, or that by the sum of the weights."""
    return _likelihood_loss(node, e, needed(node, 0))


def _likelihood_loss(node: ir.Node, e: Emitter, x: ir.Value) -> ir.Value:
    """``x``: (N, C, …), the targets (N, …); ``ignore_index`` takes a target out, with its weight."""
    target, weight = cast(e, needed(node, 1), ir.DataType.INT64), input_at(node, 2)
    ignored, dtype = attribute(node, "ignore_index"), numpy_dtype(x)
    zero = e.const(0, dtype)
    out = None if ignored is None else e.op("Equal", target, e.scalar(ignored))
    if out is not None:
        target = e.op("Where", out, e.scalar(0), target)
    loss = e.op("Neg", squeeze(e, e.op("GatherElements", x, unsqueeze(e, target, [1]), axis=1), [1]))
    if weight is None:
        weight = e.const(np.ones(1), dtype)
        weights = e.op("Expand", weight, e.op("Shape", target))
    else:
        weights = e.op("Gather", weight, target, axis=0)
    if out is not None:
        weights, loss = e.op("Where", out, zero, weights), e.op("Where", out, zero, loss)
    loss = e.op("Mul", loss, weights)
    reduction = attribute(node, "reduction", "mean")
    if reduction == "none":
        return loss
    total = e.op("ReduceSum", loss, keepdims=0)
    return total if reduction == "sum" else e.op("Div", total, e.op("ReduceSum", weights, keepdims=0))
