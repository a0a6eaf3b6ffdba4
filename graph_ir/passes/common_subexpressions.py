"""What is computed twice."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Hashable, Iterable, MutableMapping
from typing import Any

import onnx_ir as ir

from dragoman.graph_ir.passes.dimensions import Sight
from dragoman.graph_ir.passes.editing import bypass, remove_node
from dragoman.graph_ir.provenance import Origin, origins, set_origins
from dragoman.graph_ir.traversal import parts, subgraphs

_RANDOM = frozenset(
    {"Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
_LARGE = 4096
"""Bytes up to which tensors in attributes are compared by value."""

_Seen = MutableMapping[Hashable, ir.Node]


def share_common_subexpressions(model: ir.Model) -> bool:
    """Nodes of the same operator, attributes and inputs become one, and those that compute the same sizes from whatever: in a graph,
    and in its subgraphs with what is outside.
    """
    heirs: dict[ir.Node, list[Origin]] = {}
    changed = False
    for part in parts(model):
        changed |= _share(part, {}, heirs, Sight())
    for node, inherited in heirs.items():
        set_origins(node, (*origins(node), *inherited))
    return changed


def _share(nodes: Iterable[ir.Node], seen: _Seen, heirs: dict[ir.Node, list[Origin]], sight: Sight) -> bool:
    changed = False
    for node in list(nodes):
        inner = subgraphs(node)
        for graph in inner:
            changed |= _share(graph, ChainMap({}, seen), heirs, sight)
        if inner or node.domain not in ("", "ai.onnx.ml") or node.op_type in _RANDOM:
            continue
        key = _sizes(node, sight) or _key(node)
        if key is None:
            continue
        first = seen.setdefault(key, node)
        if first is node or not all(_can_stand_for(a, b) for a, b in zip(first.outputs, node.outputs, strict=True)):
            continue
        for old, equal in zip(node.outputs, first.outputs, strict=True):
            if not bypass(old, equal):
                raise AssertionError(f"{old.name} can't be {equal.name}")
        heirs.setdefault(first, []).extend((*origins(node), *heirs.pop(node, ())))
        remove_node(node)
        changed = True
    return changed


def _can_stand_for(equal: ir.Value, old: ir.Value) -> bool:
    """Whether ``bypass`` will do: a name that the outside knows can move only to a value of the same graph that has none."""
    if not old.is_graph_output():
        return True
    one, other = equal.producer(), old.producer()
    return one is not None and other is not None and one.graph is other.graph and not equal.is_graph_output()


def _sizes(node: ir.Node, sight: Sight) -> Hashable | None:
    """The elements of a vector or number that is computed from dynamic dimensions."""
    out = node.outputs[0]
    found = sight.see(out) if len(node.outputs) == 1 and out.shape is not None else None
    if found is None or out.shape is None or all(isinstance(element, int) for element in found):
        return None
    return out.dtype, len(out.shape), tuple(found)


def _key(node: ir.Node) -> Hashable | None:
    attributes = []
    for name, attribute in sorted(node.attributes.items()):
        value = None if attribute.is_ref() else _value(attribute.type, attribute.value)
        if value is None:
            return None
        attributes.append((name, attribute.type, value))
    return node.op_identifier(), tuple(node.inputs), tuple(bool(out.name) for out in node.outputs), tuple(attributes)


def _value(kind: ir.AttributeType, value: Any) -> Hashable | None:
    """An attribute's value as a key; floats by their bits' text, as 0.0 equals −0.0."""
    if kind == ir.AttributeType.INTS:
        return tuple(value)
    if isinstance(value, (int, str, bytes)):
        return value
    if isinstance(value, float):
        return repr(value)
    if kind == ir.AttributeType.TENSOR:
        if value.dtype == ir.DataType.STRING or value.nbytes > _LARGE:
            return id(value)
        return value.dtype, tuple(value.shape.numpy()), value.tobytes()
    if isinstance(value, (tuple, list)) and all(isinstance(item, (int, float, str, bytes)) for item in value):
        return tuple(repr(item) if isinstance(item, float) else item for item in value)
    return None
