"""A run that is not completed: how far it is, how long still, and buttons to cancel it or to go on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.core import RaiError, UsageError
from rai_tune.detached import cancel, resume_detached
from rai_tune.detached.watching import Look, latest_start, look
from rai_tune.reporting.text import full_sentence
from rai_tune.review.components import Banner, Cell, Facts, Heading, Paragraph, Table, literal
from rai_tune.review.identity import only_reads
from rai_tune.review.reading import open_workspace
from rai_tune.review.telling import without_folders
from rai_tune.selection import check_chosen

if TYPE_CHECKING:
    from rai_tune.workspace import RunRecord, Workspace

EVERY_S = 2.0
_ICONS = {"done": "✓ done", "now": "… now", "to come": "to come", "done before": "✓ done before"}


def show_progress(workspace: Workspace, run: RunRecord) -> None:
    """Where a run is. While something works on it this part of the page draws itself anew; when that is over, the whole page does."""
    found = look(workspace, run.id)
    if found.status == "over":
        return
    live = found.status in {"working", "starting"}

    @st.fragment(run_every=EVERY_S if live else None)
    def part() -> None:
        # Not the page's workspace: that one is closed by the time this is drawn again.
        with open_workspace() as here:
            seen = look(here, run.id)
            if live and seen.status in {"stopped", "over"}:
                st.rerun()
            _draw(here, run.id, seen)

    part()


def _draw(workspace: Workspace, run_id: str, seen: Look) -> None:
    if seen.status == "stopped":
        _stopped(workspace, run_id, seen)
        return
    literal(
        "progress",
        Heading(2, "At work"),
        Paragraph(seen.now),
        Facts((("Time left", seen.left or "not known"), ("Last report", seen.heard or "nothing yet"))),
        Table(
            "Stages",
            {"Stage": "", "State": "", "Time": ""},
            tuple((Cell(line.name), Cell(_ICONS[line.state]), Cell(line.took)) for line in seen.stages),
        ),
        Paragraph("The run is a process of its own: this page may be closed, and the app may be stopped.", muted=True),
    )
    asked = f"progress-cancelled-{run_id}"
    if seen.status == "working" and only_reads(workspace) is None:
        if st.button("Cancel this run", key="progress-cancel", disabled=bool(st.session_state.get(asked))):
            try:
                cancel(workspace, run_id)
                st.session_state[asked] = True
            except RaiError as error:
                literal("progress-problem", Banner("fail", "✗", "Not cancelled", without_folders(error)))
        if st.session_state.get(asked):
            literal("progress-asked", Paragraph("It was asked to stop. What it has is kept, and it can go on later."))


def _stopped(workspace: Workspace, run_id: str, seen: Look) -> None:
    st.session_state.pop(f"progress-cancelled-{run_id}", None)
    run = workspace.run(run_id)
    start = latest_start(workspace, run_id)
    facts = [("Why", run.error)] if run.error else []
    if start is not None and start.state == "failed" and start.error and start.error not in (run.error or ""):
        facts.append(("Why it could not go on", start.error))
    literal(
        "progress",
        Heading(2, "Stopped"),
        Paragraph(seen.now),
        Facts(tuple((name, without_folders(text)) for name, text in facts)),
    )
    why_not = only_reads(workspace) or _only_a_trial(workspace, run_id)
    if why_not is not None:
        literal("progress-reads", Paragraph(why_not, muted=True))
    elif st.button("Resume this run", key="progress-resume", type="primary"):
        try:
            resume_detached(workspace, run_id)
        except RaiError as error:
            literal("progress-problem", Banner("fail", "✗", "Not resumed", without_folders(error)))
        else:
            st.rerun()


def _only_a_trial(workspace: Workspace, run_id: str) -> str | None:
    """Why this page cannot go on with a trial of a search; None for any other run."""
    try:
        check_chosen(workspace, run_id)
    except UsageError as reason:
        return full_sentence(str(reason))
    return None
