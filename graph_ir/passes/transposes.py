"""Transposes after transposes."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.passes.editing import bypass, remove_node
from dragoman.graph_ir.provenance import merge_origins


def cancel_transposes(model: ir.Model) -> bool:
    """Two transposes become one, and one that moves nothing becomes none."""
    changed = False
    for node in list(model.graph):
        if not _is_transpose(node) or (perm := _perm(node)) is None:
            continue
        inner = node.inputs[0].producer() if node.inputs[0] is not None else None
        if inner is not None and _is_transpose(inner) and inner.graph is node.graph and (first := _perm(inner)) is not None:
            perm = [first[axis] for axis in perm]
            node.attributes["perm"] = ir.AttrInt64s("perm", perm)
            node.replace_input_with(0, inner.inputs[0])
            merge_origins(node, inner)
            changed = True
        source = node.inputs[0]
        if perm == sorted(perm) and source is not None and bypass(node.outputs[0], source):
            remove_node(node)
            changed = True
    return changed


def _is_transpose(node: ir.Node) -> bool:
    return node.domain == "" and node.op_type == "Transpose"


def _perm(node: ir.Node) -> list[int] | None:
    """The permutation; without one the axes are reversed."""
    if "perm" in node.attributes:
        return list(node.attributes["perm"].as_ints())
    source = node.inputs[0]
    return None if source is None or source.shape is None else list(range(len(source.shape)))[::-1]
