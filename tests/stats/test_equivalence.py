"""Equivalence: wrong claims at the margin by exact enumeration, reference values, and claims about every group by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rai_audits.stats.equivalence import equivalent_difference, equivalent_ratio, every_claim, every_pair_equivalent

RATES = np.round(np.arange(0.1, 0.901, 0.02), 3)


def worst_error(holds: np.ndarray, p1: np.ndarray, p2: np.ndarray) -> float:
    usable = (p1 > 0) & (p1 < 1)
    one = stats.binom.pmf(np.arange(holds.shape[0]), holds.shape[0] - 1, p1[usable, None])
    two = stats.binom.pmf(np.arange(holds.shape[1]), holds.shape[1] - 1, p2[usable, None])
    return float(np.einsum("ri,ij,rj->r", one, holds, two).max())


# statsmodels 0.15.0, tost_proportions_2indep(..., compare="ratio", method="score", correction=True). Its differences are not used: see
# test_two_rates.py.
@pytest.mark.parametrize(
    ("counts", "p_value"), [((56, 70, 48, 80), 0.7242523752485305), ((300, 500, 310, 500), 0.0001006474067017344)]
)
def test_p_values_agree_with_statsmodels(counts, p_value) -> None:
    assert float(equivalent_ratio(*counts, 0.8).p_value) == pytest.approx(p_value, rel=1e-9)


@pytest.mark.parametrize(("n1", "n2"), [(100, 100), (60, 135), (135, 60)])
def test_wrong_claims_at_the_margin_by_exact_enumeration(n1, n2) -> None:
    k1, k2 = np.arange(n1 + 1)[:, None], np.arange(n2 + 1)
    close = equivalent_difference(k1, n1, k2, n2, 0.2).holds
    alike = equivalent_ratio(k1, n1, k2, n2, 0.65).holds
    assert close.any() and alike.any()
    for sign in (-1, 1):
        assert worst_error(close, RATES + sign * 0.2, RATES) <= 0.06
        assert worst_error(alike, RATES * 0.65**sign, RATES) <= 0.06


def test_bounds_within_the_margins_and_the_decision_are_one_statement() -> None:
    k1, k2 = np.arange(41)[:, None], np.arange(91)
    found = equivalent_difference(k1, 40, k2, 90, 0.25)
    np.testing.assert_array_equal(found.holds, (found.low >= -0.25) & (found.high <= 0.25))
    ratio = equivalent_ratio(k1, 40, k2, 90, 0.6)
    np.testing.assert_array_equal(ratio.holds, (ratio.low >= 0.6) & (ratio.high <= 1 / 0.6))
    assert found.holds.sum() > 100 and ratio.holds.sum() > 100


def test_equal_rates_of_few_rows_are_not_shown_to_be_equivalent() -> None:
    assert not equivalent_difference(10, 20, 10, 20, 0.1).holds
    assert equivalent_difference(1000, 2000, 1000, 2000, 0.1).holds
    assert not equivalent_difference(0, 0, 1000, 2000, 0.1).holds


def test_every_claim_takes_the_largest_p_value() -> None:
    found = every_claim([0.01, 0.04, 0.03])
    assert (found.p_value, found.holds, found.weakest) == (0.04, True, 1)
    assert not every_claim([0.01, 0.06]).holds
    for wrong in ([], [0.5, 1.2]):
        with pytest.raises(ValueError):
            every_claim(wrong)


def test_a_claim_about_every_group_is_wrong_at_most_at_alpha_without_a_correction() -> None:
    # One of four groups lies exactly at the margin from the others, which are equal.
    rng, samples = np.random.default_rng(17), 400
    n = np.array([300, 400, 400, 500])
    k = rng.binomial(n, [0.4, 0.5, 0.5, 0.5], size=(samples, 4))
    wrong = sum(every_pair_equivalent(row, n, 0.1).holds for row in k) / samples
    assert wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / samples)
    found = every_pair_equivalent([200, 260, 180], [400, 500, 400], 0.12)
    pair = equivalent_difference(260, 500, 180, 400, 0.12)
    assert (found.weakest, found.p_value) == ((1, 2), pytest.approx(float(pair.p_value)))


@pytest.mark.parametrize("margin", [0.0, 1.0, -0.1])
def test_a_margin_must_be_one(margin) -> None:
    for method in (equivalent_difference, equivalent_ratio):
        with pytest.raises(ValueError, match="margin"):
            method(1, 2, 1, 2, margin)
    with pytest.raises(ValueError, match="two groups"):
        every_pair_equivalent([1], [2], 0.1)
