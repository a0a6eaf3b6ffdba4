"""If with a condition that is known."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.passes.editing import attribute, constant
from dragoman.graph_ir.passes.rewriting import Rewriter, Rule, rewrite


def take_branches(model: ir.Model) -> bool:
    """An If whose condition is constant becomes the branch that it takes."""
    return rewrite(model, RULES)


def _if(node: ir.Node, r: Rewriter) -> bool:
    """The branch's nodes stand where the If stood, under names of their own; Identity carries each of its outputs."""
    condition = constant(node.inputs[0])
    if condition is None or condition.size != 1:
        return False
    branch = attribute(node, "then_branch" if condition.numpy().all() else "else_branch")
    assert isinstance(branch, ir.Graph)
    if any(_origin(value, branch) is None for value in branch.outputs) or (r.in_function and branch.initializers):
        return False
    assert node.graph is not None
    graph = node.graph if isinstance(node.graph, ir.Graph) else node.graph.graph
    outputs = list(branch.outputs)
    branch.outputs.clear()
    for name, value in list(branch.initializers.items()):
        del branch.initializers[name]
        value.name = r.name(name)
        graph.initializers.add(value)
    moved = list(branch)
    branch.remove(moved)
    for inner in moved:
        for out in inner.outputs:
            if out.name:
                out.name = r.name(out.name)
        r.inherit(inner, node)
    graph.insert_before(node, moved)
    r.replace(node, [r.emit(node, "Identity", [value], out) for value, out in zip(outputs, node.outputs, strict=True)])
    r.touch(*moved)
    return True


def _origin(value: ir.Value, branch: ir.Graph) -> ir.Node | ir.Value | None:
    """What makes an output of ``branch`` inside it: a node or an initializer."""
    node = value.producer()
    if node is not None:
        return node if node.graph is branch else None
    return value if value.is_initializer() and value.graph is branch else None


RULES: dict[str, list[Rule]] = {"If": [_if]}
"""By operator."""
