"""Nodes, weights and functions that nothing needs."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.passes.editing import remove_node


def remove_dead_code(model: ir.Model) -> bool:
    """Remove nodes whose outputs nobody reads, then unused initializers, then functions that nobody calls."""
    changed = False
    for owner in (model.graph, *(function.graph for function in model.functions.values())):
        for graph in (*owner.subgraphs(), owner):
            changed |= _prune(graph)
    return _remove_functions(model) or changed


def _prune(graph: ir.Graph) -> bool:
    dead = False
    for node in reversed(list(graph)):
        if not any(out.uses() or out.is_graph_output() for out in node.outputs):
            remove_node(node)
            dead = True
    for name, value in list(graph.initializers.items()):
        if not value.uses() and not value.is_graph_output() and not value.is_graph_input():
            del graph.initializers[name]
            dead = True
    return dead


def _remove_functions(model: ir.Model) -> bool:
    called: set[ir.OperatorIdentifier] = set()
    pending: list[ir.Graph | ir.Function] = [model.graph]
    while pending:
        for node in pending.pop().all_nodes():
            identifier = node.op_identifier()
            if identifier in model.functions and identifier not in called:
                called.add(identifier)
                pending.append(model.functions[identifier])
    unused = [identifier for identifier in model.functions if identifier not in called]
    for identifier in unused:
        del model.functions[identifier]
    return bool(unused)
