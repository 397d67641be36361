"""What decisions lean on over all explained rows: whether to believe it, identity beside its swap, and the global picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.reporting.leaning_charts import picture_chart, reliance_chart
from rai_tune.review.components import Banner, Cell, Heading, Paragraph, Table, literal
from rai_tune.review.components.dot_plot import draw_chart
from rai_tune.review.sections.cells import NOTHING, facts, measures, number, rows_of

if TYPE_CHECKING:
    from rai_tune.reporting import ReportView
    from rai_tune.reporting.model import Explanations, RelianceRow
    from rai_tune.review.components.literal import ColumnKind, Tone

_TONES: dict[str, Tone] = {
    "trusted": "pass",
    "not_trusted": "fail",
    "insufficient_evidence": "insufficient",
    "not_checked": "insufficient",
}
_CHECKED: dict[str, Tone] = {"passed": "pass", "failed": "fail", "insufficient_evidence": "insufficient"}
_HEADS = {"columns": "Column", "words": "Word", "none": "Unit"}
_WEIGHTS = {"columns": "Mean share of attribution", "words": "Mean weight", "none": "Weight"}
_GROUP = "a group attribute"


def show_leaning(view: ReportView) -> None:
    """The verdict on the explanations first, then what they say."""
    found = view.explanations
    show_trust(found)
    show_reliance(found)
    show_picture(found)


def show_trust(found: Explanations) -> None:
    """Whether to believe the explanations, and why."""
    st.header("Whether to believe the explanations", anchor="trust")
    literal("trust", Banner(_TONES[found.verdict], found.icon, found.word, found.sentence), *_tested(found))
    if found.checks or found.facts:
        more = [measures("Other measures of the explanations", found.checks)] if found.checks else []
        with st.expander("How the texts were explained"):
            literal("trust-more", *more, facts(found.facts))


def _tested(found: Explanations) -> list[Table | Paragraph]:
    if not found.tests:
        return [Paragraph("No check of the explanations is in the evidence of this run.")]
    heads: dict[str, ColumnKind] = {"Check": "", "Outcome": "short", "Number and interval": "number", "Texts": "number"}
    rows = tuple(
        (
            Cell(test.name),
            Cell(f"{test.icon} {test.word}", tone=_CHECKED.get(test.outcome, "none")),
            number(test.value),
            rows_of(test.value),
            Cell(test.sentence),
        )
        for test in found.tests
    )
    table = Table("Checks that the explanations were put to", {**heads, "What was found": "wide"}, rows)
    return [table, Paragraph(found.caveat, muted=True)] if found.caveat else [table]


def show_reliance(found: Explanations) -> None:
    """How much of the attribution is on who a person is, beside what changing only that does to the decision."""
    st.header("Who a person is, and what changing only that does", anchor="identity")
    if not found.reliance:
        literal("identity", Paragraph("Reliance on identity was not measured (audit identity_reliance)."))
        return
    literal("identity", _beside(found.reliance), Paragraph(found.reliance_note, muted=True))
    for place, row in enumerate(found.reliance):
        literal(f"identity-{place}", Heading(3, row.attribute), Paragraph(row.sentence))
        chart = reliance_chart(row)
        if chart is not None and any(mark.estimate is not None for mark in chart.marks):
            draw_chart(f"identity-chart-{place}", chart)
    groups = [row for row in found.identity if row.value.ref.group is not None]
    if groups:
        with st.expander("Reliance by group"):
            literal("identity-groups", measures("Reliance by group", groups, head="Attribute: group"))


def _beside(rows: tuple[RelianceRow, ...]) -> Table:
    heads: dict[str, ColumnKind] = {
        "Attribute": "",
        "Share of attribution": "number",
        "Share of the words": "number",
        "Decisions that the swap changes": "number",
        "Change of the probability": "number",
        "Rank correlation of the two": "number",
        "Texts": "number",
    }
    return Table(
        "Reliance on identity beside the effect of a swap, on the same explained texts",
        heads,
        tuple(
            (
                Cell(row.attribute),
                *map(number, (row.reliance, row.words, row.flips, row.shift, row.agreement)),
                rows_of(row.reliance),
            )
            for row in rows
        ),
    )


def show_picture(found: Explanations) -> None:
    """Columns or words that decisions lean on, and those that weigh differently for groups."""
    st.header("What decisions lean on", anchor="leaning")
    if not found.rows and not found.picture.rows:
        literal("leaning", Paragraph("What decisions lean on was not measured, or is not shown."))
        return
    chart = picture_chart(found)
    if chart is not None:
        draw_chart("leaning-chart", chart)
    if found.picture.rows:
        literal("leaning-picture", _picture(found))
    if found.rows and not found.picture.rows:
        literal("leaning-shares", _shares(found))
    elif found.rows:
        with st.expander("Shares of all attribution" if found.kind == "columns" else "Words by their mean weight"):
            literal("leaning-shares", _shares(found))
    if found.picture.differences:
        with st.expander("What weighs differently for groups"):
            literal("leaning-groups", _differences(found))


def _picture(found: Explanations) -> Table:
    heads: dict[str, ColumnKind] = {
        "Column or word": "",
        "Mean size (logits)": "number",
        "Mean with sign": "number",
        "p of no direction": "number",
        "Texts": "number",
        "Note": "",
    }
    return Table(
        "Columns or words over all explained texts, the strongest first",
        heads,
        tuple(
            (
                Cell(row.name),
                number(row.size),
                number(row.signed),
                number(row.p),
                rows_of(row.size),
                Cell(_GROUP if row.identity else "–"),
            )
            for row in found.picture.rows
        ),
    )


def _shares(found: Explanations) -> Table:
    measured = any(row.value is not None for row in found.rows)
    return Table(
        "Share of all attribution, the largest first" if measured else "Words that weigh most, the strongest first",
        {_HEADS[found.kind]: "", _WEIGHTS[found.kind]: "number", "Texts": "number", "Note": ""},
        tuple(
            (
                Cell(row.name),
                number(row.value) if row.value is not None else Cell(row.text),
                rows_of(row.value) if measured else NOTHING,
                Cell(_GROUP if row.identity else "–"),
            )
            for row in found.rows
        ),
    )


def _differences(found: Explanations) -> Table:
    return Table(
        "Mean attribution of the first group minus that of the second, in logits, the surest first",
        {
            "Column or word": "",
            "Attribute": "",
            "Groups": "",
            "Difference": "number",
            "p of no difference": "number",
            "Texts": "number",
        },
        tuple(
            (
                Cell(row.name),
                Cell(row.attribute),
                Cell(f"{row.group} / {row.reference}"),
                number(row.difference),
                number(row.p),
                rows_of(row.difference),
            )
            for row in found.picture.differences
        ),
    )
