"""What the candidate changes for the same people: paired differences over all rows and by group, and who gains and who loses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.core import IntegrityError, UsageError
from rai_tune.reporting.comparing import compare_runs
from rai_tune.reporting.comparing_view import comparison_view, flips_sentence, metric_chart, overall_chart
from rai_tune.review.components import Banner, Cell, Heading, Paragraph, Table, draw_chart, literal, told_apart
from rai_tune.review.sections.cells import measures
from rai_tune.review.sections.choosing import choose
from rai_tune.review.telling import error_sentence

if TYPE_CHECKING:
    from rai_tune.reporting.comparing_view import ChangedAttribute, ChangedMetric, ComparisonView
    from rai_tune.review.components.literal import ColumnKind
    from rai_tune.review.sections.sides import Side
    from rai_tune.workspace import Workspace

_KEPT = 16


def show_changes(workspace: Workspace, candidate: Side, other: Side) -> tuple[str, ...]:
    """Everything that pairs the rows of both; returns the ids of rows that are decided differently, none where rows cannot be paired."""
    st.header("What changes for the same people", anchor="changes")
    if candidate.page is None or other.page is None:
        literal("changes-none", Paragraph("Nothing is compared with evidence that cannot be read."))
        return ()
    try:
        view = _compared(candidate.page.key, other.page.key, candidate.run.id, other.run.id, workspace)
    except UsageError as error:
        literal("changes-none", Banner("insufficient", "?", "Not comparable row by row", error_sentence(error)))
        return ()
    except IntegrityError as error:
        literal("changes-none", Banner("fail", "✗", "Evidence damaged", error_sentence(error)))
        return ()
    literal("changes-basis", Paragraph(f"{view.basis}. {view.rows}. {view.words}"))
    chart = overall_chart(view)
    if chart is not None:
        draw_chart("changes-chart", chart)
    literal("changes-table", measures(f"Change over all rows in both. {view.words}", view.overall))
    if view.attributes:
        _by_group(view)
    _flips(view)
    return view.changed


@st.cache_resource(max_entries=_KEPT, show_spinner="Comparing the same rows")
def _compared(key: str, other_key: str, candidate: str, other: str, _workspace: Workspace) -> ComparisonView:  # noqa: ARG001  (the keys name the state of both)
    return comparison_view(compare_runs(_workspace, candidate, other), "the other run")


def _by_group(view: ComparisonView) -> None:
    st.header("By group", anchor="by-group")
    names = told_apart([each.attribute for each in view.attributes])
    with st.container(horizontal=True, key="changes-choices"):
        name = choose("Group attribute", "attribute", {each: each for each in names}) or names[0]
        attribute = view.attributes[names.index(name)]
        metrics = {each.metric: each.name for each in attribute.metrics}
        metric = choose("What is drawn", "metric", metrics)
    chosen = next((each for each in attribute.metrics if each.metric == metric), None)
    if chosen is not None:
        _metric(view, attribute, chosen)


def _metric(view: ComparisonView, attribute: ChangedAttribute, metric: ChangedMetric) -> None:
    title = f"{metric.name} by {attribute.attribute}"
    literal("changes-group-title", Heading(3, title))
    chart = metric_chart(view, attribute, metric)
    if chart is not None:
        draw_chart("changes-group-chart", chart)
    tables = [measures(f"{title}, change. {view.words}", metric.changes, head="Group")]
    if metric.gaps:
        caption = (
            f"Change of the gap between each two groups: above 0, the first group gained on the second. {view.words}"
        )
        tables.append(measures(caption, metric.gaps, head="First - second"))
    literal("changes-group-tables", *tables)


def _flips(view: ComparisonView) -> None:
    st.header("Who gains and who loses", anchor="flips")
    literal("flips-sentence", Paragraph(flips_sentence(view)))
    if not view.flips:
        literal(
            "flips-none",
            Paragraph("No favourable outcome is named, so nobody can be said to gain or lose it.", muted=True),
        )
        return
    rows = tuple(
        (Cell(flip.name), Cell(flip.rows), Cell(flip.gained), Cell(flip.lost), Cell(flip.p_value))
        for flip in view.flips
    )
    columns: dict[str, ColumnKind] = {
        "Who": "wide",
        "Rows": "number",
        "Gained": "number",
        "Lost": "number",
        "p": "number",
    }
    caption = (
        f"Rows whose decision the candidate turns to '{view.favourable}' (gained) or away from it (lost). {view.words}"
    )
    note = "p: how surprising these gains and losses are if either is equally likely (McNemar's mid-p). Groups that may not be shown are left out."
    literal("flips-table", Table(caption, columns, rows), Paragraph(note, muted=True))
