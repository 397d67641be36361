"""Two sets of decisions about the same rows: measured changes, flips, refusals, and the command that shows them."""

from __future__ import annotations

import json
import sys

import pandas as pd
import pytest

from rai_audits.core import TaskInfo, UsageError
from rai_audits.fairness.compared import compare
from rai_audits.stats.paired import PairedCounts, tango

TASK = TaskInfo(("no", "yes"), "yes", "no", 0.5, {"sex": ("f", "m")})


def table(predictions: list[str], scores: list[float] | None = None) -> pd.DataFrame:
    """Forty rows: f and m in turn, every fourth labelled yes."""
    count = len(predictions)
    return pd.DataFrame(
        {
            "row_id": [f"r{place:02}" for place in range(count)],
            "split": "test",
            "label": ["yes" if place % 4 < 2 else "no" for place in range(count)],
            "prediction": predictions,
            "score": scores or [0.9 if word == "yes" else 0.1 for word in predictions],
            "group:sex": ["f" if place % 2 == 0 else "m" for place in range(count)],
        }
    )


BEFORE = table(["no"] * 40)
# Six women and no man lose the favourable outcome; four of the six are labelled yes.
AFTER = table(["yes" if place in {0, 4, 8, 12, 2, 6} else "no" for place in range(40)])


def found(metric: str, **where: str):
    result = compare(BEFORE, AFTER, TASK)
    (item,) = [
        each
        for each in result.measurements
        if each.metric == metric and (each.group, each.reference) == (where.get("group"), where.get("reference"))
    ]
    return item


def test_changes_are_second_minus_first_with_tangos_interval() -> None:
    item = found("selection_rate_change", group="f")
    want = tango(PairedCounts(14, 6, 0, 0))
    assert item.estimate == pytest.approx(-0.3)
    assert (item.low, item.high) == (pytest.approx(float(want.low)), pytest.approx(float(want.high)))
    assert (item.n, item.n_pos, item.n_neg) == (20, 0, 6)
    assert found("selection_rate_change", group="m").estimate == 0.0
    # Four right and two wrong new denials.
    assert found("accuracy_change").estimate == pytest.approx(2 / 40)
    assert found("true_positive_rate_change", group="f").estimate == pytest.approx(0.4)


def test_a_gap_changes_by_the_difference_of_differences() -> None:
    item = found("selection_rate_gap_change", group="f", reference="m")
    assert item.estimate == pytest.approx(-0.3)
    assert item.low < -0.3 < item.high < 0


def test_flips_count_who_gains_and_who_loses() -> None:
    every, women, men = compare(BEFORE, AFTER, TASK).flips
    assert (every.n, women.gained, women.lost, men.lost) == (40, 0, 6, 0)
    assert women.p_value == pytest.approx(2 * 0.5**6 - 0.5**6)
    assert men.p_value == 1.0


def test_the_same_decisions_change_nothing_and_still_have_an_interval() -> None:
    for item in compare(AFTER, AFTER, TASK).measurements:
        if item.status == "ok" and item.metric != "roc_auc_change":
            assert item.estimate == 0.0
            assert item.low < 0 < item.high


def test_small_and_empty_groups_are_gaps_not_numbers() -> None:
    task = TaskInfo(TASK.classes, "yes", "no", 0.5, {"sex": ("f", "m", "x")})
    items = compare(BEFORE, AFTER, task, min_group_rows=21).measurements
    assert {item.status for item in items if item.metric.endswith("_gap_change")} == {"not_estimable"}
    (absent,) = [item for item in items if item.group == "x" and item.metric == "selection_rate_change"]
    assert absent.estimate == "not_estimable"


def test_other_rows_or_labels_are_refused() -> None:
    with pytest.raises(UsageError, match="same rows"):
        compare(BEFORE.iloc[1:], AFTER, TASK)
    with pytest.raises(UsageError, match=r"1 rows carry another label.*'r03'"):
        compare(BEFORE.assign(label=[*BEFORE["label"][:3], "yes", *BEFORE["label"][4:]]), AFTER, TASK)


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """The command line over a real workspace that holds these tables as runs; returns (code, stdout, stderr)."""
    from rai_tune.cli import main
    from rai_tune.recipe import parse_recipe
    from rai_tune.workspace import Workspace

    store = Workspace.open(tmp_path / "ws")
    given = {
        "name": "t",
        "purpose": "A test.",
        "data": {
            "source": {"path": "x.csv"},
            "text": "t",
            "label": "l",
            "groups": [{"column": "sex"}],
            "positive": "yes",
            "favourable": "no",
        },
        "model": {"base": "minilm"},
    }
    recipe = parse_recipe(given, "test", tmp_path).recipe.model_dump(mode="json")
    facts = {"classes": ["no", "yes"], "positive": "yes", "favourable": "no", "groups": {"sex": ["f", "m"]}}

    def add(rows: pd.DataFrame | None, **other) -> str:
        run = store.create_run(name="t", recipe=recipe, recipe_digest="0" * 64, policies={})
        store.attach(run.id, "data", store.put_json(facts | other), "application/json")
        if rows is not None:
            store.attach(run.id, "predictions", store.put_table(rows), "application/vnd.apache.parquet")
        return run.id

    def run(*arguments: str):
        monkeypatch.setattr(sys, "argv", ["raitune", "compare", *arguments, "--workspace", str(tmp_path / "ws")])
        code = main._guarded()
        return (code, *capsys.readouterr())

    run.add = add
    return run


def test_the_command_says_who_loses(call) -> None:
    new, old = call.add(AFTER), call.add(BEFORE)
    code, out, _ = call(new, old)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "40 test rows in both" in out
    (women,) = [line.split() for line in out.splitlines() if line.strip().startswith("f (sex)")]
    assert women[2:5] == ["20", "0", "6"]
    code, out, _ = call(new, old, "--json")
    body = json.loads(out)
    assert (code, body["schema"], body["rows"]["common"]) == (0, "rai-tune/comparison/v1", 40)
    assert all(
        {"audit", "metric", "estimate", "low", "high", "confidence", "method", "n", "status"} <= set(item)
        for item in body["measurements"]
    )


def test_partial_overlap_is_said_and_none_is_refused(call) -> None:
    new, old = call.add(AFTER), call.add(BEFORE.iloc[5:])
    code, out, _ = call(new, old)
    assert code == 0 and "35 test rows in both; 5 only in the candidate's" in out
    code, _, err = call(new, call.add(BEFORE.assign(row_id=[f"z{place}" for place in range(40)])))
    assert code == 2 and "share no test row: 40 rows" in err
    code, _, err = call(new, call.add(BEFORE, favourable="yes"))
    assert code == 2 and "favourable" in err
    code, _, err = call(new, call.add(None))
    assert code == 2 and "no predictions" in err
    code, _, err = call(new, new)
    assert code == 2 and "two different runs" in err


def test_a_small_group_stays_hidden(call) -> None:
    small = ["x" if place in {0, 4, 8} else "f" if place % 2 == 0 else "m" for place in range(40)]
    new = call.add(AFTER.assign(**{"group:sex": small}), groups={"sex": ["f", "m", "x"]})
    old = call.add(BEFORE.assign(**{"group:sex": small}), groups={"sex": ["f", "m", "x"]})
    code, out, _ = call(new, old, "--json")
    body = json.loads(out)
    assert code == 0
    assert {item["status"] for item in body["measurements"] if item.get("group") == "x"} <= {"suppressed"}
    assert all(flip["group"] != "x" for flip in body["flips"])
