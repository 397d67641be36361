"""Quality and the treatment of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.reporting.wording import DETECTABLE
from rai_tune.review.components import Cell, Dot, Heading, Paragraph, Table, dot_plot, literal
from rai_tune.review.components.dot_plot import MAX_DOTS
from rai_tune.review.sections.cells import measures, number, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.reporting import ReportView
    from rai_tune.reporting.model import GroupRow, GroupTable, PairRow

_SEEN = {True: "The model reads this attribute.", False: "The model does not read this attribute's column."}


def show_quality(view: ReportView) -> None:
    """How well the model does its task."""
    st.header("Quality", anchor="quality")
    literal(
        "quality",
        measures("Quality of the decisions", view.quality)
        if view.quality
        else Paragraph("The quality of the decisions was not measured."),
    )


def show_groups(view: ReportView) -> None:
    """A chart and its table for every attribute, then the pairs."""
    st.header("How groups are treated", anchor="groups")
    if not view.groups:
        literal("groups", Paragraph("No treatment of groups was measured."))
    for place, table in enumerate(view.groups):
        _attribute(f"groups-{place}", table)


def _attribute(key: str, table: GroupTable) -> None:
    seen = "" if table.seen_by_model is None else f" {_SEEN[table.seen_by_model]}"
    literal(f"{key}-title", Heading(3, table.title), Paragraph(table.basis + seen), Paragraph(table.chart))
    dots = _dots(table.rows)
    dot_plot(f"{key}-chart", dots, axis="Share of rows, with interval", sentence=table.chart)
    if len(dots) > MAX_DOTS:
        literal(f"{key}-more", Paragraph(f"The first {MAX_DOTS} groups are drawn; the table has all.", muted=True))
    literal(f"{key}-table", _groups(table), *_pairs(table), *_spreads(table))


def _dots(rows: Sequence[GroupRow]) -> list[Dot]:
    return [
        Dot(row.group, rate.n_text, rate.estimate, rate.low, rate.high)
        for row in rows
        if (rate := row.selection_rate) is not None and rate.estimate is not None
    ]


def _groups(table: GroupTable) -> Table:
    return Table(
        f"Groups of {table.attribute}; the positive class is '{table.positive}'",
        {
            "Group": "",
            "Rows": "number",
            f"Decided '{table.rate_name}'": "number",
            "True positive rate": "number",
            "False positive rate": "number",
            "Positive predictive value": "number",
            "Accuracy": "number",
        },
        tuple(
            (
                Cell(row.group, row.note),
                rows_of(row.rows),
                number(row.selection_rate),
                number(row.true_positive_rate),
                number(row.false_positive_rate),
                number(row.positive_predictive_value),
                number(row.accuracy),
            )
            for row in table.rows
        ),
    )


def _pairs(table: GroupTable) -> tuple[Table, ...]:
    if not table.pairs:
        return ()
    return (
        Table(
            f"Impact ratios by {table.attribute}: the share decided '{table.rate_name}' over that of another, lowest first",
            {
                "Group": "",
                "Against": "",
                "Impact ratio": "number",
                "Difference in selection rate": "number",
                "Difference in true positive rate": "number",
                "Difference in false positive rate": "number",
            },
            tuple(_pair(row) for row in table.pairs),
        ),
    )


def _pair(row: PairRow) -> tuple[Cell, ...]:
    return (
        Cell(row.group, row.ratio.reason if row.ratio.reason != row.ratio.text else ""),
        Cell(row.reference),
        number(row.ratio),
        number(row.difference),
        number(row.true_positive_rate_difference),
        number(row.false_positive_rate_difference),
    )


def _spreads(table: GroupTable) -> tuple[Table, ...]:
    tables = []
    shown = "(shown for comparison; decides nothing by itself)"
    if table.to_highest:
        caption = f"Each group of {table.attribute} against the highest observed rate {shown}"
        tables.append(measures(caption, table.to_highest, head="Group"))
    if table.detectable:
        caption = f"{DETECTABLE}, by {table.attribute}; a smaller one goes unseen more often"
        tables.append(measures(caption, table.detectable, head="Group / against"))
    if table.spreads:
        tables.append(measures(f"Largest gaps between groups of {table.attribute} {shown}", table.spreads))
    return tuple(tables)
