"""What is wrong with a model whose nodes read what isn't there yet: a cycle, a wrong order, or a name that nothing has."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto

from dragoman.converters.onnx.messages import scopes

_SHOWN = 8
"""Nodes of a cycle that are named."""


def misplaced(model: ModelProto) -> str | None:
    """One sentence with the nodes' names; None if nothing is found that is out of place."""
    for scope in scopes(model):
        makers = {name: index for index, node in enumerate(scope.node) for name in node.output if name}
        sources = [{name: makers[name] for name in _read(node) if name in makers} for node in scope.node]
        if (cycle := _cycle([list(found.values()) for found in sources])) is not None:
            return f"nodes wait for each other in a cycle: {_chain([scope.node[index] for index in cycle])}"
        for index, found in enumerate(sources):
            for name, maker in found.items():
                if maker > index:
                    node, later = _named(scope.node[index]), _named(scope.node[maker])
                    return f"the nodes aren't in order: {node} reads {name!r}, which {later} makes after it"
    known = {name for scope in scopes(model) for name in _made(scope)}
    for scope in scopes(model):
        for node in scope.node:
            if missing := next((name for name in node.input if name and name not in known), None):
                return f"node {_named(node)} reads {missing!r}, which nothing makes"
    return None


def _cycle(sources: Sequence[Sequence[int]]) -> list[int] | None:
    """Nodes of which each reads what the one before makes, and the first what the last makes; from the first in the model on."""
    done: set[int] = set()
    for start in range(len(sources)):
        path, on_path, pending = [start], {start}, [iter(sources[start])]
        if start in done:
            continue
        while path:
            source = next(pending[-1], None)
            if source is None:
                done.add(path[-1])
                on_path.discard(path.pop())
                pending.pop()
            elif source in on_path:
                cycle = path[path.index(source) :][::-1]
                first = cycle.index(min(cycle))
                return cycle[first:] + cycle[:first]
            elif source not in done:
                path.append(source)
                on_path.add(source)
                pending.append(iter(sources[source]))
    return None


def _read(node: NodeProto) -> list[str]:
    """The names that a node reads, and the nodes in its bodies."""
    names = [*node.input]
    pending = _bodies(node)
    while pending:
        body = pending.pop()
        for inner in body.node:
            names += inner.input
            pending += _bodies(inner)
    return names


def _bodies(node: NodeProto) -> list[GraphProto]:
    found: list[GraphProto] = []
    for attribute in node.attribute:
        found += [attribute.g] if attribute.type == AttributeProto.GRAPH else attribute.graphs
    return found


def _made(scope: GraphProto | FunctionProto) -> list[str]:
    names = [name for node in scope.node for name in node.output]
    if isinstance(scope, FunctionProto):
        return [*names, *scope.input]
    tensors = [*(v.name for v in scope.input), *(t.name for t in scope.initializer), *(t.values.name for t in scope.sparse_initializer)]
    return [*names, *tensors]


def _chain(nodes: Sequence[NodeProto]) -> str:
    """The nodes in the order in which data go round, back to the first."""
    shown = [_named(node) for node in nodes[:_SHOWN]]
    if len(nodes) > _SHOWN:
        shown.append(f"… {len(nodes) - _SHOWN:,} more")
    return " → ".join([*shown, shown[0]])


def _named(node: NodeProto) -> str:
    return f"{node.name or next(iter(node.output), '')} ({node.op_type})"
