"""Entries of the ledger: the list, newest first and filtered, and one entry with its statement and signer."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.core import IntegrityError
from rai_tune.promotion.ledger import Ledger, LedgerEntry
from rai_tune.promotion.told import KIND_WORDS, Told, readable_registry, told
from rai_tune.reporting.json_text import json_text
from rai_tune.reporting.text import clean, sentence
from rai_tune.review.components import Banner, Cell, Code, Facts, Heading, Links, Paragraph, Table, literal, pager
from rai_tune.review.listing import minute
from rai_tune.review.navigation import parameter, set_parameter

if TYPE_CHECKING:
    from rai_tune.workspace import Workspace

_PAGE = 50
_ALL_KINDS, _ALL_RUNS = "All kinds", "All runs"
_ABOUT_LONGEST = 160
_NUMBER = re.compile(r"[0-9]{1,12}")


def show_entries(workspace: Workspace) -> None:
    """Entries, the newest first, of one kind or run when the reader asks; each says whether it holds by itself."""
    literal("entries", Heading(2, "Entries"))
    kind, run_id = _filters(workspace)
    kinds = None if kind is None else (kind,)
    total = workspace.chain_number(kinds=kinds, run_id=run_id)
    if not total:
        literal("entries-none", Paragraph("No entry is of this kind and about this run."))
        return
    shown = pager(f"ledger-entries-{kind}-{run_id}", total, _PAGE)
    rows = workspace.chain_newest(kinds=kinds, run_id=run_id, offset=shown.start, count=len(shown))
    registry = readable_registry(Ledger(workspace))
    lines = [told(LedgerEntry(**vars(row)), registry) for row in rows]
    literal(
        "entries-table",
        Table(
            "Newest first",
            {"Entry": "", "By itself": "", "Kind": "", "Signed by": "", "What": "wide", "Run": "", "Time": "short"},
            tuple(map(_line, lines)),
        ),
    )


def show_entry(workspace: Workspace, wanted: str) -> None:
    """One entry, literally: what was signed, by whom, and whether that holds."""
    total = workspace.chain_number()
    number = int(wanted) if _NUMBER.fullmatch(wanted) else -1
    rows = workspace.chain_rows(first=number) if number >= 0 else ()
    if not rows or rows[0].seq != number:
        count = f"entries 0 to {total - 1}" if total else "no entries"
        literal(
            "entry-none",
            Heading(2, "No such entry"),
            Paragraph(f"The ledger has no entry {clean(wanted, 20)}: it holds {count}."),
        )
        _ways(None, total)
        return
    found = told(LedgerEntry(**vars(rows[0])), readable_registry(Ledger(workspace)))
    entry = found.entry
    holds = (
        Banner("fail", "✗", "This entry does not hold", sentence(found.problem))
        if found.problem
        else Banner(
            "pass", "✓", "This entry holds by itself", f"Signed by {clean(found.by)}; the signature was checked."
        )
    )
    literal("entry", Heading(2, f"Entry {entry.seq}: {_kind(entry.kind)}"), holds, _facts(found))
    _ways(entry, total)
    literal("statement", Heading(3, "What was signed"), Code("The signed statement", _statement(entry)))


def _filters(workspace: Workspace) -> tuple[str | None, str | None]:
    """The kind and the run that the reader asks for; both are in the address."""
    runs = workspace.chain_run_ids()
    kinds = list(KIND_WORDS)
    with st.container(horizontal=True):
        # Options are shown as they are; a select box reads no markup in them.
        kind = st.selectbox(
            "Kind",
            [_ALL_KINDS, *kinds],
            index=_place(kinds, parameter("kind")),
            format_func=lambda name: KIND_WORDS.get(name, name),
            key="ledger-kind",
        )
        run_id = st.selectbox("Run", [_ALL_RUNS, *runs], index=_place(list(runs), parameter("run")), key="ledger-run")
    chosen = (None if kind == _ALL_KINDS else kind, None if run_id == _ALL_RUNS else run_id)
    set_parameter("kind", chosen[0])
    set_parameter("run", chosen[1])
    return chosen


def _place(options: list[str], wanted: str | None) -> int:
    return options.index(wanted) + 1 if wanted in options else 0


def _line(found: Told) -> tuple[Cell, ...]:
    entry = found.entry
    seq, problem = str(entry.seq), sentence(found.problem)
    return (
        Cell(seq, page="ledger", query=(("entry", seq),)),
        Cell("✗ does not hold", problem, tone="fail") if problem else Cell("✓ holds", tone="pass"),
        Cell(_kind(entry.kind)),
        Cell(clean(found.by)),
        Cell(clean(found.about, _ABOUT_LONGEST)),
        Cell(clean(entry.run_id), run=entry.run_id) if entry.run_id else Cell("–"),
        Cell(minute(entry.at)),
    )


def _kind(kind: str) -> str:
    return KIND_WORDS.get(kind) or clean(kind)


def _facts(found: Told) -> Facts:
    entry = found.entry
    registered = (
        f"{clean(found.key.person)}, {', '.join(sorted(found.key.roles))}, registered in entry {found.key.seq}"
        if found.key
        else clean(found.by)
    )
    return Facts(
        (
            ("Time", clean(entry.at)),
            ("Run", clean(entry.run_id or "none")),
            ("Signed by", registered),
            ("Key", _key_id(entry)),
            ("SHA-256 of the envelope", hashlib.sha256(entry.envelope.encode()).hexdigest()),
            ("Leaf of the tree", clean(entry.leaf)),
        ),
        code=True,
    )


def _key_id(entry: LedgerEntry) -> str:
    try:
        return clean(entry.key_id)
    except IntegrityError:
        return "not readable"


def _statement(entry: LedgerEntry) -> str:
    """The statement as JSON, or what is stored where there is none."""
    try:
        return json_text(entry.statement)
    except IntegrityError:
        return clean(entry.envelope, len(entry.envelope) + 1)


def _ways(entry: LedgerEntry | None, total: int) -> None:
    """To the neighbours and to all entries."""
    ways = [Cell("All entries", page="ledger")]
    if entry is not None and entry.seq > 0:
        ways.append(Cell("The entry before", page="ledger", query=(("entry", str(entry.seq - 1)),)))
    if entry is not None and entry.seq < total - 1:
        ways.append(Cell("The entry after", page="ledger", query=(("entry", str(entry.seq + 1)),)))
    literal("ways", Links(tuple(ways)))
