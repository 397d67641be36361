"""Cramer's V: against SciPy and a published correction, its p-value under independence, and coverage of its interval."""

import math

import numpy as np
import pytest
from scipy import stats

from rai_audits.stats.association import Association, associated


def table(*rows):
    return Association(np.asarray(rows, dtype=float))


def test_statistic_and_p_value_are_scipys():
    counts = [[30, 10, 20], [20, 30, 25]]
    found, peer = table(*counts), stats.chi2_contingency(counts, correction=False)
    assert (found.chi_squared, found.freedom, found.p_value) == (
        pytest.approx(peer.statistic), 2, pytest.approx(peer.pvalue),
    )  # fmt: skip


def test_bergsmas_correction_by_hand():
    # phi^2 = chi^2 / n - (r-1)(c-1)/(n-1); r~ = r - (r-1)^2/(n-1); V~ = sqrt(phi~^2 / min(r~ - 1, c~ - 1)).
    found = table([20, 10], [10, 20])
    phi = 60 * (20 * 20 - 10 * 10) ** 2 / (30**4) / 60 - 1 / 59
    assert found.cramers_v == pytest.approx(math.sqrt(phi / (1 - 1 / 59)))


def test_ends_of_the_range():
    assert table([30, 0], [0, 30]).cramers_v == pytest.approx(1.0)
    assert table([30, 0], [0, 30]).ends(0.05)[1] == 1.0
    none = table([15, 15], [15, 15])
    assert none.cramers_v == 0.0
    low, high = none.ends(0.05)
    assert (low, 0.3 < high < 0.5) == (0.0, True)


def test_sparse_tables_have_an_exact_like_p_value():
    found = table([4, 0], [0, 4], [1, 1])
    every = stats.random_table([4, 4, 2], [5, 5])
    drawn = every.rvs(40_000, random_state=np.random.default_rng(9))
    expected = np.outer([4, 4, 2], [5, 5]) / 10
    truth = (((drawn - expected) ** 2 / expected).sum(axis=(1, 2)) >= found.chi_squared - 1e-9).mean()
    assert found.p_value == pytest.approx(truth, abs=0.01)
    assert table([4, 0], [0, 4], [1, 1]).p_value == found.p_value


def test_rows_in_any_order_and_nothing_to_compare():
    levels, groups = np.asarray(list("aabbcc") * 5), np.asarray(["x", "y", "x", "x", "y", "y"] * 5)
    order = np.random.default_rng(0).permutation(30)
    one, two = associated(levels, groups), associated(levels[order], groups[order])
    assert one.cramers_v == two.cramers_v
    assert one.n == 30
    assert associated(["a"] * 4, ["x", "y", "x", "y"]) is None
    assert associated([], []) is None


@pytest.mark.parametrize("n", [30, 200])
def test_p_value_keeps_its_level(n):
    generator, draws = np.random.default_rng(2), 400
    found = [associated(generator.integers(0, 3, n), generator.integers(0, 2, n), seed=seed) for seed in range(draws)]
    rejected = np.mean([item.p_value <= 0.05 for item in found])
    assert rejected <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / draws)


@pytest.mark.parametrize(
    ("share", "high", "low", "n"),
    [(0.5, 0.5, 0.5, 60), (0.5, 0.6, 0.4, 200), (0.5, 0.75, 0.25, 200), (0.2, 0.8, 0.3, 200), (0.2, 0.9, 0.1, 300)],
)
def test_bounds_are_wrong_at_most_as_often_as_they_say(share, high, low, n):
    # A share of the rows is in the first group; the level is held by ``high`` of it and ``low`` of the others. Each end may err 2.5 %.
    cells = np.asarray([[share * high, (1 - share) * low], [share * (1 - high), (1 - share) * (1 - low)]])
    margins = np.outer(cells.sum(axis=1), cells.sum(axis=0))
    truth = math.sqrt(((cells - margins) ** 2 / margins).sum())
    generator, draws = np.random.default_rng(8), 600
    ends = [
        Association(counts.reshape(2, 2)).ends(0.05)
        for counts in generator.multinomial(n, cells.ravel(), size=draws).astype(float)
        if counts.reshape(2, 2).sum(axis=0).min() and counts.reshape(2, 2).sum(axis=1).min()
    ]
    allowed = 0.025 + 3 * math.sqrt(0.025 * 0.975 / draws)
    assert np.mean([one > truth + 1e-12 for one, _ in ends]) <= allowed
    assert np.mean([two < truth - 1e-12 for _, two in ends]) <= allowed
