"""Bootstrap of score metrics: like scikit-learn row by row, whatever the order of rows, and covering what it should."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from rai_audits.stats.auc import auc, auc_interval
from rai_audits.stats.ranked import (
    auc_bootstrap,
    bin_gaps,
    bin_starts,
    calibration_bootstrap,
    ranked,
    replicate_rows,
    weighted_auc,
)
from rai_audits.stats.weights import effective_rows


def sample(n=300, seed=1):
    draw = np.random.default_rng(seed)
    positive = draw.random(n) < 0.3
    # Rounded, so that there are many ties.
    scores = np.round(np.clip(0.35 + 0.25 * positive + draw.normal(0, 0.2, n), 0, 1), 2)
    return scores, positive, draw.integers(1, 5, n) / 2


def test_weighted_areas_are_scikit_learns():
    scores, positive, weights = sample()
    rows = ranked(scores, positive, weights)
    assert float(weighted_auc(rows, rows.weights)) == pytest.approx(
        roc_auc_score(positive, scores, sample_weight=weights)
    )
    drawn = np.random.default_rng(2).integers(0, 3, (20, 300)).astype(float)
    for times, area in zip(drawn, weighted_auc(rows, drawn), strict=True):
        some = times > 0
        want = roc_auc_score(rows.positive[some], rows.scores[some], sample_weight=times[some])
        assert area == pytest.approx(want)


def test_replicates_are_rows_drawn_with_replacement():
    scores, positive, _ = sample(120)
    rows = ranked(scores, positive)
    ours = replicate_rows(rows, lambda drawn: weighted_auc(rows, drawn), 4_000, seed=3)
    draw = np.random.default_rng(4)
    by_row = []
    for _ in range(4_000):
        places = draw.integers(0, 120, 120)
        pos, neg = scores[places][positive[places]], scores[places][~positive[places]]
        by_row.append(auc(pos, neg).estimate)
    assert ks_2samp(ours, by_row).pvalue > 1e-3


@pytest.mark.parametrize("by_class", [False, True])
def test_order_of_rows_and_parts_change_nothing(by_class):
    scores, positive, weights = sample()
    order = np.random.default_rng(9).permutation(300)
    one, other = ranked(scores, positive, weights), ranked(scores[order], positive[order], weights[order])

    def values(rows):
        return replicate_rows(rows, lambda drawn: weighted_auc(rows, drawn), 50, seed=5, by_class=by_class)

    np.testing.assert_array_equal(values(one), values(other))
    assert calibration_bootstrap(one, [0, 100, 200], 50) == calibration_bootstrap(other, [0, 100, 200], 50)


def test_by_class_keeps_the_numbers_of_both_classes():
    scores, positive, _ = sample(50)
    rows = ranked(scores, positive)
    drawn = replicate_rows(
        rows, lambda times: np.stack([times[:, rows.positive].sum(1), times.sum(1)], 1), 30, by_class=True
    )
    assert (drawn == [positive.sum(), 50]).all()


def test_the_interval_is_near_delongs_and_discloses_the_effective_n():
    scores, positive, weights = sample(600)
    found = auc_bootstrap(ranked(scores, positive), 2_000)
    want = auc_interval(auc(scores[positive], scores[~positive]))
    assert found.low == pytest.approx(float(want.low), abs=0.01)
    assert found.high == pytest.approx(float(want.high), abs=0.01)
    assert (found.effective_n, found.undefined) == (600.0, 0.0)
    uneven = auc_bootstrap(ranked(scores, positive, weights), 500)
    assert uneven.effective_n == pytest.approx(effective_rows(weights))
    assert uneven.effective_n < 600
    assert uneven.high - uneven.low > found.high - found.low


def test_a_missing_class_is_nan_and_a_rare_one_is_disclosed():
    none = auc_bootstrap(ranked([0.1, 0.4, 0.3], [False] * 3), 100)
    assert np.isnan([none.estimate, none.low, none.high]).all() and none.undefined == 1.0
    rare = auc_bootstrap(ranked(np.linspace(0, 1, 20), np.arange(20) == 12), 4_000)
    assert rare.undefined == pytest.approx(0.95**20, abs=0.03)


def test_perfect_calibration_is_not_excluded_and_an_error_is_covered():
    draw, covered, holds_zero = np.random.default_rng(6), 0, 0
    for _ in range(150):
        scores = np.sort(draw.random(400))
        bins = bin_starts(scores, 5, 20)
        right = calibration_bootstrap(ranked(scores, draw.random(400) < scores), bins, 200)
        holds_zero += right.low == 0.0
        # Scores are 0.1 too high throughout: the error is 0.1 in every bin.
        high = calibration_bootstrap(ranked(scores, draw.random(400) < scores - 0.1), bins, 200)
        covered += high.low <= np.mean(np.minimum(scores, 0.1)) <= high.high
    # At least 97.5 % and 95 %, less three standard errors.
    assert holds_zero >= 141
    assert covered >= 135


def test_the_error_of_known_bins():
    rows = ranked([0.1, 0.2, 0.7, 0.9], [False, True, True, True], [1, 1, 1, 3])
    # Bins of two: sums of weight * (score - class) are -0.7 and -0.3 - 0.3.
    assert bin_gaps(rows, rows.weights, [0, 2]) == pytest.approx([-0.7 / 6, -0.6 / 6])
    assert calibration_bootstrap(rows, [0, 2], 20).estimate == pytest.approx(1.3 / 6)


def test_bins_keep_ties_together_and_are_never_too_small():
    assert bin_starts(np.sort(np.repeat([0.1, 0.5, 0.9], 30)), 9, 20) == [0, 30, 60]
    assert bin_starts(np.arange(30.0), 10, 20) == [0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (([0.1, np.nan], [True, False]), "numbers"),
        (([0.1], [True, False]), "same length"),
        (([0.1], [True], [0.0]), "above 0"),
    ],
)
def test_bad_rows_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        ranked(*rows)
    with pytest.raises(ValueError, match="needs rows"):
        replicate_rows(ranked([], []), lambda drawn: drawn.sum(axis=-1))
