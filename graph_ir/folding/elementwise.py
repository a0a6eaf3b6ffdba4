"""Element by element, with numpy's broadcasting: arithmetic, comparisons, logic, rounding, Cast, Where."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from dragoman.graph_ir.folding.call import Array, Call, CannotFoldError, Kernel, is_float, rounded

_EXACT_INTEGER = 1 << 53
"""Integers up to here are exact in float64, in which ONNX Runtime computes integer powers."""


def _binary(function: Callable[..., Any]) -> Kernel:
    def kernel(call: Call) -> Array:
        a, b = call[0], call[1]
        call.check(np.broadcast_shapes(a.shape, b.shape))
        return np.asarray(function(a, b))

    return kernel


def _variadic(function: Callable[..., Any]) -> Kernel:
    def kernel(call: Call) -> Array:
        arrays = [call[index] for index in range(len(call.inputs))]
        call.check(np.broadcast_shapes(*(a.shape for a in arrays)))
        if call.op_type in ("Max", "Min") and any(is_float(a) and np.isnan(a).any() for a in arrays):
            raise CannotFoldError("NaN")
        result = arrays[0]
        for other in arrays[1:]:
            result = np.asarray(function(result, other))
        return np.asarray(result)

    return kernel


def _unary(function: Callable[[Array], Any]) -> Kernel:
    """Of one input, in its own type, exactly."""
    return lambda call: np.asarray(function(call[0]))


def _real(function: Callable[[Array], Any]) -> Kernel:
    """Of one floating input: computed in float64 and rounded once."""

    def kernel(call: Call) -> Array:
        if not is_float(call[0]):
            raise CannotFoldError("not a floating type")
        return rounded(function(call[0].astype(np.float64)), call[0].dtype)

    return kernel


def _div(call: Call) -> Array:
    """Integers are divided towards zero; by zero, not at all."""
    a, b = call[0], call[1]
    call.check(np.broadcast_shapes(a.shape, b.shape))
    if is_float(a):
        return np.asarray(a / b)
    if not b.all() or (a.dtype.kind == "i" and (b == -1).any() and (a == np.iinfo(a.dtype).min).any()):
        raise CannotFoldError("division by zero")
    quotient = np.asarray(np.floor_divide(a, b))
    return np.asarray(quotient + ((a - quotient * b != 0) & (quotient < 0)).astype(a.dtype))


def _mod(call: Call) -> Array:
    a, b = call[0], call[1]
    call.check(np.broadcast_shapes(a.shape, b.shape))
    if not b.all():
        raise CannotFoldError("division by zero")
    if call.attribute("fmod", 0):
        return np.asarray(np.fmod(a, b))
    if is_float(a):
        raise CannotFoldError("Mod of floats without fmod")
    return np.asarray(np.mod(a, b))


def _pow(call: Call) -> Array:
    """Of the base's type, whatever the exponent's."""
    a, b = call[0], call[1]
    call.check(np.broadcast_shapes(a.shape, b.shape))
    result = np.power(a.astype(np.float64), b.astype(np.float64))
    if is_float(a):
        return rounded(result, a.dtype)
    if not np.isfinite(result).all() or (np.abs(result) >= min(_EXACT_INTEGER, np.iinfo(a.dtype).max)).any():
        raise CannotFoldError("an integer power out of range")
    return np.asarray(result.astype(a.dtype))


def _clip(call: Call) -> Array:
    """min(max(x, low), high)."""
    x = call[0]
    low, high = call.get(1), call.get(2)
    if low is None and "min" in call.attributes:
        low = np.array(call.attribute("min"), x.dtype)
    if high is None and "max" in call.attributes:
        high = np.array(call.attribute("max"), x.dtype)
    given = [x, *(bound for bound in (low, high) if bound is not None)]
    if any(bound.size != 1 for bound in given[1:]) or any(is_float(array) and np.isnan(array).any() for array in given):
        raise CannotFoldError("NaN")
    result = x
    if low is not None:
        result = np.where(result < low.reshape(()), low.reshape(()), result)
    if high is not None:
        result = np.where(result > high.reshape(()), high.reshape(()), result)
    return np.asarray(result, x.dtype)


def _where(call: Call) -> Array:
    condition, a, b = call[0], call[1], call[2]
    call.check(np.broadcast_shapes(condition.shape, a.shape, b.shape))
    return np.where(condition, a, b)


_CASTS = frozenset(
    {
        ir.DataType.BOOL,
        ir.DataType.INT8,
        ir.DataType.INT16,
        ir.DataType.INT32,
        ir.DataType.INT64,
        ir.DataType.UINT8,
        ir.DataType.UINT16,
        ir.DataType.UINT32,
        ir.DataType.UINT64,
        ir.DataType.FLOAT16,
        ir.DataType.BFLOAT16,
        ir.DataType.FLOAT,
        ir.DataType.DOUBLE,
    }
)


def cast(array: Array, dtype: ir.DataType) -> Array:
    """As ONNX Runtime casts; ``CannotFoldError`` where the result depends on the machine (floats beyond an integer's range)."""
    if dtype not in _CASTS:
        raise CannotFoldError(f"cast to {dtype.name}")
    target = dtype.numpy()
    if dtype == ir.DataType.BOOL:
        return np.asarray(array != 0)
    if dtype.is_floating_point():
        return rounded(array, target) if array.dtype != target else array
    if is_float(array):
        whole, bounds = np.trunc(array.astype(np.float64)), np.iinfo(target)
        if not np.isfinite(whole).all() or (whole < bounds.min).any() or (whole >= float(bounds.max) + 1).any():
            raise CannotFoldError(f"a number that {dtype.name} doesn't hold")
        return whole.astype(target)
    return array.astype(target)


def _bit_shift(call: Call) -> Array:
    a, b = call[0], call[1]
    call.check(np.broadcast_shapes(a.shape, b.shape))
    if (b >= a.dtype.itemsize * 8).any():
        raise CannotFoldError("a shift by more bits than there are")
    return np.asarray(a << b if call.attribute("direction") == "LEFT" else a >> b)


def _sign(x: Array) -> Array:
    return np.asarray(np.sign(x.astype(np.float32)).astype(x.dtype) if is_float(x) else np.sign(x))


KERNELS: dict[str, Kernel] = {
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
    "Mul": _binary(np.multiply),
    "Div": _div,
    "Mod": _mod,
    "Pow": _pow,
    "Max": _variadic(np.maximum),
    "Min": _variadic(np.minimum),
    "Sum": _variadic(np.add),
    "And": _binary(np.logical_and),
    "Or": _binary(np.logical_or),
    "Xor": _binary(np.logical_xor),
    "Equal": _binary(np.equal),
    "Greater": _binary(np.greater),
    "GreaterOrEqual": _binary(np.greater_equal),
    "Less": _binary(np.less),
    "LessOrEqual": _binary(np.less_equal),
    "BitwiseAnd": _binary(np.bitwise_and),
    "BitwiseOr": _binary(np.bitwise_or),
    "BitwiseXor": _binary(np.bitwise_xor),
    "BitwiseNot": _unary(np.bitwise_not),
    "BitShift": _bit_shift,
    "Not": _unary(np.logical_not),
    "Neg": _unary(np.negative),
    "Abs": _unary(np.abs),
    "Sign": _unary(_sign),
    "Floor": _unary(np.floor),
    "Ceil": _unary(np.ceil),
    "Round": _unary(np.rint),
    "IsNaN": _unary(np.isnan),
    "Relu": _unary(lambda x: np.where(x < 0, np.zeros((), x.dtype), x)),
    "Reciprocal": _real(np.reciprocal),
    "Sqrt": _real(np.sqrt),
    "Exp": _real(np.exp),
    "Log": _real(np.log),
    "Sin": _real(np.sin),
    "Cos": _real(np.cos),
    "Tan": _real(np.tan),
    "Atan": _real(np.arctan),
    "Tanh": _real(np.tanh),
    "Sigmoid": _real(lambda x: 1 / (1 + np.exp(-x))),
    "Erf": _real(np.vectorize(math.erf, otypes=[np.float64])),
    "Clip": _clip,
    "Where": _where,
    "Cast": lambda call: cast(call[0], ir.DataType(call.attribute("to"))),
    "CastLike": lambda call: cast(call[0], ir.DataType.from_numpy(call[1].dtype)),
    "Identity": lambda call: call[0],
}
