"""What is known of a value: its type, its dimensions, and the elements of small tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.inference.size import Dim, Size, symbol, symbols

Elements: TypeAlias = npt.NDArray[Any]
"""The elements of a small tensor, as an object array: sizes, Python's numbers, or ``NOTHING``."""

MOST_ELEMENTS = 512
"""Elements up to which a tensor's contents are followed; shapes are far shorter."""

_FOLLOWED = frozenset({ir.DataType.INT64, ir.DataType.INT32, ir.DataType.BOOL, ir.DataType.FLOAT, ir.DataType.DOUBLE})
"""What shapes are calculated in."""

UNKNOWN = symbol("?")
"""A dimension that a rule can't say; whoever keeps it gives it a name. Two of them aren't equal: it isn't calculated with."""


class Nothing:
    """An element that isn't known: what is calculated from it isn't either."""

    def _absorb(self, *_: object) -> Nothing:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = __rfloordiv__ = __neg__ = _absorb

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING = Nothing()


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor. ``dims`` None: not even the rank is known. ``elements`` has the shape ``dims``, which are then ints."""

    dtype: ir.DataType | None = None
    dims: tuple[Dim, ...] | None = None
    elements: Elements | None = None
    constant: ir.TensorProtocol | None = None
    sparse: bool = False


@dataclass(frozen=True, slots=True)
class SequenceOf:
    """A sequence; ``element`` None: of anything. ``length`` None: not known."""

    element: Fact | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class OptionalOf:
    """An optional; ``element`` None: of anything."""

    element: Fact | None = None


Fact: TypeAlias = "Tensor | SequenceOf | OptionalOf"


def elements_of(fact: Fact | None) -> Elements | None:
    """The elements of a small tensor as far as they are known, None if they aren't followed."""
    if not isinstance(fact, Tensor):
        return None
    if fact.elements is None and fact.constant is not None:
        return _elements(fact.constant)
    return fact.elements


def _elements(tensor: ir.TensorProtocol) -> Elements | None:
    if tensor.dtype not in _FOLLOWED or tensor.size > MOST_ELEMENTS:
        return None
    array = tensor.numpy()
    found = np.empty(array.shape, dtype=object)
    found[...] = array.astype(object) if array.ndim else array.item()
    return found


def holds_elements(dtype: ir.DataType | None, dims: tuple[Dim, ...] | None) -> bool:
    """Whether the elements of such a tensor are followed."""
    if dims is None or dtype not in _FOLLOWED:
        return False
    count = 1
    for size in dims:
        if not isinstance(size, int):
            return False
        count *= size
    return count <= MOST_ELEMENTS


def same_elements(a: Elements | None, b: Elements | None) -> bool:
    """Whether both are known, and equal throughout."""
    return a is not None and b is not None and a.shape == b.shape and all(x == y for x, y in zip(a.flat, b.flat, strict=True))


def is_known(size: Dim) -> bool:
    """Whether ``size`` depends on named dimensions only."""
    return isinstance(size, int) or "?" not in symbols(size)


def show(dims: Sequence[Dim]) -> str:
    """A shape as messages write it."""
    return f"({', '.join('?' if isinstance(d, Size) and not is_known(d) else str(d) for d in dims)})"


def without_elements(fact: Fact | None) -> Fact | None:
    """The type and the dimensions only."""
    return replace(fact, elements=None, constant=None) if isinstance(fact, Tensor) else fact


# -- between facts and the graph's own types --------------------------------------------------------------


def from_type(kind: ir.TypeProtocol | None, dims: tuple[Dim, ...] | None) -> Fact | None:
    """A fact from a value's type; its shape is that of the tensors inside. None: nothing is known."""
    if kind is None:
        return None if dims is None else Tensor(None, dims)
    if isinstance(kind, ir.SequenceType):
        return SequenceOf(from_type(kind.elem_type, dims))
    if isinstance(kind, ir.OptionalType):
        return OptionalOf(from_type(kind.elem_type, dims))
    return Tensor(kind.dtype, dims, sparse=isinstance(kind, ir.SparseTensorType))


def to_type(fact: Fact | None) -> ir.TypeProtocol | None:
    """The graph's type for ``fact``; None if it isn't known to the last."""
    if fact is None:
        return None
    if isinstance(fact, Tensor):
        if fact.dtype is None:
            return None
        return ir.SparseTensorType(fact.dtype) if fact.sparse else _tensor_type(fact.dtype)
    inner = to_type(fact.element)
    if inner is None:
        return None
    return ir.SequenceType(inner) if isinstance(fact, SequenceOf) else ir.OptionalType(inner)


def _tensor_type(dtype: ir.DataType) -> ir.TensorType:
    return ir.TensorType(dtype)


def innermost(fact: Fact | None) -> Tensor | None:
    """The tensor inside sequences and optionals."""
    while fact is not None and not isinstance(fact, Tensor):
        fact = fact.element
    return fact


def with_innermost(fact: Fact, tensor: Tensor) -> Fact:
    """``fact`` with another tensor inside."""
    if isinstance(fact, Tensor):
        return tensor
    return replace(fact, element=tensor if fact.element is None else with_innermost(fact.element, tensor))


@lru_cache(maxsize=16384)
def _symbolic(text: str) -> ir.SymbolicDim:
    return ir.SymbolicDim(text)


def to_shape(dims: Sequence[Dim]) -> ir.Shape:
    """The graph's shape: names and arithmetic become symbolic dimensions."""
    return ir.Shape([_symbolic(str(size)) if isinstance(size, Size) else size for size in dims])
