"""The noise floor: what it is measured from, and what it must never be measured from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dragoman.validators.comparison import distance
from dragoman.validators.judge import References, judge
from dragoman.validators.noise import TRUST, K, Tolerance, measure, usual_noise

F = np.float32
G = np.random.default_rng(3)
TRUTH = G.standard_normal((8, 50))
NOISE = 1e-5


def noisy(seed, scale=NOISE):
    return (TRUTH + scale * np.random.default_rng(seed).standard_normal(TRUTH.shape)).astype(F)


def judged(original, converted, **references):
    c32 = references.pop("c32", None)
    return judge("s", original, converted, References(c32=lambda: c32, **references)).measurement


def test_noise_of_the_networks_own_size_agrees():
    found = judged(noisy(1), noisy(2), c64=TRUTH, c32=noisy(3))
    assert found.outcome == "agrees"
    assert 0.5 < found.ratio < 3
    assert found.basis == "float64 evaluation + float32 evaluation"


@pytest.mark.parametrize("fault", [100 * NOISE, 1e-2, 1.0])
def test_a_fault_of_the_conversion_differs(fault):
    """The graph is wrong: C, C64 and C32 share the fault, and O doesn't."""
    found = judged(noisy(1) + F(fault), noisy(2), c64=TRUTH, c32=noisy(3))
    assert found.outcome == "differs"
    assert found.ratio > 40


@pytest.mark.parametrize("fault", [1000 * NOISE, 1.0])
def test_a_fault_of_the_targets_runtime_differs(fault):
    """The graph is right and what was written or run is wrong: C's distance from C64 is the fault, not noise."""
    converted = noisy(2) + F(fault)
    result = judge("s", noisy(1), converted, References(TRUTH, lambda: noisy(3)))
    assert result.measurement.outcome == "differs"
    assert result.noise.implausible > TRUST
    assert distance(converted, TRUTH).ratio(distance(noisy(1), converted)) > 0.9  # believed, it would have been a pass


def test_the_original_in_float64_counts():
    """An original that rounds more than the converted model is still right."""
    rough = noisy(1, 100 * NOISE)
    assert judged(rough, noisy(2), c64=TRUTH, c32=noisy(3)).outcome == "differs"
    assert judged(rough, noisy(2), c64=TRUTH, c32=noisy(3), o64=TRUTH).outcome == "agrees"


def test_a_few_units_in_the_last_place_need_no_noise():
    exact = TRUTH.astype(F)
    assert judged(np.nextafter(exact, F(9)), exact, c64=exact.astype(np.float64)).outcome == "agrees"
    assert judged(exact * F(1 + 1e-5), exact, c64=exact.astype(np.float64), c32=exact).outcome == "differs"


def test_float32_evaluation_only_where_needed():
    asked = []
    references = References(TRUTH.astype(F).astype(np.float64), lambda: asked.append(1) or noisy(3))
    judge("s", TRUTH.astype(F), TRUTH.astype(F), references)
    assert asked == []
    judge("s", noisy(1), TRUTH.astype(F), references)
    assert asked == [1]


def test_zero_output_allows_nothing_but_denormals():
    zero = np.zeros(4, F)
    assert judged(np.full(4, 1e-4, F), zero, c64=np.zeros(4), c32=zero).outcome == "differs"
    assert judged(np.full(4, 1e-40, F), zero, c64=np.zeros(4), c32=zero).outcome == "agrees"


def test_overflow_in_the_reference_measures_nothing():
    """Where float64 isn't finite and C is, the floor comes from the other elements."""
    c64 = TRUTH.copy()
    c64[0, 0] = np.nan
    found = judged(noisy(1), noisy(2), c64=c64, c32=noisy(3))
    assert found.outcome == "agrees"
    wrong = noisy(1)
    wrong[0, 0] += 1
    assert judged(wrong, noisy(2), c64=c64, c32=noisy(3)).outcome == "differs"


def test_overflowed_elements_do_not_widen_the_floor():
    """C64 holds 1e104 where float32 overflows; the other elements are still compared at their own scale."""
    c64 = np.array([1.0, 2.0, 1e104])
    converted = np.array([1.0, 2.0, np.inf], F)
    assert judged(converted, converted, c64=c64, c32=converted).outcome == "agrees"
    assert judged(np.array([1.0, 2.1, np.inf], F), converted, c64=c64, c32=converted).outcome == "differs"


def test_infinite_noise_is_no_floor():
    c64, overflowed = np.full(3, 1e39), np.full(3, np.inf, F)
    assert judged(overflowed, overflowed, c64=c64, c32=overflowed).outcome == "agrees"
    assert judged(np.full(3, 3e38, F), overflowed, c64=c64, c32=overflowed).outcome == "differs"


def test_small_outputs_use_what_noise_is_usual():
    """One element's noise is small by luck now and then; the other samples tell what is usual."""
    lucky, others = np.array([1.0], F), [measure(np.array([1 + 1e-5], F), np.array([1.0])) for _ in range(8)]
    usual = usual_noise([measure(lucky, np.array([1.0])), *others])
    assert usual.max == pytest.approx(1e-5, rel=0.05)
    assert measure(lucky, np.array([1.0])).floor(usual).max == pytest.approx(1e-5, rel=0.05)
    wide = np.ones(64, F)
    assert measure(wide, wide.astype(np.float64)).floor(usual).max < 1e-6


DISCRETE = np.array([[3, 1, 4, 1, 5]])


@pytest.mark.parametrize("dtype", [F, np.int64])
def test_decisions_compare_exactly(dtype):
    other = DISCRETE.copy()
    other[0, 2] = 2
    o, c = DISCRETE.astype(dtype), other.astype(dtype)
    wide = np.float64 if dtype is F else dtype
    assert judged(c, c, c64=other.astype(wide)).outcome == "agrees"
    assert judged(o, c, c64=other.astype(wide), c32=c).outcome == "differs"
    # The graph's own answer depends on the precision there: nobody can say which is right.
    assert judged(o, c, c64=DISCRETE.astype(wide), c32=c).outcome == "undecided"
    # Elsewhere it doesn't.
    elsewhere = other.copy()
    elsewhere[0, 0] = 9
    assert judged(o, c, c64=elsewhere.astype(wide), c32=c).outcome == "differs"


def test_lists_of_different_length():
    """Only a graph whose own list changes its length with the precision excuses another length."""
    three, four = np.ones((3, 7), F), np.ones((4, 7), F)
    assert judged(three, four, c64=four.astype(np.float64), c32=four).outcome == "differs"
    assert judged(three, four, c64=three.astype(np.float64), c32=four).outcome == "undecided"
    assert judged(three, four).outcome == "differs"


def test_explicit_tolerance():
    o = np.array([0.0, 100.0, np.inf], F)
    c = np.array([1e-3, 100.5, np.inf], F)
    assert Tolerance(1e-3, 1e-2).ratio(o, c) == pytest.approx(1.0, rel=1e-3)
    assert Tolerance(0, 1e-2).ratio(o, c) == math.inf
    assert judge("s", o, c, tolerance=Tolerance(2e-3, 1e-2)).measurement.outcome == "agrees"
    assert judge("s", o, c, tolerance=Tolerance(2e-3, 1e-3)).measurement.outcome == "differs"
    for bad in ((-1, 0), (0, math.nan), (math.inf, 0)):
        with pytest.raises(ValueError, match="finite number"):
            Tolerance(*bad)


def test_explicit_tolerance_never_covers_integers():
    assert judge("s", np.array([1]), np.array([2]), tolerance=Tolerance(9, 9)).measurement.outcome == "differs"


def test_the_limit_is_ten():
    assert K == 10
