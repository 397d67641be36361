"""Partial pooling: coverage and error by simulation, a published example, and limits where the answer is known."""

import numpy as np
import pytest
from scipy import stats

from rai_audits.stats.shrinkage import credible_interval, fit_pooling, pooled_rates

# Tumours in groups of control rats: Tarone (1982), as tabulated in Gelman et al., Bayesian Data Analysis (3rd ed., table 5.1).
TUMOURS = np.repeat([0, 1, 2, 1, 5, 2, 5, 3, 2, 7, 3, 2, 9, 10, 4, 10, 4, 5, 11, 12, 5, 6, 5, 6, 16, 15, 9, 4],
                    [14, 8, 9, 1, 1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 7, 1, 3, 1, 1, 1, 2, 1, 1, 4, 1, 2, 1, 1])  # fmt: skip
RATS = np.array([20] * 7 + [19] * 4 + [18] * 2 + [17] + [20] * 4 + [19] * 2 + [18] * 2 + [25, 24, 23] + [20] * 6 + [10, 49, 19]
                + [46, 27, 17, 49, 47, 20, 20, 13, 48, 50] + [20] * 7 + [48] + [19] * 3 + [22, 46, 49, 20, 20, 23, 19, 22, 20]
                + [20, 20, 52, 46, 47, 24, 14])  # fmt: skip


def test_the_rat_tumours_of_bayesian_data_analysis():
    pooling = fit_pooling(TUMOURS, RATS)
    # The book has mean 2.4 / 16.7 and strength 16.7 under another diffuse prior of the strength.
    assert pooling.mean == pytest.approx(2.4 / 16.7, abs=0.005)
    assert pooling.strength == pytest.approx(16.7, rel=0.15)
    last = float(pooled_rates(TUMOURS[-1], RATS[-1], pooling))
    assert 2.4 / 16.7 < last < 4 / 14


@pytest.mark.slow
@pytest.mark.parametrize(
    ("a", "b", "cells", "rows"),
    [(6, 10, 24, (3, 61)), (1, 1, 24, (3, 61)), (60, 100, 12, (3, 61)), (6, 10, 4, (3, 61)), (6, 100, 12, (3, 200))],
)
def test_intervals_cover_and_the_error_falls(a, b, cells, rows):
    """Seeded draws of cells whose rates are known; no constant of the method was set by any seed."""
    rng = np.random.default_rng(3)
    held, raw, pooled = [], [], []
    for _ in range(60):
        rates, n = rng.beta(a, b, cells), rng.integers(*rows, cells)
        k = rng.binomial(n, rates)
        pooling = fit_pooling(k, n)
        ends = credible_interval(k, n, pooling)
        held.append(((ends.low <= rates) & (rates <= ends.high)).mean())
        raw.append(((k / n - rates) ** 2).mean())
        pooled.append(((pooled_rates(k, n, pooling) - rates) ** 2).mean())
    error = np.std(held, ddof=1) / np.sqrt(len(held))
    assert np.mean(held) >= 0.95 - 3 * error
    assert np.mean(pooled) < np.mean(raw)


def test_rates_that_differ_widely_are_left_nearly_alone_and_equal_ones_pooled():
    far = [5, 95, 50, 10, 90]
    apart = fit_pooling(far, [100] * 5)
    assert np.abs(pooled_rates(far, [100] * 5, apart) - np.array(far) / 100).max() < 0.03
    alike = pooled_rates([50, 51, 49, 50], [100] * 4, fit_pooling([50, 51, 49, 50], [100] * 4))
    assert np.ptp(alike) < 0.01
    with pytest.raises(ValueError, match="three cells"):
        fit_pooling([1, 2], [3, 4])


def test_with_very_many_rows_it_is_the_binomial_answer():
    k, n = np.array([300_000, 410_000, 520_000]), np.array([1_000_000] * 3)
    ends = credible_interval(k, n, fit_pooling(k, n))
    assert ends.low == pytest.approx(stats.beta.ppf(0.025, k, n - k), abs=1e-5)
    assert ends.high == pytest.approx(stats.beta.ppf(0.975, k, n - k), abs=1e-5)


def test_cells_at_the_ends_and_without_rows_have_numbers():
    pooling = fit_pooling([0, 0, 0, 0], [3, 40, 9, 0])
    rates = pooled_rates([0, 0], [3, 0], pooling)
    ends = credible_interval([0, 0], [3, 0], pooling)
    assert 0 < rates[0] < rates[1] < 0.2
    assert (ends.low >= 0).all() and (ends.high < 1).all()
