"""Types and numbers as MXNet has them: in which type an operator computes, and how its result comes back to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from onnx_ir import DataType, Value

from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.graph_ir import Builder

FLOATS = (DataType.FLOAT16, DataType.FLOAT, DataType.DOUBLE)
"""The floating-point types, narrow ones first."""
INTEGERS = (DataType.INT8, DataType.UINT8, DataType.INT32, DataType.INT64)
_BYTES = (DataType.INT8, DataType.UINT8)

Formula = Callable[[SymbolBuilder, Value], Value]


def dtype_of(value: Value) -> DataType:
    """The type of a tensor, which inference always knows here."""
    assert value.dtype is not None
    return value.dtype


def floats_only(g: SymbolBuilder, node: Node, *values: Value | None) -> None:
    """An error as MXNet's own for operators that take floating-point numbers only."""
    for value in values:
        if value is not None and dtype_of(value) not in FLOATS:
            raise g.malformed(node, f"takes floating-point numbers, its input {value.name} is {dtype_of(value)}")


def same_type(g: SymbolBuilder, node: Node, *values: Value) -> DataType:
    """The one type of all ``values``."""
    types = {dtype_of(value): None for value in values}
    if len(types) > 1:
        raise g.malformed(node, f"its inputs must be of one type, they are {', '.join(map(str, types))}")
    return dtype_of(values[0])


def promoted(g: SymbolBuilder, node: Node, a: Value, b: Value) -> DataType:
    """numpy's common type of two tensors, as MXNet has it: an integer joins a float of any width."""
    types = (dtype_of(a), dtype_of(b))
    floats = [kind for kind in FLOATS if kind in types]
    if set(types) == set(_BYTES):
        raise g.malformed(node, "MXNet doesn't mix int8 with uint8")
    return floats[-1] if floats else next((kind for kind in reversed(INTEGERS) if kind in types), DataType.BOOL)


def cast(g: Builder, x: Value, dtype: DataType) -> Value:
    """``x`` as another type; to an integer as C does it: truncated, and what a byte doesn't hold is wrapped."""
    if dtype_of(x) == dtype:
        return x
    if dtype in _BYTES and dtype_of(x) in FLOATS:
        x = g.op("Cast", x, to=DataType.INT32)
    return g.op("Cast", x, to=dtype)


def scalar(g: SymbolBuilder, node: Node, number: float, dtype: DataType) -> Value:
    """A constant of no axes, made of MXNet's double as ``cast`` would."""
    if dtype in INTEGERS:
        if not abs(number) < 2.0**63:
            raise g.unsupported(node, f"its scalar {number} is no {dtype}")
        return g.const(np.array(int(number), np.int64).astype(dtype.numpy()))
    with np.errstate(over="ignore"):
        return g.const(np.array(number).astype(dtype.numpy()))


def number(g: Builder, x: Value, value: float | np.floating[Any]) -> Value:
    """A constant of the type of ``x``; what is too large for it is infinite."""
    with np.errstate(over="ignore"):
        return g.const(np.array(value).astype(dtype_of(x).numpy()))


def filled(g: SymbolBuilder, node: Node, shape: Value, value: float, dtype: DataType) -> Value:
    """A tensor of one value."""
    return g.op("Expand", scalar(g, node, value, dtype), shape)


def select(g: SymbolBuilder, condition: Value, a: Value, b: Value) -> Value:
    """Where, of truths too."""
    if dtype_of(a) != DataType.BOOL:
        return g.op("Where", condition, a, b)
    return g.op("Or", g.op("And", condition, a), g.op("And", g.op("Not", condition), b))


def truth(g: SymbolBuilder, x: Value) -> Value:
    """x ≠ 0."""
    return cast(g, x, DataType.BOOL)


class Work(Enum):
    """The floating-point type that a formula is worked out in."""

    OWN = "own"
    """That of its input; float64 for an integer."""
    SINGLE = "single"
    """ONNX Runtime has it in float32 only."""
    DOUBLE = "double"
    """Its steps lose too much in float32."""


@dataclass(frozen=True)
class Function:
    """A real function: an ONNX operator or a formula, the type to work it out in, and what else it is of integers."""

    formula: str | Formula
    work: Work = Work.OWN
    of_integers: Formula | None = None

    def __call__(self, g: SymbolBuilder, x: Value) -> Value:
        """The function of ``x`` in its own type; an integer's is worked out in float64 and truncated."""
        dtype = dtype_of(x)
        if dtype in INTEGERS and self.of_integers is not None:
            return cast(g, self.of_integers(g, x), dtype)
        x = cast(g, x, self._kind(dtype))
        y = g.op(self.formula, x) if isinstance(self.formula, str) else self.formula(g, x)
        return cast(g, y, dtype)

    def _kind(self, dtype: DataType) -> DataType:
        """The type to work in, of an input of ``dtype``: halves widen, unless one ONNX operator does it all."""
        if dtype == DataType.FLOAT16 and isinstance(self.formula, str):
            return dtype
        if self.work is Work.SINGLE:
            return DataType.FLOAT
        if self.work is Work.DOUBLE or dtype in INTEGERS:
            return DataType.DOUBLE
        return DataType.FLOAT if dtype == DataType.FLOAT16 else dtype
