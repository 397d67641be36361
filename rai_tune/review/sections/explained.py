"""One decision: chosen from the explained rows or by its id, with its text, numbers, checks, reasons, and what would have turned it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.reporting.numbers import digits
from rai_tune.reporting.text import clean
from rai_tune.review.components import Banner, Cell, Facts, Heading, Paragraph, Table, heatmap, literal, pager
from rai_tune.review.components.choices import choices
from rai_tune.review.explained import WORDS
from rai_tune.review.explained_list import Chosen, explained_table, lines, narrowed, stored_row
from rai_tune.review.navigation import set_parameter
from rai_tune.review.sections.asked import answer_of, show_asking, with_answer

if TYPE_CHECKING:
    import pandas as pd

    from rai_tune.reporting.decision_form import CheckRow, ReasonRow
    from rai_tune.review.components.literal import ColumnKind, Tone
    from rai_tune.review.explained import ExplainedRow, Folding
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace

ROW = "row"
PAGE_SIZE = 10
_LONGEST_ID = 1_000
_FOLDINGS = {"columns": "Columns", "words": "Words"}
_UNITS = {"columns": "Column", "words": "Word"}
_CHECKED: dict[str, Tone] = {"passed": "pass", "failed": "fail", "insufficient_evidence": "insufficient"}
_ANY = "Any"


def show_explained(page: RunPage, workspace: Workspace) -> None:
    """The list of explained rows, and the one that the address names: ``?row=ID``."""
    st.header("One decision", anchor="decision")
    run_id, verdict = page.view.run_id, page.view.explanations.verdict
    table = explained_table(workspace, run_id, verdict)
    if table is None or table.empty:
        literal("explained-none", Paragraph(_nothing(workspace, run_id)))
    chosen = _chosen()
    if table is not None and not table.empty:
        _list(table, chosen)
    _ask_for_an_id()
    if chosen is None:
        told = "Choose a row, or name one by its id, to read its text and what its decision leans on."
        literal("explained-choose", Paragraph(told))
        return
    _show_one(page, workspace, table, chosen)


def _nothing(workspace: Workspace, run_id: str) -> str:
    gone = workspace.deletions(run_id)
    if gone:
        return f"The explained rows of this run were {clean(gone[0].sentence, 400)}."
    return "No explained rows are stored for this run."


def _chosen() -> str | None:
    return st.query_params.get(ROW, "")[:_LONGEST_ID] or None


def _list(table: pd.DataFrame, chosen: str | None) -> None:
    found = narrowed(table, _filters(table))
    total = (
        f"{len(found):,} of {len(table):,} explained rows"
        if len(found) < len(table)
        else f"{len(table):,} explained rows"
    )
    if found.empty:
        literal("explained-empty", Paragraph("No explained row is like that. Take a filter away."))
        return
    place = pager("explained", len(found), PAGE_SIZE)
    heads: dict[str, ColumnKind] = {
        "Row": "",
        "Decided": "",
        "Label": "",
        "As labelled": "",
        "Score": "number",
        "Explanation": "",
    }
    rows = {
        line.row_id: (
            clean(line.row_id),
            clean(line.prediction),
            clean(line.label),
            "✗ no" if line.wrong else "✓ yes",
            "–" if line.score is None else digits(line.score, "number"),
            WORDS[line.state],
        )
        for line in lines(found.iloc[place.start : place.stop])
    }
    asked = choices("explained-list", total, heads, rows, chosen=chosen, action="Show row")
    if asked is not None and asked != chosen:
        set_parameter(ROW, asked)
        st.rerun()


def _filters(table: pd.DataFrame) -> Chosen:
    predictions, labels = (sorted(table[name].astype(str).unique()) for name in ("prediction", "label"))
    states = [state for state in WORDS if (table["state"] == state).any()]
    columns = st.columns(4, vertical_alignment="bottom")
    with columns[0]:
        prediction = _pick("Decided", predictions, "explained-prediction")
    with columns[1]:
        label = _pick("Label", labels, "explained-label")
    with columns[2]:
        state = _pick("Explanation", [WORDS[state] for state in states], "explained-state")
    with columns[3]:
        wrong = st.checkbox("Only wrong decisions", key="explained-wrong", on_change=_from_the_first)
    return Chosen(
        prediction=None if prediction is None else predictions[prediction],
        label=None if label is None else labels[label],
        state=None if state is None else states[state],
        wrong=wrong,
    )


def _pick(label: str, options: list[str], key: str) -> int | None:
    """The place of the option that was picked; None for any. Options of a selectbox are shown as plain text."""
    names = [_ANY, *(clean(option) for option in options)]
    place = st.selectbox(label, range(len(names)), format_func=names.__getitem__, key=key, on_change=_from_the_first)
    return place - 1 if place else None


def _from_the_first() -> None:
    st.session_state["explained-page"] = 0


def _ask_for_an_id() -> None:
    def go() -> None:
        wanted = str(st.session_state.get("explained-id", "")).strip()
        if wanted:
            set_parameter(ROW, wanted)

    st.text_input("Go to a row by its id", key="explained-id", max_chars=_LONGEST_ID, on_change=go)


def _show_one(page: RunPage, workspace: Workspace, table: pd.DataFrame | None, row_id: str) -> None:
    stored = None if table is None or table.empty else stored_row(workspace, page, table, row_id)
    answer = answer_of(page, row_id)
    row = with_answer(None if stored is None else stored.row, answer)
    if row is None:
        told = f"Row {clean(row_id)} is not among the explained rows of this run. If the run decided it, it can be explained now."
        literal("explained-missing", Heading(3, f"Row {clean(row_id)}"), Paragraph(told))
        show_asking(page, workspace, row_id, answer, stored=())
        return
    _head(row)
    _text(row)
    literal("explained-checks", Heading(3, "Checks of this explanation"), _checks(row.checks))
    if stored is not None and stored.reasons is not None:
        literal("explained-reasons", Heading(3, "Reasons for an unfavourable decision"), *_reasons(stored.reasons))
    show_asking(page, workspace, row_id, answer, stored=() if stored is None else stored.turned)


def _head(row: ExplainedRow) -> None:
    tone: Tone = {"trusted": "pass", "complete": "insufficient"}.get(row.state, "fail")  # type: ignore[assignment]
    icon = {"pass": "✓", "insufficient": "?"}.get(tone, "✗")
    word = row.word[:1].upper() + row.word[1:]
    literal("explained-head", Heading(3, row.title), Banner(tone, icon, word, row.sentence), Facts(row.facts))


def _text(row: ExplainedRow) -> None:
    if not row.plain:
        literal("explained-no-text", Paragraph("The text of this row is not stored, so there is nothing to colour."))
        return
    if not row.foldings:
        heatmap("explained-text", row.plain, label="Text of the row, without an explanation")
        return
    _folding(row, _by(row))


def _by(row: ExplainedRow) -> Folding:
    if len(row.foldings) == 1:
        return row.foldings[0]
    kinds = [folding.kind for folding in row.foldings]
    kind = st.radio(
        "Read the attributions by", kinds, format_func=_FOLDINGS.__getitem__, horizontal=True, key="explained-folding"
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
        "explained-numbers",
        Heading(3, "The same numbers as a table"),
        Table(
            f"Attribution of each of the {folding.kind} to {row.target}, in the order of the text",
            {_UNITS[folding.kind]: "", "Attribution (logits)": "number", "Direction": ""},
            tuple((Cell(line.unit), Cell(line.attribution), Cell(line.direction)) for line in folding.lines),
        ),
    )


def _checks(checks: tuple[CheckRow, ...]) -> Table:
    return Table(
        "Checks of this explanation by itself",
        {"Check": "", "Outcome": "short", "What was found": "wide"},
        tuple(
            (
                Cell(item.name),
                Cell(f"{item.icon} {item.word}", tone=_CHECKED.get(item.outcome, "none")),
                Cell(item.sentence),
            )
            for item in checks
        ),
    )


def _reasons(reasons: tuple[ReasonRow, ...]) -> list[Table | Paragraph]:
    if not reasons:
        told = "No reason is given: the decision was favourable, or its explanation cannot be relied on, or no factor was confirmed by taking it away."
        return [Paragraph(told)]
    note = (
        "Factors that weighed against the person and whose removal moves the score back; columns that name a group are never given. "
        "Evidence for 12 CFR 1002.9(b)(2), not a notice to a person."
    )
    rows = tuple((Cell(item.name), Cell(item.kind), Cell(item.attribution), Cell(item.effect)) for item in reasons)
    heads: dict[str, ColumnKind] = {
        "Factor": "",
        "Kind": "",
        "Attribution (logits)": "number",
        "Score moves back by (logits)": "number",
    }
    return [Table("Confirmed reasons, the strongest first", heads, rows), Paragraph(note, muted=True)]
