"""Every page in every state that a workspace and a run can be in: a heading, a sentence, and never a verdict better than the state.

Each state is walked in one session, so that what one page leaves behind meets the next.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from streamlit.testing.v1 import AppTest

import small_run as small
from rai_tune.promoting import promote_run, sign_run
from rai_tune.review.navigation import OF_A_RUN, PAGES
from rai_tune.stored_run import decide
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
UNDECIDED = ("Not enough evidence", "Not decided yet", "No verdict")

pytestmark = pytest.mark.slow


def passed(workspace: Workspace) -> str:
    """A completed run whose one control is met."""
    run = small.complete_run(workspace)
    assert decide(run.id, workspace, run.policies).outcome == "pass"
    return str(run.id)


def refused(workspace: Workspace) -> str:
    run = small.complete_run(workspace, measurements=(small.accuracy(0.5, 0.45, 0.55),))
    assert decide(run.id, workspace, run.policies).outcome == "fail"
    return str(run.id)


def insufficient(workspace: Workspace) -> str:
    run = small.complete_run(workspace, measurements=(small.accuracy(0.81, 0.7, 0.9),))
    assert decide(run.id, workspace, run.policies).outcome == "insufficient_evidence"
    return str(run.id)


def waiting(workspace: Workspace) -> str:
    run = small.complete_run(workspace, small.trial_policy(small.bound_control(), small.attested_control()))
    assert decide(run.id, workspace, run.policies).outcome == "awaiting_signoff"
    return str(run.id)


def promoted(workspace: Workspace) -> str:
    run_id = passed(workspace)
    ada, bo = (small.person(workspace, name, role) for name, role in (("Ada", "author"), ("Bo", "approver")))
    sign_run(workspace, run_id, ada, "author", "made it with care")
    sign_run(workspace, run_id, bo, "approver", "read all of it")
    promote_run(workspace, run_id, "production", bo)
    return run_id


def working(workspace: Workspace) -> str:
    return _stopped_at(workspace, "training")


def failed(workspace: Workspace) -> str:
    return _stopped_at(workspace, "failed")


def corrupt(workspace: Workspace) -> str:
    """A run that passed, with one byte of its audit turned since."""
    run_id = passed(workspace)
    path = workspace.path_of(workspace.artifacts(run_id)["audit:task_quality"].digest)
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(bytes(body))
    return run_id


def deleted(workspace: Workspace) -> str:
    """A run that passed, whose audit file is gone."""
    run_id = passed(workspace)
    workspace.path_of(workspace.artifacts(run_id)["audit:task_quality"].digest).unlink()
    return run_id


def _stopped_at(workspace: Workspace, state: str) -> str:
    recipe = {"name": "at work", "data": {"source": {"path": "rows.csv"}, "text": "text", "label": "label"}}
    run = workspace.create_run(name="at work", recipe=recipe, recipe_digest="0" * 64, policies={})
    for step in dict.fromkeys(("preparing", "training", state)):
        workspace.set_state(run.id, step, error="the disk is full" if step == "failed" else None)  # type: ignore[arg-type]
    return run.id


STATES: dict[str, tuple[Callable[[Workspace], str], tuple[str, ...]]] = {
    "passed": (passed, ("Passed",)),
    "refused": (refused, ("Refused",)),
    "insufficient": (insufficient, UNDECIDED),
    "waiting": (waiting, ("Waiting for sign-off",)),
    "promoted": (promoted, ("Passed",)),
    "working": (working, UNDECIDED),
    "failed": (failed, UNDECIDED),
    "corrupt": (corrupt, ("Evidence damaged",)),
    "deleted": (deleted, ("Evidence damaged",)),
}


def walk(root: Path, run_id: str | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, AppTest]]:
    """Every page, one after the other in one session."""
    monkeypatch.setenv("RAITUNE_WORKSPACE", str(root))
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    yield "inbox", test.run()
    for name in PAGES:
        if name == "inbox":
            continue
        test.switch_page(f"rai_tune/review/pages/{name}.py")
        if run_id is not None and name in OF_A_RUN:
            test.query_params["run"] = run_id
        else:
            test.query_params.clear()
        yield name, test.run()


def blocks(test: AppTest) -> list[dict[str, Any]]:
    return [
        block for part in test.get("bidi_component") for block in json.loads(part.proto.json or "{}").get("blocks", [])
    ]


def headings(test: AppTest) -> int:
    return sum(block["kind"] == "heading" and block["level"] == 1 for block in blocks(test)) + len(test.title)


@pytest.mark.parametrize("state", STATES)
def test_every_page_in_every_state_of_a_run(state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, verdicts = STATES[state]
    with Workspace.open(tmp_path / "w") as workspace:
        run_id = make(workspace)
    for name, test in walk(tmp_path / "w", run_id, monkeypatch):
        assert not test.exception, (state, name)
        assert headings(test) == 1, (state, name)
        words = [block["word"] for block in blocks(test) if block["kind"] == "banner"]
        assert "This page cannot be shown" not in words, (state, name, blocks(test))
        if name in OF_A_RUN and name != "compare":
            assert words[0] in verdicts, (state, name)
        if state in {"corrupt", "deleted", "working", "failed", "insufficient"}:
            assert "Passed" not in words, (state, name)


def test_every_page_over_an_empty_workspace_and_over_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Workspace.open(tmp_path / "w").close()
    for root in (tmp_path / "w", tmp_path / "nowhere"):
        for name, test in walk(root, None, monkeypatch):
            assert not test.exception, (root.name, name)
            assert headings(test) == 1, (root.name, name)
            assert any(block["kind"] in {"paragraph", "banner"} for block in blocks(test)), (root.name, name)
    assert not (tmp_path / "nowhere").exists()


def test_every_page_over_a_workspace_of_a_newer_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema's version is one that this version does not know: a sentence, and nothing is written."""
    import sqlite3

    Workspace.open(tmp_path / "w").close()
    with sqlite3.connect(tmp_path / "w" / "raitune.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'r9999'")
    before = (tmp_path / "w" / "raitune.db").read_bytes()
    for name, test in walk(tmp_path / "w", "some-run", monkeypatch):
        assert not test.exception, name
        assert any("newer" in block.get("sentence", "") + block.get("text", "") for block in blocks(test)), name
    assert (tmp_path / "w" / "raitune.db").read_bytes() == before


def test_a_stored_verdict_that_was_made_better_by_hand_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored decisions carry no seal: the list, the pages and every report decide again, and say so."""
    import sqlite3

    from rai_tune.reported_run import reported
    from rai_tune.reporting import build_view

    with Workspace.open(tmp_path / "w") as workspace:
        run_id = insufficient(workspace)
    with sqlite3.connect(tmp_path / "w" / "raitune.db") as database:
        ((body,),) = database.execute("SELECT body FROM decisions").fetchall()
        database.execute("UPDATE decisions SET body = ?", (body.replace("insufficient_evidence", "pass"),))
    with Workspace.open(tmp_path / "w") as workspace:
        notices = build_view(reported(workspace, run_id)).headline.notices
    assert notices[0].startswith("No longer so today. Trial: decided today it is 'Not enough evidence'")
    for name, test in walk(tmp_path / "w", run_id, monkeypatch):
        cells = [
            cell["text"] for block in blocks(test) if block["kind"] == "table" for row in block["rows"] for cell in row
        ]
        words = [block["word"] for block in blocks(test) if block["kind"] == "banner"]
        if name == "inbox":
            assert "! Passed, not so today" in cells
        elif name in OF_A_RUN and name != "compare":
            assert words[:2] == ["Passed", "No longer so today"], name
