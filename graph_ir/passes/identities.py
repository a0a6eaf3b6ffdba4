"""Identity, and Dropout at inference, which is one."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.passes.editing import bypass, constant, remove_node


def remove_identities(model: ir.Model) -> bool:
    """Readers of an Identity's output read its input; an Identity between two names that the outside knows stays."""
    changed = False
    for node in list(model.graph):
        if not _is_identity(node) or node.inputs[0] is None:
            continue
        if bypass(node.outputs[0], node.inputs[0]):
            remove_node(node)
            changed = True
    return changed


def _is_identity(node: ir.Node) -> bool:
    if node.domain != "":
        return False
    if node.op_type == "Dropout":
        training = node.inputs[2] if len(node.inputs) > 2 else None
        never = constant(training)
        inference = training is None or (never is not None and not bool(never.numpy()))
        return inference and not any(mask.uses() or mask.is_graph_output() for mask in node.outputs[1:])
    return node.op_type == "Identity"
