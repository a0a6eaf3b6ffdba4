"""Constant folding, bounded in size."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.folding import fold
from dragoman.graph_ir.model import static_dims
from dragoman.graph_ir.passes.editing import Names, add_weight, remove_node
from dragoman.graph_ir.provenance import move_source_tensors

LIMIT = 1 << 16
"""Elements that the inputs and the results of a folded node may have."""


def fold_constants(model: ir.Model) -> bool:
    """Nodes of constant inputs become constants, as do Constant nodes and shapes that are known."""
    graph, changed = model.graph, False
    names = Names([graph])
    for node in list(graph):
        if node.domain != "" or any(out.is_graph_output() for out in node.outputs):
            continue
        tensors = _value(node, graph.opset_imports.get("", 0))
        if tensors is None:
            continue
        for old, tensor in zip(node.outputs, tensors, strict=True):
            value = add_weight(graph, tensor, names.unique(f"{old.name}/folded"))
            move_source_tensors(old, value)
            ir.convenience.replace_all_uses_with(old, value)
        remove_node(node)
        changed = True
    return changed


def _value(node: ir.Node, opset: int) -> list[ir.TensorProtocol] | None:
    if node.op_type == "Constant":
        attribute = node.attributes.get("value")
        return [attribute.value] if attribute is not None and not attribute.is_ref() else None
    if node.op_type == "Shape" and node.inputs[0] is not None:
        dims = static_dims(node.inputs[0])
        if dims is None:
            return None
        start, end = (node.attributes[key].as_int() if key in node.attributes else None for key in ("start", "end"))
        return [ir.Tensor(np.array(dims[start:end], np.int64))]
    arrays = fold(node, opset, limit=LIMIT)
    return None if arrays is None else [ir.Tensor(np.asarray(array)) for array in arrays]
