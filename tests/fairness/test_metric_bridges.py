"""Fairlearn's MetricFrame and Hugging Face's evaluate, both ways and offline."""

import math

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, UsageError
from rai_audits.fairness.group_rates import measure
from rai_audits.fairness.metric_frame import from_metric_frame, to_frame, to_metric_frame

TASK = TaskInfo(("no", "yes"), "yes", "yes", 0.5, {"g": ("a", "b")})


def context():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "split": "test",
            "label": rng.choice(["no", "yes"], 200),
            "prediction": rng.choice(["no", "yes"], 200),
            "group:g": rng.choice(["a", "b", "unknown"], 200),
        }
    )
    return AuditContext(predictions=frame, task=TASK, artifacts=None)


def test_metric_frame_there_and_back():
    from sklearn.metrics import f1_score, recall_score

    given = context()
    found = to_metric_frame(given, {"true_positive_rate": recall_score, "f1": f1_score}, "g")
    ours = to_frame(measure(given).measurements, "g")
    assert list(found.by_group.index) == ["a", "b"]
    assert ours.loc["a", "true_positive_rate"] == pytest.approx(found.by_group.loc["a", "true_positive_rate"])
    sizes = {group: int(ours.loc[group, "group_size"]) for group in ("a", "b")}
    back = from_metric_frame(found, sizes, attribute="g")
    [item] = [item for item in back if (item.metric, item.group) == ("f1", "b")]
    assert item.value == pytest.approx(found.by_group.loc["b", "f1"])
    assert (item.low, item.bounds) == ("not_estimable", ())


def test_nan_of_a_metric_is_not_estimable():
    found = to_metric_frame(context(), {"broken": lambda _true, _said: math.nan}, "g")
    assert {item.status for item in from_metric_frame(found, {"a": 1, "b": 1}, attribute="g")} == {"not_estimable"}
    with pytest.raises(UsageError, match="no size"):
        from_metric_frame(found, {"a": 1}, attribute="g")
    with pytest.raises(UsageError, match="none of the group attributes"):
        to_metric_frame(context(), {}, "h")


def test_evaluate_metric_is_the_audit():
    from rai_audits.fairness.hf_metric import GroupFairness

    given = context()
    frame = given.predictions
    result = GroupFairness().compute(
        predictions=list(frame["prediction"]), references=list(frame["label"]), groups=list(frame["group:g"]),
        favourable="yes", positive="yes",
    )  # fmt: skip
    [theirs] = [
        item for item in result["measurements"] if (item["metric"], item["group"], item["reference"]) == ("impact_ratio", "a", "b")
    ]  # fmt: skip
    [ours] = [i for i in measure(given).measurements if (i.metric, i.group, i.reference) == ("impact_ratio", "a", "b")]
    assert (theirs["estimate"], theirs["low"]) == (ours.estimate, ours.low)
    with pytest.raises(UsageError, match="one entry for each of the 1 rows"):
        GroupFairness().compute(predictions=["yes"], references=["no"], groups=[])


def test_a_metric_of_ones_own_runs_beside_the_audits():
    from sklearn.metrics import f1_score, matthews_corrcoef

    from rai_audits import fairness

    rows = context().predictions.rename(columns={"group:g": "g"})
    asked = {"label": "label", "prediction": "prediction", "groups": ["g"], "favourable": "yes", "positive": "yes"}
    metrics = {"f1": f1_score, "mcc": matthews_corrcoef}
    found = fairness.audit(rows, **asked, audits=["group_rates"], metrics=metrics)
    [result] = [each for each in found.results if each.audit == "metric_frame"]
    one = rows[rows["g"] == "b"]
    [f1] = [item for item in result.measurements if (item.metric, item.group) == ("f1", "b")]
    assert f1.value == pytest.approx(f1_score(one["label"] == "yes", one["prediction"] == "yes"))
    assert (f1.n, f1.low, f1.bounds) == (len(one), "not_estimable", ())
    assert len(result.measurements) == 4  # two metrics, two known groups

    def broken(_truth, _said, sample_weight=None):
        raise ZeroDivisionError("nobody")

    [failed] = [each for each in fairness.audit(rows, **asked, metrics={"x": broken}).results if each.status == "error"]
    assert "nobody" in failed.reason
    with pytest.raises(UsageError, match="no function of"):
        fairness.audit(rows, **asked, metrics={"f1": 0.5})
