"""Operators with graphs inside: the bodies are inferred with what they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.inference.call import Call
from dragoman.graph_ir.inference.dimension import maximum
from dragoman.graph_ir.inference.facts import (
    UNKNOWN,
    Elements,
    Fact,
    SequenceOf,
    Tensor,
    elements_of,
    is_known,
    without_elements,
)
from dragoman.graph_ir.inference.join import join
from dragoman.graph_ir.inference.signature import MisfitError
from dragoman.graph_ir.inference.size import Dim

if TYPE_CHECKING:
    from dragoman.graph_ir.inference.engine import Engine

_ROUNDS = 16
"""A carried value loses at least a dimension, its rank or its dtype in each."""


def _body(c: Call, name: str) -> ir.Graph:
    found = c.get(name)
    if not isinstance(found, ir.Graph):
        raise MisfitError(f"has no {name}")
    return found


def if_(c: Call, engine: Engine) -> list[Fact | None]:
    """What holds of both branches; of a condition that is known, what the branch taken gives."""
    condition = c.elements(0)
    taken = condition.reshape(-1)[0] if condition is not None and condition.size == 1 else None
    results: list[list[Fact | None]] = []
    for name, when in (("then_branch", True), ("else_branch", False)):
        body = _body(c, name)
        if len(body.outputs) != len(c.node.outputs):
            raise MisfitError(f"has {len(c.node.outputs)} outputs, its {name} has {len(body.outputs)}")
        dead = isinstance(taken, bool) and taken is not when
        found = engine.body(body, [], lenient=dead)
        if not dead:
            results.append(found)
    if len(results) == 1:
        return results[0]
    for index, (a, b) in enumerate(zip(*results, strict=True)):
        if (
            isinstance(a, Tensor)
            and isinstance(b, Tensor)
            and a.dtype is not None
            and b.dtype is not None
            and a.dtype != b.dtype
        ):
            raise MisfitError(
                f"its output {index} is {a.dtype.name.lower()} in the then_branch and {b.dtype.name.lower()} in the else_branch"
            )
    return [join(a, b) for a, b in zip(*results, strict=True)]


def loop(c: Call, engine: Engine) -> list[Fact | None]:
    """What is carried from step to step keeps what no step changes; what each step gives is stacked."""
    body = _body(c, "body")
    count = len(c.node.inputs) - 2
    if len(body.inputs) != count + 2 or len(body.outputs) != len(c.node.outputs) + 1:
        raise MisfitError("its body has other inputs or outputs than it carries")
    step, going = Tensor(ir.DataType.INT64, ()), Tensor(ir.DataType.BOOL, (), _true())
    mark = engine.names.mark()
    carried, found = _settled(engine, body, [step, going], c.facts[2:])
    steps: Dim = UNKNOWN
    limit = c.sizes(0) if c.has(0) else None
    if limit and limit[0] is not None and (not c.has(1) or _is_true(c.elements(1))) and _is_true(elements_of(found[0])):
        steps = maximum(0, limit[0])
    return [*carried, *(_stacked(engine.names.outside(fact, mark), 0, steps) for fact in found[1 + count :])]


def _settled(
    engine: Engine, body: ir.Graph, first: Sequence[Fact | None], initial: Sequence[Fact | None]
) -> tuple[list[Fact | None], list[Fact | None]]:
    """What holds of the states in every step, and the body's outputs then; ``first`` are the inputs before the states.

    What the body declares of its states is believed as long as the steps keep it.
    """
    initial = [without_elements(fact) for fact in initial]
    refined = [engine.refined(value, fact) for value, fact in zip(body.inputs[len(first) :], initial, strict=True)]
    carried, mark = refined, engine.names.mark()
    for attempt in range(_ROUNDS):
        found = engine.body(body, [*first, *carried])
        new = [engine.names.outside(without_elements(fact), mark) for fact in found[1 : 1 + len(initial)]]
        after = [join(old, fact) for old, fact in zip(carried, new, strict=True)]
        if after == carried:
            return carried, found
        if attempt == 0:
            changes = zip(initial, refined, after, new, strict=True)
            after = [old if now == old else join(start, fact) for start, old, now, fact in changes]
        carried = after
    nothing: list[Fact | None] = [None] * len(initial)
    return nothing, engine.body(body, [*first, *nothing])


def _true() -> Elements:
    return np.full((), True, dtype=object)


def _is_true(elements: Elements | None) -> bool:
    return elements is not None and elements.size == 1 and elements.reshape(-1)[0] is True


def _stacked(fact: Fact | None, axis: int, steps: Dim) -> Fact | None:
    if not isinstance(fact, Tensor):
        return None
    if fact.dims is None:
        return Tensor(fact.dtype)
    at = axis % (len(fact.dims) + 1)
    return Tensor(fact.dtype, (*fact.dims[:at], steps, *fact.dims[at:]))


def _without_axis(fact: Fact | None, axis: int) -> tuple[Fact | None, Dim]:
    """A slice of ``fact``, and the size of the axis that it goes along."""
    if not isinstance(fact, Tensor):
        return None, UNKNOWN
    if not fact.dims:
        return Tensor(fact.dtype), UNKNOWN
    at = axis % len(fact.dims)
    return Tensor(fact.dtype, (*fact.dims[:at], *fact.dims[at + 1 :])), fact.dims[at]


def _one_size(c: Call, sizes: Iterable[Dim]) -> Dim:
    """The size that all are; numbers are better than names."""
    given = [size for size in sizes if is_known(size)]
    known = sorted({size for size in given if isinstance(size, int)})
    if len(known) > 1:
        c.fail(f"scans {' and '.join(map(str, known))} steps at once")
    return known[0] if known else given[0] if given else UNKNOWN


def _kept(c: Call, old: Fact | None, new: Fact | None) -> Fact | None:
    """A state that no step may reshape: what is known before and after a step together."""
    if not isinstance(old, Tensor) or not isinstance(new, Tensor):
        return None
    if old.dims is None or new.dims is None or len(old.dims) != len(new.dims):
        return Tensor(new.dtype, old.dims if old.dims is not None else new.dims)
    for before, after in zip(old.dims, new.dims, strict=True):
        if isinstance(before, int) and isinstance(after, int) and before != after:
            c.fail(f"a step makes a state of {before} one of {after}")
    dims = tuple(after if isinstance(after, int) else before for before, after in zip(old.dims, new.dims, strict=True))
    return Tensor(new.dtype, dims)


def scan(c: Call, engine: Engine) -> list[Fact | None]:
    """States keep their shape, which ONNX demands; each step sees one slice of the scanned inputs, and gives one of the scanned outputs.

    Before opset 9 everything has a batch axis in front, and the lengths are the first input.
    """
    body = _body(c, "body")
    batched = c.opset < 9
    given = list(c.facts[1:] if batched else c.facts)
    scanned = c.number("num_scan_inputs", 0)
    states = len(given) - scanned
    if len(body.inputs) != len(given) or len(body.outputs) != len(c.node.outputs):
        raise MisfitError("its body has other inputs or outputs than it has")
    batch: Dim = UNKNOWN
    if batched:
        pairs = [_without_axis(fact, 0) for fact in given]
        given, batch = [fact for fact, _ in pairs], _one_size(c, (size for _, size in pairs))
    axes = (None if batched else c.numbers("scan_input_axes")) or [0] * scanned
    cut = [_without_axis(fact, axis) for fact, axis in zip(given[states:], axes, strict=True)]
    steps = _one_size(c, (size for _, size in cut))
    slices = [fact for fact, _ in cut]
    mark = engine.names.mark()
    carried = [engine.refined(value, without_elements(fact)) for value, fact in zip(body.inputs, given[:states], strict=False)]
    found = engine.body(body, [*carried, *slices])
    carried = [_kept(c, old, engine.names.outside(new, mark)) for old, new in zip(carried, found[:states], strict=True)]
    found = engine.body(body, [*carried, *slices])
    places = (None if batched else c.numbers("scan_output_axes")) or [0] * (len(found) - states)
    stacked = [_stacked(engine.names.outside(fact, mark), axis, steps) for fact, axis in zip(found[states:], places, strict=True)]
    results = [*carried, *stacked]
    return [_stacked(fact, 0, batch) for fact in results] if batched else results


def sequence_map(c: Call, engine: Engine) -> list[Fact | None]:
    """The body of each element of the sequences."""
    body = _body(c, "body")
    given: list[Fact | None] = []
    length: int | None = None
    for fact in c.facts:
        if isinstance(fact, SequenceOf):
            length = fact.length if length is None else length
            given.append(fact.element)
        else:
            given.append(without_elements(fact))
    mark = engine.names.mark()
    found = engine.body(body, given)
    return [SequenceOf(engine.names.outside(without_elements(fact), mark), length) for fact in found]


CONTROL: Mapping[str, Callable[[Call, Engine], list[Fact | None]]] = {
    "If": if_,
    "Loop": loop,
    "Scan": scan,
    "SequenceMap": sequence_map,
}
