"""Seeded changes of the ledger's tables, by whoever can write to the database: all found, given one head kept elsewhere."""

from __future__ import annotations

import random
import sqlite3

import pytest

from rai_tune.core import RaiError
from rai_tune.promoting import attest_control, promote_run, sign_run
from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.ledger import Ledger

CHANGES, PARTS = 1000, 4
ENTRIES = ("seq", "kind", "at", "run_id", "entry", "envelope", "leaf")
HEADS = ("size", "root", "envelope")


@pytest.fixture
def ledger(workspace, small, people) -> Ledger:
    """Ten entries: people, evidence, sign-offs, an attestation and a promotion."""
    run = small.complete_run(workspace, small.trial_policy(small.bound_control(), small.attested_control()))
    sign_run(workspace, run.id, people["ada"], "author")
    sign_run(workspace, run.id, people["bo"], "reviewer")
    attest_control(workspace, run.id, people["bo"], "T-2", "Two operators read every refusal on the same day.")
    promote_run(workspace, run.id, "production", people["cy"])
    return Ledger(workspace)


def rows(database: sqlite3.Connection) -> tuple[list[list], list[list]]:
    entries = database.execute(f"SELECT {', '.join(ENTRIES)} FROM ledger ORDER BY seq").fetchall()
    heads = database.execute(f"SELECT {', '.join(HEADS)} FROM ledger_heads ORDER BY size").fetchall()
    return [list(row) for row in entries], [list(row) for row in heads]


def write(database: sqlite3.Connection, entries: list[list], heads: list[list]) -> None:
    database.execute("DELETE FROM ledger")
    database.execute("DELETE FROM ledger_heads")
    database.executemany(f"INSERT INTO ledger ({', '.join(ENTRIES)}) VALUES (?,?,?,?,?,?,?)", entries)
    database.executemany(f"INSERT INTO ledger_heads ({', '.join(HEADS)}) VALUES (?,?,?)", heads)
    database.commit()


def changed(entries: list[list], heads: list[list], chance: random.Random) -> tuple[list[list], list[list]]:
    """The tables after one change; never the same tables, never a table that the database itself refuses."""
    while True:
        new, tops = [list(row) for row in entries], [list(row) for row in heads]
        table = chance.choice([new, new, new, tops])
        place, other = chance.randrange(len(table)), chance.randrange(len(table))
        kind = chance.choice(["edit", "edit", "edit", "swap", "drop", "cut", "double"])
        if kind == "edit":
            column = chance.randrange(1, len(table[place]))
            table[place][column] = edited(table[place][column], chance)
        elif kind == "swap":
            table[place][1:], table[other][1:] = table[other][1:], table[place][1:]
        elif kind == "drop":
            del table[place]
        elif kind == "cut":
            # both tables end earlier, as if the last entries had never been: what only a known head can show
            keep = max(1, place)
            del new[keep:], tops[keep:]
        else:
            table.append([table[-1][0] + 1, *table[place][1:]])
        if (new, tops) != (entries, heads):
            return new, tops


def edited(text: str | None, chance: random.Random) -> str:
    if not text:
        return "another-run-00000000"
    place = chance.randrange(len(text))
    return text[:place] + chance.choice('0123456789abcdefXYZ{}":, ') + text[place + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_changed_tables_are_found(ledger, part: int) -> None:
    head = ledger.head()
    known = f"{head.size}:{head.root}"
    chance = random.Random(f"tables {part}")
    with sqlite3.connect(ledger.workspace.root / "raitune.db") as database:
        entries, heads = rows(database)
        for number in range(CHANGES // PARTS):
            write(database, *changed(entries, heads, chance))
            with pytest.raises(RaiError):
                check_ledger(ledger, known)
                pytest.fail(f"change {number} was not found")
        write(database, entries, heads)
    database.close()
    assert check_ledger(ledger, known).known_size == head.size


def test_a_cut_is_found_with_the_head_and_not_without_it(ledger) -> None:
    head = ledger.head()
    with sqlite3.connect(ledger.workspace.root / "raitune.db") as database:
        entries, heads = rows(database)
        write(database, entries[:-2], heads[:-2])
    database.close()
    assert check_ledger(ledger).entries == head.size - 2
    with pytest.raises(
        RaiError, match=f"{head.size - 2} entries, and the known head speaks of {head.size}: it was cut"
    ):
        check_ledger(ledger, f"{head.size}:{head.root}")
    with pytest.raises(RaiError, match="never had that head"):
        check_ledger(ledger, head.root)
