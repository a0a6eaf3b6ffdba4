"""Normalisations."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.converters.mxnet.emitters.table import emits
from dragoman.converters.mxnet.symbol import Ref
from dragoman.converters.mxnet.symbol_writer import CannotEmitError, SymbolWriter, known_sizes
from dragoman.graph_ir.passes.editing import attribute


@emits("BatchNormalization")
def batch_normalization(w: SymbolWriter, node: ir.Node) -> Ref:
    """(x − mean) / √(var + ε) · scale + bias; mean and variance are auxiliary states."""
    if attribute(node, "training_mode", 0):
        raise CannotEmitError("it is in training mode")
    x, scale, bias, mean, variance = node.inputs[:5]
    assert mean is not None and variance is not None
    states = [w.weight(w.parameter(v, "statistics"), v.name or "statistics", state=True) for v in (mean, variance)]
    eps = float(attribute(node, "epsilon", 1e-5))
    return w.op("BatchNorm", w.ref(x), w.ref(scale), w.ref(bias), *states, eps=eps, fix_gamma=False, use_global_stats=True)


@emits("InstanceNormalization")
def instance_normalization(w: SymbolWriter, node: ir.Node) -> Ref:
    """Each channel of each item over its spatial axes; MXNet's is of float32 alone."""
    eps, dtype = float(attribute(node, "epsilon", 1e-5)), node.outputs[0].dtype
    refs = [w.ref(value) for value in node.inputs]
    if dtype is None or dtype == ir.DataType.FLOAT:
        return w.op("InstanceNorm", *refs, eps=eps)
    y = w.op("InstanceNorm", *(w.op("Cast", ref, dtype="float32") for ref in refs), eps=eps)
    return w.op("Cast", y, dtype=dtype.numpy().name)


@emits("LayerNormalization")
def layer_normalization(w: SymbolWriter, node: ir.Node) -> Ref:
    """Over the last axis."""
    return w.op("LayerNorm", *map(w.ref, node.inputs), axis=-1, eps=float(attribute(node, "epsilon", 1e-5)))


def is_layer_norm(node: ir.Node) -> bool:
    """Whether a LayerNormalization is MXNet's: of one axis, the last, with a bias, and its moments unread."""
    rank = len(known_sizes(node.inputs[0]))
    return (
        attribute(node, "axis", -1) in (-1, rank - 1)
        and len(node.inputs) > 2
        and node.inputs[2] is not None
        and all(len(known_sizes(value)) == 1 for value in node.inputs[1:])
        and not any(out.uses() or out.is_graph_output() for out in node.outputs[1:])
    )


@emits("LpNormalization")
def lp_normalization(w: SymbolWriter, node: ir.Node) -> Ref:
    """x / ‖x‖ along an axis, of order 1 or 2; 0 where the norm is."""
    x = w.ref(node.inputs[0])
    length = w.op("norm", x, ord=attribute(node, "p", 2), axis=attribute(node, "axis", -1), keepdims=True)
    return w.op("broadcast_div", x, w.op("broadcast_add", length, w.op("_equal_scalar", length, scalar=0.0)))


@emits("LRN")
def lrn(w: SymbolWriter, node: ir.Node) -> Ref:
    """Across channels: x / (k + alpha / size · Σ x²)^beta."""
    size = attribute(node, "size")
    if size % 2 == 0:
        raise CannotEmitError(f"its window of {size} channels is even; MXNet takes odd ones")
    settings = {"alpha": float(attribute(node, "alpha", 1e-4)), "beta": float(attribute(node, "beta", 0.75))}
    return w.op("LRN", w.ref(node.inputs[0]), nsize=size, knorm=float(attribute(node, "bias", 1.0)), **settings)
