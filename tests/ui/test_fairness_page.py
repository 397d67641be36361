"""The page on fairness: its address, its charts with their tables, and what it says of what is not there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from streamlit.testing.v1 import AppTest

import drawn_runs
from rai_tune.reporting import build_view
from rai_tune.reporting.charts import Mark
from rai_tune.reporting.fairness_audits import ORDER
from rai_tune.reporting.stored import report_inputs
from rai_tune.review.components.dot_plot import Scale, dot_chart
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    Open = Callable[..., AppTest]
    Shown = Callable[[AppTest], list[str]]

APP = Path(__file__).resolve().parents[2] / "app.py"
IMAGE = "<img src=https://evil.example/a.png onerror=alert(1)>"
LINK = "[go](https://evil.example/c) :red[x] $a$"
NAMES = (IMAGE, LINK, "few", "\u05d9\u05e8\u05d5\u05e9\u05dc\u05d9\u05dd")
GROUPS = {"race **b**": NAMES, "sex": ("man", "woman")}
AUDITS = ("group_rates", "task_quality", "intersections", "slice_discovery", "ll144", "inequality")


@dataclass(frozen=True)
class Drawn:
    """A workspace with a run over hostile group names, and one without groups."""

    root: Path
    run: str
    bare: str


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    root = tmp_path_factory.mktemp("drawn")
    with Workspace.open(root) as workspace:
        table = drawn_runs.drawn_table(GROUPS, 400)
        options = {"ll144_race": "race **b**"}
        run = drawn_runs.store_run(workspace, table, GROUPS, name=IMAGE, audits=AUDITS, options=options, decided=False)
        bare = drawn_runs.store_run(workspace, drawn_runs.drawn_table({}, 60), {}, decided=False)
    return Drawn(root, run, bare)


@pytest.fixture(scope="module")
def opened(drawn: Drawn) -> AppTest:
    """The page as it first opens, for tests that only look at it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAITUNE_WORKSPACE", str(drawn.root))
        test = AppTest.from_file(str(APP), default_timeout=60).run()
        test.switch_page("rai_tune/review/pages/fairness.py")
        test.query_params["run"] = drawn.run
        return test.run()


def charts(test: AppTest) -> list[dict[str, Any]]:
    """Every chart of a page with its text for a screen reader."""
    return [
        {"spec": json.loads(element.proto.spec), "alt": element.proto.alt}
        for element in test.main
        if element.type in {"arrow_vega_lite_chart", "vega_lite_chart"}
    ]


def tables(test: AppTest) -> dict[str, dict[str, Any]]:
    return {
        block["caption"]: block
        for part in test.get("bidi_component")
        for block in json.loads(part.proto.json).get("blocks", [])
        if block["kind"] == "table"
    }


def rows_of(test: AppTest, start: str) -> list[list[str]]:
    table = next(table for caption, table in tables(test).items() if caption.startswith(start))
    return [[cell["text"] for cell in row] for row in table["rows"]]


pages = pytest.mark.slow
"""Each builds a page of the app whole."""


@pages
def test_numbers_are_those_of_the_view_with_both_words_beside_every_table(drawn: Drawn, opened: AppTest) -> None:
    with Workspace.open(drawn.root, create=False) as workspace:
        view = build_view(report_inputs(workspace, drawn.run))
    test = opened
    assert not test.exception
    race = view.groups[0]
    rows = rows_of(test, "Groups of race")
    assert [row[0] for row in rows] == [row.group for row in race.rows]
    assert [row[2] for row in rows] == [row.selection_rate.text for row in race.rows if row.selection_rate]
    ratios = rows_of(test, "Impact ratios by race")
    assert [row[2] for row in ratios] == [pair.ratio.text for pair in race.pairs]
    few = next(row for row in rows if row[0] == "few")
    assert few[2] == "suppressed (k = 5)"
    measured = [caption for caption in tables(test) if not caption.startswith("Audits without a result")]
    assert all(caption.endswith("Favourable: 'approved'; positive: 'denied'.") for caption in measured)


@pages
def test_attribute_and_metric_are_in_the_address_and_the_boxes_write_it(drawn: Drawn, app: Open) -> None:
    test = app(drawn.root, drawn.run, "fairness", attribute="sex", metric="impact_ratio")
    attribute, metric = test.selectbox(key="choice-attribute"), test.selectbox(key="choice-metric")
    assert (attribute.value, metric.value) == ("sex", "impact_ratio")
    first = charts(test)[0]
    assert first["alt"].startswith("Impact ratio, a dot for each pair of groups")
    # The table of what is drawn comes first.
    captions = [caption for caption in tables(test) if "by sex" in caption or "of sex" in caption]
    assert captions[0].startswith("Impact ratios by sex")
    attribute.set_value("race **b**").run()
    assert test.query_params["attribute"] == "race **b**"
    assert rows_of(test, "Groups of race **b**")
    test.selectbox(key="choice-metric").set_value("accuracy").run()
    assert test.query_params["metric"] == "accuracy"
    assert charts(test)[0]["alt"].startswith("Accuracy, a dot for each group")


@pages
def test_an_address_that_names_no_attribute_of_the_run_says_so(drawn: Drawn, app: Open, shown: Shown) -> None:
    test = app(drawn.root, drawn.run, "fairness", attribute=IMAGE, metric="no_such_metric")
    assert not test.exception
    assert f"No group attribute '{IMAGE}' was measured; this is 'race **b**'." in shown(test)
    assert test.selectbox(key="choice-metric").value == "selection_rate"


@pages
def test_every_chart_has_its_sentence_and_only_our_components_carry_text_of_data(opened: AppTest, shown: Shown) -> None:
    test = opened
    drawn_charts = charts(test)
    assert len(drawn_charts) >= 4
    told = shown(test)
    for chart in drawn_charts:
        assert chart["alt"] in told
        keys = set(re.findall(r'"(href|url|tooltip)": ?([^,}]*)', json.dumps(chart["spec"])))
        assert {value.strip() for _, value in keys} <= {"null"}
    carriers = {
        element.type
        for element in test.main
        if getattr(element, "proto", None) is not None and "evil.example" in str(element.proto)
    }
    assert carriers
    assert carriers <= {"bidi_component", "vega_lite_chart", "arrow_vega_lite_chart", "selectbox"}


@pages
def test_headings_do_not_skip_and_absent_audits_come_with_a_command(
    drawn: Drawn, opened: AppTest, shown: Shown
) -> None:
    test = opened
    levels = []
    for element in test.main:
        if element.type in {"title", "header", "subheader"}:
            levels.append({"title": 1, "header": 2, "subheader": 3}[element.type])
        elif element.type == "bidi_component":
            data = json.loads(element.proto.json)
            levels += [block["level"] for block in data.get("blocks", []) if block["kind"] == "heading"]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    absent = [row[1] for row in rows_of(test, "Audits without a result")]
    assert absent == [name for name in ORDER if name not in AUDITS]
    assert [code.value for code in test.code] == [f"raitune audit {drawn.run} --suite fairness"]
    assert any("slices tested" in text for text in shown(test))
    law = rows_of(test, "Selection by race **b**")
    assert {row[0] for row in law} >= {IMAGE, LINK}


@pages
def test_a_run_without_groups_says_what_would_measure_them(drawn: Drawn, app: Open, shown: Shown) -> None:
    test = app(drawn.root, drawn.bare, "fairness")
    assert not test.exception
    told = shown(test)
    assert "No treatment of groups was measured: the recipe names no group columns (data.groups)." in told
    assert any("name group columns in the recipe" in text for text in told)
    assert not charts(test)
    assert not test.code


def layer_of(spec: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [layer for layer in spec["layer"] if layer["mark"]["type"] == kind]


@pytest.mark.slow
def test_what_has_no_number_is_a_hollow_sign_with_words_and_no_dot() -> None:
    dots = [Mark("a", "40", 0.4, 0.3, 0.5), Mark("b", "–", None, None, None, said="suppressed (k = 5)")]
    spec = dot_chart(dots, axis="Share").to_dict()
    (rows,) = spec["datasets"].values()
    assert [(row["estimate"], row["said"]) for row in rows] == [(0.4, ""), (None, "suppressed (k = 5)")]
    assert rows[1]["label"] == "\u2068b\u2069 (n not shown)"
    hollow = next(layer for layer in layer_of(spec, "point") if not layer["mark"]["filled"])
    assert hollow["transform"] == [{"filter": "datum.said != ''"}]
    assert "field" not in hollow["encoding"]["x"]
    filled = [layer for layer in layer_of(spec, "point") if layer["mark"]["filled"]]
    assert all("isValid(datum.estimate)" in layer["transform"][0]["filter"] for layer in filled)
    (words,) = layer_of(spec, "text")
    assert words["encoding"]["text"]["field"] == "said"


def test_an_axis_of_differences_is_as_wide_to_both_sides_with_a_line_and_words_at_its_ends() -> None:
    dots = [Mark("a", "40", -0.31, -0.4, -0.2), Mark("b", "40", 0.1, 0.05, 0.15)]
    scale = Scale("points", 0.0, ("fewer", "more"), (0.2,))
    spec = dot_chart(dots, axis="Change", scale=scale).to_dict()
    bars = next(layer for layer in layer_of(spec, "rule") if "x2" in layer["encoding"])
    low, high = bars["encoding"]["x"]["scale"]["domain"]
    assert low == -high == pytest.approx(-0.4)
    lines = [layer["encoding"]["x"]["datum"] for layer in layer_of(spec, "rule") if "datum" in layer["encoding"]["x"]]
    assert lines == [0.0, 0.2]
    assert [layer["encoding"]["text"]["value"] for layer in layer_of(spec, "text") if "value" in layer["encoding"]["text"]] == [
        "← fewer", "more →",
    ]  # fmt: skip


def test_an_interval_without_an_end_goes_to_the_edge_and_never_stretches_the_axis() -> None:
    dots = [Mark("a", "40", 0.5, 0.3, None, unbounded=True), Mark("b", "40", 1.2, 0.9, 900.0)]
    spec = dot_chart(dots, axis="Ratio", scale=Scale("number", 1.0)).to_dict()
    (rows,) = spec["datasets"].values()
    bars = next(layer for layer in layer_of(spec, "rule") if "x2" in layer["encoding"])
    low, high = bars["encoding"]["x"]["scale"]["domain"]
    assert (low, high) == (0.0, pytest.approx(1.8))
    assert [(row["high"], row["open"]) for row in rows] == [(high, True), (high, True)]


def test_numbers_like_shares_have_the_axis_of_shares() -> None:
    for dots, ends in (
        ([Mark("a", "9", 0.8, 0.7, 0.9)], (0.0, 1.0)),
        ([Mark("a", "9", 2.0, 1.0, 3.0)], (0.0, 3.0)),
        ([Mark("a", "9", 0.2, -0.4, 0.9)], (-0.4, 1.2)),
    ):
        spec = dot_chart(dots, axis="AUC", scale=Scale("number")).to_dict()
        bars = next(layer for layer in layer_of(spec, "rule") if "x2" in layer["encoding"])
        assert bars["encoding"]["x"]["scale"]["domain"] == [pytest.approx(end) for end in ends]


def test_the_first_of_two_names_from_right_to_left_stays_first() -> None:
    pair = "\u2068\u05d0\u2069 / \u2068\u05d1\u2069"
    spec = dot_chart([Mark(pair, "9", 0.5, None, None)], axis="Share").to_dict()
    (rows,) = spec["datasets"].values()
    assert rows[0]["label"] == f"{pair} (n = 9)"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("A" * 60, "A" * 39 + "…"),
        ("A" * 60 + " / " + "B" * 60, "A" * 17 + "… / " + "B" * 17 + "…"),
        ("A" * 60 + " / B", "A" * 35 + "… / B"),
        ("A / " + "B" * 60, "A / " + "B" * 35 + "…"),
        ("a / b / " + "c" * 60, "a / b / " + "c" * 31 + "…"),
    ],
)
def test_of_a_pair_of_long_names_both_are_seen(name: str, label: str) -> None:
    spec = dot_chart([Mark(name, "9", 0.5, None, None)], axis="Share").to_dict()
    (rows,) = spec["datasets"].values()
    assert rows[0]["label"] == f"\u2068{label}\u2069 (n = 9)"


def test_a_name_that_is_cut_closes_what_it_opened() -> None:
    name = "\u2068" + "\u05d0" * 60 + "\u2069 / \u2068b\u2069"
    spec = dot_chart([Mark(name, "9", 0.5, None, None)], axis="Share").to_dict()
    (rows,) = spec["datasets"].values()
    label = rows[0]["label"]
    assert label.count("\u2068") == label.count("\u2069")
    assert label.endswith("…\u2069 / \u2068b\u2069 (n = 9)")
