"""BatchNormalization, Mul, Add, Sub and Div into the weights and bias of the linear operator before or behind them."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.passes.affine import Affine, Vector, affine_before, affine_chain
from dragoman.graph_ir.passes.editing import Names, remove_node
from dragoman.graph_ir.passes.linear import Linear, change_bias, linear_of, scale_weight
from dragoman.graph_ir.provenance import forget_source_tensors, merge_origins, move_source_tensors
from dragoman.graph_ir.traversal import graphs_of


def fold_affine(model: ir.Model) -> bool:
    """Fold what Conv, ConvTranspose, Gemm and MatMul read or write channel by channel: in float64, rounded once when written."""
    names = Names([model.graph])
    changed = False
    for graph in graphs_of(model.graph):
        for node in list(graph):
            linear = linear_of(node)
            if linear is not None and _fold_behind(linear, names):
                linear, changed = linear_of(node), True
            if linear is not None and _fold_before(linear, names):
                changed = True
    return changed


def _fold_behind(linear: Linear, names: Names) -> bool:
    """scale · (W · x + b) + shift = (scale · W) · x + (scale · b + shift)."""
    node, outputs = linear.node, linear.outputs
    chain = affine_chain(node.outputs[0], linear.output_axis, shifts=linear.may_shift)
    if chain is None or chain.channels not in (None, outputs):
        return False
    values = chain.values
    if chain.scales:
        scale_weight(linear, lambda: linear.by_output(np.broadcast_to(values()[0], (outputs,))), names)
    if chain.shifts or linear.bias is not None:

        def shifted(bias: Vector) -> Vector:
            scale, shift = values()
            return bias * scale + shift

        change_bias(linear, shifted, names)
    _take_over(node, chain)
    return True


def _fold_before(linear: Linear, names: Names) -> bool:
    """W · (scale · x + shift) + b = (W · scale) · x + (b + W · shift); a shift only where padding doesn't come in between."""
    node, inputs = linear.node, linear.inputs
    response = linear.response if linear.may_shift else None
    chain = affine_before(node, linear.input_axis, shifts=response is not None)
    if chain is None or chain.channels not in (None, inputs):
        return False
    values = chain.values
    if chain.scales:
        scale_weight(linear, lambda: linear.by_input(np.broadcast_to(values()[0], (inputs,))), names)
    if chain.shifts and response is not None:
        change_bias(linear, lambda bias: bias + response(np.broadcast_to(values()[1], (inputs,))), names)
    node.replace_input_with(0, chain.source)
    merge_origins(node, *chain.nodes)
    for step in reversed(chain.nodes):
        remove_node(step)
    return True


def _take_over(node: ir.Node, chain: Affine) -> None:
    """``node`` makes what the chain made, under its name; what was in between is no more."""
    output, result = node.outputs[0], chain.result
    forget_source_tensors(output)
    move_source_tensors(result, output)
    output.shape, name = result.shape, result.name
    ir.convenience.replace_all_uses_with(result, output, replace_graph_outputs=True)
    result.name = None
    output.name = name
    merge_origins(node, *chain.nodes)
    for step in reversed(chain.nodes):
        remove_node(step)
