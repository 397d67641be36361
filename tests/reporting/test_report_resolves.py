"""Every number on paper comes from the evidence: changed measurements change the page, and the templates hold no figure of their own."""

from __future__ import annotations

import html
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

import drawn_runs
from rai_tune.core import resource_path
from rai_tune.reporting.html import html_report
from rai_tune.reporting.markdown import markdown_report
from rai_tune.reporting.numbers import show
from rai_tune.reporting.paper import paper_for
from rai_tune.reporting.stored import report_inputs
from rai_tune.reporting.view import build_view
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rai_tune.core import Measurement
    from rai_tune.reporting.inputs import ReportInputs

LEFT_TO_JSON = {
    ("group_rates", "accuracy_difference"): "the accuracy of every group stands in the table of rates",
    ("group_rates", "positive_predictive_value_difference"): "the PPV of every group stands in the table of rates",
}
"""Measurements of a drawn run that are in JSON and CSV alone, with what stands on paper instead; besides them, rates of everybody."""
FIGURE = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)? ?%|(?<![\w.,])\d[\d,]*\.\d+(?:e-?\d+)?(?![\w.])")


def strings(value: Any) -> Iterator[str]:
    """Every string of nested data, but for digests, which change with everything."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        if not value.get("code"):
            yield from (text for name, item in value.items() if name != "digest" for text in strings(item))
    elif isinstance(value, list | tuple):
        yield from (text for item in value for text in strings(item))


def forms(inputs: ReportInputs) -> dict[str, str]:
    """What the PDF is set from, HTML and Markdown."""
    paper = paper_for(inputs)
    page = html_report(paper).decode()
    return {
        "data": "\n".join(strings(paper.to_plain())),
        "html": page,
        "markdown": markdown_report(paper).decode(),
    }


def marked(item: Measurement, taken: set[str], before: str) -> Measurement:
    """The measurement with another estimate and interval, whose printed texts are nowhere else."""
    whole = item.method == "count" or item.metric.endswith(("_size", "_rows"))
    for step in range(600):
        estimate = 4_321.0 + 7 * step if whole else round(0.2303 + 0.0012 * step, 5)
        ends = (estimate, estimate) if whole else (estimate - 0.0521, estimate + 0.0437)
        changed = item.model_copy(update={"estimate": estimate, "low": ends[0], "high": ends[1], "bounds": ()})
        text = show(changed).text
        if text not in taken and text not in before:
            taken.add(text)
            return changed
    raise AssertionError(f"no free figure for {item.metric}")


def all_changed(inputs: ReportInputs) -> tuple[ReportInputs, list[Measurement]]:
    """Every measurement that has a number with a figure of its own."""
    taken: set[str] = set()
    before = "\n".join(forms(inputs).values())
    results, changed = [], []
    for told in inputs.results:
        items = [marked(item, taken, before) if item.status == "ok" else item for item in told.measurements]
        changed += [item for item in items if item.status == "ok"]
        results.append(told.model_copy(update={"measurements": tuple(items)}))
    return replace(inputs, results=tuple(results)), changed


def unseen(page: str, items: list[Measurement]) -> list[Measurement]:
    """Measurements of which the estimate or the interval is not on the page."""
    return [item for item in items if not {show(item).text, show(item).interval or show(item).text} <= _on(page, item)]


def _on(page: str, item: Measurement) -> set[str]:
    return {text for text in (show(item).text, show(item).interval) if text and text in page}


@pytest.fixture
def large_groups(make_inputs: Any) -> ReportInputs:
    """No group is so small that anything about it is suppressed."""
    race = {"Black": (135, 87, (22, 38), (26, 97)), "white": (817, 752, (31, 76), (34, 741))}
    marital = {"single": (388, 330, (29, 55), (29, 333)), "married": (608, 547, (27, 64), (34, 544))}
    inputs: ReportInputs = make_inputs(table={"race": race, "marital status": marital}, decisions=())
    return inputs


@pytest.mark.parametrize("form", ["data", "html", "markdown"])
def test_every_changed_measurement_changes_the_page_there(large_groups: ReportInputs, form: str) -> None:
    inputs, changed = all_changed(large_groups)
    assert len(changed) > 80
    page = forms(inputs)[form]
    assert [item for item in unseen(page, changed) if item.metric != "group_size"] == []
    assert all(show(item).text in page for item in changed)
    assert unseen(forms(large_groups)[form], changed) == changed


@pytest.mark.slow
def test_of_a_drawn_run_only_what_is_named_here_is_left_to_json(tmp_path: Path) -> None:
    drawn = drawn_runs
    groups = {"race": ["Asian", "Black", "white"]}
    with Workspace.open(tmp_path / "w") as workspace:
        run = drawn.store_run(workspace, drawn.drawn_table(groups, 900), groups)
        inputs = replace(report_inputs(workspace, run), decisions=())
    inputs, changed = all_changed(inputs)
    assert len(changed) > 60
    for page in forms(inputs).values():
        missing = [item for item in changed if show(item).text not in page]
        of_groups = {(item.audit, item.metric) for item in missing if item.group is not None}
        assert of_groups == set(LEFT_TO_JSON)
        assert {item.audit for item in missing if item.group is None} <= {"group_rates"}


def test_a_suppressed_number_is_in_no_form(make_inputs: Any) -> None:
    inputs, changed = all_changed(make_inputs())
    few = [item for item in changed if (item.group, item.metric) == ("other", "selection_rate")]
    assert few and all(unseen(page, few) == few for page in forms(inputs).values())


def figures_without_source(page: str, view: Any) -> set[str]:
    """Figures with a decimal point or a percent sign that no string of the view has."""
    told = set(FIGURE.findall("\n".join(strings(asdict(view)))))
    told |= {f"{100 * item:g} %" for item in _confidences(asdict(view))}
    return set(FIGURE.findall(page)) - told


def _confidences(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        if "confidence" in value:
            yield value["confidence"]
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _confidences(item)


def printed(page: str) -> str:
    """The text of an HTML report without its style, its head and the scales of its charts."""
    page = re.sub(r"<style>.*?</style>|<head>.*?</head>|<g class=\"axis\".*?</g>", " ", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]*>", " ", page))


def test_no_figure_is_on_the_page_that_the_evidence_does_not_say(make_inputs: Any) -> None:
    inputs = make_inputs()
    view, made = build_view(inputs), forms(inputs)
    text = re.sub(r"\\(.)", r"\1", made["markdown"])
    for page in (printed(made["html"]), text):
        assert len(set(FIGURE.findall(page))) > 100
        assert figures_without_source(page, view) == set()
        assert figures_without_source(page + " 87.31 % ", view) == {"87.31 %"}


def test_the_templates_hold_no_figure_of_their_own() -> None:
    folder = resource_path("reports", "templates")
    page = (folder / "report.html.j2").read_text(encoding="utf-8").replace("SHA-256", "")
    words = re.sub(r"<[^>]*>", "", re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", page, flags=re.DOTALL))
    assert not re.search(r"\d", words)
    typst = (folder / "report.typ").read_text(encoding="utf-8")
    code = "\n".join(line.split("//")[0] for line in typst.splitlines())
    literals = [text for text in re.findall(r'"([^"\n]*)"', code) if re.search(r"\d", text)]
    assert {text for text in literals if not text.startswith("#")} == {"a4", r"\S{24,}", r"\u{200b}", "1.1"}
