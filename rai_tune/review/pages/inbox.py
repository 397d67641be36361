"""All runs of the workspace, newest first. A run in the address (``/?run=ID``) opens that run instead."""

from __future__ import annotations

import streamlit as st

from rai_tune.review.components import Cell, Paragraph, Table, literal
from rai_tune.review.guard import guarded
from rai_tune.review.listing import RunLine, list_runs
from rai_tune.review.navigation import chosen_run, link_to_inbox
from rai_tune.review.reading import open_workspace
from rai_tune.review.sections.run import show_run
from rai_tune.review.tones import tone_of

NEWEST = 100
EMPTY = "There are no runs here yet. 'raitune run recipe.yaml' makes one, and 'raitune demo lending' shows one on example data."


def show() -> None:
    """The run of the address, else a table of runs, each with a link to its page."""
    run_id = chosen_run()
    if run_id is not None:
        link_to_inbox()
        show_run(run_id)
    else:
        _list()


def _list() -> None:
    with open_workspace() as workspace:
        lines = list_runs(workspace, limit=NEWEST)
    st.title("Runs", anchor=False)
    if not lines:
        literal("empty", Paragraph(EMPTY))
        return
    table = Table(
        "Newest first",
        {"Run": "", "Verdict": "", "State": "", "Started": "", "Id": ""},
        tuple(_row(line) for line in lines),
    )
    literal("runs", table)
    if len(lines) == NEWEST:
        literal("more", Paragraph(f"The newest {NEWEST} runs are listed; 'raitune runs' lists all.", muted=True))


def _row(line: RunLine) -> tuple[Cell, ...]:
    return (
        Cell(line.name, run=line.id),
        Cell(f"{line.icon} {line.word}", tone=tone_of(line.outcome)),
        Cell(line.state),
        Cell(line.age, line.created_at),
        Cell(line.id),
    )


guarded(show)
