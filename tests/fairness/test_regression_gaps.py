"""The audit regression_gaps: residuals by hand, Welch's interval against scipy, and rows that are no numbers."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rai_audits.core import AuditContext, TaskInfo, UsageError
from rai_audits.fairness.regression_gaps import measure

TASK = TaskInfo((), None, None, None, {"g": ("a", "b", "gone")})


def frame():
    rng = np.random.default_rng(9)
    group = np.repeat(["a", "b"], [30, 50])
    target = rng.normal(100, 10, 80)
    return pd.DataFrame(
        {
            "split": "test",
            "row_id": range(80),
            "group:g": group,
            "target": target,
            "value": target + rng.normal(0, 3, 80) + 5.0 * (group == "b"),
        }
    )


def measured(table):
    return measure(AuditContext(predictions=table, task=TASK, artifacts=None)).measurements


def pick(items, metric, group, reference=None):
    [item] = [i for i in items if (i.metric, i.group, i.reference) == (metric, group, reference)]
    return item


def test_residuals_and_welch():
    table = frame()
    items = measured(table)
    residual = (table["value"] - table["target"]).to_numpy()
    a, b = residual[:30], residual[30:]
    assert pick(items, "mean_residual", "b").value == pytest.approx(b.mean())
    assert pick(items, "mean_absolute_error", "a").value == pytest.approx(np.abs(a).mean())
    assert pick(items, "mean_prediction", "a").value == pytest.approx(table["value"][:30].mean())
    item = pick(items, "mean_residual_difference", "b", "a")
    expected = stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    assert (item.low, item.high) == pytest.approx((expected.low, expected.high))
    assert item.bound("lower", 0.05).value > 0
    assert pick(items, "mean_residual", "gone").status == "not_estimable"
    assert pick(items, "mean_residual_difference", "gone").status == "not_estimable"


def test_an_unbounded_side_and_missing_targets_are_said():
    table = frame()
    table.loc[table["group:g"] == "a", "target"] = np.nan
    items = measured(table)
    assert pick(items, "mean_prediction", "a").status == "ok"
    assert pick(items, "mean_residual", "a").reason == "no rows with a value and a target"
    assert pick(items, "mean_residual_difference", "a", "b").status == "not_estimable"


def test_bad_numbers_name_their_row():
    with pytest.raises(UsageError, match="'value' of the predictions: row 3"):
        measured(frame().assign(value=[1.0] * 3 + [np.inf] + [2.0] * 76))
    with pytest.raises(UsageError, match="no column 'value'"):
        measured(frame().drop(columns="value"))
