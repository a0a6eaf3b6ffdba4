"""Arithmetic in a step on what may be known or computed by the network: known numbers are folded, the rest is emitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.opsets.operators import cast, sum_over, where
from dragoman.graph_ir.opsets.step import Emitter, numpy_dtype, rank, sizes
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
        if x.shape is None:
            return self._e.op("Gather", self._e.op("Shape", x), self._e.vector(axis))
        known = sizes(x)[axis]
        if known is not None:
            return whole(known)
        return self._e.op("Gather", self._e.op("Shape", x), self._e.vector(axis % rank(x)))

    def scalar(self, number: Number) -> Number:
        """A vector of one element without its axis."""
        return self._e.op("Reshape", number, self._e.vector()) if isinstance(number, ir.Value) else number.reshape(())

    def same(self, a: Number, b: Number) -> bool:
        """Whether both are known, and equal."""
        return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.array_equal(a, b)

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
        """a / b; of integers the whole part, cut towards zero."""
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
        if all(isinstance(number, np.ndarray) for number in (condition, a, b)):
            return np.where(condition, a, b)  # type: ignore[arg-type]  # none of them is a Value
        return where(self._e, self.value(condition), self.value(a), self.value(b))

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

    def power(self, a: Number, exponent: float) -> Number:
        """``a`` to the power of a constant, in its type."""
        kind = numpy_dtype(a) if isinstance(a, ir.Value) else a.dtype
        return self._elementwise("Pow", np.power, a, np.array([exponent], kind))

    def cast(self, a: Number, dtype: npt.DTypeLike) -> Number:
        """``a`` as ``dtype``; floats are cut towards zero."""
        wanted = np.dtype(dtype)
        return cast(self._e, a, ir.DataType.from_numpy(wanted)) if isinstance(a, ir.Value) else a.astype(wanted)

    def total(self, a: Number, axis: int) -> Number:
        """The sum over an axis, which stays with size 1."""
        return sum_over(self._e, a, [axis], keepdims=1) if isinstance(a, ir.Value) else a.sum(axis, keepdims=True)

    # -- vectors

    def count(self, number: Number) -> Number:
        """0, 1, …, number − 1, for a size."""
        if isinstance(number, ir.Value):
            return self._e.op("Range", self._e.scalar(0), self.value(self.scalar(number)), self._e.scalar(1))
        return np.arange(number.item())

    def concat(self, parts: Sequence[Number]) -> Number:
        """Vectors, one after another."""
        if all(isinstance(part, np.ndarray) for part in parts):
            return np.concatenate(parts)  # type: ignore[arg-type]  # none of them is a Value
        return self._e.op("Concat", *map(self.value, parts), axis=0)

    def part(self, number: Number, start: int, stop: int) -> Number:
        """The elements from ``start`` up to ``stop`` of a vector."""
        if isinstance(number, ir.Value):
            return self._e.op("Slice", number, self._e.vector(start), self._e.vector(stop))
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
            return self._e.op("Reshape", vector, self._e.vector(*shape))
        return vector.reshape(shape)

    def product(self, numbers: Sequence[Number]) -> Number:
        """The product; 1 for none."""
        one: Number = np.array([1])
        return reduce(self.mul, numbers, one)

    def overwritten(self, vector: Number, index: Number, by: Number) -> Number:
        """A vector with the elements of ``by`` in the places ``index``, and of its type."""
        if isinstance(vector, np.ndarray) and isinstance(index, np.ndarray) and isinstance(by, np.ndarray):
            result = vector.astype(by.dtype)
            result[index] = by
            return result
        kind = numpy_dtype(by) if isinstance(by, ir.Value) else by.dtype
        return self._e.op("ScatterElements", self.value(self.cast(vector, kind)), self.value(index), self.value(by), axis=0)

    # -- values of the graph whose shape is made of numbers

    def reshape(self, x: ir.Value, shape: Sequence[Number]) -> ir.Value:
        """``x`` in a shape of sizes; its rank is known then, and those sizes that are."""
        out = self._e.op("Reshape", x, self.shape(*shape))
        if out.shape is None or len(out.shape) != len(shape):
            known = [int(n.item()) if isinstance(n, np.ndarray) and n.item() >= 0 else None for n in shape]
            out.shape = ir.Shape(known)
        return out

    def gather(self, x: ir.Value, index: Number, axis: int) -> ir.Value:
        """The elements of ``x`` at ``index`` of an axis."""
        return self._e.op("Gather", x, self.value(index), axis=axis)

    def crop(self, x: ir.Value, axis: int, start: Number, stop: Number) -> ir.Value:
        """The elements of ``x`` from ``start`` up to ``stop`` of an axis."""
        return self._e.op("Slice", x, self.value(start), self.value(stop), self._e.vector(axis))

    def permuted(self, x: ir.Value, perm: Sequence[int]) -> ir.Value:
        """The axes in another order; ``x`` itself if it is theirs."""
        return x if list(perm) == sorted(perm) else self._e.op("Transpose", x, perm=list(perm))

    def shape(self, *sizes: Number) -> ir.Value:
        """The vector of sizes, as a value."""
        return self.value(self.concat(sizes))

    def product_with(self, x: ir.Value, matrix: Number) -> ir.Value:
        """(…, n) → (…, m) by a matrix (n, m)."""
        return self._e.op("MatMul", x, self.value(matrix))

    def _elementwise(self, op_type: str, function: Callable[..., Any], *numbers: Number) -> Number:
        if all(isinstance(number, np.ndarray) for number in numbers):
            return np.asarray(function(*numbers))
        return self._e.op(op_type, *map(self.value, numbers))


def _divide(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if a.dtype.kind == "f":
        result: npt.NDArray[Any] = a / b
        return result
    whole_part: npt.NDArray[Any] = abs(a) // abs(b) * (np.sign(a) * np.sign(b))
    return whole_part


def whole(*values: int) -> npt.NDArray[np.int64]:
    """A vector of integers."""
    return np.array(values, np.int64)


def part_or_rest(whole: int | None, parts: int) -> int:
    """A Reshape's number for one of ``parts`` equal parts of a dimension: −1, what remains, if it isn't known."""
    return whole // parts if whole is not None else -1
