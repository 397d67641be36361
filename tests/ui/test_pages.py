"""What the pages say, in every state that a store can be in."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from rai_tune.reporting import build_view
from rai_tune.reporting.stored import report_inputs
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    Open = Callable[..., AppTest]
    Shown = Callable[[AppTest], list[str]]

PARQUET = "application/vnd.apache.parquet"
VERDICTS = {"Passed", "Refused", "Not enough evidence", "Waiting for sign-off"}


pytestmark = pytest.mark.slow
"""Each builds a page of the app whole: a quarter of a minute together."""


def blocks(test: AppTest, kind: str) -> list[dict[str, Any]]:
    """Blocks of one kind that the page shows, in order."""
    found = []
    for part in test.get("bidi_component"):
        data = json.loads(part.proto.json)
        found += [block for block in data.get("blocks", []) if block["kind"] == kind]
    return found


def table(test: AppTest, caption: str) -> dict[str, Any]:
    return next(block for block in blocks(test, "table") if block["caption"].startswith(caption))


def artifact_file(stored: Any, name: str) -> Path:
    with Workspace.open(stored.root, create=False) as workspace:
        digest = workspace.artifacts(stored.run_id)[name].digest
    return stored.root / "artifacts" / digest[:2] / digest


def stop_a_run(stored: Any, state: str, error: str) -> str:
    """A second run of the same recipe that stopped while training."""
    with Workspace.open(stored.root, create=False) as workspace:
        first = workspace.run(stored.run_id)
        run = workspace.create_run(name="second", recipe=first.recipe, recipe_digest=first.recipe_digest, policies={})
        for step in ("preparing", "training"):
            workspace.set_state(run.id, step)
        workspace.set_state(run.id, state, error=error)
        return run.id


def test_no_workspace_is_a_sentence(tmp_path: Path, app: Open, shown: Shown) -> None:
    test = app(tmp_path / "nowhere")
    assert not test.exception
    assert any("no workspace" in text and "raitune run" in text for text in shown(test))
    assert not (tmp_path / "nowhere").exists()


def test_an_empty_workspace_says_how_to_make_a_run(tmp_path: Path, app: Open, shown: Shown) -> None:
    Workspace.open(tmp_path / "store").close()
    test = app(tmp_path / "store")
    assert not test.exception
    assert any("raitune run recipe.yaml" in text for text in shown(test))


def test_the_inbox_lists_runs_newest_first(stored: Any, app: Open) -> None:
    second = stop_a_run(stored, "diverged", "the loss is NaN at step 3")
    rows = table(app(stored.root), "Newest first")["rows"]
    assert [row[0]["run"] for row in rows] == [second, stored.run_id]
    assert [row[0]["text"] for row in rows] == ["second", stored.name]
    assert [row[2]["text"] for row in rows] == ["diverged", "completed"]
    assert [row[3]["text"] for row in rows] == ["–", "–"]
    assert [row[1]["text"][2:] for row in rows] == ["Not enough evidence", stored.verdict]
    assert rows[0][4]["text"] == "just now"


def test_a_run_at_work_has_no_verdict_yet(stored: Any, app: Open) -> None:
    with Workspace.open(stored.root, create=False) as workspace:
        first = workspace.run(stored.run_id)
        run = workspace.create_run(name="now", recipe=first.recipe, recipe_digest=first.recipe_digest, policies={})
        workspace.set_state(run.id, "preparing")
        abandoned = table(app(stored.root), "Newest first")["rows"][0]
        with workspace.claim(run.id):
            working = table(app(stored.root), "Newest first")["rows"][0]
    assert working[1]["text"] == "… Not decided yet"
    assert working[2]["text"] == "preparing"
    assert "nothing works on it" in abandoned[2]["text"]


def test_the_verdict_comes_first_and_is_that_of_the_view(hostile_run: Any, app: Open) -> None:
    with Workspace.open(hostile_run.root, create=False) as workspace:
        view = build_view(report_inputs(workspace, hostile_run.run_id))
    test = app(hostile_run.root, hostile_run.run_id)
    assert not test.exception
    every = [json.loads(part.proto.json).get("blocks", []) for part in test.get("bidi_component")]
    # Before the name stand who signs in this session, the form that unlocks a key, and the way back.
    first = next(found for found in every if found and found[0]["kind"] == "heading")
    assert [block["kind"] for block in first] == ["heading", "banner"]
    assert first[0]["text"] == hostile_run.name
    assert (first[1]["word"], first[1]["icon"]) == (view.headline.word, view.headline.icon)
    assert first[1]["sentence"] == view.headline.sentence


def test_every_control_has_its_threshold_and_the_origin_of_that(hostile_run: Any, app: Open) -> None:
    with Workspace.open(hostile_run.root, create=False) as workspace:
        view = build_view(report_inputs(workspace, hostile_run.run_id))
    test = app(hostile_run.root, hostile_run.run_id, "policy")
    tables = [block for block in blocks(test, "table") if block["caption"].startswith("Controls on ")]
    rows = [row for found in tables for row in found["rows"]]
    controls = view.decisions[0].controls
    assert [row[0]["text"] for row in rows] == [f"{control.id}: {control.title}" for control in controls]
    assert [row[3]["text"] for row in rows] == [control.threshold or "–" for control in controls]
    assert [row[4]["text"] for row in rows] == [control.origin or "–" for control in controls]
    opened = table(app(hostile_run.root, hostile_run.run_id, "run"), "Controls that are not met")["rows"]
    assert {row[0]["text"] for row in opened} == {
        c.title for c in controls if c.outcome not in {"pass", "not_applicable"}
    }


def test_headings_never_skip_a_level(hostile_run: Any, app: Open) -> None:
    test = app(hostile_run.root, hostile_run.run_id)
    levels = []
    for element in test.main:
        if element.type in {"title", "header", "subheader"}:
            levels.append({"title": 1, "header": 2, "subheader": 3}[element.type])
        elif element.type == "bidi_component":
            data = json.loads(element.proto.json)
            levels += [block["level"] for block in data.get("blocks", []) if block["kind"] == "heading"]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("page", ["inbox", "run"])
def test_hostile_text_reaches_only_elements_that_read_no_markup(hostile_run: Any, app: Open, page: str) -> None:
    test = app(hostile_run.root, hostile_run.run_id if page == "run" else None)
    assert not test.exception
    carriers = set()
    for element in test.main:
        proto = getattr(element, "proto", None)
        if proto is not None and "evil.example" in str(proto):
            carriers.add(element.type)
    assert carriers
    # The page's own components set textContent; a chart draws its labels; options of a select box are plain strings.
    assert carriers <= {"bidi_component", "vega_lite_chart", "arrow_vega_lite_chart", "selectbox"}


@pytest.mark.parametrize(
    "run_id", ["no-such-run-00000000", "../../etc/passwd", "<script>alert(1)</script>", "x" * 5000]
)
def test_an_unknown_run_is_a_sentence(hostile_run: Any, app: Open, shown: Shown, run_id: str) -> None:
    test = app(hostile_run.root, run_id)
    assert not test.exception
    assert not VERDICTS & set(shown(test))
    assert any("run" in text.lower() for text in shown(test))
    assert not test.markdown


def test_a_near_id_is_suggested(hostile_run: Any, app: Open, shown: Shown) -> None:
    test = app(hostile_run.root, hostile_run.run_id[:-1] + ("0" if hostile_run.run_id[-1] != "0" else "1"))
    assert any("Did you mean" in text and hostile_run.run_id in text for text in shown(test))


def test_a_diverged_run_has_no_verdict_to_pass_on_and_says_what_to_do(stored: Any, app: Open, shown: Shown) -> None:
    run_id = stop_a_run(stored, "diverged", f"the loss is NaN at step 3 {stored.texts[0]}")
    test = app(stored.root, run_id)
    assert not test.exception
    banner = blocks(test, "banner")[0]
    assert banner["word"] == "Not enough evidence"
    assert "diverged" in banner["sentence"]
    assert stored.texts[0] in banner["sentence"]
    assert any("--set training.learning_rate=0.001" in code.value for code in test.code)


def test_a_failed_run_can_be_resumed(stored: Any, app: Open) -> None:
    run_id = stop_a_run(stored, "failed", "OSError: the disk is full")
    test = app(stored.root, run_id)
    assert not test.exception
    assert any(f"--resume {run_id}" in code.value for code in test.code)


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("audit:group_rates", "changed"),
        ("explanations:attributions", "changed"),
        ("audit:task_quality", "deleted"),
        ("predictions", "deleted"),
        ("rows", "deleted"),
    ],
)
def test_damaged_evidence_is_named_and_has_no_verdict(
    stored: Any, app: Open, shown: Shown, name: str, harm: str
) -> None:
    path = artifact_file(stored, name)
    if harm == "deleted":
        path.unlink()
    else:
        path.chmod(0o644)
        path.write_bytes(path.read_bytes().replace(b"0", b"1", 1) + b" ")
    test = app(stored.root, stored.run_id)
    assert not test.exception
    words = shown(test)
    assert "Evidence damaged" in words
    assert any(f"'{name}' of run {stored.run_id}" in text for text in words)
    assert not VERDICTS & set(words)
    assert not test.get("download_button")
    assert table(app(stored.root), "Newest first")["rows"][0][1]["text"] == "✗ Evidence damaged"


def test_a_broken_database_is_a_sentence_without_a_traceback(stored: Any, app: Open, shown: Shown) -> None:
    (stored.root / "raitune.db").write_bytes(b"not a database at all" * 400)
    for test in (app(stored.root), app(stored.root, stored.run_id)):
        assert not test.exception
        assert any("raitune.db is not a usable database" in text for text in shown(test))
        assert not any("Traceback" in text or 'File "' in text for text in shown(test))


def test_an_unexpected_error_is_a_sentence_without_a_traceback(
    hostile_run: Any, app: Open, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("in /srv/somewhere")

    monkeypatch.setattr("rai_tune.review.frame.read_run", fail)
    test = app(hostile_run.root, hostile_run.run_id)
    assert not test.exception
    assert blocks(test, "banner")[0]["word"] == "This page cannot be shown"
    assert not any("Traceback" in text or 'File "' in text or "/srv" in text for text in shown(test))


def test_the_run_page_prints_the_head_of_the_ledger(stored: Any, app: Open, shown: Any) -> None:
    from rai_tune.promotion.ledger import Ledger
    from rai_tune.promotion.people import vouch

    assert "The ledger is empty." in shown(app(stored.root, stored.run_id))
    with Workspace.open(stored.root, create=False) as workspace:
        vouch(Ledger(workspace), "Ada Moreau", ["author"])
        head = Ledger(workspace).head()
    told = shown(app(stored.root, stored.run_id))
    assert head.root in told
    assert f"Head of the ledger: {head.size} entries, signed at {head.at}." in told


def test_single_predictions_are_read_on_request_and_a_page_at_a_time(hostile_run: Any, app: Open) -> None:
    with Workspace.open(hostile_run.root, create=False) as workspace:
        stored = workspace.read_table(workspace.artifacts(hostile_run.run_id)["predictions"].digest)
    test = app(hostile_run.root, hostile_run.run_id, "run")
    assert not [block for block in blocks(test, "table") if block["caption"].startswith("Predictions in the order")]
    test.toggle(key="predictions-shown").set_value(True).run()
    first = [row[0]["text"] for row in table(test, "Predictions in the order")["rows"]]
    test.button(key="predictions-pages-Next").click().run()
    second = [row[0]["text"] for row in table(test, "Predictions in the order")["rows"]]
    assert first + second == [str(name) for name in stored["row_id"][: len(first) + len(second)]]
    assert len(first) == 50
    test.text_input(key="predictions-row").set_value(str(stored["row_id"].iloc[-1])).run()
    (row,) = table(test, "Predictions in the order")["rows"]
    assert (row[0]["text"], row[1]["text"]) == (str(stored["row_id"].iloc[-1]), stored["split"].iloc[-1])
    test.text_input(key="predictions-row").set_value("<b>no such row</b>").run()
    assert not test.exception
    assert any("No row has the id '<b>no such row</b>'" in block["text"] for block in blocks(test, "paragraph"))
