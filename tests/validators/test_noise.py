"""The noise floor: what it is measured from, and what it must never be measured from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dragoman.validators.comparison import distance
from dragoman.validators.judge import References, judge
from dragoman.validators.noise import DRAWS, HOPELESS, SUSPECT, TRUST, K, Tolerance, chaotic_elements, is_discrete

F = np.float32
G = np.random.default_rng(3)
TRUTH = G.standard_normal((8, 50))
NOISE = 1e-5


def noisy(seed, scale=NOISE):
    return (TRUTH + scale * np.random.default_rng(seed).standard_normal(TRUTH.shape)).astype(F)


def judged(original, converted, **references):
    c64, c32, draws = references.pop("c64", None), references.pop("c32", None), references.pop("draws", ())
    return judge("s", original, converted, References(lambda: c64, lambda: c32, draws=lambda: draws, **references)).measurement


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
    result = judge("s", noisy(1), converted, References(lambda: TRUTH, lambda: noisy(3)))
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
    references = References(lambda: asked.append(64) or TRUTH, lambda: asked.append(32) or noisy(3))
    exact = TRUTH.astype(F)
    judge("s", exact, exact, references)
    judge("s", np.nextafter(exact, F(9)), exact, references)
    assert asked == []
    judge("s", noisy(1), exact, references)
    assert asked == [64, 32]


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


def lucky_scene(distance_in_noises):
    """One element of a thousand holds the output, and the first draw of its noise is small by luck."""
    truth = np.zeros(1000)
    truth[7] = 0.9955

    def at(error):
        value = truth.copy()
        value[7] += error * NOISE
        return value.astype(F)

    draws = [(at(error), truth) for error in (1.3, -0.4, 0.9, -1.6, 0.2)]
    return at(distance_in_noises), at(0.02), {"c64": truth, "c32": at(0.03)}, draws


def test_luck_in_one_draw_is_no_verdict():
    original, converted, references, draws = lucky_scene(2)
    assert judged(original, converted, **references).outcome == "differs"
    found = judged(original, converted, draws=draws, **references)
    assert found.outcome == "agrees"
    assert 1 < found.ratio < 3


def test_a_fault_stays_one_however_often_noise_is_drawn():
    original, converted, references, draws = lucky_scene(30)
    assert judged(original, converted, draws=draws, **references).outcome == "differs"


def test_noise_is_drawn_again_only_where_it_is_suspect():
    asked = []

    def judge_at(error):
        converted = noisy(2)
        asked.clear()
        references = References(lambda: TRUTH, lambda: noisy(3), draws=lambda: asked.append(1) or ())
        return judge("s", converted + F(error), converted, references).measurement.ratio

    assert judge_at(NOISE) < SUSPECT
    assert asked == []
    assert SUSPECT < judge_at(20 * NOISE) < HOPELESS
    assert asked
    assert judge_at(1.0) > HOPELESS
    assert DRAWS >= 3


def test_agreement_within_noise_as_large_as_the_values_is_none():
    """A network that rounding alone moves anywhere: whatever the other side says would be within ten times that."""
    found = judged(noisy(1, 0.5), noisy(2, 0.5), c64=TRUTH, c32=noisy(3, 0.5))
    assert found.outcome == "undecided"
    assert found.ratio < K


def test_overflow_that_rounding_decides():
    """One side is infinite: excused only where the graph's own evaluations can't agree on that."""
    finite, infinite = np.array([1.0, 3e38], F), np.array([1.0, np.inf], F)
    assert judged(infinite, finite, c64=np.array([1.0, 3.5e38]), c32=finite).outcome == "undecided"
    assert judged(infinite, finite, c64=np.array([1.0, 3e38]), c32=finite).outcome == "differs"
    assert judged(finite, infinite, c64=np.array([1.0, 3e38]), c32=finite).outcome == "differs"


def test_elements_that_rounding_alone_decides():
    """Two of a thousand rows change places with the precision: where they stand is excused, and nothing else."""
    c64 = np.arange(2000.0).reshape(1000, 2) + 1
    c32 = c64.astype(F)
    o, c = c32.copy(), c32.copy()
    o[[7, 900]] = o[[900, 7]]
    assert judged(o, c, c64=c64, c32=c32, selects=True).outcome == "differs"
    c32[[7, 900]] = c32[[900, 7]] * F(1.5)
    assert judged(o, c, c64=c64, c32=c32, selects=True).outcome == "undecided"


def test_small_scores_of_a_softmax_excuse_nothing():
    """Scores of 1e-28 differ by far more than 1% of themselves in float32; that says nothing of the one that counts."""
    c64 = np.full(1000, 1e-28)
    c64[3] = 1.0
    c32 = (c64 * 1.05).astype(F)
    c32[3] = 1
    original = c64.astype(F)
    original[3], original[5] = 0.004, 0.996
    for selects in (False, True):
        assert judged(original, c64.astype(F), c64=c64, c32=c32, selects=selects).outcome == "differs"


def test_a_difference_between_two_graphs_excuses_nothing():
    """The source's graph and the converted one differ by the fault; only what changes within one graph is rounding."""
    draws = [(noisy(seed), TRUTH) for seed in range(5)]
    found = judged(noisy(9), noisy(2) + F(1), c64=TRUTH + 1, c32=noisy(3) + F(1), draws=draws, selects=True)
    assert found.outcome == "differs"


@pytest.mark.parametrize(
    ("c64", "c32", "expected"),
    [
        (1.0, 1.001, False),
        (1.0, 1.02, True),
        (1e39, np.inf, False),
        (3e38, np.inf, True),
        (np.inf, np.inf, False),
        (np.nan, 1.0, False),
        (0.0, 0.0, False),
    ],
)
def test_chaotic_elements(c64, c32, expected):
    assert chaotic_elements([[np.array([c64]), np.array([c32])]], (1,)) == [expected]


def test_far_tail_of_a_softmax_is_not_chaotic():
    scores = np.array([0.9, 1e-20, 1e-25, 1e-30])
    assert not chaotic_elements([[scores, scores * [1, 1.1, 1.2, 1.5]]], (4,)).any()


@pytest.mark.parametrize("right", [np.array([[3.0, 1.0, 4.0]]), np.array([[0.3, 0.1, 0.4]]), np.array([[0.3, 0.1]])])
def test_two_graphs_that_differ_are_no_rounding(right):
    """The drawn evaluations are of the source's graph: where it stands against the converted one, that is the fault."""
    wrong = np.array([[3.0, 2.0, 4.0]])
    draws = [(right.astype(F), right)] * 3
    found = judged(right.astype(F), wrong.astype(F), c64=wrong, c32=wrong.astype(F), draws=draws)
    assert found.outcome == "differs"


@pytest.mark.parametrize(("value", "discrete"), [([3, 0, 1], True), ([3, 0.5], False), ([2.0**30], False), ([np.nan], False)])
def test_decisions_are_small_integers(value, discrete):
    assert is_discrete(np.array(value, F)) == discrete


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
