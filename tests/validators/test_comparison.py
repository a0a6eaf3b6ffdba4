"""How two tensors differ."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest

from dragoman.validators.comparison import Norms, compare, distance, size

F = np.float32
NAN, INF = F(np.nan), F(np.inf)

CASES = [
    (np.zeros(3, F), np.zeros(3, F), "none"),
    (np.array([NAN, INF, -INF, 1], F), np.array([NAN, INF, -INF, 1], F), "none"),
    (np.array([0.0], F), np.array([-0.0], F), "none"),
    (np.zeros(3, F), np.zeros(3, np.float64), "dtype"),
    (np.zeros(3, F), np.zeros(3, np.int64), "dtype"),
    (np.zeros(3, np.int32), np.zeros(3, np.int64), "dtype"),
    (np.zeros((4, 1), F), np.zeros((1, 4), F), "shape"),
    (np.zeros((4,), F), np.zeros((4, 1), F), "shape"),
    (np.zeros(3, F), np.zeros(0, F), "shape"),
    (np.array([NAN, 1], F), np.array([1, 1], F), "nonfinite"),
    (np.array([INF], F), np.array([-INF], F), "nonfinite"),
    (np.array([INF], F), np.array([NAN], F), "nonfinite"),
    (np.array([np.finfo(F).max], F), np.array([INF], F), "nonfinite"),
    (np.array([1, 2]), np.array([1, 3]), "value"),
    (np.array([True, False]), np.array([True, True]), "value"),
    (np.array(["a", "b"], object), np.array(["a", "c"], object), "value"),
    (np.array([1.0, 2.0], F), np.array([1.0, 2.5], F), "float"),
    (np.array([1.0], ml_dtypes.bfloat16), np.array([1.5], ml_dtypes.bfloat16), "float"),
    (np.array([1 + 1j], np.complex64), np.array([1 - 1j], np.complex64), "float"),
]


@pytest.mark.parametrize(("original", "converted", "kind"), CASES)
def test_kinds(original, converted, kind):
    assert compare(original, converted).kind == kind
    assert compare(converted, original).kind == kind


def test_worst_element_and_norms():
    o = np.zeros((2, 3), F)
    c = o.copy()
    c[1, 2], c[0, 1] = 3, -4
    found = compare(o, c)
    assert found.norms.max == 4
    assert found.norms.rms == pytest.approx(math.sqrt(25 / 6))
    assert (found.worst.index, found.worst.original, found.worst.converted) == ((0, 1), 0.0, -4.0)
    assert found.unequal == 2


def test_integers_differ_without_overflow():
    found = compare(np.array([0, np.iinfo(np.int32).min], np.int32), np.zeros(2, np.int32))
    assert found.worst.index == (1,)
    assert found.worst.original == np.iinfo(np.int32).min


def test_norms_hold_at_the_ends_of_the_range():
    assert size(np.full(4, 1e300)).rms == pytest.approx(1e300)
    assert size(np.full(4, 1e-300)).rms == pytest.approx(1e-300)
    assert size(np.array([NAN, INF, 3, 4], F)) == Norms(pytest.approx(math.sqrt(12.5)), 4.0)
    assert size(np.zeros(0, F)) == Norms(0.0, 0.0)
    assert distance(np.array([1, INF], F), np.array([1.5, 2.0])) == Norms(0.5, 0.5)


def test_ratio():
    assert Norms(0, 0).ratio(Norms(0, 0)) == 0
    assert Norms(0, 1).ratio(Norms(1, 0)) == math.inf
    assert Norms(2, 3).ratio(Norms(1, 1)) == 3
