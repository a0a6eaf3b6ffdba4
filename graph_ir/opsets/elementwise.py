"""Elementwise arithmetic and comparison."""

from __future__ import annotations

from functools import reduce

import onnx_ir as ir

from dragoman.graph_ir.opsets.step import (
    CannotConvertError,
    Emitter,
    attribute,
    input_at,
    lowers,
    needed,
    numpy_dtype,
)


def _pick(e: Emitter, comparison: str, a: ir.Value, b: ir.Value) -> ir.Value:
    return e.op("Where", e.op(comparison, a, b), a, b)


@lowers(12, "Max", "Min")
def extremum_of_integers(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 12 only floats were compared: integers are picked by Where."""
    values = [needed(node, i) for i in range(len(node.inputs))]
    if numpy_dtype(values[0]).kind == "f" or len(values) == 1:
        return None
    comparison = "Greater" if node.op_type == "Max" else "Less"
    return reduce(lambda a, b: _pick(e, comparison, a, b), values)


@lowers(12, "Clip")
def clip_integers(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 12 only floats were clipped: integers are picked by Where."""
    x = needed(node, 0)
    if numpy_dtype(x).kind == "f":
        return None
    lowest, highest = input_at(node, 1), input_at(node, 2)
    result = x if lowest is None else _pick(e, "Greater", x, lowest)
    result = result if highest is None else _pick(e, "Less", result, highest)
    return result if result is not x else e.op("Identity", x)


@lowers(12, "GreaterOrEqual", "LessOrEqual")
def comparison_or_equal(node: ir.Node, e: Emitter) -> ir.Value:
    """Greater or Equal: not the negation of Less, which would be true of NaN."""
    a, b = needed(node, 0), needed(node, 1)
    return e.op("Or", e.op(node.op_type.removesuffix("OrEqual"), a, b), e.op("Equal", a, b))


@lowers(12, "Pow")
def power_of_one_type(node: ir.Node, e: Emitter) -> ir.Value | None:
    """Before 12 the exponent had the base's type."""
    base, exponent = needed(node, 0), needed(node, 1)
    if base.dtype == exponent.dtype:
        return None
    if base.dtype is None or numpy_dtype(base).kind != "f":
        raise CannotConvertError("an integer raised to a power of another type")
    return e.op("Pow", base, e.op("Cast", exponent, to=base.dtype.value))


@lowers(15, "CastLike")
def cast_like(node: ir.Node, e: Emitter) -> ir.Value:
    """A Cast to the type that the other tensor has."""
    like = needed(node, 1)
    if like.dtype is None:
        raise CannotConvertError(f"the unknown type of {like.name}")
    return e.op("Cast", needed(node, 0), to=like.dtype.value)


@lowers(28, "Mod")
def modulo_of_floats(node: ir.Node, e: Emitter) -> None:
    """Before 28 floats were only taken with fmod."""
    if numpy_dtype(needed(node, 0)).kind == "f" and not attribute(node, "fmod", 0):
        raise CannotConvertError("the floored remainder of floats")
