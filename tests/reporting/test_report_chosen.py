"""The chapter on the search that a run was chosen from: every number is one of the evidence, and small groups stay hidden there too."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from rai_tune.core import AuditResult, Measurement
from rai_tune.reporting import build_view, report_json
from rai_tune.reporting.html import html_report
from rai_tune.reporting.markdown import markdown_report
from rai_tune.reporting.paper import paper_for
from rai_tune.reporting.terminal import summary_text

if TYPE_CHECKING:
    from rai_tune.reporting.inputs import ReportInputs

GAP = "equalized_odds_difference"
LARGE = {"race": {"Black": (135, 87, (22, 38), (26, 97)), "white": (817, 752, (31, 76), (34, 741))}}
RUN = "lending-0a1b2c3d"
METRICS = ("chosen_on_validation", "chosen_on_test", "winners_curse", "winners_curse_expected")


def value(estimate: float) -> dict[str, Any]:
    ends = {"low": round(estimate - 0.031, 4), "high": round(estimate + 0.027, 4)}
    return {"estimate": estimate, **ends, "n": 428, "status": "ok", "reason": ""}


def trial(number: int, run: str, area: float, gap: float, **more: Any) -> dict[str, Any]:
    return {
        "number": number, "state": "complete", "run_id": run, "settings": {"training.learning_rate": 0.002},
        "values": {"roc_auc": value(area), GAP: value(gap)}, "constraints": {"pack:C-1": 0.0123}, "cpu_s": 1.0,
        "error": "", "feasible": True, **more,
    }  # fmt: skip


SELECTION = {
    "schema": "rai-tune/selection/v1",
    "search": {
        "schema": "rai-tune/search/v1", "id": "lending-search-1", "name": "lending <b>", "recipe_digest": "1" * 64,
        "sampler": "tpe", "seed": 7, "asked_trials": 4, "space": {}, "constraints": ["pack:C-1"],
        "directions": {GAP: "minimise", "roc_auc": "maximise"}, "chosen": ["lending-earlier"],
        "trials": [trial(0, "lending-earlier", 0.8371, 0.2913), trial(1, RUN, 0.8292, 0.1417),
                   {**trial(2, "lending-3", 0, 0), "state": "diverged", "values": {}, "error": "loss became nan"}],
    },
    "objectives": ["roc_auc", GAP], "front": [0, 1], "rule": "auc within 1 of best, smallest gap", "number": 1,
    "kept": [1, 0], "among": 2, "feasible": False, "wanted": {}, "expected": {"roc_auc": 0.0162, GAP: 0.0333},
}  # fmt: skip


def audited(values: dict[tuple[str, str], float]) -> AuditResult:
    measured = [
        Measurement(
            audit="selection", metric=metric, label=name, estimate=estimate, low=estimate - 0.05, high=estimate + 0.04,
            method="square-and-add", n=900, split="test", threshold=0.31, positive="denied", favourable="approved",
        )
        for (metric, name), estimate in values.items()
    ]  # fmt: skip
    return AuditResult(
        audit="selection", suite="quality", version="1", measurements=tuple(measured),
        inputs={"selection": "9" * 64}, seed=7, duration_s=0.1,
    )  # fmt: skip


VALUES = dict(
    zip(
        [(metric, name) for name in ("roc_auc", GAP) for metric in METRICS],
        (0.8292, 0.8123, 0.0172, 0.0162, 0.1417, 0.1881, 0.0464, 0.0333),
        strict=True,
    )
)


@pytest.fixture
def chosen(make_inputs: Any) -> Any:
    def make(values: dict[tuple[str, str], float] = VALUES, **changes: Any) -> ReportInputs:
        plain = make_inputs(table=changes.pop("table", LARGE))
        selection = changes.pop("selection", SELECTION)
        return make_inputs(results=(*plain.results, audited(values)), selection=selection, **changes)

    return make


def pages(inputs: ReportInputs) -> list[str]:
    paper = paper_for(inputs)
    return [html_report(paper).decode(), markdown_report(paper).decode()]


def test_lineage_rule_and_both_sides_stand_on_the_page(chosen: Any) -> None:
    inputs = chosen()
    view = build_view(inputs).search
    assert [row.name for row in view.rows] == ["ROC AUC", "Equalized odds difference"]
    assert (view.rows[1].flattered.text, view.rows[1].expected.text) == ("4.6 pp", "3.3 pp")
    facts = {fact.name: fact.text for fact in view.facts}
    assert facts["Trial"] == "1" and facts["Kept by the rule"] == "2 of 2 trials that could be chosen"
    assert facts["Chosen before from the same search"] == "lending-earlier"
    assert "no trial met them" in facts["Steered by"]
    # An earlier choice is no choice of this report.
    assert [(row.number, row.mark) for row in view.search.rows] == [(1, "chosen"), (0, "front"), (2, "")]
    for page in pages(inputs):
        for text in ("lending-search-1", "auc within 1 of best, smallest gap", "loss became nan", "0.829", "29.1 pp"):
            assert text in page
        assert "lending <b>" not in page.replace("lending \\<b\\>", "")


def test_every_number_of_a_trial_and_of_the_choice_changes_the_page_with_the_evidence(chosen: Any) -> None:
    told = copy.deepcopy(SELECTION)
    told["search"]["trials"][0]["values"] = {"roc_auc": value(0.7643), GAP: value(0.4327)}
    moved = {key: number + 0.3136 for key, number in VALUES.items()}
    new = ("0.764", "0.733 to 0.791", "43.3 pp", "40.2 to 46.0 pp", "1.143", "0.331", "36.0 pp", "34.7 pp", "50.2 pp")
    for before, after in zip(pages(chosen()), pages(chosen(moved, selection=told)), strict=True):
        for text in new:
            assert text in after and text not in before
        assert "0.837" in before and "0.837" not in after


def test_a_hidden_group_hides_every_gap_of_the_search(chosen: Any) -> None:
    small = {"race": {**LARGE["race"], "other": (3, 2, (1, 1), (0, 2))}}
    inputs = chosen(table=small)
    shown = report_json(inputs)
    gaps = [each["values"][GAP] for each in shown["search"]["search"]["trials"] if each["values"]]
    assert [each["status"] for each in gaps] == ["suppressed"] * 2
    text = json.dumps(shown["search"])
    assert "0.0333" not in text and "0.0123" not in text and "0.8371" in text
    told = [item for item in shown["measurements"] if item["audit"] == "selection" and item["label"] == GAP]
    assert {item["status"] for item in told} == {"suppressed"}
    for page in pages(inputs):
        assert "29.1 pp" not in page and "14.2 pp" not in page and "0.837" in page


def test_the_terminal_keeps_to_its_width_and_json_has_the_choice(chosen: Any) -> None:
    text = summary_text(build_view(chosen()))
    assert "flattered" in text and "4.6 pp" in text and "Rule: auc within 1 of best, smallest gap" in text
    assert max(map(len, text.splitlines())) <= 80
    assert report_json(chosen())["search"] == SELECTION


def test_a_run_that_nobody_chose_has_no_such_chapter(make_inputs: Any) -> None:
    inputs = make_inputs()
    assert build_view(inputs).search is None and "search" not in report_json(inputs)
    assert all("The search it was chosen from" not in page for page in pages(inputs))
