"""What decisions lean on over all explained rows, and one explained row at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.review.components import Banner, Cell, Dot, Facts, Heading, Paragraph, Table, dot_plot, heatmap, literal
from rai_tune.review.sections.cells import NOTHING, facts, measures, number, rows_of

if TYPE_CHECKING:
    from rai_tune.reporting import ReportView
    from rai_tune.reporting.model import Explanations
    from rai_tune.review.components.literal import Tone
    from rai_tune.review.explained import ExplainedRow, Folding

_TONES: dict[str, Tone] = {
    "trusted": "pass",
    "not_trusted": "fail",
    "insufficient_evidence": "insufficient",
    "not_checked": "insufficient",
}
_HEADS = {"columns": "Column", "words": "Word", "none": "Unit"}
_WEIGHTS = {"columns": "Mean share of attribution", "words": "Mean weight", "none": "Weight"}
_FOLDINGS = {"columns": "Columns", "words": "Words"}
_DRAWN = "A dot for each column: its mean share of all attribution over the explained texts, with interval. The table has the same numbers."


def show_leaning(view: ReportView) -> None:
    """Columns or words that decisions lean on."""
    found = view.explanations
    st.header("What decisions lean on", anchor="leaning")
    literal("leaning", Banner(_TONES[found.verdict], found.icon, found.word, found.sentence), *_tested(found))
    dots = [
        Dot(row.name, row.value.n_text, row.value.estimate, row.value.low, row.value.high)
        for row in found.rows
        if row.value is not None and row.value.estimate is not None
    ]
    if dots:
        literal("leaning-chart-sentence", Paragraph(_DRAWN))
    dot_plot("leaning-chart", dots, axis="Mean share of attribution, with interval", sentence=_DRAWN)
    _tables(found)


def _tested(found: Explanations) -> list[Table | Paragraph]:
    if not found.tests:
        return []
    rows = tuple((Cell(test.name), Cell(f"{test.icon} {test.word}"), Cell(test.sentence)) for test in found.tests)
    table = Table("Whether to believe the explanations", {"Check": "", "Outcome": "", "What was found": "wide"}, rows)
    return [table, Paragraph(found.caveat)]


def _tables(found: Explanations) -> None:
    measured = any(row.value is not None for row in found.rows)
    blocks: list[Table | Facts] = []
    if found.rows:
        blocks.append(
            Table(
                "What decisions lean on, the strongest first",
                {_HEADS[found.kind]: "", _WEIGHTS[found.kind]: "number", "Texts": "number", "Note": "wide"},
                tuple(
                    (
                        Cell(row.name),
                        number(row.value) if row.value is not None else Cell(row.text),
                        rows_of(row.value) if measured else NOTHING,
                        Cell("a group attribute" if row.identity else "–"),
                    )
                    for row in found.rows
                ),
            )
        )
    if found.identity:
        blocks.append(measures("Reliance on group attributes", found.identity, head="Attribute or group"))
    if found.checks:
        blocks.append(measures("Checks of the explanations", found.checks))
    if found.facts:
        blocks.append(facts(found.facts))
    literal("leaning-tables", *blocks)


def show_explained(rows: tuple[ExplainedRow, ...]) -> None:
    """One explained decision: the text with a coloured ground, and the same numbers as a table."""
    st.header("One decision, explained", anchor="explained")
    if not rows:
        literal("explained", Paragraph("No explained rows are stored for this run."))
        return
    place = st.selectbox(
        "Explained row", range(len(rows)), format_func=lambda number: rows[number].option, key="explained-row"
    )
    row = rows[place or 0]
    if not row.foldings:
        literal("explained-state", Banner("fail", "✗", row.word.capitalize(), row.sentence), Facts(row.facts))
        heatmap("explained-text", row.plain, label="Text of the row, without an explanation")
        return
    trusted = row.state == "trusted"
    tone: Tone = "pass" if trusted else "insufficient"
    banner = Banner(tone, "✓" if trusted else "?", row.word.capitalize(), row.sentence)
    literal("explained-state", banner, Facts(row.facts))
    _folding(row, _chosen(row))


def _chosen(row: ExplainedRow) -> Folding:
    if len(row.foldings) == 1:
        return row.foldings[0]
    kinds = [folding.kind for folding in row.foldings]
    kind = st.radio(
        "Read the attributions by", kinds, format_func=_FOLDINGS.__getitem__, horizontal=True, key="folding"
    )
    return next(folding for folding in row.foldings if folding.kind == kind)


def _folding(row: ExplainedRow, folding: Folding) -> None:
    heatmap(
        "explained-text",
        folding.pieces,
        label=f"Text of the row; attributions by {folding.kind} are in the table below",
        raises=f"blue, solid line: raises {row.target}",
        lowers=f"orange, dashed line: lowers {row.target}",
    )
    literal(
        "explained-table",
        Heading(3, "The same numbers as a table"),
        Table(
            f"Attribution of each of the {folding.kind} to {row.target}, in the order of the text",
            {_HEADS[folding.kind]: "", "Attribution (logits)": "number", "Direction": ""},
            tuple((Cell(line.unit), Cell(line.attribution), Cell(line.direction)) for line in folding.lines),
        ),
    )
