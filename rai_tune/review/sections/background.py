"""What stands behind the numbers: data, training, environment, methods, digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.review.components import Bullets, Cell, Facts, Heading, Paragraph, Table, literal
from rai_tune.review.sections.cells import facts, measures, number, side_by_side

if TYPE_CHECKING:
    from rai_tune.reporting import ReportView
    from rai_tune.reporting.model import DataView, LedgerHead


def show_background(view: ReportView) -> None:
    """Six expanders, closed at first."""
    st.header("Behind the numbers", anchor="background")
    with st.expander("The system"):
        literal("system", facts(view.system))
    with st.expander("Data"):
        _data(view.data)
    with st.expander("Training"):
        _training(view)
    with st.expander("Environment"):
        literal("environment", facts(view.environment) if view.environment else Paragraph("Not recorded."))
        if view.packages:
            literal("packages", Heading(3, "Packages"), facts(view.packages, code=True, dense=True))
    with st.expander("Method notes"):
        literal("methods", facts(view.method_notes))
        for chapter in view.chapters:
            more = f"{chapter.left_out:,} more of this audit are in the JSON of the report."
            literal(
                f"other-{chapter.audit}",
                Heading(3, chapter.title),
                *([Paragraph(chapter.sentence)] if chapter.sentence else []),
                *(part for grid in chapter.grids for part in side_by_side(grid)),
                *([measures(chapter.title, chapter.rows)] if chapter.rows else []),
                *([Paragraph(more, muted=True)] if chapter.left_out else []),
            )
    with st.expander("Audits and digests"):
        literal("audits", facts(view.audits))
        literal("digests", facts(view.digests, code=True), Paragraph(f"Evidence digest: {view.evidence_digest}"))
    _ledger(view.ledger)


def _ledger(head: LedgerHead) -> None:
    """The head of the ledger, always in sight: a reader may copy it and keep it elsewhere."""
    rows = (("Root", head.root), ("Evidence statement", head.statement))
    told = Facts(tuple(row for row in rows if row[1]), code=True)
    literal("ledger", Paragraph(head.text), told, Paragraph(head.how, muted=True))


def _data(data: DataView) -> None:
    literal("data", facts(data.facts), Bullets(data.notes))
    if data.splits:
        literal(
            "data-splits",
            Table(
                "Rows of each split",
                {"Split": "", "Rows": "number", "Classes": "wide", "Texts cut": "number"},
                tuple(
                    (
                        Cell(split.split),
                        Cell(split.rows),
                        Cell(", ".join(f"{item.name}: {item.text}" for item in split.classes)),
                        Cell(split.truncated),
                    )
                    for split in data.splits
                ),
            ),
        )
    if data.groups:
        literal(
            "data-groups",
            Table(
                "Groups in the data",
                {
                    "Group": "",
                    "Attribute": "",
                    "Share of rows": "number",
                    "Share labelled positive": "number",
                    "Share labelled favourable": "number",
                },
                tuple(
                    (
                        Cell(row.group),
                        Cell(row.attribute),
                        number(row.representation),
                        number(row.label_rate),
                        number(row.favourable_rate),
                    )
                    for row in data.groups
                ),
            ),
        )
    if data.checks:
        literal("data-checks", measures("Checks of the data", data.checks))


def _training(view: ReportView) -> None:
    literal("training", facts(view.training) if view.training else Paragraph("Training left no record."))
    if view.history:
        literal(
            "history",
            Table(
                "Evaluations during training",
                {
                    "Step": "",
                    "Epoch": "number",
                    "Training loss": "number",
                    "Validation loss": "number",
                    "Validation ROC AUC": "number",
                    "Kept": "",
                },
                tuple(
                    (
                        Cell(row.step),
                        Cell(row.epoch),
                        Cell(row.loss),
                        Cell(row.eval_loss),
                        Cell(row.eval_roc_auc),
                        Cell("✓ best" if row.best else "–"),
                    )
                    for row in view.history
                ),
            ),
        )
