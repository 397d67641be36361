"""What a policy leaves to a person: the statements that were made about a control, and a form with the headings that it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.candidates import find_control
from rai_tune.core import UsageError
from rai_tune.gate.content import FEWEST_WORDS
from rai_tune.promoting import attest_control, seen_now, statement_of
from rai_tune.promotion.signed import MAX_TEXT
from rai_tune.reporting.text import clean, sentence
from rai_tune.review.components import Heading, Paragraph, literal
from rai_tune.review.identity import require_identity
from rai_tune.review.listing import minute
from rai_tune.review.sections.acting import act, held_state, show_told
from rai_tune.review.telling import without_folders
from rai_tune.signing import deed_lines

if TYPE_CHECKING:
    from rai_tune.promotion.keys import Signer
    from rai_tune.promotion.ledger import LedgerEntry
    from rai_tune.promotion.seen import Seen
    from rai_tune.reporting.model import ControlRow, DecisionView
    from rai_tune.review.components.literal import Block
    from rai_tune.review.reading import RunPage
    from rai_tune.signing import DeedLine
    from rai_tune.workspace import Workspace

_MOST_LINES = 400
_HEIGHT = 140


def show_attesting(page: RunPage, workspace: Workspace, decision: DecisionView, control: ControlRow) -> None:
    """Statements about this control, oldest first, and the form for a new one."""
    run_id = page.view.run_id
    place = f"attest-{decision.policy}-{control.id}"
    made = [
        line
        for line in deed_lines(workspace, run_id)
        if line.kind == "attestation" and (line.policy, line.what) == (decision.policy, control.id)
    ]
    literal(
        "statements",
        Heading(4, "Statements about it"),
        *(block for line in made for block in _statement(line)),
        *(() if made else (Paragraph("Nobody has made one."),)),
    )
    show_told(place, run_id)
    try:
        _, found = find_control(workspace, workspace.run(run_id), control.id, decision.policy)
    except UsageError as error:
        literal("attest-not", Paragraph(f"No statement can be made here: {without_folders(error)}"))
        return
    if page.view.state != "completed":
        literal("attest-not", Paragraph(f"The run is {page.view.state}; people sign what a completed run leaves."))
        return
    seen = held_state(workspace, seen_now(workspace, run_id))
    if require_identity(workspace) is not None:
        _form(place, seen, decision.policy, control.id, found.sections or ())


def _form(place: str, seen: Seen, policy: str, control: str, sections: tuple[str, ...]) -> None:
    """One text area for each section. Headings of a pack are shown as literal text: a widget's label would be read as Markdown."""
    literal(
        "attest",
        Heading(4, "Make a statement"),
        Paragraph(
            f"It goes into the ledger under your name, as plain text. Each part needs at least {FEWEST_WORDS} words of its own; a placeholder "
            "is refused before anything is signed."
        ),
    )
    fields = tuple(f"policy-{place}-{number}" for number in range(max(len(sections), 1)))
    with st.form(f"policy-{place}", enter_to_submit=False):
        for number, field in enumerate(fields):
            if sections:
                literal(f"{field}-head", Heading(4, clean(sections[number])))
            label = f"Text of part {number + 1} of {len(sections)}" if sections else "Statement"
            st.text_area(label, key=field, height=_HEIGHT, max_chars=MAX_TEXT // len(fields) - 200)
        st.form_submit_button(
            "Sign this statement",
            key=f"policy-{place}-sign",
            on_click=_attest,
            args=(place, seen, policy, control, sections, fields),
        )


def _attest(
    place: str, seen: Seen, policy: str, control: str, sections: tuple[str, ...], fields: tuple[str, ...]
) -> None:
    text = statement_of(sections, [str(st.session_state[field] or "") for field in fields])

    def deed(workspace: Workspace, signer: Signer) -> LedgerEntry:
        return attest_control(workspace, seen.run_id, signer, control, text, policy, seen=seen)

    act(place, seen.run_id, seen, f"attested to {control}", deed, clear=fields)


def _statement(line: DeedLine) -> tuple[Block, ...]:
    """A statement whole, line by line as it was signed."""
    counts = "it counts" if line.why is None else f"it does not count: {sentence(line.why)}"
    lines = [clean(text, MAX_TEXT) for text in line.said.splitlines() if text.strip()]
    more = len(lines) - _MOST_LINES
    return (
        Paragraph(f"{clean(line.person)}, {minute(line.at)}, ledger entry {line.seq}; {counts}.", muted=True),
        *(Paragraph(text) for text in lines[:_MOST_LINES]),
        *((Paragraph(f"{more:,} more lines are in the ledger.", muted=True),) if more > 0 else ()),
    )
