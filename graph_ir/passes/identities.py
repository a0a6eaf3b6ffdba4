"""What gives back what it takes."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.passes.dimensions import elements, known_dims
from dragoman.graph_ir.passes.editing import attribute, constant, input_at, ints, is_op
from dragoman.graph_ir.passes.rewriting import Rewriter, Rule, rewrite
from dragoman.graph_ir.tensors import blocks

_TO_THE_END = (1 << 31) - 1
"""An end of a Slice from here on is that of any axis."""


def remove_identities(model: ir.Model) -> bool:
    """Readers of what changes nothing read its input; where it stands between two names that the outside knows, it stays."""
    return rewrite(model, RULES)


def _first(node: ir.Node, r: Rewriter) -> bool:
    source = node.inputs[0]
    return source is not None and r.bypass(node, source)


def _only_input(node: ir.Node, r: Rewriter) -> bool:
    """Concat, Max, Min, Sum and Mean of one tensor."""
    return len(node.inputs) == 1 and _first(node, r)


def _dropout(node: ir.Node, r: Rewriter) -> bool:
    """At inference; a mask that somebody reads would be all true."""
    training = input_at(node, 2)
    never = constant(training)
    if training is not None and (never is None or bool(never.numpy())):
        return False
    if any(mask.uses() or mask.is_graph_output() for mask in node.outputs[1:]):
        return False
    return _first(node, r)


def _cast(node: ir.Node, r: Rewriter) -> bool:
    source = node.inputs[0]
    return source is not None and source.dtype is not None and source.dtype == attribute(node, "to") and _first(node, r)


def _cast_like(node: ir.Node, r: Rewriter) -> bool:
    """A CastLike is a Cast to a type that is known."""
    source, like = node.inputs[0], node.inputs[1]
    if source is None or like is None or like.dtype is None:
        return False
    if source.dtype == like.dtype:
        return _first(node, r)
    attributes = {"to": like.dtype.value} | {key: a.value for key, a in node.attributes.items()}
    r.replace(node, [r.emit(node, "Cast", [source], node.outputs[0], attributes)])
    return True


def _expand(node: ir.Node, r: Rewriter) -> bool:
    """To ones, or to what the input has already."""
    source = node.inputs[0]
    own, wanted = (known_dims(source) if source is not None else None), elements(node.inputs[1])
    if own is None or wanted is None or len(wanted) > len(own):
        return False
    pairs = zip(wanted, own[len(own) - len(wanted) :], strict=True)
    return all(size in (1, given) for size, given in pairs) and _first(node, r)


def _tile(node: ir.Node, r: Rewriter) -> bool:
    repeats = ints(node, 1, "repeats")
    return repeats is not None and all(count == 1 for count in repeats) and _first(node, r)


def _pad(node: ir.Node, r: Rewriter) -> bool:
    pads = ints(node, 1, "pads")
    return pads is not None and not any(pads) and _first(node, r)


def _slice(node: ir.Node, r: Rewriter) -> bool:
    """From 0 to the end, or past it."""
    starts, ends, axes, steps = (ints(node, k, name) for k, name in enumerate(("starts", "ends", "axes", "steps"), 1))
    if starts is None or ends is None or any(starts) or (input_at(node, 4) is not None and (steps is None or set(steps) != {1})):
        return False
    if min(ends, default=_TO_THE_END) >= _TO_THE_END:
        return _first(node, r)
    source = node.inputs[0]
    if source is None or source.shape is None or (axes is None and input_at(node, 3) is not None):
        return False
    sizes = [source.shape[axis] for axis in (axes if axes is not None else range(len(ends)))]
    return all(isinstance(size, int) and end >= size for size, end in zip(sizes, ends, strict=True)) and _first(node, r)


def _split(node: ir.Node, r: Rewriter) -> bool:
    return len(node.outputs) == 1 and _first(node, r)


# -- arithmetic ---------------------------------------------------------------------------------------


def _neutral(number: float | None, *, right_only: bool = False) -> Rule:
    """x ∘ ``number`` is x, bit for bit. None stands for the zero that adds nothing: −0.0, as 0.0 + −0.0 is 0.0."""

    def rule(node: ir.Node, r: Rewriter) -> bool:
        for index in (1,) if right_only else (1, 0):
            value, other = node.inputs[index], node.inputs[1 - index]
            tensor = constant(value)
            if tensor is None or other is None or tensor.size > 1 << 16 or constant(other) is not None:
                continue
            if _broadcasts_into(tensor, other) and _is_all(tensor, number) and r.bypass(node, other):
                return True
        return False

    return rule


def _is_all(tensor: ir.TensorProtocol, number: float | None) -> bool:
    if tensor.dtype == ir.DataType.STRING or not tensor.size:
        return False
    signed = tensor.dtype.is_floating_point()
    return all(_are_all(block, number, signed=signed) for block in blocks(tensor))


def _are_all(array: np.ndarray, number: float | None, *, signed: bool) -> bool:
    if number is None:
        return not array.astype(bool).any() and (not signed or bool(np.signbit(array.astype(np.float32)).all()))
    if number == 0 and signed:
        return not array.any() and not bool(np.signbit(array.astype(np.float32)).any())
    return bool((array == array.dtype.type(number)).all())


def _broadcasts_into(tensor: ir.TensorProtocol, other: ir.Value) -> bool:
    """Whether ``tensor`` with ``other`` has ``other``'s shape."""
    own = list(tensor.shape.numpy())
    if not own:
        return True
    theirs = known_dims(other)
    if theirs is None or len(own) > len(theirs):
        return False
    return all(size in (1, given) for size, given in zip(own, theirs[len(theirs) - len(own) :], strict=True))


def _twice(node: ir.Node, r: Rewriter) -> bool:
    """Neg of Neg, Not of Not."""
    inner = node.inputs[0].producer() if node.inputs[0] is not None else None
    if inner is None or not is_op(inner, node.op_type) or inner.inputs[0] is None:
        return False
    origin = inner.inputs[0]
    return _reachable(origin, node) and r.bypass(node, origin)


_INTEGRAL = ("Floor", "Ceil", "Round")


def _again(node: ir.Node, r: Rewriter) -> bool:
    """What has been done already: Relu of Relu, Floor of Round."""
    inner = node.inputs[0].producer() if node.inputs[0] is not None else None
    done = is_op(inner, *(_INTEGRAL if node.op_type in _INTEGRAL else (node.op_type,)))
    return done and _first(node, r)


def _reachable(value: ir.Value, node: ir.Node) -> bool:
    return value.graph is node.graph or not node.outputs[0].is_graph_output()


def _clip(node: ir.Node, r: Rewriter) -> bool:
    """Clip of Clip, where the intervals meet: one Clip to what lies in both."""
    source = node.inputs[0]
    inner = source.producer() if source is not None else None
    if inner is None or not is_op(inner, "Clip") or inner.graph is not node.graph or {"min", "max"} & {*inner.attributes, *node.attributes}:
        return False
    given = [[input_at(clip, index) for index in (1, 2)] for clip in (inner, node)]
    numbers = [[_number(value) for value in pair] for pair in given]
    if any(number is not None and np.isnan(number) for pair in numbers for number in pair):
        return False  # not a number, or not a constant
    low = max((pair[0] for pair in numbers if pair[0] is not None), default=None)
    high = min((pair[1] for pair in numbers if pair[1] is not None), default=None)
    if low is not None and high is not None and not low <= high:
        return False
    chosen: list[ir.Value | None] = [inner.inputs[0]]
    for index, number in enumerate((low, high)):
        chosen.append(next((given[k][index] for k in (1, 0) if number is not None and numbers[k][index] == number), None))
    while chosen[-1] is None:
        chosen.pop()
    r.inherit(node, inner)
    r.read_all(node, chosen)
    return True


def _number(value: ir.Value | None) -> float | int | None:
    """The number that ``value`` is, NaN if it isn't constant; None for None."""
    if value is None:
        return None
    tensor = constant(value)
    return float("nan") if tensor is None or tensor.size != 1 else tensor.numpy().reshape(-1)[0].item()


def _where(node: ir.Node, r: Rewriter) -> bool:
    """With a condition that is the same everywhere, and a choice of the result's own shape."""
    tensor = constant(node.inputs[0])
    if tensor is None or not 0 < tensor.size <= 1 << 16:
        return False
    array = tensor.numpy()
    if array.any() != array.all():
        return False
    chosen, other = (node.inputs[1], node.inputs[2]) if array.all() else (node.inputs[2], node.inputs[1])
    if chosen is None or other is None or not _broadcasts_into(tensor, chosen):
        return False
    own, theirs = known_dims(chosen), known_dims(other)
    if theirs is None or (theirs and (own is None or len(theirs) > len(own))):
        return False
    fits = own is None or all(size in (1, given) for size, given in zip(theirs, own[len(own) - len(theirs) :], strict=True))
    return fits and r.bypass(node, chosen)


RULES: dict[str, list[Rule]] = {
    "Identity": [_first],
    "Dropout": [_dropout],
    "Cast": [_cast],
    "CastLike": [_cast_like],
    "Expand": [_expand],
    "Tile": [_tile],
    "Pad": [_pad],
    "Slice": [_slice],
    "Split": [_split],
    "Concat": [_only_input],
    "Max": [_only_input],
    "Min": [_only_input],
    "Sum": [_only_input],
    "Mean": [_only_input],
    "Add": [_neutral(None)],
    "Sub": [_neutral(0.0, right_only=True)],
    "Mul": [_neutral(1.0)],
    "Div": [_neutral(1.0, right_only=True)],
    "Pow": [_neutral(1.0, right_only=True)],
    "And": [_neutral(True)],
    "Or": [_neutral(False)],
    "Xor": [_neutral(False)],
    "Neg": [_twice],
    "Not": [_twice],
    "Relu": [_again],
    "Abs": [_again],
    "Sign": [_again],
    "Floor": [_again],
    "Ceil": [_again],
    "Round": [_again],
    "Clip": [_clip],
    "Where": [_where],
}
"""By operator."""
