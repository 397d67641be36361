"""The audit score_fairness: against the values of Borkan et al.'s own test, by hand, and where there is no number."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rai_audits.core import AuditContext, TaskInfo, UsageError
from rai_audits.fairness.score_fairness import measure
from rai_audits.stats.means import difference_ends, mean_ends, mean_of

TASK = TaskInfo(classes=("0", "1"), positive="1", favourable=None, threshold=0.5, groups={"who": ("in", "out")})


def context(frame, **more):
    return AuditContext(predictions=frame, task=TASK, artifacts=None, **{"options": {"min_group_rows": 1}, **more})


def biased():
    """Data of conversationai/unintended-ml-bias-analysis, model_bias_analysis_test.py, make_biased_dataset."""
    parts = [
        ("0", "out", [0.1, 0.2, 0.3]),
        ("0", "in", [0.21, 0.31, 0.55]),
        ("1", "out", [0.5, 0.8, 0.9]),
        ("1", "in", [0.4, 0.6, 0.71]),
    ]
    rows = [{"label": label, "group:who": who, "score": score} for label, who, scores in parts for score in scores]
    return pd.DataFrame(rows).assign(split="test", row_id=range(12))


def pick(output, metric, group, reference=None):
    [item] = [i for i in output.measurements if (i.metric, i.group, i.reference) == (metric, group, reference)]
    return item


def test_areas_are_those_of_the_published_test():
    output = measure(context(biased()))
    # The published test asserts 0.88, 0.88 and 1.0 to one place; by hand they are 8/9, 8/9 and 1.
    assert pick(output, "subgroup_auc", "in").value == pytest.approx(8 / 9)
    assert pick(output, "bpsn_auc", "in").value == pytest.approx(8 / 9)
    full = pick(output, "bnsp_auc", "in")
    assert full.value == 1.0
    assert full.low < 0.9 and full.high == 1.0
    assert pick(output, "subgroup_auc_difference", "in", "out").value == pytest.approx(8 / 9 - 1)


def test_brier_and_calibration_in_the_large_by_hand():
    output = measure(context(biased()))
    inside = np.array([0.21, 0.31, 0.55, 0.4 - 1, 0.6 - 1, 0.71 - 1])
    brier = pick(output, "brier_score", "in")
    assert brier.value == pytest.approx((inside**2).mean())
    low, high = stats.t.interval(0.95, 5, (inside**2).mean(), stats.sem(inside**2))
    assert (brier.low, brier.high) == pytest.approx((max(low, 0), high))
    large = pick(output, "calibration_in_the_large", "in")
    assert large.value == pytest.approx(inside.mean())
    assert (large.n, large.n_pos, large.n_neg) == (6, 3, 3)
    assert pick(output, "expected_calibration_error", "in").status == "not_estimable"


def test_missing_class_and_vanished_group_have_no_number():
    frame = biased()
    frame = frame[(frame["group:who"] == "out") | (frame["label"] == "0")]
    output = measure(context(frame))
    assert pick(output, "subgroup_auc", "in").reason == "no positives for the area within the group"
    assert pick(output, "bpsn_auc", "in").status == "ok"
    assert pick(output, "subgroup_auc_difference", "in", "out").status == "not_estimable"
    gone = measure(context(frame[frame["group:who"] == "out"]))
    assert pick(gone, "brier_score", "in").status == "not_estimable"
    assert pick(gone, "brier_score_difference", "in").status == "not_estimable"


def test_welch_agrees_with_scipy_and_constant_values_keep_a_width():
    rng = np.random.default_rng(3)
    one, two = rng.normal(size=12), rng.normal(1, 3, size=30)
    found = difference_ends(mean_of(one), mean_of(two), 0.05, "two-sided")
    expected = stats.ttest_ind(one, two, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    certain = mean_ends(mean_of([0.0] * 50, width=1.0), 0.05, "upper")
    assert certain.high == pytest.approx(np.sqrt(np.log(20) / 100))
    with pytest.raises(ValueError, match="do not vary"):
        mean_ends(mean_of([2.0, 2.0]), 0.05, "upper")


def test_calibration_bounds_see_a_group_that_is_miscalibrated():
    rng = np.random.default_rng(8)
    score = rng.uniform(0.2, 0.7, 1200)
    who = np.repeat(["in", "out"], 600)
    label = rng.uniform(size=1200) < score + np.where(who == "in", 0.25, 0.0)
    frame = pd.DataFrame({"label": label.astype(int).astype(str), "score": score, "group:who": who, "split": "test"})
    output = measure(context(frame))
    assert pick(output, "expected_calibration_error", "in").low > 0.1
    assert pick(output, "expected_calibration_error", "out").low == 0.0
    gap = pick(output, "calibration_in_the_large_difference", "in", "out")
    assert gap.low < -0.25 < gap.high
    assert gap.bound("upper", 0.05).value < 0
    assert gap.bound("upper", 0.05, "holm").family == 2


def test_bad_input_is_named():
    with pytest.raises(UsageError, match="score of row 2 is"):
        measure(context(biased().assign(score=[0.1, 0.2, 1.5] + [0.1] * 9)))
    with pytest.raises(UsageError, match="'calibration_bins'"):
        measure(context(biased(), options={"calibration_bins": 1}))
    with pytest.raises(UsageError, match="two classes"):
        measure(replace(context(biased()), task=replace(TASK, positive=None)))
