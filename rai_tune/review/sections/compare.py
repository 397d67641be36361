"""The page that compares two runs: what changes for the same people, decisions, settings, and one row at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.reporting.differing import (
    decisions_apart,
    digest_differences,
    environment_differences,
    recipe_differences,
)
from rai_tune.review.components import Bullets, Cell, Heading, Paragraph, Table, literal
from rai_tune.review.frame import run_links
from rai_tune.review.sections.compared import show_changes
from rai_tune.review.sections.same_row import show_same_row
from rai_tune.review.sections.sides import choose_sides, show_sides
from rai_tune.review.tones import tone_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.reporting.differing import Difference
    from rai_tune.reporting.model import ControlRow
    from rai_tune.review.components.literal import ColumnKind
    from rai_tune.review.sections.sides import Side
    from rai_tune.workspace import Workspace


def show_compare(workspace: Workspace) -> None:
    """Draw the page. What cannot be compared says why; the rest is shown all the same."""
    sides = choose_sides(workspace)
    if sides is None:
        return
    candidate, other = sides
    run_links(candidate.run.id)
    if candidate.run.id == other.run.id:
        literal("compare-same", Paragraph(f"Both are run {candidate.run.id}. Choose another run to compare it with."))
        return
    show_sides(sides)
    changed = show_changes(workspace, candidate, other)
    _decisions(candidate, other)
    _settings(candidate, other)
    show_same_row(workspace, candidate, other, changed)


def _decisions(candidate: Side, other: Side) -> None:
    st.header("Decisions side by side", anchor="decisions")
    if candidate.page is None or other.page is None:
        literal("compare-decisions", Paragraph("No decision is shown beside evidence that cannot be read."))
        return
    apart = decisions_apart(candidate.page.view.decisions, other.page.view.decisions)
    literal("compare-decisions", Paragraph(apart.sentence), Bullets(apart.notes))
    if apart.controls:
        rows = tuple(
            (Cell(item.title, item.policy), _outcome(item.candidate), _outcome(item.other)) for item in apart.controls
        )
        columns: dict[str, ColumnKind] = {"Control": "wide", "Candidate": "wide", "Against": "wide"}
        literal("compare-controls", Table("Controls whose outcome differs", columns, rows))


def _outcome(control: ControlRow | None) -> Cell:
    if control is None:
        return Cell("not among its controls")
    asked = f"{control.threshold}: {control.origin}" if control.threshold else ""
    return Cell(f"{control.icon} {control.word}", asked, tone_of(control.outcome))


def _settings(candidate: Side, other: Side) -> None:
    st.header("What was set otherwise", anchor="settings")
    literal("compare-recipe", *_apart("Recipe", recipe_differences(candidate.run.recipe, other.run.recipe)))
    if candidate.page is None or other.page is None:
        literal(
            "compare-environment",
            Paragraph("Environment and digests are not shown beside evidence that cannot be read."),
        )
        return
    literal(
        "compare-environment",
        *_apart("Environment", environment_differences(candidate.page.view, other.page.view)),
        *_apart("Digests", digest_differences(candidate.page.inputs, other.page.inputs)),
    )


def _apart(name: str, found: Sequence[Difference]) -> tuple[Heading | Paragraph | Table, ...]:
    if not found:
        return (Heading(3, name), Paragraph("Nothing differs."))
    rows = tuple((Cell(item.path), Cell(item.candidate), Cell(item.other)) for item in found)
    count = f"{len(found)} difference{'s' if len(found) > 1 else ''}; all else is alike"
    return (Heading(3, name), Table(count, {"Field": "wide", "Candidate": "wide", "Against": "wide"}, rows))
