"""Ratios of two rates: published values, the error and power of the four-fifths gate, and the ends of the range."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rai_audits.stats.rates import clopper_pearson
from rai_audits.stats.ratios import exact_ratio, ratio_bound, ratio_estimate, score_ratio

METHODS = [score_ratio, exact_ratio, ratio_bound]


def test_koopman_and_miettinen_nurminen_match_published_values():
    # Perondi et al. (2004), 7 of 34 against 1 of 34, in Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables.
    koopman = score_ratio(7, 34, 1, 34, correction=False)
    assert float(koopman.low) == pytest.approx(1.2209, abs=5e-5)
    assert float(koopman.high) == pytest.approx(42.5757, abs=5e-5)
    corrected = score_ratio(7, 34, 1, 34)
    assert float(corrected.low) == pytest.approx(1.2086, abs=5e-5)
    assert float(corrected.high) == pytest.approx(43.0330, abs=5e-5)


def test_koopman_matches_his_own_example():
    # Koopman (1984), Biometrics 40: 36 of 40 against 16 of 80 gives 2.94 to 7.15.
    interval = score_ratio(36, 40, 16, 80, correction=False)
    assert float(interval.low) == pytest.approx(2.94, abs=5e-3)
    assert float(interval.high) == pytest.approx(7.15, abs=5e-3)


def test_exact_bound_divides_two_bounds_at_half_the_error():
    low = float(exact_ratio(60, 100, 90, 120, alpha=0.05, side="lower").low)
    first = clopper_pearson(60, 100, alpha=0.025, side="lower").low
    second = clopper_pearson(90, 120, alpha=0.025, side="upper").high
    assert low == pytest.approx(float(first / second))


def test_estimates_without_a_number():
    estimate = ratio_estimate([4, 0, 0, 0], [8, 8, 8, 0], [0, 0, 4, 4], [8, 8, 8, 8])
    assert estimate[0] == math.inf
    assert np.isnan(estimate[1])
    assert estimate[2] == 0.0
    assert np.isnan(estimate[3])


@pytest.mark.parametrize("method", METHODS)
def test_ends_of_the_range(method):
    none = method(0, 40, 0, 40)
    assert (float(none.low), float(none.high)) == (0.0, math.inf)
    only_group = method(20, 40, 0, 40)
    assert 1.0 < float(only_group.low) < math.inf
    assert float(only_group.high) == math.inf
    only_reference = method(0, 40, 20, 40)
    assert float(only_reference.low) == 0.0
    assert 0.0 < float(only_reference.high) < 1.0
    full = method(40, 40, 40, 40)
    assert 0.8 < float(full.low) < 1.0 < float(full.high) < 1.25
    empty = method(0, 0, 20, 40)
    assert float(empty.low) == 0.0
    assert float(empty.high) > 2.0


def test_full_counts_have_a_closed_form():
    z2 = stats.norm.ppf(0.95) ** 2
    low = score_ratio(50, 50, 70, 70, alpha=0.05, side="lower", correction=False).low
    assert float(low) == pytest.approx(50 / (50 + z2), rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_swapping_the_groups_inverts_the_interval(method):
    one, other = method(90, 135, 700, 817), method(700, 817, 90, 135)
    assert float(one.low) == pytest.approx(1 / float(other.high), rel=1e-8)
    assert float(one.high) == pytest.approx(1 / float(other.low), rel=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_arrays_give_what_a_loop_gives(method):
    counts = np.array([[0, 10, 0, 10], [5, 10, 9, 10], [10, 10, 0, 20], [300, 3000, 20, 20], [40, 90, 110, 300]])
    together = method(*counts.T, alpha=0.1)
    for place, row in enumerate(counts):
        alone = method(*row, alpha=0.1)
        assert float(alone.low) == pytest.approx(together.low[place], rel=1e-8)
        assert float(alone.high) == pytest.approx(together.high[place], rel=1e-8)


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(1, 900), st.integers(1, 900)),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.sampled_from(METHODS),
    st.sampled_from([0.05, 0.004, 0.3]),
)
def test_the_interval_holds_the_estimate(sizes, shares, method, alpha):
    (n1, n2), (k1, k2) = sizes, (round(share * n) for share, n in zip(shares, sizes, strict=True))
    interval = method(k1, n1, k2, n2, alpha=alpha)
    estimate = float(ratio_estimate(k1, n1, k2, n2))
    assert 0.0 <= float(interval.low) <= float(interval.high)
    if not math.isnan(estimate):
        assert float(interval.low) <= estimate * (1 + 1e-9)
        assert float(interval.high) >= estimate * (1 - 1e-9)


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 300), st.integers(2, 300), st.data())
def test_more_successes_raise_each_of_the_two_methods(n1, n2, data):
    k1, k2 = data.draw(st.integers(0, n1 - 1)), data.draw(st.integers(1, n2))
    for method in (score_ratio, exact_ratio):
        fewer, more = method(k1, n1, k2, n2), method(k1 + 1, n1, k2, n2)
        assert float(more.low) >= float(fewer.low) * (1 - 1e-9)
        assert float(more.high) >= float(fewer.high) * (1 - 1e-9)


def test_each_end_says_which_method_stands():
    few_failures = ratio_bound(295, 300, 290, 300)
    assert few_failures.low_exact
    assert float(few_failures.low) == float(exact_ratio(295, 300, 290, 300).low)
    plenty = ratio_bound(200, 300, 210, 300)
    assert not plenty.low_exact
    assert not plenty.high_exact
    assert float(plenty.high) == float(score_ratio(200, 300, 210, 300).high)


def outcomes(n1, p1, n2, p2):
    """All counts that are not vanishingly rare, with their chance."""
    ranges = [np.arange(max(0, math.floor(low)), high + 1) for low, high in (window(n1, p1), window(n2, p2))]
    k1, k2 = np.meshgrid(*ranges, indexing="ij")
    return k1, k2, np.outer(stats.binom.pmf(ranges[0], n1, p1), stats.binom.pmf(ranges[1], n2, p2))


def window(n, p):
    half = 4.5 * math.sqrt(n * p * (1 - p)) + 3
    return n * p - half, min(n, math.ceil(n * p + half))


def wrong_passes(n1, n2, p2, method, alpha=0.05, ratio=0.8):
    k1, k2, chance = outcomes(n1, ratio * p2, n2, p2)
    return chance[method(k1, n1, k2, n2, alpha=alpha, side="lower").low >= ratio].sum()


def wrong_fails(n1, n2, p2, method, alpha=0.05, ratio=0.8):
    k1, k2, chance = outcomes(n1, ratio * p2, n2, p2)
    return chance[method(k1, n1, k2, n2, alpha=alpha, side="upper").high < ratio].sum()


SIZES = [(20, 20), (20, 300), (20, 3000), (50, 300), (135, 20), (135, 817), (300, 50), (817, 135), (3000, 20)]
RATES = [0.05, 0.1, 0.3, 0.5125, 0.7, 0.85, 0.9]


@pytest.mark.parametrize("sizes", SIZES)
def test_four_fifths_gate_errs_in_at_most_six_percent(sizes):
    for rate in RATES:
        assert wrong_passes(*sizes, rate, ratio_bound) <= 0.06, rate
        assert wrong_fails(*sizes, rate, ratio_bound) <= 0.06, rate


@pytest.mark.slow
def test_four_fifths_gate_errs_in_at_most_six_percent_on_the_whole_grid():
    sizes = (20, 50, 135, 300, 817, 3000)
    rates = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5125, 0.6, 0.7, 0.8, 0.9]
    worst = max(wrong_passes(n1, n2, rate, ratio_bound) for n1 in sizes for n2 in sizes for rate in rates)
    assert 0.05 < worst <= 0.06


def test_bounds_corrected_for_many_pairs_hold_their_level_too():
    for sizes in [(20, 3000), (135, 817), (3000, 135)]:
        for rate in (0.075, 0.3, 0.85):
            assert wrong_fails(*sizes, rate, ratio_bound, alpha=0.05 / 12) <= 0.05 / 12 + 0.004


def test_the_rule_mends_the_score_bound_and_keeps_its_power():
    assert wrong_passes(20, 50, 0.05, score_ratio) > 0.09
    assert wrong_passes(20, 50, 0.05, ratio_bound) < 0.02
    k1, k2, chance = outcomes(135, 0.7, 817, 0.7)

    def power(method):
        return chance[method(k1, 135, k2, 817, side="lower").low >= 0.8].sum()

    assert power(ratio_bound) == pytest.approx(power(score_ratio), abs=0.002)
    assert power(ratio_bound) > 0.94
    assert power(exact_ratio) == pytest.approx(0.76, abs=0.01)
