"""The controls of every policy: the open ones with what would settle them, then all, then what each one read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.review.components import Bullets, Cell, Heading, Paragraph, Table, literal
from rai_tune.review.sections.cells import number, rows_of
from rai_tune.review.tones import tone_of

if TYPE_CHECKING:
    from rai_tune.reporting import ReportView
    from rai_tune.reporting.model import ControlRow, DecisionView

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


def show_controls(view: ReportView) -> None:
    """Every control of every policy, with its threshold and where that comes from."""
    st.header("All controls", anchor="controls")
    if not view.decisions:
        literal("controls", Paragraph("No policy has decided on this run."))
    for place, decision in enumerate(view.decisions):
        _decision(f"controls-{place}", decision)


def _decision(key: str, decision: DecisionView) -> None:
    literal(
        key,
        Heading(3, f"{decision.title}, version {decision.version}"),
        Paragraph(f"{decision.icon} {decision.word}"),
        Bullets(decision.notes),
        Table(
            "Controls in the order of the policy",
            {
                "Control": "",
                "Outcome": "",
                "Effect": "",
                "Threshold": "short",
                "Origin of the threshold": "wide",
                "Why": "wide",
            },
            tuple(
                (
                    Cell(control.title, control.reference),
                    _outcome(control),
                    Cell(control.severity, control.standing),
                    Cell(control.threshold or "–"),
                    Cell(control.origin or "–", control.source),
                    Cell(control.reason, " ".join(control.people)),
                )
                for control in decision.controls
            ),
        ),
    )
    with st.expander("What each control asks, and what it read"):
        for control in decision.controls:
            _readings(f"{key}-{control.id}", control)


def _readings(key: str, control: ControlRow) -> None:
    literal(
        key,
        Heading(4, f"{control.id}: {control.title}"),
        Paragraph(control.asks),
        *((Paragraph(f"Applies when: {control.condition}"),) if control.condition else ()),
        *readings_of(control),
        *((Bullets(tuple(f"Source: {source}" for source in control.sources)),) if control.sources else ()),
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
