"""Tests of two rates: live and published values, duality with the bounds, and the size of every test by exact enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from rai_audits.stats.differences import MIN_EXPECTED, exact_difference, miettinen_nurminen, smallest_expected
from rai_audits.stats.ratios import exact_ratio
from rai_audits.stats.two_rates import boschloo, difference_test, fisher, pooled_z, ratio_test

TRUE_RATES = np.round(np.arange(0.02, 0.981, 0.02), 3)
SIZES = [(20, 20), (20, 100), (100, 20), (50, 50), (35, 130), (60, 80)]


def grid(n1: int, n2: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(n1 + 1)[:, None], np.arange(n2 + 1)


def worst_error(rejects: np.ndarray, p1: np.ndarray, p2: np.ndarray) -> float:
    """Largest chance of a rejection over pairs of true rates, summed over every table."""
    n1, n2 = rejects.shape[0] - 1, rejects.shape[1] - 1
    usable = (p1 > 0) & (p1 < 1) & (p2 > 0) & (p2 < 1)
    one = stats.binom.pmf(np.arange(n1 + 1), n1, p1[usable, None])
    two = stats.binom.pmf(np.arange(n2 + 1), n2, p2[usable, None])
    return float(np.einsum("ri,ij,rj->r", one, rejects, two).max())


def test_published_p_values() -> None:
    # scipy's documentation of boschloo_exact: 74 of 117 against 31 of 63, greater, 0.0356; two-sided is twice the smaller tail.
    assert boschloo(74, 117, 31, 63) == pytest.approx(2 * 0.0355641, abs=2e-5)
    # Fisher's tea taster: all four cups against none is 1 of 70 on each side; three of four against one is 34 of 70.
    assert fisher(4, 4, 0, 4) == pytest.approx(2 / 70)
    assert fisher(3, 4, 1, 4) == pytest.approx(34 / 70)


# Not statsmodels here: 0.15.0 departs from the maximum likelihood under a difference other than 0 (its rates for 56/70, 48/80 and 0.1 are
# 0.745 and 0.645; the likelihood is highest at 0.752 and 0.652). At 0 it says 2.6413232722941253.
@pytest.mark.parametrize("difference", [-0.1, 0.0, 0.1])
@pytest.mark.parametrize("counts", [(56, 70, 48, 80), (30, 135, 300, 817)])
def test_differences_agree_with_the_score_at_the_likelihoods_maximum(counts, difference) -> None:
    k1, n1, k2, n2 = counts
    start, end = max(0.0, -difference) + 1e-9, min(1.0, 1 - difference) - 1e-9
    best = optimize.minimize_scalar(
        lambda p: -stats.binom.logpmf(k1, n1, p + difference) - stats.binom.logpmf(k2, n2, p),
        bounds=(start, end), method="bounded", options={"xatol": 1e-12},
    )  # fmt: skip
    p1, p2 = best.x + difference, best.x
    variance = (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) * (n1 + n2) / (n1 + n2 - 1)
    statistic = (k1 / n1 - k2 / n2 - difference) / np.sqrt(variance)
    found = difference_test(*counts, difference=difference)
    assert not found.exact
    assert float(found.p_value) == pytest.approx(stats.norm.sf(statistic), rel=1e-5)
    less = difference_test(*counts, difference=difference, alternative="less")
    assert float(less.p_value) == pytest.approx(stats.norm.cdf(statistic), rel=1e-5)
    if difference == 0 and counts[0] == 56:
        assert statistic == pytest.approx(2.6413232722941253, rel=1e-7)


# statsmodels 0.15.0, test_proportions_2indep(..., compare="ratio", method="score", correction=True).statistic
@pytest.mark.parametrize(
    ("counts", "ratio", "statistic"),
    [((56, 70, 48, 80), 0.8, 4.478412823334007), ((56, 70, 48, 80), 1.25, 0.5955210247876946),
     ((30, 135, 300, 817), 0.8, -1.7376162254843803)],
)  # fmt: skip
def test_ratios_agree_with_statsmodels(counts, ratio, statistic) -> None:
    assert float(ratio_test(*counts, ratio=ratio).p_value) == pytest.approx(stats.norm.sf(statistic), rel=1e-9)


def test_pooled_z_is_the_chi_square_of_the_table() -> None:
    found = pooled_z([30, 0, 5, 0], [135, 9, 5, 0], [300, 0, 7, 3], [817, 4, 7, 9])
    want = stats.chi2_contingency([[30, 105], [300, 517]], correction=False)
    assert float(found.statistic[0]) == pytest.approx(-np.sqrt(want.statistic))
    assert float(found.p_value[0]) == pytest.approx(want.pvalue)
    # Nothing varies: no deviation. No trials: no statistic, and nothing is rejected.
    assert found.statistic[1] == found.statistic[2] == 0.0
    assert np.isnan(found.statistic[3])
    assert found.p_value.tolist()[1:] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("n1", "n2"), SIZES)
@pytest.mark.parametrize("difference", [-0.2, -0.1, 0.0])
def test_size_of_the_difference_test_by_exact_enumeration(n1, n2, difference) -> None:
    for alternative in ("greater", "less"):
        rejects = difference_test(*grid_counts(n1, n2), difference=difference, alternative=alternative).p_value <= 0.05
        # At most 6.04 % over a wider grid (20 to 400 rows, differences 0 to 0.3).
        assert worst_error(rejects, TRUE_RATES + difference, TRUE_RATES) <= 0.0605


@pytest.mark.parametrize(("n1", "n2"), SIZES)
@pytest.mark.parametrize("ratio", [0.8, 1.25])
def test_size_of_the_ratio_test_by_exact_enumeration(n1, n2, ratio) -> None:
    for alternative in ("greater", "less"):
        rejects = ratio_test(*grid_counts(n1, n2), ratio=ratio, alternative=alternative).p_value <= 0.05
        assert worst_error(rejects, TRUE_RATES * ratio, TRUE_RATES) <= 0.06


def test_boschloo_holds_its_level_and_rejects_wherever_fisher_does() -> None:
    n1, n2 = 9, 14
    ours = np.array([[boschloo(k1, n1, k2, n2) for k2 in range(n2 + 1)] for k1 in range(n1 + 1)])
    fishers = np.array([[fisher(k1, n1, k2, n2) for k2 in range(n2 + 1)] for k1 in range(n1 + 1)])
    assert worst_error(ours <= 0.05, TRUE_RATES, TRUE_RATES) <= 0.05
    one, two = stats.binom.pmf(np.arange(n1 + 1), n1, 0.3), stats.binom.pmf(np.arange(n2 + 1), n2, 0.8)
    assert one @ (ours <= 0.05) @ two > one @ (fishers <= 0.05) @ two + 0.05


def test_the_exact_p_value_is_the_level_at_which_the_exact_bound_clears() -> None:
    for counts, difference in (
        ((0, 12, 0, 40), -0.1),
        ((2, 12, 1, 9), -0.3),
        ((12, 12, 9, 9), -0.2),
        ((3, 15, 15, 15), -0.9),
    ):
        found = difference_test(*counts, difference=difference)
        assert found.exact
        p = float(found.p_value)
        assert float(exact_difference(*counts, alpha=p * 1.0001, side="lower").low) >= difference
        assert float(exact_difference(*counts, alpha=p * 0.9999, side="lower").low) < difference
    for counts, ratio in (((4, 9, 2, 30), 0.8), ((6, 8, 9, 12), 0.5)):
        p = float(ratio_test(*counts, ratio=ratio).p_value)
        assert float(exact_ratio(*counts, alpha=min(p * 1.0001, 0.99999), side="lower").low) >= ratio
        assert float(exact_ratio(*counts, alpha=p * 0.9999, side="lower").low) < ratio


def test_the_score_p_value_is_the_level_at_which_the_score_bound_clears() -> None:
    p = float(difference_test(56, 70, 48, 80, difference=0.1).p_value)
    assert float(miettinen_nurminen(56, 70, 48, 80, alpha=p, side="lower").low) == pytest.approx(0.1, abs=1e-9)


def test_the_method_is_chosen_at_the_margin() -> None:
    counts = (np.array([4, 90]), np.array([100, 100]), np.array([4, 80]), np.array([100, 100]))
    smallest = smallest_expected(np.array([-0.1, -0.1]), *(item.astype(float) for item in counts))
    assert (
        (smallest < MIN_EXPECTED).tolist() == difference_test(*counts, difference=-0.1).exact.tolist() == [True, False]
    )


def test_swapping_the_groups_mirrors_the_test() -> None:
    one = difference_test(3, 30, 40, 77, difference=-0.2, alternative="less")
    other = difference_test(40, 77, 3, 30, difference=0.2, alternative="greater")
    assert float(one.p_value) == pytest.approx(float(other.p_value))


def test_without_trials_nothing_is_rejected_and_what_is_no_count_is_refused() -> None:
    assert float(difference_test(0, 0, 3, 10, difference=-0.9).p_value) == 1.0
    assert float(ratio_test(3, 10, 0, 0, ratio=0.1).p_value) == 1.0
    assert boschloo(0, 0, 3, 10) == boschloo(5, 5, 9, 9) == 1.0
    for test in (fisher, boschloo):
        with pytest.raises(ValueError, match="no counts"):
            test(5, 4, 0, 3)
    with pytest.raises(ValueError, match="between -1 and 1"):
        difference_test(1, 2, 1, 2, difference=1.0)
    with pytest.raises(ValueError, match="above 0"):
        ratio_test(1, 2, 1, 2, ratio=0.0)
    with pytest.raises(ValueError, match="alternative"):
        ratio_test(1, 2, 1, 2, alternative="two-sided")


def grid_counts(n1: int, n2: int) -> tuple[np.ndarray, int, np.ndarray, int]:
    one, two = grid(n1, n2)
    return one, n1, two, n2
