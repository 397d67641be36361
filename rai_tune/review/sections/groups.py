"""The groups of one attribute: a chart of the chosen metric, and tables with every number."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.reporting.charts import PAIR_METRICS, group_chart, metrics_of, pair_name
from rai_tune.reporting.fairness import basis_of
from rai_tune.reporting.text import clean
from rai_tune.reporting.wording import DETECTABLE
from rai_tune.review.components import Cell, Heading, Paragraph, Table, draw_chart, literal, told_apart
from rai_tune.review.navigation import parameter
from rai_tune.review.sections.cells import measures, number, rows_of
from rai_tune.review.sections.choosing import choose

if TYPE_CHECKING:
    from rai_tune.reporting import ReportView
    from rai_tune.reporting.model import GroupTable, PairRow


def show_groups(view: ReportView, words: str) -> str:
    """Choose an attribute and a metric, draw it, and list every number; returns the attribute. ``words`` say positive and favourable."""
    names = told_apart([table.attribute for table in view.groups])
    asked = parameter("attribute")
    with st.container(horizontal=True, key="fairness-choices"):
        attribute = choose("Group attribute", "attribute", {name: name for name in names}) or names[0]
        table = view.groups[names.index(attribute)]
        metrics = metrics_of(table)
        metric = choose("What is drawn", "metric", metrics) if metrics else None
    if asked is not None and asked not in names:
        literal(
            "fairness-no-such", Paragraph(f"No group attribute '{clean(asked)}' was measured; this is '{attribute}'.")
        )
    _attribute(table, view, metric, words)
    return table.attribute


def _attribute(table: GroupTable, view: ReportView, metric: str | None, words: str) -> None:
    literal("groups-title", Heading(3, table.title), Paragraph(basis_of(table)))
    if metric is not None:
        draw_chart("groups-chart", group_chart(table, metric, view.decisions))
    tables = [_groups(table, words), *_pairs(table, words)]
    if metric in PAIR_METRICS:
        tables.reverse()
    literal("groups-tables", *tables, *_beside(table, words))


def _groups(table: GroupTable, words: str) -> Table:
    return Table(
        f"Groups of {table.attribute}. {words}",
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


def _pairs(table: GroupTable, words: str) -> tuple[Table, ...]:
    if not table.pairs:
        return ()
    return (
        Table(
            f"Impact ratios by {table.attribute}: the share decided '{table.rate_name}' over that of another, lowest first. {words}",
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


def _beside(table: GroupTable, words: str) -> tuple[Table, ...]:
    """What is shown beside the pairs: gaps too small to see, ratios to the highest rate, and the largest gaps."""
    tables = []
    shown = f"(shown for comparison; decides nothing by itself). {words}"
    if table.detectable:
        caption = f"{DETECTABLE}, by {table.attribute}; a smaller one goes unseen more often. {words}"
        rows = [replace(row, name=pair_name(row.value, row.name)) for row in table.detectable]
        tables.append(measures(caption, rows, head="Group / against"))
    if table.to_highest:
        caption = f"Each group of {table.attribute} against the highest observed rate {shown}"
        tables.append(measures(caption, table.to_highest, head="Group"))
    if table.spreads:
        tables.append(measures(f"Largest gaps between groups of {table.attribute} {shown}", table.spreads))
    return tuple(tables)
