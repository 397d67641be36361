"""Ratios and differences under the names that Fairlearn gives them, and the pair differences of PPV and accuracy."""

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo
from rai_audits.fairness.group_rates import measure
from rai_audits.fairness.spread import ratio_spread
from rai_audits.fairness.tallies import Tally

TASK = TaskInfo(classes=("0", "1"), positive="1", favourable="1", threshold=0.5, groups={"g": ("a", "b", "c")})


def table(seed=5, rows=600):
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c"], size=rows)
    label = rng.integers(0, 2, rows)
    pred = (rng.uniform(size=rows) < 0.3 + 0.3 * label + 0.1 * (group == "b")).astype(int)
    return pd.DataFrame({"split": "test", "label": label, "prediction": pred, "group:g": group}).astype(str)


def measured(frame):
    return measure(AuditContext(predictions=frame, task=TASK, artifacts=None)).measurements


def only(items, metric, group=None, reference=None):
    [item] = [item for item in items if (item.metric, item.group, item.reference) == (metric, group, reference)]
    return item


def test_spreads_are_fairlearns():
    from fairlearn import metrics

    frame = table()
    items = measured(frame)
    given = (frame["label"].astype(int), frame["prediction"].astype(int))
    for name in ("demographic_parity_ratio", "equalized_odds_ratio", "equal_opportunity_difference"):
        item = only(items, name)
        assert item.value == pytest.approx(getattr(metrics, name)(*given, sensitive_features=frame["group:g"]))
        assert item.low <= item.value <= item.high
        assert item.bounds == ()


def test_predictive_parity_and_accuracy_equality_are_pair_differences():
    frame = table()
    items = measured(frame)
    right = frame["label"] == frame["prediction"]
    accuracy = right.groupby(frame["group:g"]).mean()
    precision = right[frame["prediction"] == "1"].groupby(frame["group:g"]).mean()
    for metric, rate in (("accuracy_difference", accuracy), ("positive_predictive_value_difference", precision)):
        item = only(items, metric, "a", "c")
        assert item.value == pytest.approx(rate["a"] - rate["c"])
        assert item.bound("lower", 0.05, "holm").family == 6


def test_ratio_interval_holds_one_in_equality_and_the_truth_in_a_gap():
    rng = np.random.default_rng(21)
    trials = np.array([120, 300, 80, 200])
    for rates, limit in (([0.5, 0.5, 0.5, 0.5], 0.975), ([0.3, 0.6, 0.5, 0.5], 0.95)):
        truth, held = min(rates) / max(rates), 0
        for _ in range(80):
            k = rng.binomial(trials, rates)
            tally = Tally("selection_rate", "rows", k, trials, k.astype(float), trials.astype(float))
            found = ratio_spread([tally], 0.95)
            held += found.low <= truth <= found.high
        assert held >= 80 * limit - 3 * np.sqrt(80 * limit * (1 - limit))


def test_no_favourable_outcome_anywhere_has_no_ratio():
    items = measured(table().assign(prediction="0"))
    assert only(items, "demographic_parity_ratio").reason == "selection_rate is 0 in every group"
    assert only(items, "demographic_parity_difference").value == 0.0
