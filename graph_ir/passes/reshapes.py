"""Reshapes after reshapes, and those that change nothing."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.model import dims
from dragoman.graph_ir.passes.editing import bypass, constant, remove_node
from dragoman.graph_ir.provenance import merge_origins

_REGROUPS = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze"})
"""Operators that keep the elements and their order."""


def merge_reshapes(model: ir.Model) -> bool:
    """A Reshape reads through what regroups before it; what regroups into the same shape is left out."""
    changed = False
    for node in list(model.graph):
        if node.domain != "" or node.op_type not in _REGROUPS or node.inputs[0] is None:
            continue
        while (inner := node.inputs[0].producer()) is not None and _reads_through(node, inner):
            node.replace_input_with(0, inner.inputs[0])
            merge_origins(node, inner)
            changed = True
        source = node.inputs[0]
        if _same_shape(source, node.outputs[0]) and bypass(node.outputs[0], source):
            remove_node(node)
            changed = True
    return changed


def _reads_through(node: ir.Node, inner: ir.Node) -> bool:
    """Whether ``node`` computes the same from ``inner``'s input: its target must not be said in ``inner``'s own dimensions."""
    if inner.domain != "" or inner.op_type not in _REGROUPS or inner.inputs[0] is None:
        return False
    target = constant(node.inputs[1]) if node.op_type == "Reshape" and len(node.inputs) > 1 else None
    source, middle = inner.inputs[0], node.inputs[0]
    if target is None or source is None or middle is None:
        return False
    wanted = [int(size) for size in target.numpy()]
    if 0 not in wanted:
        return True
    if "allowzero" in node.attributes or source.shape is None or middle.shape is None:
        return False
    old, new = dims(source), dims(middle)
    copied = [axis for axis, size in enumerate(wanted) if size == 0]
    return all(axis < min(len(old), len(new)) and old[axis] is not None and old[axis] == new[axis] for axis in copied)


def _same_shape(a: ir.Value, b: ir.Value) -> bool:
    return a.shape is not None and b.shape is not None and None not in dims(a) and dims(a) == dims(b)
