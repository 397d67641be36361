"""Step 5 of a new run: it is started, and soon has a page of its own. The address ``/new?start=TOKEN`` finds it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.detached import Start, all_starts, find_start
from rai_tune.reporting.text import named
from rai_tune.review.components import Banner, Cell, Paragraph, Table, literal
from rai_tune.review.listing import minute
from rai_tune.review.navigation import go, set_parameter
from rai_tune.review.reading import open_workspace
from rai_tune.review.sections.new_check import START
from rai_tune.review.sections.new_form import ended, forget, form, head
from rai_tune.review.telling import without_folders

if TYPE_CHECKING:
    from rai_tune.workspace import Workspace

_EVERY_S = 1.0
_LISTED = 5


def show_start(workspace: Workspace, token: str) -> None:
    """What became of a start; the run's own page as soon as there is one. Raises ``UsageError`` for a token that names none."""
    start = find_start(workspace, token)
    if start.run_id:
        forget()
        go("run", run=start.run_id)
    if start.state == "working":
        _waiting(token)
    else:
        _stopped(start)


def _waiting(token: str) -> None:
    @st.fragment(run_every=_EVERY_S)
    def part() -> None:
        with open_workspace() as here:
            start = find_start(here, token)
        if start.run_id or start.state != "working":
            st.rerun()
        head(
            5,
            "The process is started. It reads the rows and the base model; then the run has a page of its own, which opens by itself.",
        )
        literal("new-start", Paragraph("This page may be closed. Its address finds the run again.", muted=True))

    part()


def _stopped(start: Start) -> None:
    head(5, "There is no run: it stopped before it began.")
    why = start.error or "its process ended without a word. The file log.txt in the folder of the start may say why"
    literal("new-start", Banner("fail", "✗", "Not started", ended(without_folders(why))))
    if st.button("Back to the check", key="new-again", type="primary"):
        form().token = ""
        set_parameter(START, None)
        st.rerun()


def show_failed(workspace: Workspace) -> None:
    """Starts that never came to a run, newest first: they stand in no other list."""
    failed = [start for start in all_starts(workspace) if start.run_id is None and start.state in {"failed", "lost"}]
    if not failed:
        return
    literal(
        "new-failed",
        Table(
            "Started before, without coming to a run",
            {"Name": "", "Started": "", "Why it stopped": "wide"},
            tuple(
                (
                    Cell(named(start.name)),
                    Cell(minute(start.at)),
                    Cell(ended(without_folders(start.error or "its process ended without a word"))),
                )
                for start in failed[:_LISTED]
            ),
        ),
    )
