"""Functions of each element: ``y[i] = f(x[i])``, of one type with ``x``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from onnx_ir import DataType, Value

from dragoman.converters.mxnet.arithmetic import FLOATS, INTEGERS, Formula, Function, cast, dtype_of, floats_only, number, truth
from dragoman.converters.mxnet.functions import EXACT, REAL, WHOLE, in_single
from dragoman.converters.mxnet.symbol import Node
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder
from dragoman.converters.mxnet.table import op

Row = TypeVar("Row")

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
    """½ (σx)² where x is within ±1 / σ², else its distance from 0 less ½ / σ². mshadow_op.h."""
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

    return Function(formula, of_integers=in_single(formula))(g, data)


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

    return Function(formula, of_integers=in_single(formula))(g, data)


@op("_contrib_div_sqrt_dim")
def div_sqrt_dim(g: SymbolBuilder, node: Node, data: Value) -> Value:
    """(…, D) → x / √D. contrib/transformer.cc."""
    size = g.op("Squeeze", g.dim(data, g.axis(node, -1, g.rank(node, data))))
    root = g.op("Sqrt", g.op("Cast", size, to=DataType.DOUBLE))
    return g.op("Div", data, cast(g, root, dtype_of(data)))
