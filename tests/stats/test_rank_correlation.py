"""Spearman's rho against SciPy, and its interval against simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from rai_audits.stats.rank_correlation import Correlation, spearman


def test_rho_is_scipys_with_ties_and_in_any_order():
    generator = np.random.default_rng(1)
    one, two = generator.integers(0, 6, 40), generator.integers(0, 9, 40)
    found = spearman(one, two)
    assert (found.estimate, found.n) == (pytest.approx(float(stats.spearmanr(one, two).statistic), abs=1e-12), 40)
    assert spearman(one[::-1], two[::-1]) == found


def test_interval_of_bonett_and_wright_by_hand():
    low, high = Correlation(0.5, 30).ends(0.05)
    reach = 1.959963985 * math.sqrt((1 + 0.125) / 27)
    assert (low, high) == (
        pytest.approx(math.tanh(math.atanh(0.5) - reach)),
        pytest.approx(math.tanh(math.atanh(0.5) + reach)),
    )
    assert Correlation(0.5, 30).ends(0.025, "lower") == (pytest.approx(low), 1.0)
    assert Correlation(0.5, 30).ends(0.025, "upper") == (-1.0, pytest.approx(high))


def test_perfect_order_has_a_finite_inner_end():
    low, high = spearman(range(20), range(20)).ends(0.05)
    assert 0.9 < low < 1.0 == high
    down = spearman(range(20), range(20, 0, -1)).ends(0.05)
    assert down == (-1.0, pytest.approx(-low))


@pytest.mark.parametrize(("one", "two"), [([1.0] * 12, range(12)), ([], []), ([1.0], [2.0]), (range(9), range(9))])
def test_nothing_known_is_the_whole_range(one, two):
    assert spearman(one, two).ends(0.05) == (-1.0, 1.0)


@pytest.mark.parametrize(("one", "two"), [([1.0, 2.0], [1.0]), ([1.0, math.nan], [1.0, 2.0])])
def test_bad_numbers_are_refused(one, two):
    with pytest.raises(ValueError, match="finite numbers"):
        spearman(one, two)


@pytest.mark.parametrize(("rho", "n"), [(0.0, 15), (0.4, 15), (0.8, 40), (0.0, 100), (0.6, 100)])
def test_coverage(rho, n):
    # Of normal pairs the true rho_s is 6/pi asin(rho/2). 1,500 draws tell 95 % within 1.7 points, three standard errors.
    generator, truth, draws = np.random.default_rng(5), 6 / math.pi * math.asin(rho / 2), 1500
    one = generator.normal(size=(draws, n))
    two = rho * one + math.sqrt(1 - rho**2) * generator.normal(size=(draws, n))
    ends = [spearman(left, right).ends(0.05) for left, right in zip(one, two, strict=True)]
    covered = np.mean([low <= truth <= high for low, high in ends])
    assert 0.933 <= covered <= 0.985
