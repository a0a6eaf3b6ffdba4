"""Sequences and optionals."""

from __future__ import annotations

import onnx_ir as ir

from dragoman.graph_ir.inference.call import Call, UnknownError
from dragoman.graph_ir.inference.facts import UNKNOWN, Fact, OptionalOf, SequenceOf, Tensor, without_elements
from dragoman.graph_ir.inference.join import join_all
from dragoman.graph_ir.inference.size import Dim
from dragoman.graph_ir.inference.table import rule


@rule("SequenceEmpty")
def sequence_empty(c: Call) -> Fact:
    """→ a sequence of tensors of ``dtype``."""
    return SequenceOf(Tensor(ir.DataType(c.number("dtype", 1))), 0)


@rule("SequenceConstruct")
def sequence_construct(c: Call) -> Fact:
    """→ a sequence of the inputs."""
    return SequenceOf(join_all([without_elements(fact) for fact in c.facts]), len(c.facts))


@rule("SequenceInsert")
def sequence_insert(c: Call) -> Fact:
    """One element more."""
    sequence, tensor = _sequence(c), without_elements(c.fact(1))
    length = None if sequence.length is None else sequence.length + 1
    return SequenceOf(tensor if sequence.length == 0 else join_all([sequence.element, tensor]), length)


@rule("SequenceErase")
def sequence_erase(c: Call) -> Fact:
    """One element less."""
    sequence = _sequence(c)
    return SequenceOf(sequence.element, None if not sequence.length else sequence.length - 1)


@rule("SequenceAt")
def sequence_at(c: Call) -> Fact | None:
    """→ an element."""
    return _sequence(c).element


@rule("SequenceLength")
def sequence_length(c: Call) -> Fact:
    """→ ()."""
    return Tensor(None, ())


def _sequence(c: Call) -> SequenceOf:
    found = c.fact(0)
    if not isinstance(found, SequenceOf):
        c.fail("its first input isn't a sequence")
    return found


@rule("SplitToSequence")
def split_to_sequence(c: Call) -> Fact:
    """→ pieces along ``axis``: of 1, of ``split`` each (the last may be smaller), or of the sizes in ``split``."""
    tensor = c.tensor(0)
    dims = c.dims(0)
    axis = c.axis(c.number("axis", 0), len(dims))
    size: Dim = 1
    length = dims[axis] if isinstance(dims[axis], int) else None
    if c.has(1):
        sizes, form = c.constants(1), c.maybe_dims(1)
        size, length = UNKNOWN, None
        if sizes and form is not None:
            if form:
                length = len(sizes)
                size = sizes[0] if len(set(sizes)) == 1 else UNKNOWN
            elif (whole := dims[axis]) and isinstance(whole, int) and sizes[0] > 0:
                length = -(-whole // sizes[0])
                size = sizes[0] if whole % sizes[0] == 0 else UNKNOWN
    elif not c.number("keepdims", 1):
        return SequenceOf(Tensor(tensor.dtype, (*dims[:axis], *dims[axis + 1 :])), _int(length))
    return SequenceOf(Tensor(tensor.dtype, (*dims[:axis], size, *dims[axis + 1 :])), _int(length))


def _int(length: Dim | None) -> int | None:
    return length if isinstance(length, int) else None


@rule("ConcatFromSequence")
def concat_from_sequence(c: Call) -> Fact:
    """The elements joined along ``axis``, or along a new one."""
    sequence = _sequence(c)
    element = sequence.element
    if not isinstance(element, Tensor):
        raise UnknownError
    if element.dims is None:
        return Tensor(element.dtype)
    new = bool(c.number("new_axis", 0))
    dims = list(element.dims)
    axis = c.axis(c.number("axis", 0), len(dims) + new)
    if new:
        dims.insert(axis, UNKNOWN if sequence.length is None else sequence.length)
    else:
        same = isinstance(dims[axis], int) and sequence.length is not None
        dims[axis] = dims[axis] * sequence.length if same and sequence.length is not None else UNKNOWN
    return Tensor(element.dtype, tuple(dims))


@rule("Optional")
def optional(c: Call) -> Fact:
    """→ the input, or none of ``type``."""
    if not c.has(0):
        raise UnknownError  # onnx reads the type
    return OptionalOf(without_elements(c.fact(0)))


@rule("OptionalHasElement")
def optional_has_element(c: Call) -> Fact:
    """→ ()."""
    return Tensor(None, ())


@rule("OptionalGetElement")
def optional_get_element(c: Call) -> Fact | None:
    """→ what is in it; of a value that isn't optional, itself."""
    found = c.fact(0)
    return found.element if isinstance(found, OptionalOf) else found
