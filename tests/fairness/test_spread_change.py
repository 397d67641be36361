"""The change of a spread between groups: its estimate by hand, and how often its interval holds the truth, by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from rai_audits.fairness.spread_change import spread_change
from rai_audits.stats.paired import Difference, PairedCounts, difference_of, paired_counts, tango

# Rates of each group before and after.
TRUTHS = {
    "nothing is there": ([0.7, 0.7, 0.7], [0.7, 0.7, 0.7]),
    "a gap stays": ([0.8, 0.6], [0.8, 0.6]),
    "a gap goes": ([0.8, 0.6], [0.7, 0.7]),
    "a gap comes": ([0.7, 0.7], [0.8, 0.6]),
    "a gap turns round": ([0.8, 0.6], [0.65, 0.75]),
    "two groups tie": ([0.8, 0.6, 0.6], [0.75, 0.7, 0.7]),
}


def drawn(rng: np.random.Generator, n: int, before: float, after: float, alike: float) -> PairedCounts:
    """Decisions of ``n`` rows, of which a share ``alike`` goes by the same number before and after."""
    first = rng.random(n)
    second = np.where(rng.random(n) < alike, first, rng.random(n))
    return paired_counts(first < before, second < after)


def spread(rates: list[float]) -> float:
    return max(rates) - min(rates)


@pytest.mark.slow
@pytest.mark.parametrize("truth", TRUTHS, ids=lambda name: name.replace(" ", "-"))
def test_the_interval_holds_the_true_change_as_often_as_it_says(truth):
    before, after = TRUTHS[truth]
    rng = np.random.default_rng(8)
    draws, change = 200, spread(after) - spread(before)
    missed = 0
    for _ in range(draws):
        groups = tuple(drawn(rng, 150, one, other, 0.6) for one, other in zip(before, after, strict=True))
        found = spread_change([groups])
        assert found.low <= found.estimate <= found.high
        missed += not found.low <= change <= found.high
    # At a true error of 5 %, more than 18 of 200 happen once in 170 such runs.
    assert missed <= 18


def test_where_the_wider_pair_is_plain_the_interval_is_that_of_its_paired_difference():
    wide, narrow = PairedCounts(900, 40, 10, 50), PairedCounts(350, 20, 80, 550)
    found = spread_change([(wide, narrow)], alpha=0.05)
    # Before 0.94 and 0.37, after 0.91 and 0.43.
    assert (found.before, found.after) == pytest.approx((0.57, 0.48))
    ends = [tango(each, alpha=0.04) for each in (wide, narrow)]

    sides = [
        Difference(each.difference, float(end.low), float(end.high), each.n)
        for each, end in zip((wide, narrow), ends, strict=True)
    ]
    want = difference_of(*sides)
    assert (found.estimate, found.low, found.high) == pytest.approx((want.estimate, want.low, want.high))


def test_a_gap_that_is_gone_may_have_turned_round_and_both_ways_are_in_the_interval():
    # Before 0.9 and 0.5; after 0.7 and 0.7: the sum of both differences is as possible as their difference.
    first, second = PairedCounts(2800, 800, 0, 400), PairedCounts(2000, 0, 800, 1200)
    found = spread_change([(first, second)])
    assert found.estimate == pytest.approx(-0.4)
    assert -0.46 < found.low < -0.4 < found.high < -0.33


def test_equalized_odds_takes_the_larger_of_two_spreads():
    true_rate = (PairedCounts(80, 10, 0, 10), PairedCounts(50, 10, 20, 20))
    false_rate = (PairedCounts(10, 0, 0, 90), PairedCounts(20, 10, 0, 70))
    found = spread_change([true_rate, false_rate])
    assert (found.before, found.after) == pytest.approx((0.3, 0.1))
    wider = spread_change([true_rate, false_rate], alpha=0.01)
    assert wider.low <= found.low <= found.high <= wider.high
