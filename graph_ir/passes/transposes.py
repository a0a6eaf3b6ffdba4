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
from dragoman.graph_ir.passes.editing import Names, add_weight, constant
from dragoman.graph_ir.passes.frames import Frames, Placement, Use
from dragoman.graph_ir.passes.min_cut import UNLIMITED, Cut
from dragoman.graph_ir.passes.permutations import Perm, compose, identity, inverse, keeps_order, perm_of, permuted, transposed
from dragoman.graph_ir.passes.reshape_rules import reshape_target
from dragoman.graph_ir.provenance import move_source_tensors
from dragoman.graph_ir.traversal import graphs_of

assert axis_rules  # it registers its rules

_TRANSPOSE = 1 << 20
"""What a Transpose costs; its size decides between equal numbers."""

_UNKNOWN = 64
"""The size that a dynamic dimension is taken for."""


def cancel_transposes(model: ir.Model) -> bool:
    """Merge transposes of transposes, then move what can be moved to where fewer are needed; in every subgraph on its own."""
    names = Names([model.graph])
    changed = False
    for graph in graphs_of(model.graph):
        if not any(node.op_type == "Transpose" for node in graph):
            continue
        while _step(graph, names):
            changed = True
    return changed


def _step(graph: ir.Graph, names: Names) -> bool:
    changed = _transpose_constants(graph, names)
    changed |= _rewrite(graph, names, Frames(graph), {}, {})
    changed |= _improve(graph, names)
    return changed or _regroup(graph, names)


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
        value = add_weight(graph, transposed(tensor, perm), names.unique(f"{out.name}/permuted"))
        move_source_tensors(out, value)
        ir.convenience.replace_all_uses_with(out, value)
        graph.remove(node, safe=True)
        changed = True
    return changed


# -- what would follow -----------------------------------------------------------------------------------


@dataclass
class _Region:
    """The nodes that can follow, and for each tensor between them the frame that they leave and the one that they go to."""

    flips: dict[ir.Node, Flip] = field(default_factory=dict)
    pairs: dict[ir.Value, tuple[Perm, Perm]] = field(default_factory=dict)


def _region(frames: Frames, root: ir.Value, leave: Perm, enter: Perm) -> _Region:
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


def _pairs(frames: Frames, node: ir.Node, flip: Flip) -> dict[ir.Value, tuple[Perm, Perm]] | None:
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
    """Find sets of nodes that save Transposes by changing their frame, and change them; those that touch another wait."""
    frames = Frames(graph)
    tried: set[tuple[ir.Value, Perm, Perm]] = set()
    stale: set[ir.Value] = set()
    for root, leave, enter in _moves(frames):
        if root in stale or (root, leave, enter) in tried:
            continue
        region = _region(frames, root, leave, enter)
        tried.update((value, *pair) for value, pair in region.pairs.items())
        if stale.isdisjoint(region.pairs) and (chosen := _cheapest(frames, region)):
            _rewrite(graph, names, frames, {node: region.flips[node] for node in chosen}, region.pairs)
            stale.update(region.pairs)
    return bool(stale)


def _moves(frames: Frames) -> Iterator[tuple[ir.Value, Perm, Perm]]:
    """Each tensor that is there in several frames, and each way from one to another."""
    for root, aliases in frames.aliases.items():
        present = list(dict.fromkeys(frames.of(alias)[1] for alias in aliases))
        present.append(identity(len(present[0])))
        yield from ((root, leave, enter) for leave in present for enter in present[::-1] if leave != enter)


def _cheapest(frames: Frames, region: _Region) -> set[ir.Node]:
    cut = Cut()
    variables = {node: cut.variable() for node in region.flips}
    for variable in variables.values():
        cut.cost(cut.ZERO, variable, 1)
    for root, (leave, enter) in region.pairs.items():
        _add_costs(cut, frames, root, leave, enter, variables)
    ones = cut.ones()
    return {node for node, variable in variables.items() if variable in ones}


def _add_costs(cut: Cut, frames: Frames, root: ir.Value, leave: Perm, enter: Perm, variables: dict[ir.Node, int]) -> None:
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
    frames: Frames,
    flips: dict[ir.Node, Flip],
    pairs: dict[ir.Value, tuple[Perm, Perm]],
) -> bool:
    """Flip nodes, and see to it that every node gets the frames that it wants, with one Transpose for each; True if it changed."""
    plan: list[tuple[ir.Value, Perm, list[tuple[Use, Perm]]]] = []
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
                edit.replace(node, index, transposed(tensor, perm))
        if flip.apply is not None:
            flip.apply(edit)
    changed = bool(flips)
    for root, made, wants in plan:
        changed |= Placement(graph, names, frames, root, made).realise(wants)
    return changed


def _wanted(use: Use, flips: dict[ir.Node, Flip]) -> Perm:
    flip = flips.get(use.node) if use.node is not None else None
    perm = None if flip is None else _at(flip.inputs, use.index)
    return use.frame if perm is None else compose(use.frame, perm)
