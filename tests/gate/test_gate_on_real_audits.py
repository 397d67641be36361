"""The baseline pack read against what the real audits write: names, splits, bounds and families fit together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, load_audit, run_audit
from rai_tune.gate import Evidence, evaluate, load_policy

AUDITS = ("data_profile", "group_rates")
INPUTS = {"predictions": "p", "model": "m"}


class Sink:
    def put_table(self, name: str, table: pd.DataFrame) -> str:
        return f"{name}-{len(table)}"


def predictions(selected: dict[str, int], rows: int) -> pd.DataFrame:
    """Groups of equal size with a given number of favourable decisions each; labels follow the decisions nine times in ten."""
    frames = []
    for group, count in selected.items():
        chosen = np.arange(rows) < count
        wrong = np.arange(rows) % 10 == 0
        label = np.where(chosen ^ wrong, "no", "yes")
        score = np.where(chosen, 0.2, 0.8)
        frames.append(pd.DataFrame({"label": label, "prediction": np.where(chosen, "no", "yes"), "score": score}))
        frames[-1]["group:race"] = group
    table = pd.concat(frames, ignore_index=True)
    table["row_id"] = [f"r{i}" for i in range(len(table))]
    table["split"] = "test"
    return table.assign(**{"score:yes": table["score"], "score:no": 1 - table["score"]})


def outcomes(
    selected: dict[str, int], rows: int, declared: tuple[str, ...] = ("a", "b"), audits=AUDITS
) -> dict[str, str]:
    task = TaskInfo(classes=("no", "yes"), positive="yes", favourable="no", threshold=0.5, groups={"race": declared})
    test = predictions(selected, rows)
    train = test.assign(split="train", row_id="t" + test["row_id"])
    table = pd.concat([train, test], ignore_index=True)
    texts = table[["row_id", "split"]].assign(text="person " + table["row_id"])
    context = AuditContext(predictions=table, task=task, artifacts=Sink(), rows=texts)
    results = tuple(run_audit(load_audit(name), context, INPUTS) for name in audits)
    seen = Evidence(
        run_id="x-00000000",
        state="completed",
        results=results,
        groups={"race": (*declared, "unknown")},
        model_digest="m",
        predictions_digest="p",
        frozen_policies={},
        test_openings=1,
    )
    return {control.id: control.outcome for control in evaluate(load_policy("baseline"), seen).controls}


@pytest.mark.parametrize(
    ("selected", "rows", "ratio"),
    [
        ({"a": 700, "b": 700}, 1000, "pass"),
        ({"a": 500, "b": 900}, 1000, "fail"),
        ({"a": 35, "b": 38}, 50, "insufficient_evidence"),
    ],
)
def test_group_rates_meet_the_baseline(selected, rows, ratio):
    found = outcomes(selected, rows)
    assert found["BASE-02"] == "pass"
    assert found["BASE-04"] == ratio


def test_equal_true_positive_rates_pass_and_a_declared_absent_group_does_not():
    assert outcomes({"a": 700, "b": 700}, 1000)["BASE-05"] == "pass"
    found = outcomes({"a": 700, "b": 700}, 1000, declared=("a", "b", "c"))
    assert found["BASE-02"] == "insufficient_evidence"
    assert found["BASE-04"] == "insufficient_evidence"
    assert found["BASE-05"] == "insufficient_evidence"


@pytest.mark.slow  # the quality audit imports the evaluate library, which takes seconds
def test_quality_and_overlap_are_read_and_the_missing_explanations_are_missed():
    found = outcomes({"a": 700, "b": 700}, 1000, audits=(*AUDITS, "task_quality"))
    assert (found["BASE-03"], found["BASE-06"]) == ("pass", "pass")
    assert (found["BASE-01"], found["BASE-07"], found["BASE-08"]) == ("insufficient_evidence",) * 3


def test_a_group_of_three_rows_leaves_the_ratio_insufficient():
    found = outcomes({"a": 2, "b": 2}, 3)
    assert (found["BASE-02"], found["BASE-04"]) == ("insufficient_evidence", "insufficient_evidence")
