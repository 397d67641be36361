"""Intervals over documents against exact and simulated truth."""

import numpy as np
import pytest
from scipy import stats

from rai_audits.explain.intervals import mean_of_shares, median_of_errors


def test_median_interval_of_ten_values_is_the_textbook_one():
    found = median_of_errors(list(range(10, 0, -1)), confidence=0.95, alphas=(0.05,))
    assert (found.value, found.low, found.high) == (5.5, 2, 9)
    assert [(item.side, item.value) for item in found.bounds] == [("lower", 2), ("upper", 9)]


def test_five_values_set_no_limit_on_the_median():
    found = median_of_errors([1.0, 2.0, 3.0, 4.0, 5.0], confidence=0.95, alphas=(0.05,))
    assert (found.low, found.high) == (0.0, "unbounded")
    assert found.bounds[1].value == 5.0, "one-sided 5 % at n=5: 1/32 is enough"


def test_mean_interval_covers_as_often_as_it_says():
    generator = np.random.default_rng(0)
    hits = 0
    for run in range(300):
        shares = generator.beta(2, 5, size=8)
        found = mean_of_shares(shares, confidence=0.95, alphas=(), seed=run)
        hits += found.low <= 2 / 7 <= found.high
    assert stats.binom.cdf(hits, 300, 0.93) > 0.01, hits


def test_mean_bounds_nest_and_repeat():
    shares = [0.1, 0.2, 0.4, 0.35, 0.15, 0.3]
    found = mean_of_shares(shares, confidence=0.95, alphas=(0.05, 0.01), seed=3)
    assert found == mean_of_shares(shares, confidence=0.95, alphas=(0.05, 0.01), seed=3)
    lower = [item.value for item in found.bounds if item.side == "lower"]
    assert 0.1 <= lower[1] < lower[0] < found.value == pytest.approx(0.25)
    assert 0.1 <= found.low < lower[0]


@pytest.mark.parametrize(("documents", "truth"), [(5, 0.8), (10, 0.9), (20, 0.95), (40, 0.97), (40, 0.5), (20, 0.05)])
def test_bounds_of_shares_that_are_all_or_nothing_hold(documents, truth):
    """A mean of zeros and ones: the lower bound may lie above the truth, and the upper below it, about once in twenty."""
    draw = np.random.default_rng(17)
    low_missed = high_missed = 0
    for _ in range(300):
        shares = sorted((draw.random(documents) < truth).astype(float).tolist())
        found = mean_of_shares(shares, confidence=0.95, alphas=(0.05,), seed=1)
        bounds = {bound.side: bound.value for bound in found.bounds}
        low_missed += bounds["lower"] > truth
        high_missed += bounds["upper"] < truth
    assert max(low_missed, high_missed) / 300 <= 0.08


def test_equal_shares_have_a_width():
    found = mean_of_shares([1.0] * 5, confidence=0.95, alphas=(0.05,), seed=0)
    assert found.low < 0.8 and found.high == 1.0
