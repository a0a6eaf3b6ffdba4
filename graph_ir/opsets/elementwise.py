"""Elementwise arithmetic and comparison."""

from __future__ import annotations

from functools import reduce

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.opsets.operators import END, cast, flattened, where
from dragoman.graph_ir.opsets.precision import BFLOAT16, HALVES
from dragoman.graph_ir.opsets.step import (
    CannotConvertError,
    Emitter,
    attribute,
    dtype_of,
    input_at,
    lowers,
    needed,
    numpy_dtype,
    raises,
)


@lowers(19, "Equal")
def equal_strings(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 19 strings weren't compared: those are equal that have the same number among the unique ones of both tensors."""
    a, b = needed(node, 0), needed(node, 1)
    if a.dtype != ir.DataType.STRING:
        return None
    _, _, numbers, _ = e.ops("Unique", e.op("Concat", flattened(e, a), flattened(e, b), axis=0), outputs=4)
    split = e.op("Reshape", e.op("Size", a), e.vector(1))
    first, last, axis = e.vector(0), e.vector(END), e.vector(0)
    parts = (e.op("Slice", numbers, first, split, axis), e.op("Slice", numbers, split, last, axis))
    return e.op("Equal", *(e.op("Reshape", n, e.op("Shape", x), allowzero=1) for n, x in zip(parts, (a, b), strict=True)))


def _pick(e: Emitter, comparison: str, a: ir.Value, b: ir.Value) -> ir.Value:
    return where(e, e.op(comparison, a, b), a, b)


@lowers(12, "Max", "Min")
def extremum_of_integers(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 12 only floats were compared: integers are picked by Where."""
    values = [needed(node, i) for i in range(len(node.inputs))]
    if numpy_dtype(values[0]).kind == "f" or len(values) == 1:
        return None
    comparison = "Greater" if node.op_type == "Max" else "Less"
    return reduce(lambda a, b: _pick(e, comparison, a, b), values)


@lowers(12, "Clip")
def clip_other_types(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 12 only floats were clipped, and by ONNX Runtime only float32: halves widen, doubles are extremes, integers are picked."""
    x = needed(node, 0)
    lowest, highest = input_at(node, 1), input_at(node, 2)
    if x.dtype in (ir.DataType.FLOAT16, ir.DataType.DOUBLE):
        ends = np.finfo(numpy_dtype(x))  # a bound that isn't given is the last number, which also clips infinity
        low = lowest if lowest is not None else e.const(ends.min, numpy_dtype(x))
        high = highest if highest is not None else e.const(ends.max, numpy_dtype(x))
        if x.dtype == ir.DataType.DOUBLE:
            return e.op("Min", e.op("Max", x, low), high)
        return cast(e, e.op("Clip", *(cast(e, value, ir.DataType.FLOAT) for value in (x, low, high))), x.dtype)
    if numpy_dtype(x).kind == "f":
        return None
    result = x if lowest is None else _pick(e, "Greater", x, lowest)
    result = result if highest is None else _pick(e, "Less", result, highest)
    return result if result is not x else e.op("Identity", x)


@raises(11, "Clip")
def bounds_as_inputs(node: ir.Node, e: Emitter) -> ir.Value:
    """The attributes become constants; a bound that wasn't given was the last float32, which also clips infinity."""
    x = needed(node, 0)
    dtype = numpy_dtype(x)
    limit = float(np.finfo(np.float32).max)
    bounds = [attribute(node, "min", -limit), attribute(node, "max", limit)]
    fits = dtype.itemsize >= 4
    return e.op("Clip", x, *(e.const(bound, dtype) if fits or abs(bound) < limit else None for bound in bounds))


@lowers(12, "GreaterOrEqual", "LessOrEqual")
def comparison_or_equal(node: ir.Node, e: Emitter) -> ir.Value:
    """Greater or Equal: not the negation of Less, which would be true of NaN."""
    a, b = needed(node, 0), needed(node, 1)
    return e.op("Or", e.op(node.op_type.removesuffix("OrEqual"), a, b), e.op("Equal", a, b))


@lowers(15, "Pow")
def power_of_bfloat16(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 15 the exponent wasn't bfloat16."""
    exponent = needed(node, 1)
    return e.op("Pow", needed(node, 0), cast(e, exponent, ir.DataType.FLOAT)) if exponent.dtype in BFLOAT16 else None


@lowers(12, "Pow")
def power_of_one_float(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 12 base and exponent were of one float type: others are computed in float64, as C's pow does."""
    base, exponent = needed(node, 0), needed(node, 1)
    if base.dtype == exponent.dtype and numpy_dtype(base).kind == "f":
        return None
    double = ir.DataType.DOUBLE
    return cast(e, e.op("Pow", cast(e, base, double), cast(e, exponent, double)), dtype_of(base))


@lowers(28, "Mod")
def modulo_of_floats(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 28 floats had C's fmod only, of the dividend's sign: where the divisor has the other one, it is added.

    A zero takes the divisor's sign.
    """
    a, b = needed(node, 0), needed(node, 1)
    if dtype_of(a).is_floating_point() and not attribute(node, "fmod", 0):
        zero = e.const(0, numpy_dtype(a))
        rest = e.op("Mod", a, b, fmod=1)
        apart = e.op("Xor", e.op("Less", rest, zero), e.op("Less", b, zero))
        floored = where(e, apart, e.op("Add", rest, b), rest)
        return where(e, e.op("Equal", rest, zero), e.op("Div", zero, b), floored)
    return None


@lowers(27, "Range")
def range_of_halves(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 27 the 16-bit floats weren't counted in: ``stash_type`` 1 counts them in float32 anyway."""
    start = needed(node, 0)
    if start.dtype not in HALVES:
        node.attributes.pop("stash_type", None)
        return None
    if attribute(node, "stash_type", 1) != 1:
        raise CannotConvertError(f"counting in {dtype_of(start).name}")
    bounds = [cast(e, needed(node, i), ir.DataType.FLOAT) for i in range(3)]
    return cast(e, e.op("Range", *bounds), dtype_of(start))


@lowers(22, "EyeLike")
def identity_matrix_of_bfloat16(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 22 bfloat16 was neither taken nor given."""
    x, given = needed(node, 0), attribute(node, "dtype")
    if ir.DataType.BFLOAT16 not in (x.dtype, given):
        return None
    dtype = ir.DataType(given or dtype_of(x).value)
    like = cast(e, x, BFLOAT16.get(dtype_of(x), dtype_of(x)))
    made = e.op("EyeLike", like, dtype=BFLOAT16.get(dtype, dtype).value, k=attribute(node, "k", 0))
    return cast(e, made, dtype)
