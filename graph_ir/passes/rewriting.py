"""Rules that look at one node each, and the worklist that applies them until none has more to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import onnx_ir as ir

from dragoman.graph_ir.passes.editing import Names, add_weight, bypass, remove_node, replace_value
from dragoman.graph_ir.provenance import Origin, move_source_tensors, origins, set_origins
from dragoman.graph_ir.traversal import parts, subgraphs, walk


class Rewriter:
    """What rules change a graph with: it keeps provenance, takes out what becomes unused, and looks again at what was touched."""

    def __init__(self, model: ir.Model) -> None:
        """``model`` is rewritten in place."""
        self._model = model
        self._names = Names(parts(model))
        self._queue: deque[ir.Node] = deque()
        self._queued: set[ir.Node] = set()
        self._heirs: dict[ir.Node, list[Origin]] = {}
        self.opset = 0
        """The version of the standard operators where the rules are at work."""
        self.in_function = False

    def run(self, rules: Mapping[str, Sequence[Rule]]) -> bool:
        """Apply ``rules``, by operator, to every node of the graph, its subgraphs and the functions; whether any did anything."""
        changed = False
        for part in parts(self._model):
            self.in_function = isinstance(part, ir.Function)
            self.opset = part.opset_imports.get("", self._model.graph.opset_imports.get("", 0))
            for node in walk(part):
                if node.op_type in rules:
                    self.touch(node)
            while self._queue:
                node = self._queue.popleft()
                self._queued.discard(node)
                if node.graph is None or node.domain or (self.in_function and _has_parameters(node)):
                    continue
                changed |= self._apply(node, rules.get(node.op_type, ()))
        for node, inherited in self._heirs.items():
            set_origins(node, (*inherited, *origins(node)))
        return changed

    def _apply(self, node: ir.Node, rules: Sequence[Rule]) -> bool:
        for rule in rules:
            if rule(node, self):
                if node.graph is not None:
                    self.touch(node, *_readers(node))
                return True
        return False

    # -- what rules do ------------------------------------------------------------------------------------

    def touch(self, *nodes: ir.Node) -> None:
        """Look at these nodes (again)."""
        for node in nodes:
            if node not in self._queued:
                self._queued.add(node)
                self._queue.append(node)

    def inherit(self, node: ir.Node | None, *others: ir.Node) -> None:
        """``node`` now also does what ``others`` did."""
        if node is None:
            return
        inherited = self._heirs.setdefault(node, [])
        for other in others:
            inherited.extend((*self._heirs.pop(other, ()), *origins(other)))

    def bypass(self, node: ir.Node, equal: ir.Value) -> bool:
        """``node``'s only output is ``equal``: its readers read that, and it goes. False, and nothing done, if it can't."""
        old = node.outputs[0]
        readers = _readers(node)
        if not bypass(old, equal):
            return False
        self.inherit(equal.producer(), node)
        self.touch(*readers)
        self.remove(node)
        return True

    def replace(self, node: ir.Node, values: Sequence[ir.Value]) -> None:
        """``values``, made for this, take the places of ``node``'s outputs; it goes."""
        self.touch(*_readers(node))
        for old, new in zip(node.outputs, values, strict=True):
            replace_value(old, new)
            self.inherit(new.producer(), node)
        self.remove(node)

    def read(self, node: ir.Node, index: int, value: ir.Value | None) -> None:
        """Input ``index`` of ``node`` becomes ``value``; what made the old one goes if nobody else reads it."""
        old = node.inputs[index]
        node.replace_input_with(index, value)
        self._release([old])

    def read_all(self, node: ir.Node, values: Sequence[ir.Value | None]) -> None:
        """``node``'s inputs become ``values``; what made the old ones goes if nobody else reads it."""
        old = list(node.inputs)
        for index in range(len(old)):
            node.replace_input_with(index, None)
        node.resize_inputs(len(values))
        for index, value in enumerate(values):
            node.replace_input_with(index, value)
        self._release(old)

    def remove(self, node: ir.Node) -> None:
        """Take out a node that nobody reads, and then those that only it read."""
        read = _read_by(node)
        remove_node(node)
        self._release(read)

    def _release(self, values: Iterable[ir.Value | None]) -> None:
        """These values have lost a reader: what nobody reads goes, and the last reader of what is left is looked at again."""
        pending = list(dict.fromkeys(values))
        while pending:
            value = pending.pop()
            producer = value.producer() if value is not None else None
            if value is None or producer is None or producer.graph is None:
                continue
            uses = tuple(value.uses())
            if len(uses) == 1:
                self.touch(uses[0].node)
            elif not uses and not any(out.uses() or out.is_graph_output() for out in producer.outputs):
                pending.extend(_read_by(producer))
                remove_node(producer)

    def emit(
        self, before: ir.Node, op_type: str, inputs: Iterable[ir.Value | None], like: ir.Value, attributes: Mapping[str, Any] = {}
    ) -> ir.Value:
        """The output, of ``like``'s type and shape, of a new node in front of ``before``."""
        assert before.graph is not None
        node = ir.node(op_type, list(inputs), dict(attributes))
        out = node.outputs[0]
        out.name = node.name = self._names.unique(f"{like.name}/{op_type}")
        out.type, out.shape = like.type, like.shape
        set_origins(node, origins(before))
        before.graph.insert_before(before, node)
        self.touch(node)
        return out

    def constant(self, near: ir.Node, tensor: ir.TensorProtocol, name: str) -> ir.Value:
        """A constant that ``near`` and what follows can read: an initializer, or a Constant in a function, which has none."""
        assert near.graph is not None
        name = self._names.unique(name)
        if not self.in_function:
            graph = near.graph if isinstance(near.graph, ir.Graph) else near.graph.graph
            return add_weight(graph, tensor, name)
        return self._constant_node(near, tensor, name)

    def become_constant(self, node: ir.Node, tensors: Sequence[ir.TensorProtocol]) -> None:
        """``node``'s outputs are always ``tensors``."""
        if any(out.is_graph_output() for out in node.outputs):
            named = [self._names.unique(f"{out.name}/folded") for out in node.outputs]
            values = [self._constant_node(node, tensor, name) for tensor, name in zip(tensors, named, strict=True)]
            self.replace(node, values)
            return
        self.touch(*_readers(node))
        for old, tensor in zip(node.outputs, tensors, strict=True):
            value = self.constant(node, tensor, f"{old.name}/folded")
            move_source_tensors(old, value)
            old.replace_all_uses_with(value)
        self.remove(node)

    def _constant_node(self, near: ir.Node, tensor: ir.TensorProtocol, name: str) -> ir.Value:
        assert near.graph is not None
        node = ir.node("Constant", [], {"value": ir.AttrTensor("value", tensor)}, name=name)
        out = node.outputs[0]
        out.name, out.type, out.shape = name, ir.TensorType(tensor.dtype), ir.Shape(tensor.shape.numpy())
        set_origins(node, origins(near))
        near.graph.insert_before(near, node)
        return out

    def name(self, wanted: str) -> str:
        """A name that no value has yet."""
        return self._names.unique(wanted)


Rule = Callable[[ir.Node, Rewriter], bool]
"""Rewrites a node of the standard operators, or what is around it; True if it did."""

Rules = Mapping[str, Sequence[Rule]]
"""The rules of each operator, tried in this order."""


def rewrite(model: ir.Model, *tables: Rules) -> bool:
    """Apply the rules of all ``tables`` until none changes anything; whether any did."""
    merged: dict[str, list[Rule]] = {}
    for table in tables:
        for op_type, rules in table.items():
            merged.setdefault(op_type, []).extend(rules)
    return Rewriter(model).run(merged)


def _readers(node: ir.Node) -> list[ir.Node]:
    return [use.node for out in node.outputs for use in out.uses()]


def _read_by(node: ir.Node) -> list[ir.Value | None]:
    """What a node reads, and what is inside it."""
    return [*node.inputs, *(value for graph in subgraphs(node) for inner in walk(graph) for value in inner.inputs)]


def _has_parameters(node: ir.Node) -> bool:
    return any(attribute.is_ref() for attribute in node.attributes.values())
