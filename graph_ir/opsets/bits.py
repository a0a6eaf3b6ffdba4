"""Bits of integers: shifts of signed ones, bitwise logic by arithmetic, and the same bits read as another type."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from dragoman.graph_ir.opsets.arithmetic import Arithmetic, Number
from dragoman.graph_ir.opsets.operators import cast, sum_over, unsqueeze, where
from dragoman.graph_ir.opsets.step import CannotConvertError, Emitter, attribute, dtype_of, lowers, needed, numpy_dtype, rank


@lowers(28, "BitShift")
def shift_of_signed(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 28 only unsigned integers were shifted: signed ones are, as the 64 bits that hold them with their sign.

    Right: of a negative x the bits of −1 − x move, which are x's inverted. A shift outside of 0 … bits − 1 leaves the sign only.
    """
    x, y = needed(node, 0), needed(node, 1)
    if numpy_dtype(x).kind == "u":
        return None
    zero, signed, unsigned = e.scalar(0), ir.DataType.INT64, ir.DataType.UINT64
    value, shift = cast(e, x, signed), cast(e, y, signed)
    inside = e.op("And", e.op("GreaterOrEqual", shift, zero), e.op("Less", shift, e.scalar(numpy_dtype(x).itemsize * 8)))
    by = cast(e, where(e, inside, shift, zero), unsigned)
    right = attribute(node, "direction") == "RIGHT"
    negative = e.op("Less", value, zero)
    bits = where(e, negative, _inverted(e, value), value) if right else value
    moved = cast(e, e.op("BitShift", cast(e, bits, unsigned), by, direction="RIGHT" if right else "LEFT"), signed)
    moved = where(e, inside, moved, zero)
    return cast(e, where(e, negative, _inverted(e, moved), moved) if right else moved, dtype_of(x))


def _inverted(e: Emitter, x: ir.Value) -> ir.Value:
    return e.op("Sub", e.scalar(-1), x)


@lowers(18, "BitwiseNot")
def bitwise_not(node: ir.Node, e: Emitter) -> ir.Value:
    """−1 − x in int64, whose lowest bits are those of every other integer."""
    x = needed(node, 0)
    return cast(e, _inverted(e, cast(e, x, ir.DataType.INT64)), dtype_of(x))


@lowers(18, "BitwiseAnd", "BitwiseOr", "BitwiseXor")
def bitwise_logic(node: ir.Node, e: Emitter) -> ir.Value:
    """The bits along a new last axis, as truths; the sum of 2 to the power of those that are true afterwards."""
    a, b = needed(node, 0), needed(node, 1)
    count = numpy_dtype(a).itemsize * 8
    places = e.const(np.arange(count), np.uint64)
    truths = [_bits(e, x, places) for x in (a, b)]
    result = cast(e, e.op(node.op_type.removeprefix("Bitwise"), *truths), ir.DataType.INT64)
    last = max(rank(a), rank(b))
    if count < 64:
        return cast(e, _number(e, result, last, count), dtype_of(a))
    low, high = (
        _number(e, e.op("Slice", result, e.vector(start), e.vector(start + 32), e.vector(last)), last, 32)
        for start in (0, 32)
    )
    return cast(e, e.op("Add", low, e.op("BitShift", high, e.const(32, np.uint64), direction="LEFT")), dtype_of(a))


def _number(e: Emitter, bits: ir.Value, axis: int, count: int) -> ir.Value:
    """The uint64 that at most 32 bits make: ONNX Runtime's sum of int64 isn't exact where they are more."""
    worth = e.const(1 << np.arange(count), np.int64)
    return cast(e, sum_over(e, e.op("Mul", bits, worth), [axis], keepdims=0), ir.DataType.UINT64)


def _bits(e: Emitter, x: ir.Value, places: ir.Value) -> ir.Value:
    """(…) → (…, bits) bool, the lowest first."""
    wide = unsqueeze(e, cast(e, cast(e, x, ir.DataType.INT64), ir.DataType.UINT64), [rank(x)])
    moved = e.op("BitShift", wide, places, direction="RIGHT")
    return cast(e, e.op("Mod", moved, e.const(2, np.uint64)), ir.DataType.BOOL)


# -- BitCast ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    """The bits of a float: its sign, its exponent, which counts from ``lowest``, and its fraction."""

    bits: int
    fraction: int
    lowest: int

    @property
    def exponents(self) -> int:
        """How many exponents there are of numbers; one more says infinity or NaN."""
        return (1 << (self.bits - 1 - self.fraction)) - 1

    def powers(self, first: int) -> npt.NDArray[np.float64]:
        """2 to the power of as many exponents, counted from ``first``."""
        return np.ldexp(1.0, np.arange(first, first + self.exponents - 1))


_FLOATS = {
    ir.DataType.FLOAT16: _Layout(16, 10, -14),
    ir.DataType.BFLOAT16: _Layout(16, 7, -126),
    ir.DataType.FLOAT: _Layout(32, 23, -126),
    ir.DataType.DOUBLE: _Layout(64, 52, -1022),
}
_INTEGERS = {ir.DataType[f"{sign}INT{bits}"] for sign in ("", "U") for bits in (8, 16, 32, 64)}


@lowers(26, "BitCast")
def bits_as_another_type(node: ir.Node, e: Emitter) -> ir.Value:
    """Integers of one size are cast to each other as they are; floats go through what their bits mean, in float64.

    Every NaN becomes the quiet one without a sign: no older operator tells them apart.
    """
    x = needed(node, 0)
    to = ir.DataType(attribute(node, "to"))
    if to == x.dtype:
        return e.op("Identity", x)
    if {dtype_of(x), to} - {*_INTEGERS, *_FLOATS, ir.DataType.BOOL}:
        raise CannotConvertError(f"the bits of {dtype_of(x).name} as {to.name}")
    number: Number = x
    n = Arithmetic(e)
    if (layout := _FLOATS.get(dtype_of(x))) is not None:
        number = _bits_of_float(n.cast(x, np.float64), layout, n)
    if (layout := _FLOATS.get(to)) is not None:
        signed = n.cast(n.cast(number, f"int{layout.bits}"), np.int64)
        number = _float_of_bits(signed, layout, n)
    return cast(e, n.value(number), to)


def _bits_of_float(x: Number, layout: _Layout, n: Arithmetic) -> Number:
    """float64 → the number that the bits are, in int64: (exponent − lowest) · 2^fraction + |x| / 2^exponent · 2^fraction."""
    zero, unit = np.array(0.0), np.array(1 << layout.fraction)
    regular = n.equal(x, x)
    size = n.where(regular, n.absolute(x), np.array(1.0))
    last = layout.exponents - 2
    guess = n.floor(n.div(n.logarithm(size), np.array(math.log(2))))
    place = n.cast(n.clip(n.sub(guess, np.array(float(layout.lowest))), zero, np.array(float(last))), np.int64)
    powers = layout.powers(layout.lowest)
    place = n.where(n.less(size, n.pick(powers, place)), n.maximum(n.sub(place, np.array(1)), np.array(0)), place)
    after = n.minimum(n.add(place, np.array(1)), np.array(last))
    place = n.where(n.less(size, n.pick(powers, after)), place, after)
    finite = n.less(size, np.array(np.inf))
    fraction = n.mul(n.div(n.where(finite, size, zero), n.pick(powers, place)), np.array(float(1 << layout.fraction)))
    infinite = np.array(layout.exponents << layout.fraction)
    bits = n.where(finite, n.add(n.cast(fraction, np.int64), n.mul(place, unit)), infinite)
    negative = n.either(n.less(x, zero), n.less(n.div(np.array(1.0), x), zero))  # also −0
    bits = n.where(negative, n.add(bits, np.array(-1 << (layout.bits - 1))), bits)
    return n.where(regular, bits, np.array((2 * layout.exponents + 1) << (layout.fraction - 1)))


def _float_of_bits(x: Number, layout: _Layout, n: Arithmetic) -> Number:
    """int64 → the float64 that has the value of the bits."""
    zero, one, unit = np.array(0), np.array(1), np.array(1 << layout.fraction)
    negative = n.less(x, zero)
    bits = n.where(negative, n.sub(x, np.array(-1 << (layout.bits - 1))), x)
    exponent = n.div(bits, unit)
    rest = n.sub(bits, n.mul(exponent, unit))
    powers = layout.powers(layout.lowest - layout.fraction)
    place = n.clip(n.sub(exponent, one), zero, np.array(layout.exponents - 2))
    fraction = n.where(n.less(zero, exponent), n.add(rest, unit), rest)
    value = n.mul(n.cast(fraction, np.float64), n.pick(powers, place))
    special = n.where(n.equal(rest, zero), np.array(np.inf), np.array(np.nan))
    value = n.where(n.equal(exponent, np.array(layout.exponents)), special, value)
    return n.mul(value, n.where(negative, np.array(-1.0), np.array(1.0)))
