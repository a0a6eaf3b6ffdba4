"""Elementwise operators on types that older opsets lack, and those that have no operator there."""

# ruff: noqa: E501  # a case is a line

from __future__ import annotations

import numpy as np
import pytest

from .one_operator import Case, check_lowered, check_raised

F = np.float32
SMALL = [np.int8, np.int16, np.uint8, np.uint16]
INTEGERS = [*SMALL, np.int32, np.uint32, np.int64, np.uint64]


def spread(dtype: type, *shape: int, seed: int = 0) -> np.ndarray:
    """Values of the whole type, its ends among them."""
    ends = np.iinfo(dtype)
    found = np.random.default_rng(seed).integers(ends.min, ends.max, shape, dtype, endpoint=True)
    found.reshape(-1)[:2] = ends.min, ends.max
    return found


def divisors(dtype: type, *shape: int) -> np.ndarray:
    return np.random.default_rng(5).integers(1, 100, shape).astype(dtype)


SPECIAL = np.array([5.5, -5.5, 0.0, -0.0, 5.5, -5.5, 7, np.inf, 3, -6, np.nan, 2], F)
DIVISOR = np.array([-2, 2, -2, 2, -np.inf, np.inf, 0, 2, -3, 3, 1, np.nan], F)
WORDS = np.array([["a", "b", "ab"], ["", "é", "b"]], object)

CASES = [
    *(Case(f"{t.__name__}", op, (spread(t, 3, 1, 4), spread(t, 2, 4, seed=1))) for op in ("Add", "Sub", "Mul") for t in SMALL),
    *(Case(f"{t.__name__}", "Div", (spread(t, 3, 1, 4), divisors(t, 2, 4))) for t in SMALL),
    *(Case(f"{t.__name__}", op, (spread(t, 3, 1, 4), spread(t, 2, 4, seed=1), np.array(7, t)), reference=True, runs_until=11 if t in (np.int16, np.uint16) else 28)
      for op in ("Max", "Min") for t in INTEGERS if t not in (np.uint32, np.uint64)),
    *(Case(f"{t.__name__}", op, (spread(t, 3, 1, 4), spread(t, 2, 4, seed=1))) for op in ("Max", "Min") for t in (np.uint32, np.uint64)),
    Case("uint64-empty", "Max", (spread(np.uint64, 2, 3)[:0], spread(np.uint64, 3))),
    *(Case(t.__name__, "Clip", (spread(t, 3, 5), np.array(9, t), np.array(100, t))) for t in (np.int8, np.uint8, np.int32, np.uint64)),
    Case("crossed", "Clip", (spread(np.int64, 9), np.array(7), np.array(-7))),
    Case("below", "Clip", (spread(np.int64, 9), None, np.array(-7))),
    Case("half", "Clip", (np.linspace(-3, 3, 7).astype(np.float16), np.array(-1, np.float16))),
    Case("half above", "Clip", (np.array([np.nan, -np.inf, 0, 2, np.inf], np.float16), None, np.array(1, np.float16))),
    Case("double", "Clip", (np.array([np.nan, -np.inf, 0, 2, np.inf]), np.array(-1.0), np.array(1.0))),
    Case("double as it is", "Clip", (np.linspace(-3, 3, 7),)),
    *(Case(f"{a.__name__}-{b.__name__}", "Pow", (np.array([3, -7, 2, 1], a), np.array([3, 2, 0, 5], b)))
      for a in (np.int32, np.int64, np.float32, np.float64) for b in (np.int32, np.int64, np.float32, np.float64)),
    Case("root", "Pow", (np.array([9, 2, 10], np.int64), np.array([0.5, 1.5, 2.5], F))),
    Case("odd", "Pow", (np.array([-1, -1], F), np.array([2**24 + 1, 2**24], np.int64))),
    *(Case(t.__name__, "Mod", (SPECIAL.astype(t), DIVISOR.astype(t)), opset=28, reference=t is np.float16) for t in (F, np.float64, np.float16)),
    Case("rows", "Mod", (np.linspace(-9, 9, 21, dtype=F).reshape(3, 7), np.array([[2.5], [-2.5], [4]], F)), opset=28),
    Case("fmod", "Mod", (SPECIAL, DIVISOR), {"fmod": 1}),
    Case("strings", "Equal", (WORDS, np.array(["b", "b", "ab"], object))),
    Case("strings-scalar", "Equal", (WORDS, np.array("b", object))),
    Case("strings-none", "Equal", (WORDS[:0], np.array(["b", "b", "ab"], object))),
    Case("bools", "Equal", (np.array([True, False]), np.array([True, True]))),
    Case("half", "IsInf", (np.array([np.inf, -np.inf, np.nan, 65504, 0], np.float16),)),
    Case("half-negative", "IsInf", (np.array([np.inf, -np.inf, np.nan, 65504, 0], np.float16),), {"detect_positive": 0}),
    Case("half", "IsNaN", (np.array([np.inf, np.nan], np.float16),)),
    Case("nan", "GreaterOrEqual", (SPECIAL, DIVISOR)),
    Case("nan", "LessOrEqual", (SPECIAL, DIVISOR)),
    Case("float", "Range", (np.array(0.5, F), np.array(3, F), np.array(0.25, F))),
    Case("mask", "Dropout", (np.ones((2, 3), F),), outputs=2),
    Case("mask-ratio", "Dropout", (np.ones((2, 3), F), np.array(0.3, F), np.array(False)), outputs=2, constant=(1, 2)),
    Case("half-to-even", "Round", (np.array([0.5, 1.5, -0.5, -2.5, np.inf], F),)),
    Case("float", "CumSum", (np.arange(6, dtype=F).reshape(2, 3), np.array(1, np.int32)), {"reverse": 1, "exclusive": 1}),
    Case("int32", "Cast", (np.array([1.5, -2.7], F),), {"to": 6}),
    Case("half-unsaturated", "Cast", (np.array([1e5, -2.7], F),), {"to": 10, "saturate": 0}, reference=True, runs_until=18),
    Case("bool", "Cast", (np.array([0.0, -0.0, np.nan, 2], F),), {"to": 9}),
    Case("string", "Cast", (np.array([1, -2]),), {"to": 8}),
    Case("int8", "CastLike", (np.array([1.5, -2.5], F), np.zeros(1, np.int8))),
    Case("same", "CastLike", (np.array([1.5, -2.5], F), np.zeros(1, F))),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_lowered(case: Case, newest_opset: int) -> None:
    check_lowered(case, newest_opset)


X = np.array([-np.inf, np.inf, np.nan, 1, -1, 0.25], F)


@pytest.mark.parametrize(
    "case",
    [
        *(Case("-".join(a), "Clip", (X,), a, opset=7) for a in ({}, {"min": 0.0}, {"max": 0.5}, {"min": -0.5, "max": 0.5})),
        Case("mask-of-7", "Dropout", (X,), opset=7, outputs=2),
        Case("mask-of-10", "Dropout", (X,), {"ratio": 0.2}, opset=10, outputs=2),
        Case("plain", "Dropout", (X,), {"ratio": 0.2}, opset=7),
        Case("float", "Mod", (SPECIAL, DIVISOR), {"fmod": 1}, opset=10),
        Case("int", "Mod", (np.array([-5, 5, 5]), np.array([3, -3, 3])), opset=10),
        Case("uint8", "BitShift", (np.array([250, 3], np.uint8), np.array([1, 7], np.uint8)), {"direction": "LEFT"}, opset=11),
        Case("string", "Cast", (np.array(["1.5", "inf"], object),), {"to": 1}, opset=9),
        Case("float", "Pow", (np.abs(X), np.array(2.5, F)), opset=7),
        Case("three", "Sum", (X, X, np.ones(1, F)), opset=8),
    ],
    ids=str,
)
def test_raised(case: Case, newest_opset: int) -> None:
    check_raised(case, newest_opset)
