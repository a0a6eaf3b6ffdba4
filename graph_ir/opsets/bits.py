"""Bits of integers: shifts of signed ones, bitwise logic by arithmetic, and the same bits read as another type."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

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


@lowers(26, "BitCast")
def bits_as_another_type(node: ir.Node, e: Emitter) -> ir.Value:
    """Integers of one size are cast to each other as they are; what a float consists of, no older operator reads."""
    x = needed(node, 0)
    to = ir.DataType(attribute(node, "to"))
    integers = {ir.DataType[f"{sign}INT{bits}"] for sign in ("", "U") for bits in (8, 16, 32, 64)}
    if to == x.dtype:
        return e.op("Identity", x)
    if not {to, dtype_of(x)} <= integers:
        raise CannotConvertError(f"the bits of {dtype_of(x).name} as {to.name}: no operator reads or makes the bits of a float")
    return cast(e, x, to)
