"""Arithmetic, comparison and logic, element by element with broadcasting."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from dragoman.validators.evaluator.call import Array, Declined, NodeCall, axis_of
from dragoman.validators.evaluator.kernels.table import Family

family = Family()

UNARY: dict[str, Callable[[Array], Array]] = {
    "Abs": np.abs,
    "Acos": np.arccos,
    "Acosh": np.arccosh,
    "Asin": np.arcsin,
    "Asinh": np.arcsinh,
    "Atan": np.arctan,
    "Atanh": np.arctanh,
    "BitwiseNot": np.invert,
    "Ceil": np.ceil,
    "Cos": np.cos,
    "Cosh": np.cosh,
    "Exp": np.exp,
    "Floor": np.floor,
    "IsNaN": np.isnan,
    "Log": np.log,
    "Neg": np.negative,
    "Not": np.logical_not,
    "Round": np.rint,
    "Sign": np.sign,
    "Sin": np.sin,
    "Sinh": np.sinh,
    "Sqrt": np.sqrt,
    "Tan": np.tan,
}
BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "And": np.logical_and,
    "BitwiseAnd": np.bitwise_and,
    "BitwiseOr": np.bitwise_or,
    "BitwiseXor": np.bitwise_xor,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Mul": np.multiply,
    "Or": np.logical_or,
    "Sub": np.subtract,
    "Xor": np.logical_xor,
}


@family.op(*UNARY)
def unary(node: NodeCall, x: Array) -> Array:
    """One numpy function of each element."""
    return UNARY[node.op](x)


@family.op(*BINARY)
def binary(node: NodeCall, a: Array, b: Array) -> Array:
    """One numpy function of each pair of elements."""
    return BINARY[node.op](a, aligned(node, a, b))


def aligned(node: NodeCall, a: Array, b: Array) -> Array:
    """``b`` as it stands against ``a``: before opset 7 its axes begin at ``axis`` of ``a``, else numpy's broadcasting."""
    if node.version >= 7 or not node.integer("broadcast", 0) or not node.has("axis"):
        return b
    axis = axis_of(node.integer("axis", 0), a.ndim)
    return b.reshape(b.shape + (1,) * (a.ndim - axis - b.ndim))


@family.op("Div")
def divide(node: NodeCall, a: Array, b: Array) -> Array:
    """``a / b``; integers truncate toward zero."""
    b = aligned(node, a, b)
    if a.dtype.kind not in "iu":
        return np.asarray(a / b)
    quotient = a // b
    return np.asarray(quotient + ((a % b != 0) & ((a < 0) != (b < 0)))).astype(a.dtype)


@family.op("Mod")
def modulo(node: NodeCall, a: Array, b: Array) -> Array:
    """The remainder, with the sign of the divisor, or with ``fmod`` of the dividend."""
    return np.asarray(np.fmod(a, b) if node.integer("fmod", 0) else np.mod(a, b))


@family.op("Pow")
def power(node: NodeCall, a: Array, b: Array) -> Array:
    """``a ** b``, in the type of ``a``."""
    b = aligned(node, a, b)
    if a.dtype.kind in "iu" and b.dtype.kind in "iu" and (b >= 0).all():
        return np.asarray(np.power(a, b.astype(a.dtype)))
    wide = np.promote_types(a.dtype, b.dtype if b.dtype.kind == "f" else a.dtype)
    return np.asarray(np.power(a.astype(wide), b.astype(wide) if a.dtype.kind == "f" else b).astype(a.dtype))


@family.op("Reciprocal")
def reciprocal(_: NodeCall, x: Array) -> Array:
    """``1 / x``."""
    return np.asarray(1 / x)


@family.op("Max", "Min", "Sum", "Mean")
def variadic(node: NodeCall, *xs: Array) -> Array:
    """The largest, smallest, sum or mean of all inputs; not-a-number wins."""
    function: Any = {"Max": np.maximum, "Min": np.minimum}.get(node.op, np.add)
    total = reduce(function, xs)
    return np.asarray(total / len(xs) if node.op == "Mean" else total)


@family.op("Where")
def where(_: NodeCall, condition: Array, x: Array, y: Array) -> Array:
    """``x`` where the condition holds, else ``y``."""
    return np.where(condition, x, y)


@family.op("BitShift")
def bit_shift(node: NodeCall, a: Array, b: Array) -> Array:
    """Shift the bits of ``a`` by ``b`` places."""
    return np.asarray(np.left_shift(a, b) if node.text("direction", "") == "LEFT" else np.right_shift(a, b))


@family.op("IsInf")
def is_infinite(node: NodeCall, x: Array) -> Array:
    """Infinities of the signs asked for."""
    found = np.zeros(x.shape, bool)
    if node.integer("detect_positive", 1):
        found |= x == np.inf
    if node.integer("detect_negative", 1):
        found |= x == -np.inf
    return found


@family.op("Erf")
def erf(_: NodeCall, x: Array) -> Array:
    """The error function, to the last bits of float64."""
    if x.dtype.kind != "f":
        raise Declined
    return error_function(x)


def error_function(x: Array) -> Array:
    """erf of each element, computed in float64."""
    flat = np.fromiter(map(math.erf, x.ravel().tolist()), np.float64, x.size)
    return flat.reshape(x.shape).astype(x.dtype, copy=False)
