"""What the model declares of a value, as a fact; and what is known of it, in the model."""

from __future__ import annotations

from dataclasses import replace

import onnx_ir as ir

from dragoman.graph_ir.inference.facts import UNKNOWN, Fact, Tensor, from_type, innermost, is_known, to_shape, to_type
from dragoman.graph_ir.inference.notation import parse
from dragoman.graph_ir.inference.size import Dim, symbol

_ANONYMOUS = frozenset({"", "?", "None"})


def declared(value: ir.Value) -> Fact | None:
    """What the model says of a value, its unknown dimensions left so."""
    shape = value.shape
    if shape is None:
        return from_type(value.type, None)
    return from_type(value.type, tuple(map(dim, shape)))


def dim(size: int | ir.SymbolicDim) -> Dim:
    """A declared dimension; what is below zero, or a number in the place of a name, is how some exporters write unknown ones."""
    if isinstance(size, int):
        return size if size >= 0 else UNKNOWN
    if size.value is None or size.value in _ANONYMOUS:
        return UNKNOWN
    found = parse(size.value)
    return UNKNOWN if isinstance(found, int) else found


def loosely(value: ir.Value, given: Fact | None) -> Fact | None:
    """What a body declares of an input, where nothing better is given: its shapes are those of one step."""
    said = declared(value)
    if isinstance(said, Tensor) and isinstance(given, Tensor) and given.dims is not None:
        return replace(said, dims=None)
    return said


def write_fact(value: ir.Value, fact: Fact | None, *, keep_names: bool = False) -> None:
    """Give ``value`` the type and shape that ``fact`` says; ``keep_names``: of dimensions that have one."""
    kind, tensor = to_type(fact), innermost(fact)
    if kind is not None and value.type != kind:
        value.type = kind
    if tensor is None or tensor.dims is None:
        return
    dims: list[Dim] = list(tensor.dims)
    old = value.shape
    if old is not None and len(old) == len(dims) and keep_names:
        for axis, (size, have) in enumerate(zip(dims, old, strict=True)):
            if not isinstance(size, int) and not isinstance(have, int) and have.value:
                dims[axis] = symbol(have.value)
    shape = to_shape(dims)
    for axis, size in enumerate(dims):
        if not is_known(size):
            shape[axis] = None
    if old is None or shape != old:
        value.shape = shape
