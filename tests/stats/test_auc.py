"""AUC: estimate and DeLong variance from first principles, weights, ends of the range, coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from rai_audits.stats.auc import auc, auc_interval


def by_definition(pos, neg):
    """Kernel matrix of DeLong, DeLong and Clarke-Pearson (1988), written out."""
    kernel = (np.asarray(pos)[:, None] > np.asarray(neg)[None, :]) + 0.5 * (
        np.asarray(pos)[:, None] == np.asarray(neg)[None, :]
    )
    variance = kernel.mean(axis=1).var(ddof=1) / len(pos) + kernel.mean(axis=0).var(ddof=1) / len(neg)
    return kernel.mean(), variance


scores = st.lists(st.integers(0, 12), min_size=2, max_size=30)


@settings(deadline=None, max_examples=60)
@given(scores, scores)
def test_estimate_and_variance_are_those_of_the_definition(pos, neg):
    estimate, variance = by_definition(pos, neg)
    found = auc(pos, neg)
    assert found.estimate == pytest.approx(estimate, abs=1e-12)
    assert found.variance == pytest.approx(variance, abs=1e-12)
    interval = auc_interval(found)
    assert 0.0 <= float(interval.low) <= found.estimate <= float(interval.high) <= 1.0


def test_weights_match_scikit_learn_and_whole_weights_match_repeated_rows():
    rng = np.random.default_rng(0)
    pos, neg = rng.normal(0.7, 1, 80).round(1), rng.normal(0, 1, 120).round(1)
    wp, wn = rng.integers(1, 5, 80), rng.integers(1, 5, 120)
    found = auc(pos, neg, positive_weights=wp, negative_weights=wn)
    expected = roc_auc_score([1] * 80 + [0] * 120, [*pos, *neg], sample_weight=[*wp, *wn])
    assert found.estimate == pytest.approx(expected, abs=1e-12)
    assert found.estimate == pytest.approx(auc(np.repeat(pos, wp), np.repeat(neg, wn)).estimate, abs=1e-12)
    assert found.effective_pos == pytest.approx(wp.sum() ** 2 / (wp**2).sum())
    assert found.variance > auc(np.repeat(pos, wp), np.repeat(neg, wn)).variance


def test_equal_weights_change_nothing():
    pos, neg = [0.9, 0.4, 0.7], [0.1, 0.5, 0.4, 0.2]
    plain, weighted = auc(pos, neg), auc(pos, neg, positive_weights=[3] * 3, negative_weights=[0.5] * 4)
    assert weighted.estimate == pytest.approx(plain.estimate)
    assert weighted.variance == pytest.approx(plain.variance)


def test_one_class_absent_is_undefined():
    found = auc([], [0.3, 0.2])
    assert math.isnan(found.estimate)
    assert (found.n_pos, found.n_neg) == (0, 2)
    interval = auc_interval(found)
    assert (float(interval.low), float(interval.high)) == (0.0, 1.0)


def test_perfect_separation_still_has_a_lower_bound_below_one():
    found = auc([0.8, 0.9, 0.95], [0.1, 0.2, 0.3, 0.4])
    assert found.estimate == 1.0
    interval = auc_interval(found)
    assert 0.3 < float(interval.low) < 0.8
    assert float(interval.high) == 1.0
    mirrored = auc_interval(auc([0.1, 0.2, 0.3], [0.8, 0.9, 0.95, 0.99]))
    assert float(mirrored.high) == pytest.approx(1 - float(interval.low), abs=1e-9)


def test_a_single_positive_gives_a_wide_interval_not_an_error():
    interval = auc_interval(auc([0.5], [0.1, 0.2, 0.6, 0.7]))
    assert float(interval.low) < 0.12
    assert float(interval.high) > 0.88


def test_one_sided_bound_is_one_end_at_twice_the_error():
    found = auc([0.9, 0.4, 0.7], [0.1, 0.5, 0.4, 0.2])
    lower = auc_interval(found, alpha=0.05, side="lower")
    assert float(lower.low) == float(auc_interval(found, alpha=0.1).low)
    assert float(lower.high) == 1.0
    assert float(auc_interval(found, alpha=0.05, side="upper").high) == float(auc_interval(found, alpha=0.1).high)


def test_coverage_at_auc_76_percent():
    rng = np.random.default_rng(11)
    truth = 0.5 * (1 + math.erf(1 / 2))  # two normals one standard deviation apart
    hits = 0
    for _ in range(600):
        interval = auc_interval(auc(rng.normal(1, 1, 25), rng.normal(0, 1, 60)))
        hits += float(interval.low) <= truth <= float(interval.high)
    assert hits / 600 >= 0.92


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="numbers"):
        auc([float("nan")], [0.1])
    with pytest.raises(ValueError, match="above 0"):
        auc([0.2], [0.1], positive_weights=[0.0])
    with pytest.raises(ValueError, match="same length"):
        auc([0.2], [0.1], negative_weights=[1.0, 2.0])
