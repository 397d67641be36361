"""A run from a table to a verdict, as somebody makes it who has never made one; and everything that can be wrong with a table."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import yaml

from rai_tune.detached import find_start, launching, starts
from rai_tune.workspace import Workspace
from rai_tune.workspace.processes import mark_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    Open = Callable[..., AppTest]
    Shown = Callable[[AppTest], list[str]]

pytestmark = pytest.mark.slow
"""Each builds pages of the app whole, and one trains."""

SCRIPT = "<script>document.title='owned'</script>"
IMAGE = "<img src=https://evil.example/a.png onerror=alert(1)>"
LINK = "![p](https://evil.example/b.png) [go](https://evil.example/c) :red[x] $y$"


def csv_of(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def lending(number: int = 240) -> list[dict[str, str]]:
    """Applications; the outcome follows debt and record, with exceptions."""
    rows = []
    for place in range(number):
        debt, record = ("low", "fair", "high")[place % 3], ("clean", "bad")[place % 7 < 3]
        denied = (debt == "high" or record == "bad") != (place % 10 == 0)
        rows.append(
            {
                "id": str(place),
                "debt": debt,
                "record": record,
                "race": ("black", "white")[place % 2],
                "deny": "yes" if denied else "no",
            }
        )
    return rows


def hostile() -> list[dict[str, str]]:
    names = {"black": SCRIPT, "white": LINK}
    return [
        {
            **row,
            "race": names[row["race"]],
            LINK: "=HYPERLINK(1)",
            SCRIPT: IMAGE,
            "=1+1": "@cmd",
        }
        | {"deny": {"yes": IMAGE, "no": LINK}[row["deny"]]}
        for row in lending()
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Workspace.open(tmp_path / "store").close()
    return tmp_path / "store"


def upload(test: AppTest, data: bytes, name: str = "rows.csv") -> AppTest:
    test.file_uploader[0].upload(name, data).run()
    return test.button(key="new-next").click().run()


def onward(test: AppTest) -> AppTest:
    test.button(key="new-next").click().run()
    assert not test.exception
    return test


def headings(test: AppTest, shown: Shown) -> list[str]:
    return [text for text in shown(test) if text.startswith("Step ")]


@pytest.fixture
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Starts launch no process: this one stands for it. The list holds the tokens that were launched."""
    launched: list[str] = []

    def stand_in(workspace: Workspace, token: str, folder: Path) -> None:
        launched.append(token)
        found = {"pid": os.getpid(), "host": os.uname().nodename, "mark": mark_of(os.getpid())}
        (folder / starts.PROCESS).write_text(json.dumps(found))

    monkeypatch.setattr(launching, "_spawn", stand_in)
    return launched


def test_five_steps_keep_answers_on_the_way_back_and_start_once(
    root: Path, app: Open, shown: Shown, tiny_base: Path, monkeypatch: pytest.MonkeyPatch, nobody_works: list[str]
) -> None:
    monkeypatch.setenv("RAITUNE_MODELS_DIR", str(tiny_base.parent))
    test = upload(app(root, page="new"), csv_of(lending()))
    assert headings(test, shown) == ["Step 2 of 5: Columns"]
    frame = test.data_editor[0].value
    assert dict(zip(frame["Column"], frame["Role"], strict=True)) == {
        "id": "Name of the row",
        "debt": "Part of the line to read",
        "record": "Part of the line to read",
        "race": "Group of people",
        "deny": "Outcome to learn",
    }
    test.text_input(key="new-name").set_value("First try")
    test.text_area(key="new-purpose").set_value("Decides <b>loans</b>.")
    test.selectbox(key="new-positive-4").set_value(0)
    onward(test)
    assert headings(test, shown) == ["Step 3 of 5: Model and fairness"]
    test.selectbox(key="new-base").set_value(1)
    test.radio(key="new-method").set_value("frozen")
    test.number_input(key="new-epochs").set_value(2)
    test.checkbox(key="new-policy-eeoc-four-fifths").check()
    test.checkbox(key="new-hide").uncheck()
    onward(test)
    assert headings(test, shown) == ["Step 4 of 5: Check"]
    recipe = test.code[0].value
    found = yaml.safe_load(recipe)
    assert (found["name"], found["purpose"]) == ("first-try", "Decides <b>loans</b>.")
    assert found["data"]["template"] == "Debt: {{ debt }}. Record: {{ record }}. Race: {{ race }}."
    assert (found["data"]["hide_groups"], found["data"]["favourable"]) == (False, "approved")
    assert found["model"] == {"base": str(tiny_base), "adapter": {"method": "frozen"}}
    assert found["training"]["epochs"] == 2
    assert found["policies"] == ["baseline", "eeoc-four-fifths"]
    assert "four_fifths" in found["audits"]["include"]
    said = shown(test)
    assert (
        "Every group has enough test rows to be compared. How many a policy wants is its own matter; the verdict says it."
        in said
    )

    for step in (3, 2):
        test.button(key="new-back").click().run()
        assert headings(test, shown)[0].startswith(f"Step {step}")
    assert test.text_input(key="new-name").value == "First try"
    onward(onward(test))
    assert test.code[0].value == recipe

    test.button(key="new-next").click().run()
    assert headings(test, shown) == ["Step 5 of 5: Start"]
    token = test.query_params["start"]
    assert nobody_works == (token if isinstance(token, list) else [token])
    # The second click of a double click comes to the same form.
    del test.query_params["start"]
    test.run()
    test.button(key="new-next").click().run()
    assert len(nobody_works) == 1
    with Workspace.open(root, create=False) as workspace:
        start = find_start(workspace, nobody_works[0])
        assert (start.name, start.state, start.run_id) == ("first-try", "working", None)
        assert workspace.runs() == ()
    # Who goes back and asks for something else does not get what was started before.
    del test.query_params["start"]
    test.run()
    test.button(key="new-back").click().run()
    test.checkbox(key="new-policy-eeoc-four-fifths").uncheck()
    onward(onward(test))
    asked = [json.loads((root / "starts" / token / "start.json").read_text())["recipe"] for token in nobody_works]
    assert [recipe["policies"] for recipe in asked] == [["baseline", "eeoc-four-fifths"], ["baseline"]]
    assert [path.name for path in (root / "uploads").iterdir()] == [
        json.loads((root / "starts" / start.token / "start.json").read_text())["recipe"]["data"]["source"][
            "path"
        ].split("/")[1]
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "This is not a table but a PNG image."),
        (
            csv_of([{**row, "deny": "no", "race": "x", "debt": row["id"], "record": "y"} for row in lending(60)]),
            "'deny' is named like one but has only one value; two classes are needed.",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_a_sentence_in_the_first_step(
    root: Path, app: Open, shown: Shown, data: bytes, said: str
) -> None:
    test = upload(app(root, page="new"), data, "../../<b>rows</b>.csv")
    assert not test.exception
    assert headings(test, shown) == ["Step 1 of 5: Data"]
    assert any(said in text for text in shown(test))
    assert not any(str(root) in text for text in shown(test))


def test_a_label_that_is_empty_everywhere_is_not_taken_and_the_guess_in_its_place_is_a_doubt(
    root: Path, app: Open, shown: Shown
) -> None:
    test = upload(app(root, page="new"), csv_of([{**row, "deny": ""} for row in lending(60)]))
    frame = test.data_editor[0].value.set_index("Column")
    assert (frame.loc["deny", "Role"], frame.loc["deny", "Why"]) == ("Left out", "It is empty in every row.")
    assert any("Which column holds the outcome to learn?" in text for text in shown(test))


def test_what_does_not_fit_is_said_and_what_nobody_said_is_asked(root: Path, app: Open, shown: Shown) -> None:
    rows = [{**row, "deny": {"yes": "red", "no": "blue"}[row["deny"]]} for row in lending()]
    test = upload(app(root, page="new"), csv_of(rows))
    assert test.selectbox(key="new-favourable-4").value is None
    test.button(key="new-next").click().run()
    assert headings(test, shown) == ["Step 2 of 5: Columns"]
    assert "Groups are measured, so say which outcome a person wants for themselves." in shown(test)
    test.selectbox(key="new-favourable-4").set_value(0)
    test.selectbox(key="new-positive-4").set_value(1)
    onward(test)
    test.checkbox(key="new-policy-baseline").uncheck()
    test.button(key="new-next").click().run()
    assert "Choose at least one policy: a run without one has no verdict." in shown(test)


def test_a_start_that_failed_is_told_and_leads_back(root: Path, app: Open, shown: Shown) -> None:
    folder = root / "starts" / ("ab" * 8)
    folder.mkdir(parents=True)
    asked = {"at": "2026-11-26T23:30:00Z", "name": SCRIPT, "recipe": {}}
    (folder / "start.json").write_text(json.dumps(asked))
    (folder / "outcome.json").write_text(json.dumps({"error": f"column {IMAGE} is gone"}))
    test = app(root, page="new", start="ab" * 8)
    assert f"Column {IMAGE} is gone." in shown(test)
    test.button(key="new-again").click().run()
    assert headings(test, shown) == ["Step 1 of 5: Data"]
    assert SCRIPT in shown(test)  # in the table of those that never came to a run
    (folder / "outcome.json").unlink()
    assert any("without a word" in text for text in shown(app(root, page="new", start="ab" * 8)))
    for token in ("cd" * 8, "../../etc", "<script>"):
        said = shown(app(root, page="new", start=token))
        assert any("start" in text and ("there is no" in text.lower() or "names no" in text) for text in said), said


def test_the_clock_of_the_server_changes_no_time_on_a_page(
    root: Path, app: Open, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rai_tune.workspace.progress import ProgressLog

    folder = root / "starts" / ("ab" * 8)
    folder.mkdir(parents=True)
    (folder / "start.json").write_text(json.dumps({"at": "2026-11-26T23:30:00Z", "name": "x", "recipe": {}}))
    (folder / "outcome.json").write_text(json.dumps({"error": "x"}))
    seen = []
    with Workspace.open(root, create=False) as workspace:
        recipe = {"data": {"source": {"path": "rows.csv"}, "text": "text", "label": "label"}}
        from rai_tune.recipe import parse_recipe

        loaded = parse_recipe(recipe, "x", root)
        run = workspace.create_run(
            name="x", recipe=loaded.recipe.model_dump(mode="json"), recipe_digest=loaded.digest, policies={}
        )
        workspace.set_state(run.id, "preparing")
        with workspace.claim(run.id):
            ProgressLog(workspace.run_dir(run.id), lambda *_: None).enter("preparing")
            path = workspace.run_dir(run.id) / "progress.json"
            path.write_text(json.dumps({**json.loads(path.read_text()), "at": "2026-11-26T23:45:06Z"}))
            try:
                for zone in ("Pacific/Kiritimati", "America/Los_Angeles"):
                    monkeypatch.setenv("TZ", zone)
                    time.tzset()
                    listed = [text for text in shown(app(root, page="new")) if "2026-11-2" in text]
                    working = [text for text in shown(app(root, run.id, "run")) if "23:45" in text]
                    seen.append((listed, working))
            finally:
                monkeypatch.undo()
                time.tzset()
    assert seen == [(["2026-11-26 23:30 UTC"], ["2026-11-26 23:45:06 UTC"])] * 2


def test_a_workspace_of_a_newer_schema_is_a_sentence(root: Path, app: Open, shown: Shown) -> None:
    with sqlite3.connect(root / "raitune.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'r9999'")
    test = app(root, page="new")
    assert not test.exception
    assert any("newer" in text for text in shown(test))


def test_methods_against_bias_are_told_in_plain_words_and_a_policy_forbids_one(
    root: Path, app: Open, shown: Shown, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rai_tune.training.mitigation import card_of, known_methods

    monkeypatch.setenv("RAITUNE_MODELS_DIR", str(tiny_base.parent))
    test = upload(app(root, page="new"), csv_of(lending()))
    test.selectbox(key="new-positive-4").set_value(0)
    onward(test)
    said = shown(test)
    for name in known_methods():
        assert card_of(name).title == test.checkbox(key=f"new-mitigation-{name}").label
        assert {card_of(name).does, card_of(name).law} <= set(said)
    assert sum("The group of each person whenever a decision is made" in text for text in said) == 1
    assert "Forbidden" not in said

    # The reason stands beside what is forbidden, and the step cannot be left with it.
    test.checkbox(key="new-mitigation-threshold").check()
    test.checkbox(key="new-policy-fair-lending").check().run()
    veto = "Policy fair-lending forbids threshold (REGB-4a-methods, 15 USC 1691(a)(1) and 12 CFR 1002.4(a): "
    assert any(text.startswith(veto) for text in shown(test))
    test.button(key="new-next").click().run()
    assert headings(test, shown) == ["Step 3 of 5: Model and fairness"]
    assert "Take the method or the policy back." in shown(test)
    test.checkbox(key="new-mitigation-threshold").uncheck()

    # Two that act on the same thing are refused with the reason; one of them goes into the recipe and stays on the way back.
    test.checkbox(key="new-mitigation-reweigh").check()
    test.checkbox(key="new-mitigation-group_dro").check()
    test.button(key="new-next").click().run()
    assert any("group_dro and reweigh cannot be joined: " in text for text in shown(test))
    test.checkbox(key="new-mitigation-group_dro").uncheck()
    onward(test)
    assert headings(test, shown) == ["Step 4 of 5: Check"]
    assert yaml.safe_load(test.code[0].value)["mitigation"] == {"method": "reweigh"}
    test.button(key="new-back").click().run()
    assert test.checkbox(key="new-mitigation-reweigh").value


@pytest.mark.browser
def test_from_a_hostile_table_to_a_verdict_while_the_server_is_killed(
    watched: Any, chromium: Any, root: Path, tmp_path: Path, tiny_base: Path
) -> None:
    table = tmp_path / "rows <img src=x onerror=alert(1)> $a$.csv"
    table.write_bytes(csv_of(hostile()))
    with watched.serving(root, RAITUNE_MODELS_DIR=str(tiny_base.parent)) as address:
        seen = watched.fresh_page(chromium, address)
        page = seen.open("/new")
        page.locator("input[type=file]").set_input_files(str(table))
        seen.settle()
        page.get_by_role("button", name="Next: columns").click()
        page.get_by_role("heading", name="Step 2 of 5: Columns").wait_for()
        seen.settle()
        grid = page.get_by_test_id("stDataFrame").first
        grid.locator("canvas").first.wait_for()
        assert grid.locator("a, img, script").count() == 0
        choose(page, "Which outcome does a person want")
        seen.settle()
        choose(page, "Which outcome should the model find")
        seen.settle()
        page.get_by_role("button", name="Next: model").click()
        page.get_by_role("heading", name="Step 3 of 5: Model and fairness").wait_for()
        choose(page, "Base model")
        seen.settle()
        # Long enough to be at work still when a slow machine has drawn the page of the run.
        page.get_by_label("Passes over the rows").fill("50")
        page.keyboard.press("Tab")
        seen.settle()
        page.get_by_role("button", name="Next: check").click()
        page.get_by_role("button", name="Start the run").dblclick(timeout=120_000)
        page.wait_for_url("**/run?run=*", timeout=120_000)
        page.get_by_role("heading", name="At work").wait_for()
        assert page.title() != "owned"
        assert page.locator("[src*='evil.example'], [href*='evil.example']").count() == 0
        assert seen.complaints() == []
        run_id = page.url.rsplit("=", 1)[1]
        page.context.close()
        kill_server(address)
    with Workspace.open(root, create=False) as workspace:
        until = time.monotonic() + 120
        while workspace.is_alive(run_id):
            assert time.monotonic() < until
            time.sleep(0.1)
        assert [(run.id, run.state) for run in workspace.runs()] == [(run_id, "completed")]
        verdict = workspace.run(run_id).verdict
    with watched.serving(root) as address:
        seen = watched.fresh_page(chromium, address)
        page = seen.open(f"/run?run={run_id}")
        words = {"fail": "Refused", "insufficient_evidence": "Not enough evidence"}
        assert page.locator(".banner .word").first.inner_text() == words[str(verdict)]
        assert page.get_by_role("button", name="Resume this run").count() == 0
        assert seen.complaints() == []
        page.context.close()


def choose(page: Any, label: str) -> None:
    """Take the next option of a list, with the keyboard: the first where none was taken."""
    box = page.get_by_role("combobox", name=label)
    before = box.input_value()
    box.click()
    page.wait_for_timeout(500)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert box.input_value() not in {"", before}


def kill_server(address: str) -> None:
    """End the server that this test started at this address, as a crash would."""
    port = address.rsplit(":", 1)[1]
    mine = [child for child in psutil.Process().children(recursive=True) if port in _command(child)]
    assert len(mine) == 1
    mine[0].send_signal(signal.SIGKILL)
    mine[0].wait(20)


def _command(process: psutil.Process) -> list[str]:
    """The command line; empty for a process that has ended meanwhile."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []
