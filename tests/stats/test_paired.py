"""Paired statistics: published examples, exact enumeration of coverage, and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from rai_audits.stats.paired import (
    Difference,
    PairedCounts,
    bonett_price,
    difference_of,
    mcnemar,
    newcombe_paired,
    paired_auc,
    paired_cluster_mean,
    paired_counts,
    paired_mean,
    tango,
)

# Bentur et al. 2009, 21 children before and after a transplant, as analysed by Fagerland, Lydersen and Laake (2014, Statistics in
# Medicine 33, 2850-2875; 2013, BMC Medical Research Methodology 13:91): 1 both, 1 only before, 7 only after, 12 neither.
BENTUR = PairedCounts(both=1, first_only=1, second_only=7, neither=12)


def test_published_p_values_and_intervals() -> None:
    found = mcnemar(BENTUR)
    assert (round(found.exact, 4), round(found.mid_p, 4)) == (0.0703, 0.0391)
    score, square = tango(BENTUR), newcombe_paired(BENTUR)
    assert (round(float(score.low), 3), round(float(score.high), 3)) == (0.026, 0.517)
    assert (round(float(square.low), 3), round(float(square.high), 3)) == (0.026, 0.507)
    ratio = bonett_price(PairedCounts(both=1, first_only=7, second_only=1, neither=12))
    assert (round(float(ratio.low), 3), round(float(ratio.high), 3)) == (0.068, 0.923)


def test_a_second_published_example() -> None:
    # Cavo et al. 2012, response before and after therapy: 59 both, 6 only before, 16 only after, 80 neither. Values of the R package
    # contingencytables 3.0.0 (Fagerland, Lydersen and Laake 2017), tests/testthat/test-ch8.R, which takes before minus after and before over after.
    found = mcnemar(PairedCounts(59, 6, 16, 80))
    assert (round(found.exact, 6), round(found.mid_p, 6)) == (0.052479, 0.034690)
    before_minus_after = PairedCounts(59, 16, 6, 80)
    score, square = tango(before_minus_after), newcombe_paired(before_minus_after)
    assert (round(float(score.low), 4), round(float(score.high), 4)) == (-0.1240, -0.0054)
    assert (round(float(square.low), 4), round(float(square.high), 4)) == (-0.1186, -0.0046)
    ratio = bonett_price(before_minus_after)
    assert (round(float(ratio.low), 4), round(float(ratio.high), 4)) == (0.7579, 0.9910)


@pytest.mark.parametrize(
    ("cells", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, 2635-2650, table III, method 10 (checked against three public implementations that quote the table);
    # cells are (both, 1st of the difference only, 2nd only, neither).
    [
        ((36, 12, 2, 0), 0.0569, 0.3404),
        ((20, 12, 2, 16), 0.0562, 0.3292),
        ((18, 12, 2, 18), 0.0562, 0.3290),
        ((36, 14, 0, 0), 0.1528, 0.4167),
        ((35, 14, 0, 1), 0.1461, 0.4175),
        ((18, 14, 0, 18), 0.1441, 0.3963),
        ((1, 97, 1, 1), 0.8736, 0.9850),
        ((0, 30, 0, 0), 0.8395, 1.0),
        ((54, 0, 0, 0), -0.0664, 0.0664),
        ((30, 0, 0, 24), -0.0358, 0.0358),
    ],
)
def test_newcombes_table(cells: tuple[int, int, int, int], low: float, high: float) -> None:
    both, second, first, neither = cells
    found = newcombe_paired(PairedCounts(both, first, second, neither))
    # The table has 0.8736 where the formula gives 0.87367.
    assert (float(found.low), float(found.high)) == pytest.approx((low, high), abs=1e-4)


def test_swapping_the_outcomes_mirrors_every_interval() -> None:
    counts, mirrored = PairedCounts(20, 3, 11, 6), PairedCounts(20, 11, 3, 6)
    for method in (tango, newcombe_paired):
        one, other = method(counts), method(mirrored)
        assert float(one.low) == pytest.approx(-float(other.high), abs=1e-9)
    ratio, inverse = bonett_price(counts), bonett_price(mirrored)
    assert float(ratio.low) == pytest.approx(1 / float(inverse.high))


def test_the_interval_has_a_width_when_nothing_changed_and_no_limit_without_rows() -> None:
    same = tango(PairedCounts(30, 0, 0, 20))
    assert float(same.low) < -0.05 and float(same.high) > 0.05
    none = PairedCounts(0, 0, 0, 0)
    assert (float(tango(none).low), float(tango(none).high)) == (-1.0, 1.0)
    assert math.isnan(none.difference)
    assert mcnemar(none).mid_p == 1.0
    assert math.isinf(float(bonett_price(none).high))


def test_one_sided_bound_is_the_end_of_the_interval_at_twice_the_error() -> None:
    assert float(tango(BENTUR, alpha=0.05, side="lower").low) == pytest.approx(float(tango(BENTUR, alpha=0.1).low))
    assert float(tango(BENTUR, alpha=0.05, side="lower").high) == 1.0


@pytest.mark.parametrize(("gain", "loss"), [(0.1, 0.1), (0.2, 0.05), (0.3, 0.3)])
def test_tango_covers_by_exact_enumeration(gain: float, loss: float) -> None:
    n, covered, below = 40, 0.0, 0.0
    for up in range(n + 1):
        for down in range(n + 1 - up):
            chance = float(stats.multinomial.pmf([up, down, n - up - down], n, [gain, loss, 1 - gain - loss]))
            if chance < 1e-7:
                continue
            found = tango(PairedCounts(0, down, up, n - up - down))
            covered += chance * (float(found.low) <= gain - loss <= float(found.high))
            below += chance * (mcnemar(PairedCounts(0, down, up, n - up - down)).exact <= 0.05)
    assert 0.94 <= covered <= 0.975
    if gain == loss:
        assert below <= 0.05


def test_counts_from_outcomes() -> None:
    assert paired_counts([1, 1, 0, 0, 1], [1, 0, 1, 0, 0]) == PairedCounts(1, 2, 1, 1)
    with pytest.raises(ValueError, match="same length"):
        paired_counts([1], [1, 0])
    with pytest.raises(ValueError, match="negative"):
        PairedCounts(0, -1, 0, 0)


def test_paired_mean_is_students_and_clusters_widen_it() -> None:
    values = np.random.default_rng(4).normal(0.2, 1.0, 40)
    want = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    found = paired_mean(values)
    assert (found.low, found.high) == pytest.approx((want.low, want.high))
    alone = paired_cluster_mean(values, np.arange(40))
    assert (alone.low, alone.high) == pytest.approx((want.low, want.high))
    # Three exact copies of every row say no more than the rows: the interval must not shrink.
    copies = paired_cluster_mean(np.repeat(values, 3), np.repeat(np.arange(40), 3))
    assert (copies.low, copies.high) == pytest.approx((want.low, want.high))
    assert math.isinf(paired_mean([0.3]).high) and math.isinf(paired_cluster_mean([0.3, 0.3], [1, 1]).high)


def test_paired_auc_estimate_and_coverage() -> None:
    draw = np.random.default_rng(8)
    # Two noisy readings of one signal, the second with twice the noise: the true difference by numbers far larger.
    labels = np.arange(200_000) % 3 == 0
    signal = labels * 1.0 + draw.normal(size=labels.size)
    first, second = signal + draw.normal(size=labels.size), signal + 2 * draw.normal(size=labels.size)
    truth = roc_auc_score(labels, second) - roc_auc_score(labels, first)
    assert paired_auc(labels, first, second).estimate == pytest.approx(truth)
    hits = 0
    for start in range(0, 150_000, 150):
        part = slice(start, start + 150)
        found = paired_auc(labels[part], first[part], second[part])
        hits += found.low <= truth <= found.high
    assert 930 <= hits <= 970
    assert math.isnan(paired_auc([True, False, False], [1, 2, 3], [1, 2, 3]).estimate)


def test_gap_of_two_groups_by_square_and_add() -> None:
    found = difference_of(Difference(0.3, 0.2, 0.5, 50), Difference(0.1, 0.0, 0.4, 60))
    assert found.estimate == pytest.approx(0.2)
    assert found.low == pytest.approx(0.2 - math.hypot(0.1, 0.3))
    assert found.high == pytest.approx(0.2 + math.hypot(0.2, 0.1))
