"""Functions of each element: ``y[i] = f(x[i])``, of one type with ``x``."""

from __future__ import annotations

from collections.abc import Mapping
from math import factorial, inf, log, nan, pi
from typing import TypeVar

import numpy as np
from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import (
    FLOATS,
    INTEGERS,
    Formula,
    Function,
    Work,
    cast,
    dtype_of,
    floats_only,
    number,
    truth,
)
from dragoman.converters.mxnet.special import gamma, inverse_erf, log_gamma
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op

_UP = 1 + 2.0**-50
"""So that a logarithm or root that is whole isn't truncated to the number below it."""


def _times(factor: float) -> Formula:
    return lambda g, x: g.op("Mul", x, number(g, x, factor))


def _logarithm(base: float) -> Formula:
    return lambda g, x: g.op("Mul", g.op("Log", x), number(g, x, _UP / log(base)))


def _in_single(formula: Formula) -> Formula:
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


Row = TypeVar("Row")
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
    "degrees": Function(_times(_RADIAN), of_integers=_in_single(_times(_RADIAN))),
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
    "radians": Function(_times(_DEGREE), of_integers=_in_single(_times(_DEGREE))),
    "rcbrt": Function(lambda g, x: _cube_root(g, g.op("Reciprocal", x))),
    "reciprocal": Function("Reciprocal"),
    "rsqrt": Function(lambda g, x: g.op("Reciprocal", g.op("Sqrt", x))),
    "sigmoid": Function("Sigmoid"),
    "sin": Function("Sin"),
    "sinh": Function(_hyperbolic("Sinh", "Sub")),
    "softsign": Function(_soft_sign),
    "sqrt": Function("Sqrt"),
    "square": Function(_square, of_integers=_in_single(_square)),
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


_EXTENSIONS = frozenset({"relu", "sigmoid"})
"""What numpy doesn't have."""
_OWN = frozenset({"abs", "erf", "erfinv", "gamma", "gammaln", "logical_not", "rcbrt", "round", "rsqrt", "softsign"})
"""What only the older interface has, or has otherwise; ``_npi_gamma`` is a distribution."""


def _called(table: Mapping[str, Row]) -> dict[str, Row]:
    """The rows of a table as MXNet's own and numpy's operators."""
    rows = dict(table)
    for name, row in table.items():
        if name not in _OWN:
            rows[f"_npx_{name}" if name in _EXTENSIONS else f"_npi_{name}"] = row
    return rows


_REAL = _called(REAL)
_WHOLE = {**_called(WHOLE), "_contrib_round_ste": WHOLE["round"]}
_EXACT = {**_called(EXACT), "_npi_absolute": EXACT["abs"], "_contrib_sign_ste": EXACT["sign"]}


def _numbers_only(g: SymbolBuilder, node: Node, data: Value) -> None:
    if dtype_of(data) == DataType.BOOL:
        raise g.malformed(node, "takes numbers, its input is truths")


@op(*_REAL)
def real(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """A real function of each element, a row of ``REAL``. elemwise_unary_op*.cc, np_elemwise_unary_op_basic.cc."""
    _numbers_only(g, node, data)
    return _REAL[node.op](g, data)


@op(*_WHOLE)
def whole(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """The whole number that a row of ``WHOLE`` finds next to each element. mshadow_op.h."""
    _numbers_only(g, node, data)
    if dtype_of(data) in INTEGERS:
        return g.op("Identity", data)
    return Function(_WHOLE[node.op])(g, data)


@op(*_EXACT)
def exact(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """A row of ``EXACT``. mshadow_op.h."""
    _numbers_only(g, node, data)
    return _EXACT[node.op](g, data)


@op("_npi_logical_not")
def logical_not(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """x = 0, as truths. np_elemwise_unary_op_basic.cc."""
    return g.op("Not", truth(g, data))


@op("_npi_bitwise_not")
def bitwise_not(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """Every bit the other way, of integers and truths. np_elemwise_unary_op_basic.cc."""
    if dtype_of(data) in FLOATS:
        raise g.malformed(node, "takes integers, its input is floating-point")
    return g.op("Not" if dtype_of(data) == DataType.BOOL else "BitwiseNot", data)


def _finite(g: SymbolBuilder, x: Value) -> Value:
    return g.op("Not", g.op("Or", g.op("IsNaN", x), g.op("IsInf", x)))


_KINDS: Mapping[str, Formula] = {
    "_npi_isfinite": _finite,
    "_npi_isinf": lambda g, x: g.op("IsInf", x),
    "_npi_isnan": lambda g, x: g.op("IsNaN", x),
    "_npi_isneginf": lambda g, x: g.op("IsInf", x, detect_positive=0),
    "_npi_isposinf": lambda g, x: g.op("IsInf", x, detect_negative=0),
}


@op(*_KINDS)
def kind(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """Whether each element is NaN, infinite or finite, as truths. np_elemwise_unary_op_basic.cc."""
    return _KINDS[node.op](g, data if dtype_of(data) in FLOATS else cast(g, data, DataType.FLOAT))


@op("hard_sigmoid")
def hard_sigmoid(g: SymbolBuilder, node: Node, data: Value, *, alpha: float = 0.2, beta: float = 0.5) -> Value:
    """min(max(αx + β, 0), 1). elemwise_unary_op.h."""
    floats_only(g, node, data)
    if dtype_of(data) != DataType.DOUBLE:
        return g.op("HardSigmoid", data, alpha=alpha, beta=beta)
    line = g.op("Add", g.op("Mul", data, number(g, data, np.float32(alpha))), number(g, data, np.float32(beta)))
    return g.op("Clip", line, number(g, data, 0), number(g, data, 1))


@op("smooth_l1")
def smooth_l1(g: SymbolBuilder, node: Node, data: Value, *, scalar: float = 1.0, is_int: bool = True) -> Value:
    """½ (σx)² where \\|x| ≤ 1 / σ², \\|x| − ½ / σ² elsewhere. mshadow_op.h."""
    if not is_int:
        floats_only(g, node, data)
    if dtype_of(data) in INTEGERS:
        scalar = int(scalar)
    square = scalar * scalar

    def formula(g: SymbolBuilder, x: Value) -> Value:
        size = g.op("Abs", x)
        inner = g.op("Mul", g.op("Mul", x, x), number(g, x, 0.5 * square))
        if square == 0:
            return inner
        outer = g.op("Sub", size, number(g, x, 0.5 / square))
        return g.op("Where", g.op("Greater", size, number(g, x, 1 / square)), outer, inner)

    return Function(formula, of_integers=_in_single(formula))(g, data)


@op("_npi_around")
def around(g: SymbolBuilder, node: Node, x: Value, *, decimals: int = 0) -> Value:
    """To ``decimals`` places, halves to even; integers cut there. np_elemwise_unary_op_basic.cc."""
    if abs(decimals) > 300:
        raise g.malformed(node, f"rounds to {decimals} places")
    if dtype_of(x) in INTEGERS:
        if decimals >= 0:
            return g.op("Identity", x)
        if 10**-decimals > np.iinfo(dtype_of(x).numpy()).max:
            raise g.unsupported(node, f"rounds {dtype_of(x)} to {decimals} places, further than it goes")
        step = number(g, x, 10**-decimals)
        return g.op("Mul", g.op("Div", x, step), step)
    if dtype_of(x) not in (DataType.FLOAT, DataType.DOUBLE):
        raise g.malformed(node, f"MXNet doesn't round {dtype_of(x)}")
    if decimals == 0:
        return g.op("Round", x)
    power = number(g, x, 10.0 ** abs(decimals))
    into, back = ("Mul", "Div") if decimals > 0 else ("Div", "Mul")
    return g.op(back, g.op("Round", g.op(into, x, power)), power)


@op("_npi_nan_to_num")
def nan_to_num(
    g: SymbolBuilder,
    node: Node,
    data: Value,
    *,
    copy: bool = True,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Value:
    """``data`` with numbers for NaN and the infinities: the type's own limits by default. np_elemwise_unary_op_basic.cc."""
    if dtype_of(data) not in FLOATS:
        return g.op("Identity", data)
    limits = np.finfo(dtype_of(data).numpy())
    high = g.op("IsInf", data, detect_negative=0)
    low = g.op("IsInf", data, detect_positive=0)
    y = g.op("Where", g.op("IsNaN", data), number(g, data, nan), data)
    y = g.op("Where", high, number(g, data, float(limits.max) if posinf is None else posinf), y)
    return g.op("Where", low, number(g, data, float(limits.min) if neginf is None else neginf), y)


@op("_contrib_quadratic")
def quadratic(g: SymbolBuilder, node: Node, data: Value, *, a: float = 0.0, b: float = 0.0, c: float = 0.0) -> Value:
    """ax² + bx + c. contrib/quadratic_op-inl.h."""

    def formula(g: SymbolBuilder, x: Value) -> Value:
        slope = g.op("Add", g.op("Mul", x, number(g, x, a)), number(g, x, b))
        return g.op("Add", g.op("Mul", slope, x), number(g, x, c))

    return Function(formula, of_integers=_in_single(formula))(g, data)


@op("_contrib_div_sqrt_dim")
def div_sqrt_dim(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """(…, D) → x / √D. contrib/transformer.cc."""
    size = g.op("Squeeze", g.dim(data, g.axis(node, -1, g.rank(node, data))))
    root = g.op("Sqrt", g.op("Cast", size, to=DataType.DOUBLE))
    return g.op("Div", data, cast(g, root, dtype_of(data)))
