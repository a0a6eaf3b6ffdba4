"""A tensor in several frames: a value and its transposes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import onnx_ir as ir

from dragoman.graph_ir.passes.editing import Names, replace_value
from dragoman.graph_ir.passes.permutations import Perm, compose, identity, inverse, perm_of, permuted
from dragoman.graph_ir.provenance import forget_source_tensors, merge_origins, move_source_tensors, origins, set_origins


@dataclass(frozen=True)
class Use:
    """An input of a node (None: a graph output) that reads a tensor in ``frame``."""

    node: ir.Node | None
    index: int
    frame: Perm


class Frames:
    """The tensors of a graph: each value that no Transpose makes, with its transposes."""

    def __init__(self, graph: ir.Graph) -> None:
        """Look at the Transposes of ``graph``, not at those of its subgraphs."""
        self.graph = graph
        self._known: dict[ir.Value, tuple[ir.Value, Perm]] = {}
        self.aliases: dict[ir.Value, list[ir.Value]] = {}
        for node in graph:
            perm = perm_of(node)
            source = node.inputs[0] if perm is not None else None
            if perm is None or source is None or node.outputs[0].shape is None:
                continue
            root, frame = self._known.get(source, (source, identity(len(perm))))
            if root.shape is None or len(root.shape) != len(perm):
                continue
            self._known[node.outputs[0]] = root, compose(frame, perm)
            self.aliases.setdefault(root, []).append(node.outputs[0])

    def of(self, value: ir.Value) -> tuple[ir.Value, Perm]:
        """The tensor that ``value`` is, and in which frame. The rank must be known."""
        assert value.shape is not None
        return self._known.get(value) or (value, identity(len(value.shape)))

    def values(self, root: ir.Value) -> list[ir.Value]:
        """``root`` and its transposes."""
        return [root, *self.aliases.get(root, ())]

    def uses(self, root: ir.Value) -> Iterator[Use]:
        """Who reads the tensor; the Transposes among its values aside."""
        own = {alias.producer() for alias in self.aliases.get(root, ())}
        for value in self.values(root):
            frame = self.of(value)[1]
            if value.is_graph_output():
                yield Use(None, 0, frame)
            for use in value.uses():
                if use.node not in own:
                    yield Use(use.node, use.idx, frame)


class Placement:
    """One tensor's Transposes: its root is made in the frame ``made``, and each other frame that is wanted is a Transpose of it."""

    def __init__(self, graph: ir.Graph, names: Names, frames: Frames, root: ir.Value, made: Perm) -> None:
        """``frames`` are those from before the root was made in ``made``."""
        self._graph = graph
        self._names = names
        self._root = root
        self._made = made
        self._own = identity(len(made))
        self._name = root.name or "value"
        self._values = {made: root}
        self._aliases = [(alias, frames.of(alias)[1]) for alias in frames.aliases.get(root, ())]
        self._changed = False

    def realise(self, wants: list[tuple[Use, Perm]]) -> bool:
        """Give every use the frame that it wants."""
        wanted = {frame for _, frame in wants}
        if self._made != self._own:
            self._hand_over(kept=self._own in wanted)
        for alias, frame in sorted(self._aliases, key=lambda pair: not pair[0].is_graph_output()):
            if frame in wanted or alias.is_graph_output():
                self._keep(alias, frame)
        for use, frame in wants:
            if frame not in self._values:
                self._values[frame] = self._new(frame)
            if use.node is not None and use.node.inputs[use.index] is not self._values[frame]:
                use.node.replace_input_with(use.index, self._values[frame])
                self._changed = True
        for alias, frame in reversed(self._aliases):
            node = alias.producer()
            if node is not None and not alias.uses() and not alias.is_graph_output():
                if frame in self._values:
                    move_source_tensors(alias, self._values[frame])
                self._graph.remove(node, safe=True)
                self._changed = True
        if self._changed:
            for value in self._values.values():
                node = value.producer()
                if value is not self._root and node is not None:
                    self._graph.remove(node)
                    self._place(node)
        return self._changed

    def _hand_over(self, *, kept: bool) -> None:
        """The root changes its frame; its name, its place among the outputs and what it was go to a Transpose of it, if wanted."""
        root = self._root
        old = root.shape
        assert old is not None
        root.name = self._names.unique(f"{self._name}/permuted")
        root.shape = permuted(old, self._made)
        if kept:
            value = self._new(self._own)
            move_source_tensors(root, value)
            value.name = self._name
            for index, output in enumerate(self._graph.outputs):
                if output is root:
                    self._graph.outputs[index] = value
            self._values[self._own] = value
        forget_source_tensors(root)
        self._changed = True

    def _keep(self, alias: ir.Value, frame: Perm) -> None:
        """Let ``alias`` be its frame's value, or one more where the outside knows two."""
        node = alias.producer()
        assert node is not None
        if frame == self._made:
            self._keep_equal(alias, node)
            return
        perm = compose(inverse(self._made), frame)
        if node.inputs[0] is not self._root or perm_of(node) != perm:
            inner = node.inputs[0].producer() if node.inputs[0] is not None else None
            if inner is not None and inner.graph is node.graph and inner.op_type == "Transpose":
                merge_origins(node, inner)
            node.replace_input_with(0, self._root)
            node.attributes["perm"] = ir.AttrInt64s("perm", perm)
            self._changed = True
        self._values.setdefault(frame, alias)

    def _keep_equal(self, alias: ir.Value, node: ir.Node) -> None:
        """``alias`` is now what the root is."""
        root, renamed = self._root, self._made != self._own and (self._root.name or "").startswith(f"{self._name}/permuted")
        if alias.is_graph_output() and (root.is_graph_output() or root.producer() not in self._graph):
            if node.op_type != "Identity":
                node.op_type = "Identity"
                node.attributes.clear()
                node.replace_input_with(0, root)
                self._changed = True
        elif alias.is_graph_output() or renamed:
            shape = root.shape
            replace_value(alias, root)
            root.shape = shape
            self._changed = True

    def _new(self, frame: Perm) -> ir.Value:
        perm = compose(inverse(self._made), frame)
        node = ir.node("Transpose", [self._root], {"perm": perm})
        out = node.outputs[0]
        out.type, out.name = self._root.type, self._names.unique(f"{self._name}/transposed")
        node.name = out.name
        assert self._root.shape is not None
        out.shape = permuted(self._root.shape, perm)
        producer = self._root.producer()
        reader = next(use.node for use in self._root.uses() if use.node is not node) if producer is None else producer
        set_origins(node, origins(reader))
        self._place(node)
        self._changed = True
        return out

    def _place(self, node: ir.Node) -> None:
        """Behind the node that makes the root, or in front of all if the root comes from outside."""
        producer = self._root.producer()
        if producer is not None and producer.graph is self._graph:
            self._graph.insert_after(producer, node)
        else:
            self._graph.insert_before(self._graph[0], node)
