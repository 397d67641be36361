"""The ledger page: the state before anything else, entries with their signers, and a damaged ledger that never looks fine."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import small_run as small
from rai_tune.promoting import promote_run, sign_run
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry, revoke, vouch
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.testing.v1 import AppTest

    Open = Callable[..., AppTest]
    Shown = Callable[[AppTest], list[str]]

ROOT = Path(__file__).resolve().parents[2]
COMMENT = "<script>alert(1)</script> ![x](https://evil.example) \u202egnorw =1+1 " + "x" * 5_000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run signed and promoted to two aliases, a revoked key, and seventy people who came by single sign-on."""
    root = tmp_path_factory.mktemp("ledger") / "w"
    with Workspace.open(root) as workspace:
        ada = small.person(workspace, "Ada", "author")
        cy = small.person(workspace, "Cy", "approver")
        run = small.complete_run(workspace)
        sign_run(workspace, run.id, ada, "author", COMMENT)
        for alias in ("staging", "production"):
            promote_run(workspace, run.id, alias, cy)
        ledger = Ledger(workspace)
        for number in range(70):
            vouch(ledger, f"Person {number:02}", ["reviewer"])
        revoke(ledger, read_registry(ledger).named("Person 03"), "left the bank")
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    shutil.copytree(made, tmp_path / "w")
    return tmp_path / "w"


def blocks(test: AppTest, kind: str) -> list[dict[str, Any]]:
    found = []
    for part in test.get("bidi_component"):
        found += [block for block in json.loads(part.proto.json).get("blocks", []) if block["kind"] == kind]
    return found


def banners(test: AppTest) -> list[str]:
    return [block["word"] for block in blocks(test, "banner")]


def table(test: AppTest, caption: str) -> list[list[str]]:
    found = next(block for block in blocks(test, "table") if block["caption"].startswith(caption))
    return [[cell["text"] for cell in row] for row in found["rows"]]


def write(root: Path, sql: str, *values: object) -> None:
    with sqlite3.connect(root / "raitune.db") as database:
        assert database.execute(sql, values).rowcount > 0


def test_the_state_comes_first_then_the_head_to_copy(made: Path, app: Open, shown: Shown) -> None:
    test = app(made, page="ledger")
    assert not test.exception
    with Workspace.open(made, create=False) as workspace:
        head = Ledger(workspace).head()
    (state,) = blocks(test, "banner")
    assert state["word"] == "Every entry holds"
    assert state["sentence"].startswith(
        f"{head.size} entries and {2 * head.size} signatures hold. This alone cannot show"
    )
    assert test.code[0].value == f"{head.size}:{head.root}"
    assert {str(head.size), head.root, head.at} <= set(shown(test))


def test_entries_are_paged_the_newest_first(made: Path, app: Open) -> None:
    test = app(made, page="ledger")
    rows = table(test, "Newest first")
    assert [row[0] for row in rows] == [str(77 - place) for place in range(50)]
    assert rows[0][2:5] == ["Revocation", "the workspace", "revokes a key of Person 03: left the bank"]
    assert {row[1] for row in rows} == {"✓ holds"}
    test.button(key="ledger-entries-None-None-Next").click().run()
    rows = table(test, "Newest first")
    assert [row[0] for row in rows] == [str(27 - place) for place in range(28)]
    signed = next(row for row in rows if row[2] == "Sign-off")
    assert signed[3] == "Ada"
    assert signed[4].startswith(
        "as author: <script>alert(1)</script> ![x](https://evil.example) [U+202E]gnorw =1+1 xxx"
    )
    assert len(signed[4]) <= 160


def test_entries_of_one_kind_and_of_one_run(made: Path, app: Open) -> None:
    with Workspace.open(made, create=False) as workspace:
        run_id = workspace.runs()[0].id
    test = app(made, page="ledger")
    test.selectbox(key="ledger-kind").select("promotion").run()
    assert [row[:1] + row[2:3] for row in table(test, "Newest first")] == [["6", "Promotion"], ["5", "Promotion"]]
    test.selectbox(key="ledger-kind").select("All kinds").run()
    test.selectbox(key="ledger-run").select(run_id).run()
    assert [row[0] for row in table(test, "Newest first")] == ["6", "5", "4", "3"]
    test.selectbox(key="ledger-kind").select("deletion").run()
    assert not [block for block in blocks(test, "table") if block["caption"] == "Newest first"]
    assert "No entry is of this kind" in " ".join(block["text"] for block in blocks(test, "paragraph"))
    # The same by address.
    test = app(made, run_id, page="ledger", kind="signoff")
    assert [row[0] for row in table(test, "Newest first")] == ["4"]


def test_what_is_served_and_who_may_sign(made: Path, app: Open) -> None:
    test = app(made, page="ledger")
    with Workspace.open(made, create=False) as workspace:
        run_id = workspace.runs()[0].id
    assert [table(test, alias)[0][0] for alias in ("production", "staging")] == [run_id] * 2
    assert [table(test, alias)[0][-1] for alias in ("production", "staging")] == ["6", "5"]
    people = table(test, "Registered people")
    assert people[0][:4] == ["Ada", "author", "✓ may sign", "own key"]
    assert people[5][:4] == ["Person 03", "reviewer", "✗ revoked", "single sign-on"]


def test_one_entry_by_its_address(made: Path, app: Open, shown: Shown) -> None:
    test = app(made, page="ledger", entry="4")
    assert not test.exception
    assert banners(test) == ["Every entry holds", "This entry holds by itself"]
    (code,) = blocks(test, "code")
    with Workspace.open(made, create=False) as workspace:
        entry = Ledger(workspace).entries()[4]
    assert json.loads(code["text"]) == entry.statement
    assert entry.predicate["comment"] == COMMENT
    assert "\\u202e" in code["text"]
    assert "\u202e" not in "".join(shown(test))
    facts = dict(blocks(test, "facts")[0]["rows"])
    assert facts["Signed by"] == "Ada, author, registered in entry 1"
    assert facts["Key"] == entry.key_id
    (links,) = blocks(test, "links")
    assert [dict(cell.get("query", [])) for cell in links["cells"]] == [{}, {"entry": "3"}, {"entry": "5"}]
    assert not test.markdown


@pytest.mark.parametrize("entry", ["78", "-1", "x", "9" * 70, "<script>", "²", "1.0"])
def test_an_entry_that_is_not_there_is_a_sentence(made: Path, app: Open, shown: Shown, entry: str) -> None:
    test = app(made, page="ledger", entry=entry)
    assert not test.exception
    assert "No such entry" in shown(test)
    assert any("it holds entries 0 to 77." in text for text in shown(test))
    assert not blocks(test, "code")


def test_verify_without_and_with_a_head_that_was_kept(root: Path, app: Open, shown: Shown) -> None:
    with Workspace.open(root, create=False) as workspace:
        kept = Ledger(workspace).head()
        vouch(Ledger(workspace), "Dee", ["reviewer"])
        size = Ledger(workspace).head().size
    test = app(root, page="ledger")

    def verify(head: str) -> dict[str, Any]:
        test.text_input(key="ledger-known").set_value(head)
        next(button for button in test.button if button.label == "Verify").click().run()
        assert not test.exception
        return blocks(test, "banner")[-1]

    assert verify("")["word"] == "Every entry holds"
    found = verify(f"{kept.size}:{kept.root}")
    assert found["word"] == "Every entry holds, and so does the given head"
    assert f"{size} entries" in found["sentence"]
    assert f"that of the first {kept.size} entries: nothing before it was changed or removed" in found["sentence"]
    assert verify(kept.root.upper())["word"] == "Every entry holds, and so does the given head"
    found = verify("0" * 64)
    assert (found["tone"], found["word"]) == ("fail", "Does not hold")
    assert "never had that head" in found["sentence"]
    found = verify("<script>alert(1)</script>")
    assert (found["tone"], found["word"]) == ("insufficient", "Not checked")
    assert "is no head of a ledger" in found["sentence"]
    # The field keeps what was typed.
    assert test.text_input(key="ledger-known").value == "<script>alert(1)</script>"


def test_a_cut_ledger_is_found_with_the_head_that_was_kept(root: Path, app: Open) -> None:
    with Workspace.open(root, create=False) as workspace:
        kept = Ledger(workspace).head()
    write(root, "DELETE FROM ledger WHERE seq = 77")
    write(root, "DELETE FROM ledger_heads WHERE size = 78")
    test = app(root, page="ledger")
    test.text_input(key="ledger-known").set_value(f"{kept.size}:{kept.root}")
    next(button for button in test.button if button.label == "Verify").click().run()
    found = blocks(test, "banner")[-1]
    assert found["word"] == "Does not hold"
    assert "The ledger has 77 entries, and the known head speaks of 78: it was cut." in found["sentence"]


@pytest.mark.parametrize(
    ("sql", "words", "bad"),
    [
        ("UPDATE ledger SET envelope = replace(envelope, 'a', 'b') WHERE seq = 4", "Entry 4", {"4"}),
        ("UPDATE ledger SET run_id = 'another-run-00000000' WHERE seq = 5", "Entry 5", {"5"}),
        ("UPDATE ledger SET envelope = '{}' WHERE seq = 0", "envelope", None),
        ("DELETE FROM ledger WHERE seq = 3", "no entry 3", set()),
        ("DELETE FROM ledger_heads WHERE size = 78", "head", set()),
    ],
)
def test_a_damaged_ledger_never_looks_fine(
    root: Path, app: Open, shown: Shown, sql: str, words: str, bad: set[str] | None
) -> None:
    assert banners(app(root, page="ledger")) == ["Every entry holds"]
    write(root, sql)
    test = app(root, page="ledger")
    assert not test.exception
    assert banners(test)[0] == "The ledger is damaged"
    assert "Every entry holds" not in banners(test)
    assert words in blocks(test, "banner")[0]["sentence"]
    captions = {block["caption"] for block in blocks(test, "table")}
    assert captions == {"Newest first"}
    assert not test.code
    test.button(key="ledger-entries-None-None-Next").click().run()
    rows = table(test, "Newest first")
    assert {row[0] for row in rows if row[1] != "✓ holds"} == ({row[0] for row in rows} if bad is None else bad)
    next(button for button in test.button if button.label == "Verify").click().run()
    assert banners(test)[-1] == "Does not hold"
    for entry in bad or ():
        assert banners(app(root, page="ledger", entry=entry)) == ["The ledger is damaged", "This entry does not hold"]


def test_an_empty_ledger_says_how_it_begins(tmp_path: Path, app: Open, shown: Shown) -> None:
    Workspace.open(tmp_path / "w").close()
    test = app(tmp_path / "w", page="ledger")
    assert not test.exception
    assert any(text.startswith("The ledger is empty.") for text in shown(test))
    assert not banners(test)
    assert not test.code
    assert "No such entry" in shown(app(tmp_path / "w", page="ledger", entry="0"))
