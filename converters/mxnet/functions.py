"""Functions of one number, as MXNet works them out: what its operators of each element are made of."""

from __future__ import annotations

from collections.abc import Mapping
from math import factorial, inf, log, nan, pi

import numpy as np
from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import INTEGERS, Formula, Function, Work, cast, dtype_of, number
from dragoman.converters.mxnet.special import gamma, inverse_erf, log_gamma
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder

_UP = 1 + 2.0**-50
"""So that a logarithm or root that is whole isn't truncated to the number below it."""


def _times(factor: float) -> Formula:
    return lambda g, x: g.op("Mul", x, number(g, x, factor))


def _logarithm(base: float) -> Formula:
    return lambda g, x: g.op("Mul", g.op("Log", x), number(g, x, _UP / log(base)))


def in_single(formula: Formula) -> Formula:
    """The formula in float32, as MXNet has it of integers too."""
    return lambda g, x: formula(g, cast(g, x, DataType.FLOAT))


def _hyperbolic(op_type: str, join: str) -> Formula:
    """Sinh and Cosh, which ONNX Runtime has in float32 only: (eˣ ∓ e⁻ˣ) / 2 in float64, which overflows later."""

    def formula(g: SymbolBuilder, x: Value) -> Value:
        if dtype_of(x) != DataType.DOUBLE:
            return g.op(op_type, x)
        return g.op("Mul", g.op(join, g.op("Exp", x), g.op("Exp", g.op("Neg", x))), number(g, x, 0.5))

    return formula


def _tangent(g: SymbolBuilder, x: Value) -> Value:
    """ONNX Runtime's Tan is of float32, in which a large number has no angle left."""
    return g.op("Tan", x) if dtype_of(x) != DataType.DOUBLE else g.op("Div", g.op("Sin", x), g.op("Cos", x))


def _square(g: SymbolBuilder, x: Value) -> Value:
    return g.op("Mul", x, x)


def _soft_sign(g: SymbolBuilder, x: Value) -> Value:
    if dtype_of(x) != DataType.DOUBLE:
        return g.op("Softsign", x)
    return g.op("Div", x, g.op("Add", g.op("Abs", x), number(g, x, 1)))


def _erf_of_integers(g: SymbolBuilder, x: Value) -> Value:
    """Its truncation: ±1 from where float64 doesn't tell it from that."""
    one = g.op("GreaterOrEqual", g.op("Abs", x), number(g, x, 6))
    return g.op("Where", one, g.op("Sign", x), number(g, x, 0))


def _inverse_erf_of_integers(g: SymbolBuilder, x: Value) -> Value:
    """Infinite at ±1; an integer's NaN is 0."""
    end = g.op("Equal", g.op("Abs", x), number(g, x, 1))
    return g.op("Where", end, g.const(np.float64(inf)), g.const(np.float64(0)))


def _factorial(g: SymbolBuilder, x: Value) -> Value:
    """(x − 1)! of integers, exact; NaN of those that have none."""
    table = g.const(np.array([nan, *(float(factorial(n)) for n in range(170)), inf]))
    place = g.op("Clip", cast(g, x, DataType.INT64), g.const(np.int64(0)), g.const(np.int64(171)))
    return g.op("Gather", table, place)


def _cube_root(g: SymbolBuilder, x: Value) -> Value:
    root = g.op("Pow", g.op("Abs", x), number(g, x, _UP / 3))
    return g.op("Where", g.op("Less", x, number(g, x, 0)), g.op("Neg", root), root)


def _sign(g: SymbolBuilder, x: Value) -> Value:
    """MXNet's sign of NaN is 0."""
    signs = g.op("Sign", x)
    return signs if dtype_of(x) in INTEGERS else g.op("Where", g.op("IsNaN", x), number(g, x, 0), signs)


def _round(g: SymbolBuilder, x: Value) -> Value:
    """To the nearest whole number, halves away from zero."""
    size = g.op("Abs", x)
    down = g.op("Floor", size)
    half = g.op("GreaterOrEqual", g.op("Sub", size, down), number(g, x, 0.5))
    up = g.op("Where", half, g.op("Add", down, number(g, x, 1)), down)
    return g.op("Where", g.op("Less", x, number(g, x, 0)), g.op("Neg", up), up)


def _rint(g: SymbolBuilder, x: Value) -> Value:
    """To the nearest whole number, halves down."""
    down, up = g.op("Floor", x), g.op("Ceil", x)
    return g.op("Where", g.op("LessOrEqual", g.op("Sub", x, down), g.op("Sub", up, x)), down, up)


def _truncate(g: SymbolBuilder, x: Value) -> Value:
    return g.op("Where", g.op("Less", x, number(g, x, 0)), g.op("Ceil", x), g.op("Floor", x))


_DEGREE, _RADIAN = float(np.float32(pi) / np.float32(180)), float(np.float32(180) / np.float32(pi))
"""In float32, whatever the input: as MXNet's constants are."""

REAL: Mapping[str, Function] = {
    "arccos": Function("Acos", Work.SINGLE),
    "arccosh": Function("Acosh", Work.SINGLE),
    "arcsin": Function("Asin", Work.SINGLE),
    "arcsinh": Function("Asinh", Work.SINGLE),
    "arctan": Function("Atan", Work.SINGLE),
    "arctanh": Function("Atanh", Work.SINGLE),
    "cbrt": Function(_cube_root),
    "cos": Function("Cos"),
    "cosh": Function(_hyperbolic("Cosh", "Add")),
    "degrees": Function(_times(_RADIAN), of_integers=in_single(_times(_RADIAN))),
    "erf": Function("Erf", Work.SINGLE, _erf_of_integers),
    "erfinv": Function(inverse_erf, Work.DOUBLE, _inverse_erf_of_integers),
    "exp": Function("Exp"),
    "expm1": Function(lambda g, x: g.op("Sub", g.op("Exp", x), number(g, x, 1)), Work.DOUBLE),
    "gamma": Function(gamma, Work.DOUBLE, _factorial),
    "gammaln": Function(log_gamma, Work.DOUBLE),
    "log": Function("Log"),
    "log10": Function(_logarithm(10)),
    "log1p": Function(lambda g, x: g.op("Log", g.op("Add", x, number(g, x, 1))), Work.DOUBLE),
    "log2": Function(_logarithm(2)),
    "radians": Function(_times(_DEGREE), of_integers=in_single(_times(_DEGREE))),
    "rcbrt": Function(lambda g, x: _cube_root(g, g.op("Reciprocal", x))),
    "reciprocal": Function("Reciprocal"),
    "rsqrt": Function(lambda g, x: g.op("Reciprocal", g.op("Sqrt", x))),
    "sigmoid": Function("Sigmoid"),
    "sin": Function("Sin"),
    "sinh": Function(_hyperbolic("Sinh", "Sub")),
    "softsign": Function(_soft_sign),
    "sqrt": Function("Sqrt"),
    "square": Function(_square, of_integers=in_single(_square)),
    "tan": Function(_tangent),
    "tanh": Function("Tanh"),
}
"""Real functions, which MXNet works out for integers too, and truncates. mshadow_op.h."""

WHOLE: Mapping[str, str | Formula] = {
    "ceil": "Ceil",
    "fix": _truncate,
    "floor": "Floor",
    "rint": _rint,
    "round": _round,
    "trunc": _truncate,
}
"""Functions that leave integers as they are."""

EXACT: Mapping[str, Formula] = {
    "abs": lambda g, x: g.op("Abs", x),
    "negative": lambda g, x: g.op("Sub", number(g, x, 0), x) if dtype_of(x) == DataType.UINT8 else g.op("Neg", x),
    "relu": lambda g, x: g.op("Max", x, number(g, x, 0)) if dtype_of(x) in INTEGERS else g.op("Relu", x),
    "sign": _sign,
    "logical_not": lambda g, x: cast(g, g.op("Equal", x, number(g, x, 0)), dtype_of(x)),
}
"""Functions worked out in the type of their input, whatever it is."""
