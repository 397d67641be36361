"""Intervals for one rate against published values, exact coverage, and the ends of the range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rai_audits.stats.rates import clopper_pearson, jeffreys, wilson

METHODS = [wilson, jeffreys, clopper_pearson]


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_matches_newcombe_1998_table_1(k, n, low, high):
    interval = wilson(k, n)
    assert float(interval.low) == pytest.approx(low, abs=5e-5)
    assert float(interval.high) == pytest.approx(high, abs=5e-5)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_clopper_pearson_matches_newcombe_1998_table_1(k, n, low, high):
    interval = clopper_pearson(k, n)
    assert float(interval.low) == pytest.approx(low, abs=5e-5)
    assert float(interval.high) == pytest.approx(high, abs=5e-5)


def test_clopper_pearson_upper_bound_at_zero_has_its_closed_form():
    assert float(clopper_pearson(0, 59, alpha=0.05, side="upper").high) == pytest.approx(1 - 0.05 ** (1 / 59))


def test_jeffreys_is_the_equal_tailed_posterior_inside_and_reaches_the_ends():
    assert float(jeffreys(3, 10).low) == pytest.approx(stats.beta.ppf(0.025, 3.5, 7.5))
    assert float(jeffreys(0, 10).low) == 0.0
    assert float(jeffreys(10, 10).high) == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_one_sided_bound_is_one_end_of_the_interval_at_twice_the_error(method):
    assert method(7, 40, alpha=0.05, side="lower").low == method(7, 40, alpha=0.10).low
    assert method(7, 40, alpha=0.05, side="upper").high == method(7, 40, alpha=0.10).high
    assert method(7, 40, alpha=0.05, side="lower").high == 1.0
    assert method(7, 40, alpha=0.05, side="upper").low == 0.0


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_known_without_trials_and_ends_are_exact_at_full_counts(method):
    interval = method([0, 0, 12], [0, 12, 12])
    assert interval.low.tolist()[:2] == [0.0, 0.0]
    assert interval.high[0] == interval.high[2] == 1.0
    assert 0.6 < interval.low[2] < 1.0
    assert interval.high[1] == pytest.approx(1 - interval.low[2])


@pytest.mark.parametrize("method", METHODS)
def test_arrays_give_what_a_loop_gives(method):
    k, n = np.array([0, 1, 17, 40, 0]), np.array([5, 9, 40, 40, 0])
    together = method(k, n, alpha=0.01)
    alone = [method(one, of, alpha=0.01) for one, of in zip(k, n, strict=True)]
    assert together.low.tolist() == [float(item.low) for item in alone]
    assert together.high.tolist() == [float(item.high) for item in alone]


@pytest.mark.parametrize(("method", "least"), [(wilson, 0.92), (jeffreys, 0.88), (clopper_pearson, 0.95)])
def test_coverage_by_enumeration(method, least):
    for n in (20, 50, 135):
        k = np.arange(n + 1)
        interval = method(k, n)
        for rate in (0.05, 0.1, 0.3, 0.5, 0.9):
            covered = (interval.low <= rate) & (rate <= interval.high)
            assert stats.binom.pmf(k, n, rate)[covered].sum() >= least, (n, rate)


def test_wilson_covers_where_a_percentile_bootstrap_covers_63_percent():
    k = np.arange(21)
    interval = wilson(k, 20)
    covered = (interval.low <= 0.05) & (interval.high >= 0.05)
    assert stats.binom.pmf(k, 20, 0.05)[covered].sum() == pytest.approx(0.925, abs=0.001)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 5000), st.floats(0, 1), st.sampled_from(METHODS), st.floats(0.001, 0.4))
def test_bounds_are_ordered_hold_the_estimate_and_rise_with_successes(n, share, method, alpha):
    k = round(share * n)
    interval = method(k, n, alpha=alpha)
    if method is not jeffreys:
        assert 0 <= interval.low <= k / n <= interval.high <= 1
    assert 0 <= interval.low <= interval.high <= 1
    if k < n:
        more = method(k + 1, n, alpha=alpha)
        assert more.low >= interval.low
        assert more.high >= interval.high


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (float("nan"), 5), (1, float("inf"))])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(ValueError, match=r"successes|finite"):
        wilson(k, n)


def test_impossible_levels_and_sides_are_refused():
    with pytest.raises(ValueError, match="alpha"):
        wilson(1, 2, alpha=0.0)
    with pytest.raises(ValueError, match="side"):
        wilson(1, 2, side="left")
