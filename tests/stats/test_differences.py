"""Differences of two rates against published values, the error of the gate's rule, and the ends of the range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rai_audits.stats.differences import difference_bound, exact_difference, miettinen_nurminen, newcombe

METHODS = [newcombe, miettinen_nurminen, exact_difference, difference_bound]


# Newcombe (1998), table II, contrasts a, b, d, f, g and h; method 10.
@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((7, 34, 1, 34), 0.0189, 0.3404),
    ],
)
def test_newcombe_matches_published_values(counts, low, high):
    interval = newcombe(*counts)
    assert float(interval.low) == pytest.approx(low, abs=5.1e-5)
    assert float(interval.high) == pytest.approx(high, abs=5.1e-5)


# The same paper's method 6, and Ritland et al. (2007) as in Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables.
@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((56, 70, 48, 80), 0.0528, 0.3382), ((9, 10, 3, 10), 0.1700, 0.8406), ((0, 16, 15, 72), -0.3164, -0.0056)],
)
def test_miettinen_nurminen_matches_published_values(counts, low, high):
    interval = miettinen_nurminen(*counts)
    assert float(interval.low) == pytest.approx(low, abs=5.1e-5)
    assert float(interval.high) == pytest.approx(high, abs=5.1e-5)


def test_the_score_bound_is_where_the_constrained_score_test_stands_at_its_level():
    # Found independently: rates that maximise the likelihood on a fine grid with p1 - p2 fixed at the bound.
    low = float(miettinen_nurminen(30, 60, 20, 80).low)
    p2 = np.linspace(0.001, 0.999 - low, 400_001)
    fit = stats.binom.logpmf(30, 60, p2 + low) + stats.binom.logpmf(20, 80, p2)
    best = p2[np.argmax(fit)]
    variance = ((best + low) * (1 - best - low) / 60 + best * (1 - best) / 80) * 140 / 139
    assert (0.5 - 0.25 - low) / np.sqrt(variance) == pytest.approx(1.959964, abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_swapping_the_groups_mirrors_the_interval(method):
    one, other = method(9, 31, 40, 77), method(40, 77, 9, 31)
    assert float(one.low) == pytest.approx(-float(other.high), abs=1e-9)
    assert float(one.high) == pytest.approx(-float(other.low), abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_ends_of_the_range(method):
    interval = method([0, 10, 0, 7], [10, 10, 0, 7], [10, 0, 4, 0], [10, 10, 9, 0])
    assert interval.low[0] == -1.0
    assert interval.high[1] == 1.0
    assert interval.low.tolist()[2:] == [-1.0, -1.0]
    assert interval.high.tolist()[2:] == [1.0, 1.0]
    equal = method(10, 10, 10, 10)
    assert -0.5 < float(equal.low) < 0.0 < float(equal.high) < 0.5


@pytest.mark.parametrize("method", METHODS)
def test_arrays_give_what_a_loop_gives(method):
    counts = np.array([[0, 10, 0, 10], [5, 10, 9, 10], [300, 3000, 20, 20], [40, 90, 11, 300]])
    together = method(*counts.T, alpha=0.1)
    for place, row in enumerate(counts):
        alone = method(*row, alpha=0.1)
        assert float(alone.low) == pytest.approx(together.low[place], abs=1e-9)
        assert float(alone.high) == pytest.approx(together.high[place], abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(1, 900), st.integers(1, 900)),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.sampled_from(METHODS),
    st.sampled_from([0.05, 0.01, 0.3]),
)
def test_the_interval_holds_the_estimate_and_stays_in_range(sizes, shares, method, alpha):
    (n1, n2), (k1, k2) = sizes, (round(share * n) for share, n in zip(shares, sizes, strict=True))
    interval = method(k1, n1, k2, n2, alpha=alpha)
    assert -1 <= interval.low <= k1 / n1 - k2 / n2 + 1e-12
    assert k1 / n1 - k2 / n2 - 1e-12 <= interval.high <= 1


def wrong_passes(n1, n2, p2, limit, alpha, method):
    k1, k2 = np.meshgrid(np.arange(n1 + 1), np.arange(n2 + 1), indexing="ij")
    chance = np.outer(stats.binom.pmf(np.arange(n1 + 1), n1, p2 + limit), stats.binom.pmf(np.arange(n2 + 1), n2, p2))
    likely = chance > 1e-9
    passed = method(k1[likely], n1, k2[likely], n2, alpha=alpha, side="upper").high <= limit
    return chance[likely][passed].sum()


@pytest.mark.parametrize("limit", [0.05, 0.2])
def test_at_most_a_limit_passes_wrongly_in_at_most_six_percent(limit):
    for n1, n2 in [(10, 10), (10, 300), (300, 10), (20, 135), (135, 135)]:
        for p2 in (0.025, 0.1, 0.35, 0.7):
            assert wrong_passes(n1, n2, p2, limit, 0.05, difference_bound) <= 0.06, (n1, n2, p2)


def test_the_rule_mends_what_the_score_and_newcombe_bounds_get_wrong():
    cell = (300, 10, 0.025, 0.1, 0.05)
    assert wrong_passes(*cell, miettinen_nurminen) > 0.07
    assert wrong_passes(*cell, newcombe) > 0.08
    assert wrong_passes(*cell, difference_bound) < 0.02


def test_each_end_says_which_method_stands():
    rare = difference_bound(1, 300, 150, 300)
    assert rare.low_exact
    assert rare.high_exact
    common = difference_bound(140, 300, 150, 300)
    assert not common.low_exact
    assert not common.high_exact
    assert float(common.low) == float(miettinen_nurminen(140, 300, 150, 300).low)
