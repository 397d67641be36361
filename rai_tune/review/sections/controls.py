"""Controls on the overview of a run: the open ones with what would settle them; and what one control read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.review.components import Cell, Paragraph, Table, literal
from rai_tune.review.sections.cells import number, rows_of
from rai_tune.review.tones import tone_of

if TYPE_CHECKING:
    from rai_tune.reporting import ReportView
    from rai_tune.reporting.model import ControlRow

_OPEN = ("fail", "insufficient_evidence", "awaiting_signoff")


def show_open(view: ReportView) -> None:
    """Failing controls first, then those without enough evidence, then those that wait for a person."""
    found = [control for decision in view.decisions for control in decision.controls if control.outcome in _OPEN]
    if not found:
        return
    found.sort(key=lambda control: (control.severity != "blocks", _OPEN.index(control.outcome)))
    st.header("What stands in the way", anchor="open")
    literal(
        "open",
        Table(
            "Controls that are not met, not decided or waiting",
            {"Control": "", "Outcome": "", "Why": "wide", "What would settle it": "wide"},
            tuple(
                (
                    Cell(control.title, f"{control.reference} · {control.severity}"),
                    _outcome(control),
                    Cell(control.reason, " ".join(control.people)),
                    Cell(control.settle or "–"),
                )
                for control in found
            ),
        ),
    )


def readings_of(control: ControlRow) -> tuple[Table | Paragraph, ...]:
    """The measurements that a control read, those that decided first; nothing where it read none."""
    if not control.readings:
        return ()
    table = Table(
        f"Measurements that {control.id} read",
        {
            "Measurement": "",
            "Estimate and interval": "number",
            "Bound": "number",
            "Rows": "number",
            "Outcome": "",
            "Note": "wide",
        },
        tuple(
            (
                Cell(reading.what),
                number(reading.value),
                Cell(reading.bound or "–"),
                rows_of(reading.value),
                Cell(reading.word),
                Cell(reading.note or "–"),
            )
            for reading in control.readings
        ),
    )
    more = f"{control.readings_left_out:,} more readings are in the exported evidence."
    return (table, *((Paragraph(more, muted=True),) if control.readings_left_out else ()))


def _outcome(control: ControlRow) -> Cell:
    return Cell(f"{control.icon} {control.word}", tone=tone_of(control.outcome))
