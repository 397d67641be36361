"""A run with mitigation and its plain twin: trained beside it, taken from a run that exists, or the same model without its thresholds."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from rai_tune import pipeline
from rai_tune.recipe import load_recipe
from rai_tune.reporting.stored import stored_results, stored_table
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from rai_tune.core import Measurement

pytestmark = pytest.mark.slow

SETS = ["audits.include=[group_rates]", "training.epochs=1", "policies=[baseline]"]
REWEIGH = "mitigation.method=reweigh"
_GAPS = ("equalized_odds_difference", "demographic_parity_difference")
SHOWN = {
    name
    for metric in ("roc_auc", "balanced_accuracy", "accuracy", "selection_rate", *_GAPS)
    for name in (metric, f"after_{metric}", f"{metric}_change")
}
"""Measures of everybody that stand in the table of before and after, without the ``before_`` that some begin with."""


def plan_of(project, *more: str):
    return pipeline.plan(load_recipe(project / "recipe.yaml", [*SETS, *more]))


def run(project, workspace, *more: str, told: list | None = None) -> str:
    def progress(what, _done, _total):
        if told is not None:
            told.append(what)

    return pipeline.start(plan_of(project, *more), workspace, progress).run_id


def before_of(workspace, run_id):
    return workspace.read_json(workspace.artifacts(run_id)["before"].digest)


def result_of(workspace, run_id, audit="mitigation_effect"):
    return {result.audit: result for result in stored_results(workspace, run_id)}[audit]


def scores(table):
    return table[table["split"] == "test"][["row_id", "label", "prediction", "score"]].reset_index(drop=True)


@pytest.fixture
def workspace(tmp_path):
    with Workspace.open(tmp_path / "w") as opened:
        yield opened


def test_the_twin_is_the_plain_recipe_bit_for_bit_and_later_runs_take_it_over(project, tmp_path):
    told: list[str] = []
    with Workspace.open(tmp_path / "one") as one, Workspace.open(tmp_path / "two") as two:
        mitigated = run(project, one, REWEIGH, told=told)
        plain = run(project, two)
        twin = stored_table(one, mitigated, "before_predictions")
        assert set(twin["split"]) == {"test"}
        pd.testing.assert_frame_equal(scores(twin), scores(stored_table(two, plain, "predictions")), check_exact=True)
        found = before_of(one, mitigated)
        assert (found["source"], found["status"]) == ("trained", "ok")
        assert found["model_digest"] == two.run(plain).model_digest
        assert found["recipe_digest"] == two.run(plain).recipe_digest
        assert found["cpu_s"] > 0
        assert "training without mitigation" in told
        assert not (one.run_dir(mitigated) / "without_mitigation").exists()

        other = run(project, one, "mitigation.method=balance", told=told[:0])
        again = before_of(one, other)
        assert (again["source"], again["run"], again["cpu_s"]) == ("other_run", mitigated, found["cpu_s"])
        assert (
            one.artifacts(other)["before_predictions"].digest == one.artifacts(mitigated)["before_predictions"].digest
        )

        reused = run(project, two, REWEIGH)
        taken = before_of(two, reused)
        assert (taken["source"], taken["run"]) == ("other_run", plain)
        assert result_of(two, reused).measurements == result_of(one, mitigated).measurements


def test_the_audit_of_before_and_after_is_evidence_and_adds_up(project, workspace):
    mitigated = run(project, workspace, REWEIGH)
    result = result_of(workspace, mitigated)
    assert result.status == "ok", result.reason
    assert result.artifacts["before_predictions"] == workspace.artifacts(mitigated)["before_predictions"].digest
    after = scores(stored_table(workspace, mitigated, "predictions"))
    before = scores(stored_table(workspace, mitigated, "before_predictions"))
    by_metric = {item.metric: item for item in result.measurements if item.attribute is None}
    right = [(table["prediction"] == table["label"]).mean() for table in (before, after)]
    assert by_metric["before_accuracy"].estimate == pytest.approx(right[0])
    assert by_metric["after_accuracy"].estimate == pytest.approx(right[1])
    assert by_metric["accuracy_change"].estimate == pytest.approx(right[1] - right[0])
    rates = result_of(workspace, mitigated, "group_rates")
    spreads = {
        item.metric: item.estimate for item in rates.measurements if item.attribute == "race" and item.group is None
    }
    own = {item.metric: item for item in result.measurements if item.attribute == "race" and item.group is None}
    for name in ("demographic_parity_difference", "equalized_odds_difference"):
        assert own[f"after_{name}"].estimate == pytest.approx(spreads[name])
        change = own[f"after_{name}"].estimate - own[f"before_{name}"].estimate
        assert own[f"{name}_change"].estimate == pytest.approx(change)
        assert own[f"{name}_change"].low <= change <= own[f"{name}_change"].high


def test_thresholds_by_group_are_compared_with_the_same_model_and_nothing_is_trained_twice(project, workspace):
    told: list[str] = []
    mitigated = run(project, workspace, "mitigation.method=threshold", told=told)
    assert before_of(workspace, mitigated)["source"] == "same_model"
    assert "training without mitigation" not in told
    after = stored_table(workspace, mitigated, "predictions")
    before = stored_table(workspace, mitigated, "before_predictions")
    threshold = workspace.read_json(workspace.artifacts(mitigated)["training"].digest)["threshold"]["value"]
    assert before["score"].tolist() == after[after["split"] == "test"]["score"].tolist()
    assert before["prediction"].tolist() == [
        "denied" if score >= threshold else "approved" for score in before["score"]
    ]
    assert "cutoff" in after
    assert "cutoff" not in before
    assert result_of(workspace, mitigated).status == "ok"


def test_a_run_without_mitigation_has_no_before(project, workspace):
    plain = run(project, workspace)
    assert "before" not in workspace.artifacts(plain)
    assert {result.audit for result in stored_results(workspace, plain)} == {"group_rates"}
    pipeline.reaudit(plain, workspace, "fairness", lambda *_: None)
    assert "mitigation_effect" not in {result.audit for result in stored_results(workspace, plain)}


def test_a_twin_that_diverges_leaves_the_run_whole_and_its_audit_without_a_before(project, workspace, monkeypatch):
    from rai_tune import without_mitigation
    from rai_tune.core import DivergedError

    def diverge(*_given, **_named):
        raise DivergedError("the loss is nan at step 3")

    monkeypatch.setattr(without_mitigation, "fit", diverge)
    mitigated = run(project, workspace, REWEIGH)
    assert workspace.run(mitigated).state == "completed"
    assert before_of(workspace, mitigated)["status"] == "diverged"
    result = result_of(workspace, mitigated)
    assert result.status == "error"
    assert "the loss is nan at step 3" in result.reason
    assert result_of(workspace, mitigated, "group_rates").status == "ok"


KILLED = """
import json, os, signal, sys
from pathlib import Path

import peft, rai_tune.training.hf  # once, for both processes that are killed

from rai_tune import pipeline
from rai_tune.recipe import load_recipe
from rai_tune.workspace import Workspace

recipe, folder, kills, *sets = sys.argv[1:]


def begin(wanted, at):
    def progress(what, done, total):
        if what == wanted and done >= at:
            os.kill(os.getpid(), signal.SIGKILL)

    workspace = Workspace.open(Path(folder))
    runs = workspace.runs()
    if runs:
        pipeline.resume(runs[0].id, workspace, progress)
    else:
        pipeline.start(pipeline.plan(load_recipe(Path(recipe), sets)), workspace, progress)


ends = []
for wanted, at in json.loads(kills):
    child = os.fork()
    if not child:
        try:
            begin(wanted, at)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with Workspace.open(Path(folder)) as workspace:
        ends.append([code, workspace.runs()[0].state])
print(json.dumps(ends))
"""


def killed(project, folder, kills: list[tuple[str, int]], sets: list[str]) -> list[list]:
    """Kill one run at each place of ``kills``, going on in between; how each process ended and the state that it left."""
    command = [sys.executable, "-c", KILLED, str(project / "recipe.yaml"), str(folder), json.dumps(kills), *sets]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_a_run_killed_at_its_twin_twice_goes_on_to_the_same_bytes(project, tmp_path):
    sets = [REWEIGH, "training.epochs=2", "training.checkpoint_every=2"]
    kills = [("training without mitigation", 5), ("predicting without mitigation", 1)]
    ends = killed(project, tmp_path / "killed", kills, [*SETS, *sets])
    assert ends == [[-signal.SIGKILL, "training"], [-signal.SIGKILL, "predicting"]]
    with Workspace.open(tmp_path / "killed") as cut, Workspace.open(tmp_path / "whole") as whole:
        (left,) = cut.runs()
        assert before_of(cut, left.id)["resumed_from"] == 4
        pipeline.resume(left.id, cut, lambda *_: None)
        straight = run(project, whole, *sets)
        assert before_of(cut, left.id)["model_digest"] == before_of(whole, straight)["model_digest"]
        tables = [
            store.artifacts(each)["before_predictions"].digest for store, each in ((cut, left.id), (whole, straight))
        ]
        assert tables[0] == tables[1]
        assert result_of(cut, left.id).measurements == result_of(whole, straight).measurements


def marked(place: int, item: Measurement) -> Measurement:
    """A number about everybody, or about all groups, replaced by one of its own."""
    if item.audit != "mitigation_effect" or item.status != "ok" or item.group is not None:
        return item
    shift = 0.11 + place / 1000
    return item.model_copy(update={"estimate": shift, "low": shift - 0.05, "high": shift + 0.05, "bounds": ()})


def test_every_form_of_the_report_shows_before_and_after_with_the_numbers_of_the_audit(project, workspace):
    from rich.console import Console

    from rai_tune.reporting import report_json
    from rai_tune.reporting.documents import annex_iv_markdown, model_card_markdown
    from rai_tune.reporting.html import html_report
    from rai_tune.reporting.markdown import markdown_report
    from rai_tune.reporting.numbers import show
    from rai_tune.reporting.paper import paper_for
    from rai_tune.reporting.stored import report_inputs
    from rai_tune.reporting.terminal import summary
    from rai_tune.reporting.view import build_view

    mitigated = run(project, workspace, REWEIGH)
    inputs = report_inputs(workspace, mitigated)
    changed = [
        result.model_copy(update={"measurements": tuple(map(marked, range(len(items)), items))})
        for result in inputs.results
        if (items := result.measurements)
    ]
    inputs = replace(inputs, results=tuple(changed))
    told = [
        show(item)
        for result in inputs.results
        for item in result.measurements
        if result.audit == "mitigation_effect" and item.group is None and item.metric.removeprefix("before_") in SHOWN
    ]
    assert len(told) > 10
    console = Console(width=120, record=True, file=io.StringIO())
    paper = paper_for(inputs)
    pages = {
        "html": html_report(paper).decode(),
        "markdown": markdown_report(paper).decode(),
        "card": model_card_markdown(inputs).decode(),
        "annex": annex_iv_markdown(inputs).decode(),
    }
    console.print(summary(build_view(inputs)))
    pages["terminal"] = console.export_text()
    for name, page in pages.items():
        assert [each.ref.metric for each in told if each.text not in page] == [], name
        assert "Reweighing" in page, name
    plain = report_json(inputs)
    (audit,) = [each for each in plain["audits"] if each["audit"] == "mitigation_effect"]
    assert audit["before"]["source"] == "trained"
    assert plain["training"]["mitigation"]["methods"][0]["name"] == "reweigh"
