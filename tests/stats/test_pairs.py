"""All ordered pairs: which level each bound stands at, and the error of the many-group claim."""

import numpy as np
import pytest

from rai_audits.stats.differences import difference_bound
from rai_audits.stats.pairs import ordered_pairs, pair_differences, pair_ratios
from rai_audits.stats.ratios import ratio_bound

K, N = [90, 160, 30], [135, 200, 70]


def test_every_ordered_pair_once():
    over, reference = ordered_pairs(3)
    assert list(zip(over.tolist(), reference.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]


@pytest.mark.parametrize(("make", "bound"), [(pair_ratios, ratio_bound), (pair_differences, difference_bound)])
def test_bounds_stand_at_alpha_and_at_alpha_over_all_ordered_pairs(make, bound):
    table = make(K, N, alphas=(0.05, 0.01), confidence=0.9)
    assert table.family == 6
    at = 4  # the third group over the first
    counts = (30, 70, 90, 135)
    assert table.interval.low[at] == pytest.approx(float(bound(*counts, alpha=0.1).low))
    for alpha, each in zip((0.05, 0.01), table.bounds, strict=True):
        assert each.lower.value[at] == pytest.approx(float(bound(*counts, alpha=alpha, side="lower").low))
        assert each.upper.value[at] == pytest.approx(float(bound(*counts, alpha=alpha, side="upper").high))
        assert each.upper_corrected.value[at] == pytest.approx(
            float(bound(*counts, alpha=alpha / 6, side="upper").high)
        )
        assert each.lower_corrected.value[at] == pytest.approx(float(bound(*counts, alpha=alpha / 6, side="lower").low))
        assert each.upper_corrected.value[at] > each.upper.value[at]


def test_estimates_are_over_the_reference_and_minus_it():
    assert pair_ratios(K, N).estimate[0] == pytest.approx((90 / 135) / (160 / 200))
    assert pair_differences(K, N).estimate[0] == pytest.approx(90 / 135 - 160 / 200)


def test_one_group_has_no_pairs():
    table = pair_ratios([5], [9])
    assert table.family == 0
    assert table.bounds[0].lower.value.size == 0


def many_samples(n, rates, seed, samples=4000):
    """Counts of both groups of every ordered pair, one row per sample."""
    k, n = np.random.default_rng(seed).binomial(n, rates, size=(samples, len(n))), np.asarray(n)
    over, reference = ordered_pairs(n.size)
    return k[:, over], n[over], k[:, reference], n[reference]


def test_claims_about_every_pair_err_at_their_level_where_a_reference_picked_from_the_data_errs_in_27_percent():
    # "Every group at least 0.8 of every other" is just false here: 0.571 / 0.714 is below 0.8.
    counts = many_samples([100, 20_000, 20_000], [0.714, 0.70, 0.571], seed=5)
    passed = (ratio_bound(*counts, alpha=0.05, side="lower").low >= 0.8).all(axis=1)
    assert passed.mean() <= 0.06


def test_wrong_fails_stay_below_alpha_when_groups_stand_exactly_at_the_limit():
    counts = many_samples([300] * 4, [0.75, 0.75, 0.6, 0.6], seed=6)
    failed = (ratio_bound(*counts, alpha=0.05 / 12, side="upper").high < 0.8).any(axis=1)
    uncorrected = (ratio_bound(*counts, alpha=0.05, side="upper").high < 0.8).any(axis=1)
    assert failed.mean() <= 0.05
    assert uncorrected.mean() > 0.10
