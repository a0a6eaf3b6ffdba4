"""Transposes moved and cancelled, so that the fewest are left.

A value and its transposes are one tensor in several *frames*. Every node wants its inputs in one frame and makes its outputs in
one; where these differ there must be a Transpose. A node that can run with permuted axes may change its frame, and then its
neighbours want to as well. So: choose a tensor that is there in two frames, find all nodes that would follow if its readers (or
its maker) went from one to the other, and let a minimum cut say which of them should: it pays for each Transpose. Only what makes
the total smaller is done. Graph inputs and outputs keep their frame, and so does every node that has no rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import onnx_ir as ir

from dragoman.graph_ir.model import dims
from dragoman.graph_ir.passes import axis_rules
from dragoman.graph_ir.passes.axis_flip import Edit, Flip, flip_of
from dragoman.graph_ir.passes.editing import Names, add_weight, constant, replace_value
from dragoman.graph_ir.passes.min_cut import UNLIMITED, Cut
from dragoman.graph_ir.passes.permutations import Perm, compose, identity, inverse, keeps_order, perm_of, permuted
from dragoman.graph_ir.passes.reshape_rules import reshape_target
from dragoman.graph_ir.provenance import forget_source_tensors, merge_origins, move_source_tensors, origins, set_origins
from dragoman.graph_ir.tensors import DerivedTensor

assert axis_rules  # it registers its rules

_TRANSPOSE = 1 << 20
"""What a Transpose costs; its size decides between equal numbers."""

_UNKNOWN = 64
"""The size that a dynamic dimension is taken for."""


def cancel_transposes(model: ir.Model) -> bool:
    """Merge transposes of transposes, then move what can be moved to where fewer are needed; in every subgraph on its own."""
    names = Names([model.graph])
    changed = False
    for graph in (model.graph, *model.graph.subgraphs()):
        if not any(node.op_type == "Transpose" for node in graph):
            continue
        changed |= _transpose_constants(graph, names)
        changed |= _rewrite(graph, names, _Frames(graph), {}, {})
        while _improve(graph, names):
            changed = True
        changed |= _regroup(graph, names)
    return changed


def _regroup(graph: ir.Graph, names: Names) -> bool:
    """Where only axes of size 1 go past others, a Reshape does, which copies nothing."""
    changed = False
    edit = Edit(graph, names)
    for node in list(graph):
        perm, source = perm_of(node), node.inputs[0] if node.inputs else None
        if perm is None or source is None or source.shape is None or not keeps_order(source.shape, perm):
            continue
        before = dims(source)
        target = reshape_target(before, [before[axis] for axis in perm])
        if target is not None:
            node.op_type = "Reshape"
            node.attributes.clear()
            edit.ints(node, 1, target)
            changed = True
    return changed


def _transpose_constants(graph: ir.Graph, names: Names) -> bool:
    changed = False
    for node in list(graph):
        perm = perm_of(node)
        tensor = constant(node.inputs[0]) if perm is not None else None
        out = node.outputs[0]
        if perm is None or tensor is None or out.is_graph_output():
            continue
        value = add_weight(graph, _transposed(tensor, perm), names.unique(f"{out.name}/permuted"))
        move_source_tensors(out, value)
        ir.convenience.replace_all_uses_with(out, value)
        graph.remove(node, safe=True)
        changed = True
    return changed


def _transposed(tensor: ir.TensorProtocol, perm: Perm) -> ir.TensorProtocol:
    """``tensor`` with its axes permuted when it is asked for; of fewer axes than ``perm`` has, it gets leading ones first."""
    own = tuple(tensor.shape.numpy())
    full = (1,) * (len(perm) - len(own)) + own
    shape = tuple(full[axis] for axis in perm)
    return DerivedTensor(lambda: tensor.numpy().reshape(full).transpose(perm), tensor.dtype, shape)


# -- tensors and their frames ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Use:
    """An input of a node (None: a graph output) that reads a tensor in ``frame``."""

    node: ir.Node | None
    index: int
    frame: Perm


class _Frames:
    """The tensors of a graph: each value that no Transpose makes, with its transposes."""

    def __init__(self, graph: ir.Graph) -> None:
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

    def uses(self, root: ir.Value) -> Iterator[_Use]:
        """Who reads the tensor; the Transposes among its values aside."""
        own = {alias.producer() for alias in self.aliases.get(root, ())}
        for value in self.values(root):
            frame = self.of(value)[1]
            if value.is_graph_output():
                yield _Use(None, 0, frame)
            for use in value.uses():
                if use.node not in own:
                    yield _Use(use.node, use.idx, frame)


# -- what would follow -----------------------------------------------------------------------------------


@dataclass
class _Region:
    """The nodes that can follow, and for each tensor between them the frame that they leave and the one that they go to."""

    flips: dict[ir.Node, Flip] = field(default_factory=dict)
    pairs: dict[ir.Value, tuple[Perm, Perm]] = field(default_factory=dict)


def _region(frames: _Frames, root: ir.Value, leave: Perm, enter: Perm) -> _Region:
    region = _Region(pairs={root: (leave, enter)})
    barred: set[ir.Node] = set()
    waiting = [root]

    def reach(node: ir.Node | None, index: int, perm: Perm, *, of_output: bool) -> None:
        if node is None or node.graph is not frames.graph or node in region.flips or node in barred:
            return
        flip = flip_of(node, perm, of_output=of_output)
        found = None if flip is None else _pairs(frames, node, flip)
        agreed = flip is not None and _at(flip.outputs if of_output else flip.inputs, index) == perm
        if flip is None or found is None or not agreed or any(region.pairs.get(v, pair) != pair for v, pair in found.items()):
            barred.add(node)
            return
        region.flips[node] = flip
        waiting.extend(value for value in found if value not in region.pairs)
        region.pairs.update(found)

    while waiting:
        at = waiting.pop()
        leave, enter = region.pairs[at]
        perm = compose(inverse(leave), enter)
        producer = at.producer()
        if producer is not None and leave == identity(len(leave)):
            reach(producer, producer.outputs.index(at), perm, of_output=True)
        for use in frames.uses(at):
            if use.frame == leave:
                reach(use.node, use.index, perm, of_output=False)
    return region


def _at(perms: tuple[Perm | None, ...], index: int) -> Perm | None:
    return perms[index] if index < len(perms) else None


def _pairs(frames: _Frames, node: ir.Node, flip: Flip) -> dict[ir.Value, tuple[Perm, Perm]] | None:
    """For each tensor that ``node`` touches the frames without and with the flip; None if it wants one tensor in two ways."""
    found: dict[ir.Value, tuple[Perm, Perm]] = {}
    for values, perms, read in ((node.inputs, flip.inputs, True), (node.outputs, flip.outputs, False)):
        for value, perm in zip(values, perms, strict=False):
            if value is None or perm is None or (read and constant(value) is not None):
                continue
            if value.shape is None or len(value.shape) != len(perm):
                return None
            root, frame = frames.of(value)
            pair = frame, compose(frame, perm)
            if found.setdefault(root, pair) != pair:
                return None
    return found


# -- what should follow ----------------------------------------------------------------------------------


def _improve(graph: ir.Graph, names: Names) -> bool:
    """Find one set of nodes that saves Transposes by changing its frame, and change it."""
    frames = _Frames(graph)
    tried: set[tuple[ir.Value, Perm, Perm]] = set()
    for root, aliases in frames.aliases.items():
        own = identity(len(frames.of(aliases[0])[1]))
        present = [own, *dict.fromkeys(frames.of(alias)[1] for alias in aliases)]
        for leave in present[::-1]:
            for enter in present:
                if leave == enter or (root, leave, enter) in tried:
                    continue
                region = _region(frames, root, leave, enter)
                tried.update((value, *pair) for value, pair in region.pairs.items())
                chosen = _cheapest(frames, region)
                if chosen:
                    _rewrite(graph, names, frames, {node: region.flips[node] for node in chosen}, region.pairs)
                    return True
    return False


def _cheapest(frames: _Frames, region: _Region) -> set[ir.Node]:
    cut = Cut()
    variables = {node: cut.variable() for node in region.flips}
    for variable in variables.values():
        cut.cost(cut.ZERO, variable, 1)
    for root, (leave, enter) in region.pairs.items():
        _add_costs(cut, frames, root, leave, enter, variables)
    ones = cut.ones()
    return {node for node, variable in variables.items() if variable in ones}


def _add_costs(cut: Cut, frames: _Frames, root: ir.Value, leave: Perm, enter: Perm, variables: dict[ir.Node, int]) -> None:
    """A Transpose for ``leave`` if that is not what is made and someone wants it, and one for ``enter`` in the same way."""
    producer, own = root.producer(), identity(len(leave))
    maker = variables.get(producer) if producer is not None and leave == own else None
    followers: list[int] = []
    fixed: set[Perm] = set()
    for use in frames.uses(root):
        if use.frame == leave and use.node in variables:
            followers.append(variables[use.node])
        else:
            fixed.add(use.frame)
    between = _price(root, leave, enter)
    if leave != own or maker is not None:
        wanted = cut.variable()  # 0 if someone wants it
        for follower in followers:
            cut.cost(follower, wanted, UNLIMITED)
        if leave in fixed:
            cut.cost(cut.ZERO, wanted, UNLIMITED)
        if maker is None:
            cut.cost(wanted, cut.ONE, _price(root, own, leave))
        else:
            cut.cost(wanted, maker, between)
    if enter != own or maker is not None:
        wanted = cut.variable()  # 1 if someone wants it
        for follower in followers:
            cut.cost(wanted, follower, UNLIMITED)
        if enter in fixed:
            cut.cost(wanted, cut.ONE, UNLIMITED)
        if maker is None:
            cut.cost(cut.ZERO, wanted, _price(root, own, enter))
        else:
            cut.cost(maker, wanted, between)


def _price(root: ir.Value, first: Perm, second: Perm) -> int:
    """Transposing the tensor from one frame to the other; next to nothing if no element moves."""
    assert root.shape is not None
    shape = permuted(root.shape, first)
    if keeps_order(shape, compose(inverse(first), second)):
        return 2
    size = math.prod(d if isinstance(d, int) else _UNKNOWN for d in root.shape)
    return _TRANSPOSE + size.bit_length()


# -- the change ------------------------------------------------------------------------------------------


def _rewrite(
    graph: ir.Graph,
    names: Names,
    frames: _Frames,
    flips: dict[ir.Node, Flip],
    pairs: dict[ir.Value, tuple[Perm, Perm]],
) -> bool:
    """Flip nodes, and see to it that every node gets the frames that it wants, with one Transpose for each; True if it changed."""
    plan: list[tuple[ir.Value, Perm, list[tuple[_Use, Perm]]]] = []
    for root in pairs or frames.aliases:
        producer = root.producer()
        maker = flips.get(producer) if producer is not None else None
        made = None if maker is None or producer is None else _at(maker.outputs, producer.outputs.index(root))
        wants = [(use, _wanted(use, flips)) for use in frames.uses(root)]
        plan.append((root, made or identity(len(root.shape or ())), wants))
    edit = Edit(graph, names)
    for node, flip in flips.items():
        for index, (value, perm) in enumerate(zip(node.inputs, flip.inputs, strict=False)):
            tensor = constant(value)
            if perm is not None and tensor is not None:
                edit.replace(node, index, _transposed(tensor, perm))
        if flip.apply is not None:
            flip.apply(edit)
    changed = bool(flips)
    for root, made, wants in plan:
        changed |= _Placement(graph, names, frames, root, made).realise(wants)
    return changed


def _wanted(use: _Use, flips: dict[ir.Node, Flip]) -> Perm:
    flip = flips.get(use.node) if use.node is not None else None
    perm = None if flip is None else _at(flip.inputs, use.index)
    return use.frame if perm is None else compose(use.frame, perm)


class _Placement:
    """One tensor's Transposes: its root is made in the frame ``made``, and each other frame that is wanted is a Transpose of it."""

    def __init__(self, graph: ir.Graph, names: Names, frames: _Frames, root: ir.Value, made: Perm) -> None:
        self._graph = graph
        self._names = names
        self._root = root
        self._made = made
        self._own = identity(len(made))
        self._name = root.name or "value"
        self._values = {made: root}
        self._aliases = [(alias, frames.of(alias)[1]) for alias in frames.aliases.get(root, ())]
        self._changed = False

    def realise(self, wants: list[tuple[_Use, Perm]]) -> bool:
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
