"""Arithmetic in a step on what may be known or computed by the network: known numbers are folded, the rest is emitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.opsets.step import Emitter, needed, numpy_dtype, rank, sizes
from dragoman.graph_ir.passes.editing import constant

Number = npt.NDArray[Any] | ir.Value
"""A known array, or a value of the graph."""


class Arithmetic:
    """Elementwise operators, and what shapes are made of. Sizes are int64 vectors of one element, so that Concat makes shapes."""

    def __init__(self, e: Emitter) -> None:
        """``e`` emits them."""
        self._e = e

    # -- between numbers and values

    def of(self, value: ir.Value) -> Number:
        """The array that ``value`` always is, or ``value``."""
        tensor = constant(value)
        return value if tensor is None else tensor.numpy()

    def value(self, number: Number) -> ir.Value:
        """A value of the graph: a known array becomes a constant."""
        return number if isinstance(number, ir.Value) else self._e.const(number, number.dtype)

    def size(self, x: ir.Value, axis: int) -> Number:
        """The size of an axis."""
        known = sizes(x)[axis]
        if known is not None:
            return np.array([known])
        return self._e.op("Gather", self._e.op("Shape", x), self._e.const([axis % rank(x)], np.int64))

    # -- elementwise

    def add(self, a: Number, b: Number) -> Number:
        """a + b."""
        return self._elementwise("Add", np.add, a, b)

    def sub(self, a: Number, b: Number) -> Number:
        """a − b."""
        return self._elementwise("Sub", np.subtract, a, b)

    def mul(self, a: Number, b: Number) -> Number:
        """a · b."""
        return self._elementwise("Mul", np.multiply, a, b)

    def div(self, a: Number, b: Number) -> Number:
        """a / b; of integers, which must not be negative, the whole part."""
        return self._elementwise("Div", _divide, a, b)

    def mod(self, a: Number, b: Number) -> Number:
        """The remainder of integers, with the sign of ``b``."""
        return self._elementwise("Mod", np.mod, a, b)

    def minimum(self, a: Number, b: Number) -> Number:
        """The lesser."""
        return self._elementwise("Min", np.minimum, a, b)

    def maximum(self, a: Number, b: Number) -> Number:
        """The greater."""
        return self._elementwise("Max", np.maximum, a, b)

    def clip(self, a: Number, lowest: Number, highest: Number) -> Number:
        """``a``, not less than ``lowest``, and then not more than ``highest``."""
        return self.minimum(self.maximum(a, lowest), highest)

    def less(self, a: Number, b: Number) -> Number:
        """Whether a < b."""
        return self._elementwise("Less", np.less, a, b)

    def equal(self, a: Number, b: Number) -> Number:
        """Whether a = b."""
        return self._elementwise("Equal", np.equal, a, b)

    def either(self, a: Number, b: Number) -> Number:
        """a or b."""
        return self._elementwise("Or", np.logical_or, a, b)

    def negation(self, a: Number) -> Number:
        """Not a."""
        return self._elementwise("Not", np.logical_not, a)

    def where(self, condition: Number, a: Number, b: Number) -> Number:
        """``a`` where ``condition``, else ``b``."""
        return self._elementwise("Where", np.where, condition, a, b)

    def floor(self, a: Number) -> Number:
        """The greatest integer that is not more, as a float."""
        return self._elementwise("Floor", np.floor, a)

    def ceil(self, a: Number) -> Number:
        """The least integer that is not less, as a float."""
        return self._elementwise("Ceil", np.ceil, a)

    def round(self, a: Number) -> Number:
        """The nearest integer, the even one of two, as a float."""
        return self._elementwise("Round", np.rint, a)

    def absolute(self, a: Number) -> Number:
        """|a|."""
        return self._elementwise("Abs", np.abs, a)

    def cosine(self, a: Number) -> Number:
        """cos(a)."""
        return self._elementwise("Cos", np.cos, a)

    def sine(self, a: Number) -> Number:
        """sin(a)."""
        return self._elementwise("Sin", np.sin, a)

    def logarithm(self, a: Number) -> Number:
        """ln(a)."""
        return self._elementwise("Log", np.log, a)

    def exponential(self, a: Number) -> Number:
        """e to the power of a."""
        return self._elementwise("Exp", np.exp, a)

    def cast(self, a: Number, dtype: npt.DTypeLike) -> Number:
        """``a`` as ``dtype``; floats are cut towards zero."""
        wanted = np.dtype(dtype)
        if isinstance(a, ir.Value):
            return a if numpy_dtype(a) == wanted else self._e.op("Cast", a, to=ir.DataType.from_numpy(wanted).value)
        return a.astype(wanted)

    def total(self, a: Number, axis: int) -> Number:
        """The sum over an axis, which stays with size 1."""
        return total(a, [axis], self._e, keepdims=True) if isinstance(a, ir.Value) else a.sum(axis, keepdims=True)

    # -- vectors

    def count(self, number: Number) -> Number:
        """0, 1, …, number − 1, for a size."""
        if isinstance(number, ir.Value):
            bounds = (self._e.const(0, np.int64), self._e.op("Reshape", number, self._e.const([], np.int64)))
            return self._e.op("Range", *bounds, self._e.const(1, np.int64))
        return np.arange(number.item())

    def concat(self, parts: Sequence[Number]) -> Number:
        """Vectors, one after another."""
        if all(isinstance(part, np.ndarray) for part in parts):
            return np.concatenate(parts)  # type: ignore[arg-type]  # none of them is a Value
        return self._e.op("Concat", *map(self.value, parts), axis=0)

    def part(self, number: Number, start: int, stop: int) -> Number:
        """The elements from ``start`` up to ``stop`` of a vector."""
        if isinstance(number, ir.Value):
            return self._e.op("Slice", number, *(self._e.const([v], np.int64) for v in (start, stop)))
        return number[start:stop]

    def pick(self, vector: Number, index: Number) -> Number:
        """The elements of a vector at ``index``."""
        if isinstance(vector, np.ndarray) and isinstance(index, np.ndarray):
            return vector[index]
        return self.gather(self.value(vector), index, 0)

    def along(self, vector: Number, axis: int, dims: int) -> Number:
        """A vector as a tensor of ``dims`` axes, along one of them."""
        shape = [-1 if i == axis else 1 for i in range(dims)]
        if isinstance(vector, ir.Value):
            return self._e.op("Reshape", vector, self._e.const(shape, np.int64))
        return vector.reshape(shape)

    def product(self, numbers: Sequence[Number]) -> Number:
        """The product; 1 for none."""
        one: Number = np.array([1])
        return reduce(self.mul, numbers, one)

    # -- values of the graph whose shape is made of numbers

    def reshape(self, x: ir.Value, shape: Sequence[Number]) -> ir.Value:
        """``x`` in a shape of sizes; its rank is known then, and those sizes that are."""
        out = self._e.op("Reshape", x, self.value(self.concat(shape)))
        if out.shape is None or len(out.shape) != len(shape):
            known = [int(n.item()) if isinstance(n, np.ndarray) and n.item() >= 0 else None for n in shape]
            out.shape = ir.Shape(known)
        return out

    def gather(self, x: ir.Value, index: Number, axis: int) -> ir.Value:
        """The elements of ``x`` at ``index`` of an axis."""
        return self._e.op("Gather", x, self.value(index), axis=axis)

    def crop(self, x: ir.Value, axis: int, start: Number, stop: Number) -> ir.Value:
        """The elements of ``x`` from ``start`` up to ``stop`` of an axis."""
        return self._e.op("Slice", x, self.value(start), self.value(stop), self._e.const([axis], np.int64))

    def permuted(self, x: ir.Value, perm: Sequence[int]) -> ir.Value:
        """The axes in another order; ``x`` itself if it is theirs."""
        return x if list(perm) == sorted(perm) else self._e.op("Transpose", x, perm=list(perm))

    def product_with(self, x: ir.Value, matrix: Number) -> ir.Value:
        """(…, n) → (…, m) by a matrix (n, m)."""
        return self._e.op("MatMul", x, self.value(matrix))

    def _elementwise(self, op_type: str, function: Callable[..., Any], *numbers: Number) -> Number:
        if all(isinstance(number, np.ndarray) for number in numbers):
            return np.asarray(function(*numbers))
        return self._e.op(op_type, *map(self.value, numbers))


def _divide(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    result: npt.NDArray[Any] = a / b if a.dtype.kind == "f" else a // b
    return result


def whole(*values: int) -> npt.NDArray[np.int64]:
    """A vector of integers."""
    return np.array(values, np.int64)


def unsqueeze(x: ir.Value, axes: list[int], e: Emitter) -> ir.Value:
    """New axes of size 1, at places that aren't negative, as the emitter's opset says it."""
    return e.op("Unsqueeze", x, e.const(axes, np.int64)) if e.opset >= 13 else e.op("Unsqueeze", x, axes=axes)


def total(x: ir.Value, axes: list[int], e: Emitter, *, keepdims: bool = False) -> ir.Value:
    """The sum over axes that aren't negative, as the emitter's opset says it."""
    if e.opset >= 13:
        return e.op("ReduceSum", x, e.const(axes, np.int64), keepdims=int(keepdims))
    return e.op("ReduceSum", x, axes=axes, keepdims=int(keepdims))


def spread(node: ir.Node, index: int, axes: Number, filled: Number, e: Emitter) -> Number:
    """``filled`` with the input at ``index`` written over it at ``axes``."""
    given = Arithmetic(e).of(needed(node, index))
    if isinstance(given, np.ndarray) and isinstance(axes, np.ndarray) and isinstance(filled, np.ndarray):
        result = filled.astype(given.dtype)
        result[axes] = given
        return result
    n = Arithmetic(e)
    return e.op(
        "ScatterElements", n.value(n.cast(filled, numpy_dtype(needed(node, index)))), n.value(axes), n.value(given), axis=0
    )
