"""Special functions out of ONNX operators, in float64: Γ, ln Γ and the inverse of erf."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log, nan, pi, sqrt

import numpy as np
from onnx_ir import Value

from dragoman.converters.mxnet.arithmetic import number
from dragoman.converters.mxnet.symbol_builder import SymbolBuilder

_LANCZOS = (
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
)  # fmt: skip
"""Lanczos' series for g = 7: Γ(z + 1) = √2π (z + 7.5)^(z + 0.5) e^(−z − 7.5) (c₀ + Σ cₖ / (z + k))."""

_ERFINV_MIDDLE = (1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-06, -3.5233877e-06,
                  3.43273939e-07, 2.81022636e-08)  # fmt: skip
_ERFINV_TAIL = (2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844, 0.00134934322,
                0.000100950558, -0.000200214257)  # fmt: skip
"""M. Giles, Approximating the erfinv function, in GPU Computing Gems 2 (2011): from the constant up."""


def log_gamma(g: SymbolBuilder, x: Value) -> Value:
    """ln |Γ(x)|, ∞ at 0, −1, −2, …: below ½ by ln π − ln |sin πx| − ln |Γ(1 − x)|."""
    small = g.op("Less", x, number(g, x, 0.5))
    upper = _log_gamma_above(g, g.op("Where", small, g.op("Sub", number(g, x, 1), x), x))
    sine = g.op("Abs", _sine_of_pi(g, x))
    mirrored = g.op("Sub", g.op("Sub", number(g, x, log(pi)), g.op("Log", sine)), upper)
    value = g.op("Where", small, mirrored, upper)
    return g.op("Where", g.op("Or", _is_pole(g, x), g.op("IsInf", x)), number(g, x, inf), value)


def gamma(g: SymbolBuilder, x: Value) -> Value:
    """Γ(x), NaN at −1, −2, … and −∞, and 1 / x at 0: below ½ by π / (sin πx · Γ(1 − x))."""
    small = g.op("Less", x, number(g, x, 0.5))
    upper = g.op("Exp", _log_gamma_above(g, g.op("Where", small, g.op("Sub", number(g, x, 1), x), x)))
    mirrored = g.op("Div", number(g, x, pi), g.op("Mul", _sine_of_pi(g, x), upper))
    at_pole = g.op("Where", g.op("Equal", x, number(g, x, 0)), g.op("Reciprocal", x), number(g, x, nan))
    return g.op("Where", _is_pole(g, x), at_pole, g.op("Where", small, mirrored, upper))


def inverse_erf(g: SymbolBuilder, x: Value) -> Value:
    """The y of which erf(y) = x: x · p(w), a polynomial of w = −ln(1 − x²); ±∞ at ±1."""
    square = g.op("Sub", number(g, x, 1), g.op("Mul", x, x))
    w = g.op("Neg", g.op("Log", square))
    middle = g.op("Less", w, number(g, x, 5))
    t = g.op("Where", middle, g.op("Sub", w, number(g, x, 2.5)), g.op("Sub", g.op("Sqrt", w), number(g, x, 3)))
    p = g.op("Where", middle, _polynomial(g, t, _ERFINV_MIDDLE), _polynomial(g, t, _ERFINV_TAIL))
    at_end = g.op("Equal", g.op("Abs", x), number(g, x, 1))
    return g.op("Mul", x, g.op("Where", at_end, number(g, x, inf), p))


def _log_gamma_above(g: SymbolBuilder, x: Value) -> Value:
    """ln Γ(x) where x ≥ ½: (z + ½)(ln(z + 7.5) − 1) − 7 + ln(√2π · series), z = x − 1."""
    k = g.const(np.arange(8, dtype=np.float64))
    terms = g.op("Div", g.const(np.array(_LANCZOS[1:])), g.op("Add", g.op("Unsqueeze", x, g.const([-1])), k))
    series = g.op("Add", g.op("ReduceSum", terms, g.const([-1]), keepdims=0), number(g, x, _LANCZOS[0]))
    root = g.op("Log", g.op("Mul", series, number(g, x, sqrt(2 * pi))))
    power = g.op("Sub", g.op("Log", g.op("Add", x, number(g, x, 6.5))), number(g, x, 1))
    half = g.op("Sub", x, number(g, x, 0.5))
    return g.op("Add", g.op("Sub", g.op("Mul", half, power), number(g, x, 7)), root)


def _sine_of_pi(g: SymbolBuilder, x: Value) -> Value:
    """sin πx, of the distance to the nearest even number: exact however large x is."""
    even = g.op("Mul", g.op("Round", g.op("Mul", x, number(g, x, 0.5))), number(g, x, 2))
    return g.op("Sin", g.op("Mul", g.op("Sub", x, even), number(g, x, pi)))


def _is_pole(g: SymbolBuilder, x: Value) -> Value:
    """Whether x is 0, −1, −2, … or −∞."""
    return g.op("And", g.op("LessOrEqual", x, number(g, x, 0)), g.op("Equal", g.op("Floor", x), x))


def _polynomial(g: SymbolBuilder, x: Value, coefficients: Sequence[float]) -> Value:
    """Σ cₖ xᵏ, all powers at once along an axis of their own."""
    k = g.const(np.arange(len(coefficients), dtype=np.float64))
    powers = g.op("Pow", g.op("Unsqueeze", x, g.const([-1])), k)
    return g.op("MatMul", powers, g.const(np.array(coefficients, np.float64)))
