"""Nodes, outputs, weights and functions that nothing needs."""

from __future__ import annotations

import onnx
import onnx_ir as ir

from dragoman.graph_ir.annotations import annotated
from dragoman.graph_ir.opsets.schemas import schema
from dragoman.graph_ir.passes.editing import attribute, is_op, remove_node
from dragoman.graph_ir.traversal import subgraphs, walk

_MEANINGFUL = frozenset({"BatchNormalization", "Dropout", "Split"})
"""Where the number of outputs says what is computed."""


def remove_dead_code(model: ir.Model) -> bool:
    """Remove nodes whose outputs nobody reads, outputs of others that nobody reads, then unused weights and functions."""
    changed = False
    opset = model.graph.opset_imports.get("", 0)
    for part in (model.graph, *(function.graph for function in model.functions.values())):
        changed |= _prune(part, part.opset_imports.get("", opset))
    return _remove_functions(model) or changed


def _prune(graph: ir.Graph, opset: int) -> bool:
    """Backwards, so that what only dead nodes read is dead when its turn comes."""
    dead = False
    for node in reversed(list(graph)):
        needed = [bool(out.is_graph_output() or out.uses()) for out in node.outputs]
        if not any(needed):
            remove_node(node)
            dead = True
            continue
        if not all(needed):
            dead |= _prune_outputs(node, needed, opset)
        for inner in subgraphs(node):
            dead |= _prune(inner, opset)
    unread = [
        name
        for name, value in graph.initializers.items()
        if not value.is_graph_output() and not value.is_graph_input() and not value.uses()
    ]
    kept = annotated(graph) if unread else set()
    for name in unread:
        if name not in kept:
            del graph.initializers[name]
            dead = True
    return dead


def _prune_outputs(node: ir.Node, needed: list[bool], opset: int) -> bool:
    """Outputs at the end that are optional; those of If; what Loop collects."""
    if is_op(node, "If"):
        return _prune_results(node, needed, ("then_branch", "else_branch"), 0)
    if is_op(node, "Loop"):
        carried = len(node.inputs) - 2
        return _prune_results(node, [True] * carried + needed[carried:], ("body",), 1)
    definition = schema(node.op_type, opset) if node.domain == "" and node.op_type not in _MEANINGFUL else None
    if definition is None:
        return False
    count = len(needed)
    while count > 1 and not needed[count - 1] and _is_optional(definition, count - 1):
        count -= 1
    changed = count < len(needed)
    node.resize_outputs(count)
    return changed


def _is_optional(definition: onnx.defs.OpSchema, index: int) -> bool:
    outputs = definition.outputs
    return index < len(outputs) and outputs[index].option == onnx.defs.OpSchema.FormalParameterOption.Optional


def _prune_results(node: ir.Node, needed: list[bool], bodies: tuple[str, ...], offset: int) -> bool:
    """Take away the outputs that aren't needed, and those of the bodies that give them, which are ``offset`` further on."""
    dropped = [index for index, need in enumerate(needed) if not need]
    if not dropped:
        return False
    kept = [out for out, need in zip(node.outputs, needed, strict=True) if need]
    for body in bodies:
        graph = attribute(node, body)
        for index in reversed(dropped):
            graph.outputs.pop(index + offset)  # which, unlike del, tells the value
    for position, out in enumerate(kept):
        if node.outputs[position] is not out:
            _move(out, node.outputs[position])
    node.resize_outputs(len(kept))
    return True


def _move(old: ir.Value, new: ir.Value) -> None:
    """``new``, which nobody reads, becomes what ``old`` is."""
    new.type, new.shape = old.type, old.shape
    new.meta.clear()
    new.meta.update(old.meta)
    old.replace_all_uses_with(new, replace_graph_outputs=True)
    old.name, new.name = new.name, old.name


def _remove_functions(model: ir.Model) -> bool:
    if not model.functions:
        return False
    called: set[ir.OperatorIdentifier] = set()
    pending: list[ir.Graph | ir.Function] = [model.graph]
    while pending:
        for node in walk(pending.pop()):
            identifier = node.op_identifier()
            if identifier in model.functions and identifier not in called:
                called.add(identifier)
                pending.append(model.functions[identifier])
    unused = [identifier for identifier in model.functions if identifier not in called]
    for identifier in unused:
        del model.functions[identifier]
    return bool(unused)
