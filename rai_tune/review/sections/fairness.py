"""The page on fairness, top to bottom: the groups of one attribute, then every audit that looks further, then what was not measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.reporting.fairness_audits import about, fairness_audits, meant, measuring
from rai_tune.review.components import Banner, Cell, Facts, Paragraph, Table, draw_chart, literal
from rai_tune.review.sections.cells import measures, side_by_side
from rai_tune.review.sections.groups import show_groups
from rai_tune.review.sections.mitigated import show_mitigation

if TYPE_CHECKING:
    from rai_tune.reporting.fairness_audits import FairnessAudit
    from rai_tune.reporting.inputs import ReportInputs
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace

_KEPT = 16
_SUITE = "group_rates"


def show_fairness(page: RunPage, workspace: Workspace) -> None:
    """Draw the page."""
    words = meant(page.inputs).sentence
    st.header("How groups are treated", anchor="groups")
    attribute = None
    if page.view.groups:
        attribute = show_groups(page.view, words)
    else:
        literal("groups", Paragraph(_without_groups(page.inputs)))
    show_mitigation(page.view.mitigation, words)
    audits = _audits(page.key, page.inputs)
    for audit in audits:
        if audit.state != "absent":
            _show_audit(audit if attribute is None else about(audit, attribute), attribute, words)
    absent = [audit for audit in audits if audit.state == "absent"]
    if absent or not page.view.groups:
        _show_absent(absent, measuring(page.inputs, parent=workspace.run(page.view.run_id).parent))


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _audits(key: str, _inputs: ReportInputs) -> tuple[FairnessAudit, ...]:  # noqa: ARG001  (the key names the entry)
    return fairness_audits(_inputs)


def _without_groups(inputs: ReportInputs) -> str:
    if not inputs.recipe.data.groups:
        return "No treatment of groups was measured: the recipe names no group columns (data.groups)."
    failed = next((result for result in inputs.results if result.audit == _SUITE and result.status != "ok"), None)
    if failed is not None:
        return "No treatment of groups was measured: the audit group_rates stopped with an error, which the overview names."
    return "No treatment of groups was measured: there is no result of the audit group_rates."


def _show_audit(audit: FairnessAudit, attribute: str | None, words: str) -> None:
    st.header(audit.title, anchor=audit.audit.replace("_", "-"))
    key = f"audit-{audit.audit}"
    if audit.state == "failed":
        literal(key, Banner("insufficient", "?", "Not measured", audit.sentence))
        return
    literal(key, Paragraph(audit.sentence))
    if audit.chapter is None:
        literal(f"{key}-nothing", Paragraph("It found nothing to report."))
        return
    chapter = audit.chapter
    if audit.others and not chapter.grids and not chapter.rows:
        literal(
            f"{key}-others",
            Paragraph(f"It measured nothing about '{attribute}'. It did about: {', '.join(audit.others)}."),
        )
        return
    for place, (grid, chart) in enumerate(zip(chapter.grids, audit.charts, strict=True)):
        if chart is not None:
            draw_chart(f"{key}-chart-{place}", chart)
        literal(f"{key}-grid-{place}", *side_by_side(replace(grid, title=f"{grid.title}. {words}")))
    for place, listed in enumerate(audit.listed):
        draw_chart(f"{key}-listed-{place}", listed.chart)
        literal(f"{key}-listed-table-{place}", measures(f"{listed.title}. {words}", listed.rows, head="Slice"))
    if chapter.rows:
        literal(f"{key}-rows", measures(f"{audit.title}: single numbers. {words}", chapter.rows))
    if audit.others:
        literal(
            f"{key}-others", Paragraph(f"Also measured, to be chosen above: {', '.join(audit.others)}.", muted=True)
        )


def _show_absent(absent: list[FairnessAudit], how: tuple[str, str]) -> None:
    st.header("What was not measured", anchor="not-measured")
    sentence, command = how
    blocks: list[Table | Paragraph | Facts] = [Paragraph(sentence)]
    if absent:
        rows = tuple((Cell(audit.title), Cell(audit.audit), Cell(audit.sentence)) for audit in absent)
        blocks.insert(
            0,
            Table(
                "Audits without a result: silence is not 'nothing found'",
                {"Audit": "", "Name": "", "What it asks": "wide"},
                rows,
            ),
        )
    literal("absent", *blocks)
    if command:
        st.code(command, language=None)
