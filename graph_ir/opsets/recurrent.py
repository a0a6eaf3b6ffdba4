"""Recurrent layers: the batch first, which came with 14."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.opsets.step import Emitter, attribute, input_at, lowers, needed


@lowers(14, "LSTM", "GRU", "RNN")
def recurrent_over_time(node: ir.Node, e: Emitter) -> tuple[ir.Value, ...] | None:
    """layout 1 has x (B, T, …), states (B, D, H) and y (B, T, D, H); before there was only x (T, B, …), (D, B, H), (T, D, B, H)."""
    if not attribute(node, "layout", 0):
        node.attributes.pop("layout", None)
        return None
    inputs = [input_at(node, index) for index in range(len(node.inputs))]
    inputs[0] = e.op("Transpose", needed(node, 0), perm=[1, 0, 2])
    for index in (5, 6):  # the initial states
        if (state := input_at(node, index)) is not None:
            inputs[index] = e.op("Transpose", state, perm=[1, 0, 2])
    kept = {name: attribute(node, name) for name in node.attributes if name != "layout"}
    results = e.ops(node.op_type, *inputs, outputs=len(node.outputs), **kept)
    orders = ([2, 0, 1, 3], [1, 0, 2], [1, 0, 2])
    back = zip(node.outputs, results, orders, strict=False)
    return tuple(e.op("Transpose", value, perm=order) if out.name else value for out, value, order in back)
