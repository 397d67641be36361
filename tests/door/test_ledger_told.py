"""What a reader is told about the ledger: who signed what, what is served, and never anything good about one that was changed."""

from __future__ import annotations

import json
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from rai_tune.core import canonical_json
from rai_tune.promoting import promote_run, sign_run
from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.dsse import IN_TOTO, seal
from rai_tune.promotion.keys import workspace_key
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry, revoke
from rai_tune.promotion.told import ledger_state, readable_registry, told
from rai_tune.reporting.json_text import json_text
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def made(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, each signed by Ada and promoted by Cy; then Bo's key is revoked."""
    root = tmp_path_factory.mktemp("told") / "ws"
    with Workspace.open(root) as workspace:
        ada = small.person(workspace, "Ada", "author")
        small.person(workspace, "Bo", "reviewer")
        cy = small.person(workspace, "Cy", "approver", "author")
        for name in ("first", "second"):
            run = small.complete_run(workspace, name=name, weights=name.encode())
            sign_run(workspace, run.id, ada, "author", f"made {name} with care")
            promote_run(workspace, run.id, "production", cy)
        found = Ledger(workspace)
        revoke(found, read_registry(found).named("Bo"), "left the bank")
    return root


@pytest.fixture
def ledger(made: Path, tmp_path: Path) -> Iterator[Ledger]:
    """A copy that a test may damage."""
    shutil.copytree(made, tmp_path / "ws")
    with Workspace.open(tmp_path / "ws", create=False) as workspace:
        yield Ledger(workspace)


def write(ledger: Ledger, sql: str, *values: object) -> None:
    with sqlite3.connect(ledger.workspace.root / "raitune.db") as database:
        assert database.execute(sql, values).rowcount == 1


def test_every_entry_says_who_signed_it_and_what_it_is_about(ledger: Ledger) -> None:
    registry = readable_registry(ledger)
    lines = [told(entry, registry) for entry in ledger.entries()]
    first, second = (entry.run_id for entry in ledger.entries(("promotion",)))
    assert [(line.entry.kind, line.by, line.about) for line in lines] == [
        ("workspace", "the workspace", "begins the ledger with the workspace's key"),
        ("key", "the workspace", "registers Ada as author"),
        ("key", "the workspace", "registers Bo as reviewer"),
        ("key", "the workspace", "registers Cy as approver, author"),
        ("evidence", "the workspace", "the digests of everything that was measured"),
        ("signoff", "Ada", "as author: made first with care"),
        ("promotion", "Cy", f"{first} as production"),
        ("evidence", "the workspace", "the digests of everything that was measured"),
        ("signoff", "Ada", "as author: made second with care"),
        ("promotion", "Cy", f"{second} as production"),
        ("revocation", "the workspace", "revokes a key of Bo: left the bank"),
    ]
    assert {line.problem for line in lines} == {""}
    assert (lines[5].key.person, lines[5].key.seq) == ("Ada", 1)


def test_the_state_lists_what_is_served_the_newest_first(ledger: Ledger) -> None:
    state = ledger_state(ledger)
    assert (state.check.entries, state.check.signatures, state.problem) == (11, 22, "")
    assert state.head == ledger.head()
    assert {alias: [item.seq for item in history] for alias, history in state.aliases().items()} == {
        "production": [9, 6]
    }
    assert [(key.person, key.revoked_because) for key in state.registry.keys] == [
        ("Ada", None),
        ("Bo", "left the bank"),
        ("Cy", None),
    ]


def test_pages_of_entries_are_the_newest_first_and_narrowed(ledger: Ledger) -> None:
    workspace = ledger.workspace
    first, second = (entry.run_id for entry in ledger.entries(("promotion",)))
    assert [row.seq for row in workspace.chain_newest(offset=2, count=3)] == [8, 7, 6]
    assert [row.seq for row in workspace.chain_newest(kinds=("signoff",), count=50)] == [8, 5]
    assert [row.seq for row in workspace.chain_newest(run_id=first, count=2)] == [6, 5]
    assert workspace.chain_number() == 11
    assert workspace.chain_number(kinds=("signoff", "promotion"), run_id=second) == 2
    assert workspace.chain_run_ids() == (second, first)
    assert workspace.chain_newest(offset=11, count=5) == ()
    # The same rows as those that are checked.
    assert tuple(reversed(workspace.chain_newest(count=50))) == workspace.chain_rows()


CHANGES = {
    "envelope": ("UPDATE ledger SET envelope = replace(envelope, 'a', 'b') WHERE seq = 5", "envelope"),
    "no json": ("UPDATE ledger SET envelope = '{' WHERE seq = 5", "entry 5"),
    "run": ("UPDATE ledger SET run_id = 'another-run-00000000' WHERE seq = 5", "re-labelled"),
    "time": ("UPDATE ledger SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 5", "re-labelled"),
    "entry": ("UPDATE ledger SET entry = '{}' WHERE seq = 5", "entry 5"),
    "cut": ("DELETE FROM ledger WHERE seq = 10", "head"),
    "hole": ("DELETE FROM ledger WHERE seq = 5", "no entry 5"),
    "head": ("DELETE FROM ledger_heads WHERE size = 3", "head"),
    "kind": ("UPDATE ledger SET kind = 'unheard of' WHERE seq = 5", "re-labelled"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_ledger_has_a_problem_and_nothing_else(ledger: Ledger, change: str) -> None:
    sql, words = CHANGES[change]
    write(ledger, sql)
    state = ledger_state(ledger)
    assert words in state.problem
    assert (state.check, state.head, state.registry, state.promotions, state.aliases()) == (None, None, None, (), {})


@pytest.mark.parametrize("change", ["envelope", "no json", "run", "time", "entry", "kind"])
def test_the_changed_entry_is_told_from_the_sound_ones(ledger: Ledger, change: str) -> None:
    write(ledger, CHANGES[change][0])
    registry = readable_registry(ledger)
    assert registry is not None
    bad = [entry.seq for entry in ledger.entries() if told(entry, registry).problem]
    assert bad == [5]


def test_without_a_registry_no_entry_looks_checked(ledger: Ledger) -> None:
    write(ledger, "UPDATE ledger SET envelope = '{}' WHERE seq = 0")
    assert readable_registry(ledger) is None
    lines = [told(entry, None) for entry in ledger.entries()]
    assert all("was not checked" in line.problem for line in lines)
    assert (lines[0].by, lines[0].about) == ("not readable", "not readable")


def test_a_statement_with_other_fields_is_a_problem_and_no_traceback(ledger: Ledger) -> None:
    """An envelope that is well formed and signed by the workspace, whose statement lacks what its kind carries."""
    entry = ledger.entries()[5]
    body = {**entry.statement, "predicate": {"schema": "rai-tune/signoff/v1"}}
    envelope = seal(body, IN_TOTO, workspace_key(ledger.workspace.root, create=False))
    write(ledger, "UPDATE ledger SET envelope = ? WHERE seq = 5", envelope)
    line = told(ledger.entries()[5], readable_registry(ledger))
    assert line.problem
    assert line.about == "not readable"


def test_the_cut_ledger_of_a_writer_with_the_key_is_found_with_a_known_head_only(ledger: Ledger) -> None:
    head = ledger.head()
    write(ledger, "DELETE FROM ledger WHERE seq = 10")
    write(ledger, "DELETE FROM ledger_heads WHERE size = 11")
    assert ledger_state(ledger).check.entries == 10
    with pytest.raises(Exception, match="speaks of 11: it was cut"):
        check_ledger(ledger, f"{head.size}:{head.root}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "Zoë 漢"}, '{\n  "a": "Zoë 漢"\n}'),
        ({"a": "\u202egnorw\u202c\u2028"}, '{\n  "a": "\\u202egnorw\\u202c\\u2028"\n}'),
        ({"a": "\U000e0041\u00a0"}, '{\n  "a": "\\udb40\\udc41\\u00a0"\n}'),
        ({"a": "</script>\n\x07"}, '{\n  "a": "</script>\\n\\u0007"\n}'),
    ],
)
def test_a_statement_is_shown_as_json_in_which_nothing_hides(value: dict[str, str], text: str) -> None:
    assert json_text(value) == text
    assert canonical_json(json.loads(text)) == canonical_json(value)
