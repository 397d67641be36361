"""The exports page: every file is made of the evidence as it stands at the click, or a sentence says why not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import small_run as small
from rai_tune.core import IntegrityError, UsageError, canonical_json
from rai_tune.promoting import sign_run
from rai_tune.promotion.ledger import Ledger
from rai_tune.reported_run import reported
from rai_tune.reporting import documents, render_report, report_json
from rai_tune.reporting.csv_cells import as_written
from rai_tune.reporting.tables import CSV_TABLES
from rai_tune.review.exported import SHELVES, Export, export_file, maker, shelves_of
from rai_tune.review.reading import open_workspace, read_run
from rai_tune.stored_run import decide
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.testing.v1 import AppTest

    Open = Callable[..., AppTest]
    Shown = Callable[[AppTest], list[str]]

ROOT = Path(__file__).resolve().parents[2]
EXPORTS = {export.name: export for shelf in SHELVES for export in shelf.exports}
STARTS = {
    "application/pdf": b"%PDF-",
    "application/json": b"{",
    "application/zip": b"PK",
    "text/csv": b'"run",',
    "text/html": b"<!",
    "text/markdown": b"",
}

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with one run that passes."""
    with Workspace.open(tmp_path / "w") as workspace:
        run = small.complete_run(workspace)
        decide(run.id, workspace, run.policies)
    monkeypatch.setenv("RAITUNE_WORKSPACE", str(tmp_path / "w"))
    return tmp_path / "w"


def run_in(root: Path) -> str:
    with Workspace.open(root, create=False) as workspace:
        return workspace.runs()[0].id


def labels(test: AppTest) -> list[str]:
    return [json.loads(part.proto.json)["label"] if hasattr(part.proto, "json") else part.proto.label
            for part in test.get("download_button")]  # fmt: skip


def break_a_byte(root: Path, run_id: str) -> None:
    with Workspace.open(root, create=False) as workspace:
        path = workspace.path_of(workspace.artifacts(run_id)["audit:task_quality"].digest)
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(body))


def test_every_file_has_a_button_and_says_what_it_is_for(root: Path, app: Open) -> None:
    test = app(root, run_in(root), page="exports")
    assert not test.exception
    always = [f"Download {export.label}" for export in EXPORTS.values()]
    assert labels(test) == [*always[:4], "Download PDF for this policy", *always[4:]]
    for export in EXPORTS.values():
        assert re.fullmatch(r"[A-Z].* for .*\.", export.what, re.DOTALL), export.name
        assert re.fullmatch(r"[a-z0-9-]+\.[a-z]{2,4}", export.file_name(run_in(root)))
    assert len({export.ending for export in EXPORTS.values()}) == len(EXPORTS)


def test_each_policy_that_decided_has_a_pdf_of_its_own(root: Path) -> None:
    with open_workspace() as workspace:
        page = read_run(workspace, run_in(root))
    (export,) = next(shelf for shelf in shelves_of(page) if shelf.title == "For one policy").exports
    assert (export.title, export.file_name(run_in(root))) == ("Trial", f"{run_in(root)}-trial.pdf")
    assert export_file(run_in(root), export).startswith(b"%PDF-")


@pytest.mark.parametrize("name", EXPORTS)
def test_every_file_can_be_made(root: Path, name: str) -> None:
    export = EXPORTS[name]
    made = export_file(run_in(root), export)
    assert made.startswith(STARTS[export.mime])
    assert len(made) > 200


def test_the_files_are_those_of_the_command_line(root: Path) -> None:
    run_id = run_in(root)
    with Workspace.open(root, create=False) as workspace:
        inputs = reported(workspace, run_id)
    wanted = {
        "pdf": render_report(inputs),
        "json": canonical_json(report_json(inputs)),
        "model-card": documents.model_card_markdown(inputs),
        "ml-bom": documents.ml_bom(inputs),
        "annex-iv": documents.annex_iv_markdown(inputs),
        **{f"csv-{name}": make(inputs) for name, make in CSV_TABLES.items()},
    }
    for name, content in wanted.items():
        assert export_file(run_id, EXPORTS[name]) == content, name


def test_a_file_is_made_once_until_the_evidence_changes(root: Path) -> None:
    run_id, made = run_in(root), []
    counted = Export(
        "counted", "t", "l", "w", "e", "m", lambda _workspace, page: made.append(page.key) or page.key.encode()
    )  # fmt: skip
    assert export_file(run_id, counted) == export_file(run_id, counted)
    assert len(made) == 1
    with Workspace.open(root, create=False) as workspace:
        sign_run(workspace, run_id, small.person(workspace, "Ada", "author"), "author")
    assert export_file(run_id, counted) != made[0].encode()
    assert len(made) == 2


def test_the_bundle_can_be_checked_and_enters_the_evidence_once(root: Path) -> None:
    from rai_tune.promotion.bundle import unpack

    run_id = run_in(root)
    contents = unpack(export_file(run_id, EXPORTS["bundle"]))
    assert contents.run_id == run_id
    export_file(run_id, EXPORTS["bundle"])
    with Workspace.open(root, create=False) as workspace:
        assert [entry.kind for entry in Ledger(workspace).entries()] == ["workspace", "evidence"]


@pytest.mark.parametrize("state", ["auditing", "predicting"])
def test_of_an_unfinished_run_only_what_can_be_is_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, app: Open, shown: Shown, state: str
) -> None:
    monkeypatch.setenv("RAITUNE_WORKSPACE", str(tmp_path / "w"))
    with Workspace.open(tmp_path / "w") as workspace:
        run_id = small.complete_run(workspace, state=state).id
    test = app(tmp_path / "w", run_id, page="exports")
    assert not test.exception
    assert "Download bundle" not in labels(test)
    assert f"Not to be had: it needs a completed run, and this one is {state}." in shown(test)
    assert "Not to be had: no policy has decided on this run yet." in shown(test)
    with pytest.raises(UsageError, match="a completed run"):
        export_file(run_id, EXPORTS["bundle"])
    for export in EXPORTS.values():
        if f"Download {export.label}" in labels(test):
            assert export_file(run_id, export).startswith(STARTS[export.mime])


def test_of_a_run_without_a_model_the_documents_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, app: Open, shown: Shown
) -> None:
    monkeypatch.setenv("RAITUNE_WORKSPACE", str(tmp_path / "w"))
    recipe = {"name": "stopped", "data": {"source": {"path": "rows.csv"}, "text": "text", "label": "label"}}
    with Workspace.open(tmp_path / "w") as workspace:
        run_id = workspace.create_run(name="stopped", recipe=recipe, recipe_digest="0" * 64, policies={}).id
        for state in ("preparing", "training", "failed"):
            workspace.set_state(run_id, state, error="the disk is full" if state == "failed" else None)
    test = app(tmp_path / "w", run_id, page="exports")
    assert not test.exception
    refused = [text for text in shown(test) if text.startswith("Not to be had")]
    assert refused.count("Not to be had: it needs a trained model, and this run is failed without one.") == 4
    assert len(labels(test)) == len(EXPORTS) - len(refused)
    for export in EXPORTS.values():
        if f"Download {export.label}" in labels(test):
            assert export_file(run_id, export)


def test_of_damaged_evidence_nothing_is_made_and_the_page_says_what_is_wrong(
    root: Path, app: Open, shown: Shown
) -> None:
    run_id = run_in(root)
    test = app(root, run_id, page="exports")
    break_a_byte(root, run_id)
    problems: dict[str, str] = {}
    for export in EXPORTS.values():
        with pytest.raises(IntegrityError):
            maker(run_id, export, problems)()
    assert set(problems) == set(EXPORTS)
    assert all("task_quality" in words for words in problems.values())
    assert not labels(test.run())
    assert "Evidence damaged" in shown(test)


def test_a_file_that_could_not_be_made_says_why_at_its_place(root: Path, app: Open, shown: Shown) -> None:
    run_id = run_in(root)
    test = app(root, run_id, page="exports")
    problems = test.session_state[f"exports-problems-{run_id}"]
    (root / "raitune.db").rename(root / "gone.db")
    with pytest.raises(Exception, match="run"):
        maker(run_id, EXPORTS["json"], problems)()
    (root / "raitune.db").unlink(missing_ok=True)
    (root / "gone.db").rename(root / "raitune.db")
    assert any(text.startswith("It could not be made: ") for text in shown(test.run()))
    maker(run_id, EXPORTS["json"], problems)()
    assert not any(text.startswith("It could not be made: ") for text in shown(test.run()))


def test_an_unexpected_failure_is_a_sentence_too(root: Path) -> None:
    def fail(_workspace: Workspace, _page: object) -> bytes:
        raise ZeroDivisionError

    problems: dict[str, str] = {}
    with pytest.raises(ZeroDivisionError):
        maker(run_in(root), Export("broken", "t", "l", "w", "e", "m", fail), problems)()
    assert problems == {"broken": "Something unexpected went wrong (ZeroDivisionError); the server's log says where"}


def test_the_tables_of_a_hostile_run_hold_its_names_and_no_formula(
    hostile_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import csv
    import io

    monkeypatch.setenv("RAITUNE_WORKSPACE", str(hostile_run.root))
    for name in CSV_TABLES:
        data = export_file(hostile_run.run_id, EXPORTS[f"csv-{name}"])
        for separator in (",", ";"):
            cells = [
                cell
                for line in csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator)
                for cell in line
            ]
            for cell in cells:
                start = cell.strip().lstrip('"').strip()
                assert start[:1] not in {"=", "+", "@"}, cell
                assert start[:1] != "-" or float(start) < 0, cell
        if name != "controls":
            texts = {as_written(cell) for line in csv.reader(io.StringIO(data.decode(), newline="")) for cell in line}
            assert set(hostile_run.texts) <= texts
