"""The calibration audit: planted miscalibration is measured, and its bounds hold."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, UsageError, load_audit
from rai_audits.robustness.reliability import reliability
from rai_audits.stats.rates import wilson


class Sink:
    def __init__(self):
        self.tables = {}

    def put_table(self, name, table):
        self.tables[name] = table
        return f"digest-of-{name}"


def context(scores, happened, **more):
    predictions = pd.DataFrame(
        {
            "row_id": [f"r{place}" for place in range(len(scores))],
            "split": "test",
            "label": np.where(happened, "yes", "no"),
            "prediction": np.where(np.asarray(scores) >= 0.5, "yes", "no"),
            "score": scores,
        }
    )
    task = TaskInfo(classes=("no", "yes"), positive="yes", favourable="no", threshold=0.5, groups={})
    return AuditContext(predictions=predictions, task=task, artifacts=Sink(), **more)


def measure(case):
    return {item.metric: item for item in load_audit("calibration").run(case).measurements}


def test_ten_bins_by_hand():
    scores = np.repeat(np.arange(10) / 10 + 0.05, 40)
    happened = np.tile(np.arange(40) < 20, 10)
    found = measure(context(scores, happened))
    assert found["calibration_in_the_large"].value == pytest.approx(0.0)
    assert found["maximum_calibration_error"].value == pytest.approx(0.45)
    output = load_audit("calibration").run(context(scores, happened))
    assert output.facts["plug_in_expected_calibration_error"] == pytest.approx(0.25)
    assert output.facts["bins"] == 10
    assert found["expected_calibration_error"].value < 0.25


def test_in_the_large_is_the_mean_score_minus_wilson():
    scores, happened = np.full(100, 0.6), np.arange(100) < 40
    item = measure(context(scores, happened, alphas=(0.05, 0.01)))["calibration_in_the_large"]
    assert item.value == pytest.approx(0.2)
    assert item.low == pytest.approx(0.6 - float(wilson(40, 100).high))
    assert item.bound("upper", 0.01).value == pytest.approx(0.6 - float(wilson(40, 100, alpha=0.01, side="lower").low))


@pytest.mark.parametrize("bent", [False, True])
def test_bounds_of_the_error_hold(bent):
    """200 samples of 600 rows: each one-sided 5 % bound of the binned error misses in 5 % + 3 standard errors at most."""
    draw = np.random.default_rng(11)
    missed = {"lower": 0, "upper": 0, "worst_lower": 0, "worst_upper": 0}
    gap_seen = []
    for _ in range(200):
        score = draw.beta(2, 3, size=600)
        chance = np.clip(score + 0.12 * np.sin(7 * score), 0, 1) if bent else score
        happened = draw.random(600) < chance
        table = reliability(score, happened, 10)
        truth = reliability_truth(score, chance, table)
        error, worst = float((table.share * truth).sum()), float(truth.max())
        missed["lower"] += table.error_ends(0.05, "lower").low > error + 1e-12
        missed["upper"] += table.error_ends(0.05, "upper").high < error - 1e-12
        missed["worst_lower"] += table.largest_gap_ends(0.05, "lower").low > worst + 1e-12
        missed["worst_upper"] += table.largest_gap_ends(0.05, "upper").high < worst - 1e-12
        gap_seen.append((table.debiased_error() - error, table.error() - error))
    assert max(missed.values()) <= 200 * 0.05 + 3 * np.sqrt(200 * 0.05 * 0.95), missed
    debiased, plug_in = np.mean(gap_seen, axis=0)
    assert abs(debiased) < abs(plug_in)


def reliability_truth(score, chance, table):
    """True absolute gap of each bin, by the rows that fell in it."""
    order = np.argsort(score, kind="stable")
    starts = np.concatenate([[0], np.cumsum(table.rows)[:-1]]).astype(int)
    return np.abs(np.add.reduceat((score - chance)[order], starts) / table.rows)


def test_equal_scores_stay_together_and_order_does_not_matter():
    draw = np.random.default_rng(2)
    score = np.round(draw.random(300), 1)
    happened = draw.random(300) < score
    table = reliability(score, happened, 15)
    mixed = draw.permutation(300)
    again = reliability(score[mixed], happened[mixed], 15)
    assert np.array_equal(table.mean_score, again.mean_score)
    assert np.array_equal(table.happened, again.happened)
    assert table.rows.min() >= 20
    assert table.rows.sum() == 300


def test_few_rows_and_no_scores_are_gaps():
    found = measure(context(np.full(5, 0.5), np.arange(5) < 2))
    assert {item.status for item in found.values()} == {"not_estimable"}
    full = context(np.full(50, 0.5), np.arange(50) < 2)
    case = replace(full, predictions=full.predictions.drop(columns="score"))
    assert "no scores" in measure(case)["expected_calibration_error"].reason


def test_a_score_that_is_no_probability_names_its_row():
    scores = np.full(50, 0.5)
    scores[7] = 1.5
    with pytest.raises(UsageError, match="r7"):
        measure(context(scores, np.arange(50) < 2))
    with pytest.raises(UsageError, match="calibration_bins"):
        measure(context(np.full(50, 0.5), np.arange(50) < 2, options={"calibration_bins": 0}))


def test_three_classes_speak_of_the_decided_one():
    rows = 90
    table = pd.DataFrame(
        {
            "row_id": range(rows),
            "split": "test",
            "label": ["a", "b", "c"] * 30,
            "prediction": "a",
            "score:a": 0.5,
            "score:b": 0.25,
            "score:c": 0.25,
        }
    )
    task = TaskInfo(classes=("a", "b", "c"), positive=None, favourable=None, threshold=None, groups={})
    found = measure(AuditContext(predictions=table, task=task, artifacts=Sink()))
    assert found["calibration_in_the_large"].value == pytest.approx(0.5 - 1 / 3)
