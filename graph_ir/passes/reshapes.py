"""Reshape, Flatten, Squeeze and Unsqueeze: one after another, with targets that the network computes, and those that change nothing."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.model import static_dims
from dragoman.graph_ir.passes.dimensions import Element, elements, known_dims
from dragoman.graph_ir.passes.editing import attribute, constant, input_at, ints, is_op
from dragoman.graph_ir.passes.rewriting import Rewriter, Rule, rewrite

_REGROUPS = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")
"""Operators that keep the elements and their order."""


def merge_reshapes(model: ir.Model) -> bool:
    """A Reshape reads through what regroups before it; computed targets become constant ones; what changes nothing goes."""
    return rewrite(model, RULES)


def _unchanged(node: ir.Node, r: Rewriter) -> bool:
    source = node.inputs[0]
    if source is None or not (_same_shape(source, node.outputs[0]) or _undone(node, source)):
        return False
    origin = source
    if not _same_shape(source, node.outputs[0]):
        inner = source.producer()
        assert inner is not None and inner.inputs[0] is not None
        origin = inner.inputs[0]
    return r.bypass(node, origin)


def _same_shape(a: ir.Value, b: ir.Value) -> bool:
    """Of as many elements each: then one dimension may differ in name, if no other can be 0."""
    own, other = known_dims(a), known_dims(b)
    if own is None or other is None or len(own) != len(other):
        return False
    different = [axis for axis, (x, y) in enumerate(zip(own, other, strict=True)) if x != y]
    if not different:
        return True
    rest = [size for axis, size in enumerate(own) if axis != different[0]]
    return len(different) == 1 and all(isinstance(size, int) and size > 0 for size in rest)


def _undone(node: ir.Node, source: ir.Value) -> bool:
    """Squeeze of Unsqueeze of the same axes, or the reverse."""
    inner = source.producer()
    opposite = {"Squeeze": "Unsqueeze", "Unsqueeze": "Squeeze"}.get(node.op_type)
    if inner is None or opposite is None or not is_op(inner, opposite) or inner.graph is not node.graph or inner.inputs[0] is None:
        return False
    first, second = ints(inner, 1, "axes"), ints(node, 1, "axes")
    return first is not None and second is not None and sorted(first) == sorted(second) and len({a < 0 for a in first}) == 1


def _read_through(node: ir.Node, r: Rewriter) -> bool:
    """Regroup what was regrouped before: from the first shape into the last at once."""
    middle = node.inputs[0]
    inner = middle.producer() if middle is not None else None
    if inner is None or not is_op(inner, *_REGROUPS) or inner.graph is not node.graph or inner.inputs[0] is None:
        return False
    source = inner.inputs[0]
    if not _says_all(node, source):
        target = _target(node.outputs[0], source)
        if target is None:
            return False
        out = node.outputs[0]
        if node.op_type != "Reshape":
            value = r.emit(node, "Reshape", [source, _shape_input(node, r, target)], out)
            r.inherit(value.producer(), inner)
            r.replace(node, [value])
            return True
        _retarget(node, r, target)
    r.inherit(node, inner)
    r.read(node, 0, source)
    return True


def _says_all(node: ir.Node, source: ir.Value) -> bool:
    """Whether ``node`` is a Reshape whose constant target means the same for ``source``: none of its sizes is copied from the
    shape in between, or from an axis that is the same in ``source``.
    """
    target = ints(node, 1, "shape") if node.op_type == "Reshape" else None
    if target is None:
        return False
    if 0 not in target or attribute(node, "allowzero", 0):
        return True
    middle = known_dims(node.inputs[0]) if node.inputs[0] is not None else None
    own = known_dims(source)
    if middle is None or own is None:
        return False
    copied = [axis for axis, size in enumerate(target) if size == 0]
    return all(axis < min(len(own), len(middle)) and own[axis] == middle[axis] for axis in copied)


def _computed_target(node: ir.Node, r: Rewriter) -> bool:
    """A target that the network computes, of sizes that are known, or are the input's own."""
    source, target = node.inputs[0], input_at(node, 1)
    if source is None or target is None or constant(target) is not None:
        return False
    found = _target(node.outputs[0], source)
    if found is None:
        wanted, kept = elements(target), not attribute(node, "allowzero", 0)
        if wanted is None or (0 in wanted and not kept):
            return False
        own = known_dims(source) or ()
        found = _plan([own[axis] if size == 0 and axis < len(own) else size for axis, size in enumerate(wanted)], source)
    if found is None:
        return False
    _retarget(node, r, found)
    return True


def _target(out: ir.Value, source: ir.Value) -> list[int] | None:
    known = known_dims(out)
    return None if known is None else _plan(list(known), source)


def _plan(wanted: list[Element], source: ir.Value) -> list[int] | None:
    """A constant target for ``source``: known sizes, one −1 for one that isn't known, or 0 for all that are ``source``'s own at
    the same axis. Not both: where the copied size is 0, a −1 can't be told.
    """
    unknown = [axis for axis, size in enumerate(wanted) if not isinstance(size, int) or size == -1]
    numbers = [size for size in wanted if isinstance(size, int) and size != -1]
    if any(size <= 0 for size in numbers):
        return None
    if len(unknown) <= 1:
        return [size if isinstance(size, int) else -1 for size in wanted]
    own = known_dims(source) or ()
    if not all(axis < len(own) and own[axis] == wanted[axis] for axis in unknown):
        return None
    return [size if isinstance(size, int) else 0 for size in wanted]


def _retarget(node: ir.Node, r: Rewriter, target: list[int]) -> None:
    node.attributes.pop("allowzero", None)
    node.attributes.pop("shape", None)
    if len(node.inputs) < 2:
        node.resize_inputs(2)
    r.read(node, 1, _shape_input(node, r, target))


def _shape_input(node: ir.Node, r: Rewriter, target: list[int]) -> ir.Value:
    return r.constant(node, ir.Tensor(np.array(target, np.int64)), f"{node.outputs[0].name}/shape")


def _expand(node: ir.Node, r: Rewriter) -> bool:
    """Expand to a computed shape whose sizes are known; Expand of Expand to the last shape, if that is known."""
    source, target = node.inputs[0], input_at(node, 1)
    shape = static_dims(node.outputs[0])
    if source is None or target is None or shape is None:
        return False
    inner = source.producer()
    through = inner is not None and is_op(inner, "Expand") and inner.graph is node.graph and inner.inputs[0] is not None
    if constant(target) is not None and not through:
        return False
    if ints(node, 1, "shape") != list(shape):
        r.read(node, 1, _shape_input(node, r, list(shape)))
    if through and inner is not None:
        r.inherit(node, inner)
        r.read(node, 0, inner.inputs[0])
    return True


RULES: dict[str, list[Rule]] = {
    "Reshape": [_unchanged, _read_through, _computed_target],
    "Flatten": [_unchanged, _read_through],
    "Squeeze": [_unchanged, _read_through],
    "Unsqueeze": [_unchanged, _read_through],
    "Expand": [_expand],
}
"""By operator."""
