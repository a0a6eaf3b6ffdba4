"""Sums in float32 err as plain frameworks' do; in float64, and in every order, they are the same sums."""

import numpy as np
import pytest

from dragoman.validators.evaluator.kernels.linear import product
from dragoman.validators.evaluator.sums import mean, reordered, total

F = np.float32
G = np.random.default_rng(5)
X = G.standard_normal((2, 3, 113, 117))


@pytest.mark.parametrize("axes", [(3,), (2, 3), (-1, -2), (0, 2), (0, 1, 2, 3)])
@pytest.mark.parametrize("keep", [True, False])
def test_what_is_summed(axes, keep):
    expected = X.sum(axes, keepdims=keep)
    for dtype, tolerance in ((F, 1e-2), (np.float64, 1e-9)):
        actual = total(X.astype(dtype), axes, keep)
        assert actual.dtype == dtype
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, atol=tolerance)
        np.testing.assert_allclose(mean(X.astype(dtype), axes, keep), X.mean(axes, keepdims=keep), atol=tolerance)


def test_one_term_after_the_other():
    """A thousand terms of one sign: a plain loop's float32 sum, to the last bit, which numpy's own isn't."""
    x = np.full(20_000, 0.1, F)
    running = F(0)
    for value in x:
        running += value
    assert total(x, (0,)) == running
    assert np.sum(x) != running


def test_nothing_to_sum():
    assert total(np.zeros((2, 0), F), (1,)).tolist() == [0, 0]
    assert total(np.ones((2, 2), F), ()).tolist() == [[1, 1], [1, 1]]


def test_each_order_errs_otherwise():
    a, b = G.standard_normal((4, 500)), G.standard_normal((500, 6))
    exact = a @ b
    errors = [product(a.astype(F), b.astype(F), order) - exact for order in range(6)]
    assert all(0 < np.abs(error).max() < 1e-3 for error in errors)
    assert len({error.tobytes() for error in errors}) == 6
    np.testing.assert_array_equal(product(a, b, 3), exact)  # float64 is summed in one way


def test_reordered_holds_the_same_elements():
    x = X[0, 0].astype(F)
    for order in (1, 2, 3):
        moved = reordered(x, (0, 1), order)
        assert not np.array_equal(moved, x)
        np.testing.assert_array_equal(np.sort(moved, None), np.sort(x, None))
    assert reordered(x, (0, 1), 0) is x
    assert reordered(X, (2,), 1) is X
