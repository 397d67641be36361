"""The audit inequality: AIF360's constants, and intervals that do not see a gap where there is none."""

import math

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, UsageError
from rai_audits.fairness.inequality import measure
from rai_audits.stats.inequality import smoothed_epsilon

TASK = TaskInfo(classes=("0", "1"), positive="1", favourable="1", threshold=0.5, groups={"feat": ("0", "1", "2")})


def output_of(feat, label, pred, task=TASK, **more):
    frame = pd.DataFrame({"split": "test", "label": label, "prediction": pred, "group:feat": feat}).astype(str)
    options = {"min_group_rows": 1}
    return measure(AuditContext(predictions=frame, task=task, artifacts=None, options=options, **more))


def pick(output, metric):
    [item] = [item for item in output.measurements if item.metric == metric]
    return item


# AIF360 tests/test_classification_metric.py: test_generalized_entropy_index, test_theil_index, test_between_all_groups.
FEAT = [0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
LABEL = [1, 0, 0, 1, 0, 0, 1, 0, 1, 1]
FIRST = [1, 0, 0, 0, 1, 1, 1, 0, 1, 0]
SECOND = [0, 1, 1, 0, 0, 0, 0, 1, 1, 1]


def test_indices_are_those_of_aif360():
    output = output_of(FEAT, LABEL, FIRST)
    assert pick(output, "generalized_entropy_index").value == pytest.approx(0.2)
    assert pick(output, "theil_index").value == pytest.approx(4 * math.log(2) / 10)
    means = np.array([1, 1, 1.25, 1.25, 1.25, 1.25, 0.75, 0.75, 0.75, 0.75])
    assert pick(output, "between_group_generalized_entropy_index").value == pytest.approx(np.sum(means**2 - 1) / 20)
    assert pick(output_of(FEAT, LABEL, SECOND), "generalized_entropy_index").value == pytest.approx(0.3)


def test_epsilon_by_hand_takes_the_worse_of_both_outcomes():
    # (9.5 / 11) and (1.5 / 11): log of both outcomes; the same by symmetry.
    assert smoothed_epsilon([9, 1], [10, 10]) == pytest.approx(math.log(9.5 / 1.5))
    # Rates 0.95 and 0.99: the favourable ratio is small, that of denials is near 5.
    assert smoothed_epsilon([950, 990], [1000, 1000]) == pytest.approx(math.log((50.5 / 1001) / (10.5 / 1001)))


def test_equal_groups_keep_zero_in_the_interval():
    rng = np.random.default_rng(11)
    excluded = {"between_group_generalized_entropy_index": 0, "differential_fairness_epsilon": 0}
    for _ in range(40):
        feat = np.repeat([0, 1, 2], 150)
        label, pred = rng.integers(0, 2, 450), rng.integers(0, 2, 450)
        output = output_of(feat, label, pred)
        for metric in excluded:
            excluded[metric] += pick(output, metric).low > 0
    assert max(excluded.values()) <= 3, excluded


def test_a_real_gap_is_seen_and_lies_in_its_interval():
    feat = np.repeat([0, 1, 2], 400)
    rng = np.random.default_rng(4)
    pred = (rng.uniform(size=1200) < np.array([0.2, 0.5, 0.8])[feat]).astype(int)
    item = pick(output_of(feat, np.ones(1200, int), pred), "differential_fairness_epsilon")
    assert 0 < item.low < math.log(4) < item.high
    assert item.bounds == ()


def test_what_has_no_number():
    alone = output_of([0] * 4, [1, 1, 0, 0], [0, 1, 0, 1])
    assert pick(alone, "differential_fairness_epsilon").status == "not_estimable"
    assert pick(alone, "generalized_entropy_index").status == "ok"
    nothing = output_of([0, 1, 2], [1, 1, 1], [0, 0, 0])
    assert pick(nothing, "theil_index").reason == "no row has any benefit"
    assert pick(output_of(FEAT, LABEL, LABEL), "generalized_entropy_index").high > 0
    with pytest.raises(UsageError, match="favourable"):
        output_of(FEAT, LABEL, FIRST, TaskInfo(("0", "1"), "1", None, None, {"feat": ()}))
