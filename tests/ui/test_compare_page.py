"""The page that compares two runs: every pair that can be named, what is said where rows cannot be paired, and one row at a time."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

import drawn_runs
from rai_tune.reporting.comparing import compare_runs
from rai_tune.reporting.comparing_view import comparison_view
from rai_tune.waiting import served_as
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    Open = Callable[..., AppTest]
    Shown = Callable[[AppTest], list[str]]

pytestmark = pytest.mark.slow
"""Each builds a page of the app whole."""

SCRIPT = "<script>document.title='owned'</script> https://evil.example/c"
IMAGE = "<img src=https://evil.example/a.png>"
GROUPS = {"race": (IMAGE, "few", "[x](https://evil.example)"), "sex": ("man", "woman")}
BUTTON = "compare-show-text"


@dataclass(frozen=True)
class Pair:
    """Two runs over the same people, one over others, and one that never predicted."""

    root: Path
    new: str
    old: str
    others: str
    unfinished: str


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    root = tmp_path_factory.mktemp("pair")
    with Workspace.open(root) as workspace:
        table = drawn_runs.drawn_table(GROUPS, 300)
        old = drawn_runs.store_run(workspace, table, GROUPS, name=SCRIPT)
        lenient = drawn_runs.drawn_table(GROUPS, 300, lenient=0.1)
        new = drawn_runs.store_run(workspace, lenient, GROUPS, name=IMAGE, seed=2, torch="3.0")
        elsewhere = table.assign(row_id="z" + table["row_id"])
        others = drawn_runs.store_run(workspace, elsewhere, GROUPS, name="others", decided=False)
        first = workspace.run(old)
        begun = workspace.create_run(name="begun", recipe=first.recipe, recipe_digest="0" * 64, policies={})
        workspace.set_state(begun.id, "preparing")
        workspace.set_state(begun.id, "failed", error="the disk is full")
    return Pair(root, new, old, others, begun.id)


def blocks(test: AppTest, kind: str) -> list[dict[str, Any]]:
    return [
        block
        for part in test.get("bidi_component")
        for block in json.loads(part.proto.json).get("blocks", [])
        if block["kind"] == kind
    ]


def rows_of(test: AppTest, start: str) -> list[list[str]]:
    table = next(block for block in blocks(test, "table") if block["caption"].startswith(start))
    return [[cell["text"] for cell in row] for row in table["rows"]]


def test_two_candidates_are_compared_whole(pair: Pair, app: Open, shown: Shown) -> None:
    with Workspace.open(pair.root, create=False) as workspace:
        found = compare_runs(workspace, pair.new, pair.old)
        view = comparison_view(found)
    test = app(pair.root, pair.new, "compare", **{"with": pair.old})
    assert not test.exception
    told = shown(test)
    assert [row[1] for row in rows_of(test, "Change over all rows in both")] == [row.value.text for row in view.overall]
    everybody = rows_of(test, "Rows whose decision")[0]
    assert everybody[:4] == ["everybody", "300", str(len(found.changed)), "0"]
    assert "few (race)" not in {row[0] for row in rows_of(test, "Rows whose decision")}
    # What was set otherwise, and nothing that was not.
    settings = {row[0]: row[1:] for row in rows_of(test, "2 differences; all else is alike")}
    assert settings == {"name": [IMAGE, SCRIPT], "seed": ["2", "1"]}
    assert rows_of(test, "1 difference; all else is alike") == [["torch", "3.0", "2.9"]]
    assert any("controls came out" in text for text in told)
    drawn = [each for each in test.main if each.type in {"arrow_vega_lite_chart", "vega_lite_chart"}]
    assert len(drawn) == 2
    assert all(each.proto.alt in told for each in drawn)
    spec = json.dumps(json.loads(drawn[0].proto.spec))
    assert "lower with the candidate" in spec and "higher with the candidate" in spec
    carriers = {
        each.type
        for each in test.main
        if getattr(each, "proto", None) is not None and "evil.example" in str(each.proto)
    }
    assert carriers <= {"bidi_component", "vega_lite_chart", "arrow_vega_lite_chart", "selectbox"}
    levels = []
    for element in test.main:
        if element.type in {"title", "header", "subheader"}:
            levels.append({"title": 1, "header": 2, "subheader": 3}[element.type])
        elif element.type == "bidi_component":
            data = json.loads(element.proto.json)
            levels += [block["level"] for block in data.get("blocks", []) if block["kind"] == "heading"]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_text_of_a_row_is_shown_only_after_somebody_asked_for_that_row(pair: Pair, app: Open, shown: Shown) -> None:
    test = app(pair.root, pair.new, "compare", **{"with": pair.old, "row": "r00001"})
    with Workspace.open(pair.root, create=False) as workspace:
        rows = [
            workspace.read_table(workspace.artifacts(run)["predictions"].digest).iloc[1] for run in (pair.new, pair.old)
        ]
    table = {row[0]: row[1:] for row in rows_of(test, "Row r00001 in both runs")}
    assert table["Decided"] == [row["prediction"] for row in rows]
    assert table["Label in the data"] == [rows[0]["label"]] * 2
    assert table["Score of the positive class"] == [f"{row['score']:.3f}" for row in rows]
    assert "text of r00001" not in shown(test)
    test.button(key=BUTTON).click().run()
    assert "text of r00001" in shown(test)
    assert "Both read the same text" in shown(test)
    test.text_input(key="compare-row").set_value("r00002").run()
    assert test.query_params["row"] == "r00002"
    assert not [text for text in shown(test) if text.startswith("text of ")]
    test.text_input(key="compare-row").set_value("nobody").run()
    assert rows_of(test, "Row nobody in both runs")[0][1:] == ["no such row"] * 2
    assert BUTTON not in {button.key for button in test.button}


def test_what_production_serves_is_resolved_and_nothing_served_is_a_sentence(
    pair: Pair, app: Open, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = app(pair.root, pair.new, "compare", **{"with": "production"})
    assert "Nothing was ever promoted to production, so there is nothing to compare with." in shown(test)
    assert not blocks(test, "table")
    # A promotion goes through the whole door; here only what is served matters.
    monkeypatch.setattr("rai_tune.review.sections.sides.served_as", lambda _workspace: {pair.old: ("production",)})
    test = app(pair.root, pair.new, "compare")
    assert test.selectbox(key="choice-with").value == "production"
    sides = rows_of(test, "The two runs")
    assert sides[0] == ["Run", IMAGE, SCRIPT]
    assert sides[-1] == ["Serves now", "nothing", "production"]
    test = app(pair.root, pair.old, "compare", **{"with": "production"})
    assert f"Both are run {pair.old}. Choose another run to compare it with." in shown(test)


@pytest.mark.parametrize(
    ("other", "name", "words"),
    [
        ("others", "others", "The runs share no test row: 300 rows in"),
        ("unfinished", SCRIPT, "is failed and has no predictions"),
    ],
)
def test_what_cannot_be_paired_says_why_and_the_rest_is_shown(
    pair: Pair, app: Open, shown: Shown, other: str, name: str, words: str
) -> None:
    test = app(pair.root, pair.new, "compare", **{"with": getattr(pair, other)})
    assert not test.exception
    banner = next(block for block in blocks(test, "banner") if block["word"] == "Not comparable row by row")
    assert words in banner["sentence"]
    assert banner["tone"] == "insufficient"
    settings = [row for block in blocks(test, "table") for row in block["rows"] if row[0]["text"] == "name"]
    assert [[cell["text"] for cell in row] for row in settings] == [["name", IMAGE, name]]
    assert any("No policy decided on both" in text for text in shown(test))


def test_damaged_evidence_is_said_and_none_of_its_numbers_are_shown(
    pair: Pair, app: Open, shown: Shown, tmp_path: Path
) -> None:
    shutil.copytree(pair.root, tmp_path / "store")
    with Workspace.open(tmp_path / "store", create=False) as workspace:
        digest = workspace.artifacts(pair.old)["audit:group_rates"].digest
    damaged = tmp_path / "store" / "artifacts" / digest[:2] / digest
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes() + b" ")
    test = app(tmp_path / "store", pair.new, "compare", **{"with": pair.old})
    assert not test.exception
    banner = next(block for block in blocks(test, "banner") if block["word"] == "Evidence damaged")
    assert pair.old in banner["sentence"]
    assert rows_of(test, "The two runs")[1][2] == "✗ No verdict"
    captions = [block["caption"] for block in blocks(test, "table")]
    assert captions == ["The two runs", "2 differences; all else is alike"]
    assert "Nothing is compared with evidence that cannot be read." in shown(test)


@pytest.mark.parametrize("name", ["run", "with"])
def test_an_unknown_run_in_the_address_is_a_sentence(pair: Pair, app: Open, shown: Shown, name: str) -> None:
    query = {"run": pair.new, "with": pair.old, name: IMAGE}
    run = query.pop("run")
    test = app(pair.root, run, "compare", **query)
    assert not test.exception
    assert any(IMAGE in text and "run" in text for text in shown(test))
    assert not blocks(test, "table")


def test_a_workspace_with_one_run_has_nothing_to_compare(tmp_path: Path, app: Open, shown: Shown) -> None:
    with Workspace.open(tmp_path / "store") as workspace:
        run = drawn_runs.store_run(workspace, drawn_runs.drawn_table({}, 40), {}, decided=False)
        assert served_as(workspace) == {}
    test = app(tmp_path / "store", run, "compare")
    assert "There are fewer than two runs here, so there is nothing to compare." in shown(test)
