"""Waivers, promotion and rollback on the sign-off page."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.core import UsageError
from rai_tune.promoting import promote_run, roll_back, today, waive_control
from rai_tune.promotion.door import ALIASES
from rai_tune.reporting.redecided import open_first
from rai_tune.reporting.text import clean, sentence
from rai_tune.review.components import Cell, Paragraph, Table, literal
from rai_tune.review.listing import minute
from rai_tune.review.sections.acting import act, show_told

if TYPE_CHECKING:
    from rai_tune.promotion.keys import Signer
    from rai_tune.promotion.ledger import LedgerEntry
    from rai_tune.promotion.seen import Seen
    from rai_tune.reporting.model import DecisionView
    from rai_tune.signing import Offers, SigningState
    from rai_tune.workspace import Workspace

WAIVE, PROMOTE = "waive", "promote"
_CONTROL, _REASON, _UNTIL, _ALIAS = "signoff-control", "signoff-waiver", "signoff-until", "signoff-alias"
NEEDS_SOMEBODY = "For this, somebody has to sign: unlock a key or sign in above."


def show_waiving(seen: Seen, found: Offers | None, decisions: tuple[DecisionView, ...]) -> None:
    """A form to accept until a day that a control is not met, where one is not."""
    st.header("Waive a control", anchor="waive")
    show_told(WAIVE, seen.run_id)
    open_ones = [
        (decision.policy, control.id)
        for decision in decisions
        for control in open_first(decision.controls)
        if control.severity == "blocks"
    ]
    if not open_ones:
        literal("waive-none", Paragraph("No blocking control is open, so there is nothing to waive."))
        return
    literal(
        "waive-what",
        Paragraph(
            "A waiver accepts for a time that one control of this model is not met. It changes no outcome: the control stays as it is, with "
            "your name, your reason and the last day beside it."
        ),
    )
    why = NEEDS_SOMEBODY if found is None else found.waive
    if why is not None:
        literal("waive-not", Paragraph(f"Not offered to you: {sentence(why).rstrip('.')}."))
        return
    with st.form("signoff-waive", enter_to_submit=False):
        st.selectbox("Control", open_ones, key=_CONTROL, format_func=" · ".join)
        st.text_input("Why it is accepted, in a sentence (it goes on record)", key=_REASON, max_chars=1000)
        st.date_input(
            "Last day on which the waiver holds", value=None, min_value=today(), key=_UNTIL, format="YYYY-MM-DD"
        )
        st.form_submit_button("Waive the control", key="signoff-waive-it", on_click=_waive, args=(seen,))


def _waive(seen: Seen) -> None:
    policy, control = st.session_state[_CONTROL]
    reason, until = str(st.session_state[_REASON]), st.session_state[_UNTIL]

    def deed(workspace: Workspace, signer: Signer) -> LedgerEntry:
        if not isinstance(until, date):
            raise UsageError("choose the last day on which the waiver holds")
        return waive_control(workspace, seen.run_id, signer, control, reason, until, policy, seen=seen)

    act(WAIVE, seen.run_id, seen, f"waived {control}", deed, clear=(_REASON, _UNTIL))


def show_promoting(state: SigningState, seen: Seen, found: Offers | None) -> None:
    """What the aliases serve, a way to let this run through the door, and a way back."""
    st.header("Promote", anchor="promote")
    show_told(PROMOTE, seen.run_id)
    literal("aliases", _aliases(state))
    if found is None:
        literal("promote-not", Paragraph(NEEDS_SOMEBODY))
        return
    why = found.promote
    if why is None:
        _promotion(state, seen)
    else:
        literal("promote-not", Paragraph(f"Not offered to you: {sentence(why).rstrip('.')}."))
    _returns(state, seen)


def _promotion(state: SigningState, seen: Seen) -> None:
    free = [alias for alias in ALIASES if not _serves_this(state, alias)]
    if not free:
        literal("promote-not", Paragraph("Every alias serves this run already."))
        return
    with st.form("signoff-promote", enter_to_submit=False):
        st.radio("Promote this run to", free, key=_ALIAS, horizontal=True)
        st.form_submit_button("Promote", key="signoff-promote-it", on_click=_promote, args=(seen,))


def _promote(seen: Seen) -> None:
    alias = str(st.session_state[_ALIAS])

    def deed(workspace: Workspace, signer: Signer) -> LedgerEntry:
        return promote_run(workspace, seen.run_id, alias, signer, seen=seen)

    act(PROMOTE, seen.run_id, seen, f"promoted this run to {alias}", deed)


def _returns(state: SigningState, seen: Seen) -> None:
    for alias, target in state.returns_to.items():
        text = (
            f"{alias} serves this run. A rollback promotes run {target.run_id} again, which {target.person} promoted on "
            f"{minute(target.at)} (ledger entry {target.seq}); it goes through the same door."
        )
        literal(f"return-{alias}", Paragraph(clean(text, 400)))
        st.button(f"Roll back {alias}", key=f"signoff-return-{alias}", on_click=_roll_back, args=(seen, alias))


def _roll_back(seen: Seen, alias: str) -> None:
    def deed(workspace: Workspace, signer: Signer) -> LedgerEntry:
        return roll_back(workspace, alias, signer, seen=seen)

    act(PROMOTE, seen.run_id, seen, f"rolled back {alias}", deed)


def _serves_this(state: SigningState, alias: str) -> bool:
    now = state.served[alias]
    return now is not None and (now.run_id, now.statement) == (state.seen.run_id, state.seen.statement)


def _aliases(state: SigningState) -> Table:
    rows = []
    for alias in ALIASES:
        now = state.served[alias]
        if now is None:
            rows.append((Cell(alias), Cell("nothing was promoted yet"), Cell("–"), Cell("–"), Cell("–")))
        else:
            link = Cell(now.run_id, run=now.run_id, note="this run" if now.run_id == state.seen.run_id else "")
            rows.append((Cell(alias), link, Cell(clean(now.person)), Cell(minute(now.at)), Cell(str(now.seq))))
    return Table(
        "What each alias serves",
        {"Alias": "", "Run": "", "Promoted by": "", "When": "short", "Entry": "number"},
        tuple(rows),
    )
