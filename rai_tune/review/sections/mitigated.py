"""What was done about bias, before and after, on the page on fairness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.review.components import Cell, Paragraph, Table, literal
from rai_tune.review.sections.cells import facts, number

if TYPE_CHECKING:
    from rai_tune.reporting.model import MitigationView


def show_mitigation(told: MitigationView | None, words: str) -> None:
    """Nothing for a run without mitigation. ``words`` say which outcome is favourable and which positive."""
    if told is None:
        return
    st.header("Mitigation", anchor="mitigation")
    literal("mitigation", Paragraph(told.sentence), *([facts(told.facts)] if told.facts else []))
    if told.rows:
        literal(
            "mitigation-before-after",
            Table(
                f"Before and after. {words}",
                {"Measure": "wide", "Without": "number", "With": "number", "Change": "number"},
                tuple((Cell(row.name), number(row.before), number(row.after), number(row.change)) for row in told.rows),
            ),
        )
    literal(
        "mitigation-methods",
        Table(
            "Methods, and what they need to know about groups",
            {
                "Method": "",
                "What it does": "wide",
                "Groups at training": "",
                "Groups at use": "",
                "Where law may forbid it": "wide",
                "Source": "wide",
            },
            tuple(
                (
                    Cell(row.title, row.name),
                    Cell(row.does),
                    Cell(row.groups_at_training),
                    Cell(row.groups_at_use),
                    Cell(row.law),
                    Cell(row.source),
                )
                for row in told.methods
            ),
        ),
    )
