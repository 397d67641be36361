"""The sign-off page, upper half: what would be signed, what the policies say today, who signed, what is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.reporting import build_view
from rai_tune.reporting.redecided import open_first
from rai_tune.reporting.text import clean, sentence
from rai_tune.review.components import Banner, Bullets, Cell, Facts, Paragraph, Table, literal
from rai_tune.review.identity import require_identity
from rai_tune.review.listing import minute
from rai_tune.review.navigation import page_link
from rai_tune.review.sections.acting import held_state, show_told
from rai_tune.review.sections.promoting import show_promoting, show_waiving
from rai_tune.review.sections.signature import PLACE, show_signature
from rai_tune.review.tones import tone_of
from rai_tune.signing import RETYPED, offers, signing_state

if TYPE_CHECKING:
    from rai_tune.reporting.model import ControlRow, DecisionView
    from rai_tune.review.reading import RunPage
    from rai_tune.signing import DeedLine, SigningState
    from rai_tune.workspace import Workspace

_KINDS = {"signoff": "signed as", "attestation": "attested to", "waiver": "waived"}
_LONGEST = 300
"""Characters of a person's words in the table; the policy page shows a statement whole."""


def show_signing(page: RunPage, workspace: Workspace) -> None:
    """Everything that somebody must know before they sign, then what they may do."""
    state = signing_state(workspace, page.view.run_id)
    seen = held_state(workspace, state.seen)
    decisions = build_view(replace(page.inputs, decisions=state.decisions)).decisions
    _subject(page, state)
    _today(decisions)
    _signed(state)
    _missing(page, state)
    st.header("Sign", anchor="sign")
    show_told(PLACE, seen.run_id)
    person = require_identity(workspace)
    found = offers(workspace, seen.run_id, person.signer, state) if person else None
    if found is not None:
        show_signature(seen, found)
    show_waiving(seen, found, decisions)
    show_promoting(state, seen, found)


def _subject(page: RunPage, state: SigningState) -> None:
    st.header("What would be signed", anchor="statement")
    covered = state.covered
    if covered is None:
        text = f"The run is {page.view.state}: it has no model and predictions to make a statement about, so there is nothing to sign."
        literal("statement", Paragraph(text))
        return
    literal(
        "statement",
        Paragraph("SHA-256 of the evidence statement as it stands. Whoever signs, signs this:"),
        Facts((("Statement", state.seen.statement),), code=True),
        Paragraph(
            f"To sign, you type its first {RETYPED} characters again. It speaks of {_many(covered.measurements, 'measurement')} of "
            f"{_many(covered.audits, 'audit')} and of {_many(covered.files, 'file')} by their digests. Any other measurement or byte gives another digest, "
            "and needs new signatures."
        ),
        Table(
            "What the statement is bound to",
            {"Part": "", "SHA-256": "wide"},
            tuple((Cell(clean(name)), Cell(clean(digest))) for name, digest in covered.digests.items()),
        ),
    )


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _today(decisions: tuple[DecisionView, ...]) -> None:
    st.header("What the policies say today", anchor="today")
    if not decisions:
        literal("today", Paragraph("The run named no policy, so nothing decides about it."))
        return
    literal(
        "today",
        Paragraph(
            "Decided now, under the policies that froze when the run began; nothing of it is stored.", muted=True
        ),
        Table(
            "Each policy, decided today",
            {"Policy": "", "Outcome": "", "Blocking controls that are not met": "wide"},
            tuple(
                (
                    Cell(decision.title, f"{decision.policy} {decision.version}"),
                    Cell(f"{decision.icon} {decision.word}", tone=tone_of(decision.outcome)),
                    Cell(", ".join(control.id for control in _blocking(decision)) or "none"),
                )
                for decision in decisions
            ),
        ),
    )
    rows = [(decision, control) for decision in decisions for control in _blocking(decision)]
    if rows:
        literal(
            "today-open",
            Table(
                "Why they are not met, and what would settle them",
                {"Control": "", "Outcome": "", "Why": "wide", "What would settle it": "wide"},
                tuple(
                    (
                        Cell(f"{control.id}: {control.title}", f"{decision.policy} · {control.reference}"),
                        Cell(f"{control.icon} {control.word}", tone=tone_of(control.outcome)),
                        Cell(control.reason, " ".join(control.people)),
                        Cell(control.settle or "–"),
                    )
                    for decision, control in rows
                ),
            ),
        )


def _blocking(decision: DecisionView) -> tuple[ControlRow, ...]:
    return tuple(control for control in open_first(decision.controls) if control.severity == "blocks")


def _signed(state: SigningState) -> None:
    st.header("Who signed so far", anchor="signed")
    authors = ", ".join(clean(name) for name in state.authors)
    literal(
        "signed",
        Paragraph(
            f"Author: {authors}. An author never reviews, waives in or promotes their own run."
            if authors
            else "Nobody is known as the author yet: whoever signs as author first is."
        ),
        *(
            (
                Table(
                    "Signatures about this run, oldest first",
                    {"Entry": "", "When": "short", "Who": "", "What": "", "Words": "wide", "Counts": "wide"},
                    tuple(_deed(line) for line in state.deeds),
                ),
            )
            if state.deeds
            else (Paragraph("No signature about this run is in the ledger."),)
        ),
    )


def _deed(line: DeedLine) -> tuple[Cell, ...]:
    counts = (
        Cell("✓ counts", tone="pass")
        if line.why is None
        else Cell("– does not count", f"{sentence(line.why)}.", tone="none")
    )
    return (
        Cell(str(line.seq)),
        Cell(minute(line.at)),
        Cell(clean(line.person)),
        Cell(f"{_KINDS[line.kind]} {clean(line.what)}"),
        Cell(clean(line.said, _LONGEST) or "–"),
        counts,
    )


def _missing(page: RunPage, state: SigningState) -> None:
    st.header("What is missing before it can be promoted", anchor="missing")
    if state.missing:
        literal("missing", Bullets(tuple(sentence(text) for text in state.missing)))
        if any(control.outcome == "awaiting_signoff" for decision in state.decisions for control in decision.controls):
            page_link("policy", "Make statements on the policy page", run=page.view.run_id)
        return
    waived = [
        control.id
        for decision in state.decisions
        for control in decision.controls
        if control.severity == "block" and control.waived_until
    ]
    rests = f" It would rest on waivers of {', '.join(waived)}: the outcome stays what it is." if waived else ""
    text = f"An approver who is not the author may promote this run now.{rests}"
    literal("missing", Banner("waiting" if waived else "pass", "✓", "Nothing is missing", clean(text, 600)))
