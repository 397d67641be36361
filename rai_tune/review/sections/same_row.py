"""One row in both runs: label, prediction and score beside each other, and its text only after a person asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from rai_tune.core import UsageError
from rai_tune.reporting.numbers import digits
from rai_tune.reporting.text import clean
from rai_tune.review.components import Cell, Heading, Paragraph, Piece, Table, heatmap, literal, pager
from rai_tune.review.explained import CUT_AT, visible
from rai_tune.review.navigation import parameter, set_parameter
from rai_tune.review.rows import rows_by_id
from rai_tune.review.telling import without_folders

if TYPE_CHECKING:
    from rai_tune.review.components.literal import ColumnKind
    from rai_tune.review.sections.sides import Side
    from rai_tune.workspace import Workspace

_COLUMNS = ("row_id", "split", "label", "prediction", "score")
_PAGE = 20
_TYPED = "compare-row"
_ASKED = "compare-text-of"


def show_same_row(workspace: Workspace, candidate: Side, other: Side, changed: tuple[str, ...]) -> None:
    """The rows that are decided differently, a page at a time, and one row that a person names."""
    st.header("The same row side by side", anchor="same-row")
    sides = (candidate, other)
    if any(side.page is None for side in sides):
        literal("row-none", Paragraph("No row is shown beside evidence that cannot be read."))
        return
    row_id = _chosen(changed)
    if row_id is None:
        words = "Type the id of a row that both runs hold; ids are those of the data's id column."
        literal("row-none", Paragraph(words))
    else:
        _one(workspace, sides, row_id)
    if changed:
        literal("compare-changed-title", Heading(3, "Rows decided differently"))
        _changed(workspace, sides, changed)


def _one(workspace: Workspace, sides: tuple[Side, Side], row_id: str) -> None:
    found = [_row(workspace, side, row_id) for side in sides]
    _beside(row_id, found)
    if any(isinstance(row, dict) for row in found):
        _texts(workspace, sides, row_id)


def _changed(workspace: Workspace, sides: tuple[Side, Side], changed: tuple[str, ...]) -> None:
    shown = pager("compare-changed", len(changed), _PAGE)
    ids = changed[shown.start : shown.stop]
    told = [_by_id(workspace, side, ids) for side in sides]
    rows = tuple(
        (
            Cell(clean(row_id)),
            Cell(_text(told[0].get(row_id), "label")),
            *(Cell(_text(each.get(row_id), "prediction"), _score(each.get(row_id))) for each in told),
        )
        for row_id in ids
    )
    columns: dict[str, ColumnKind] = {"Row": "", "Label": "", "Candidate decides": "", "The other decides": ""}
    caption = f"Test rows that the two decide differently, {shown.start + 1:,} to {shown.stop:,} of {len(changed):,}"
    literal("compare-changed-rows", Table(caption, columns, rows))


def _chosen(changed: tuple[str, ...]) -> str | None:
    """The row of the address, which the box writes; the first that is decided differently where it names none."""
    asked = parameter("row")
    st.session_state[_TYPED] = asked or (changed[0] if changed else "")

    def keep() -> None:
        set_parameter("row", st.session_state[_TYPED].strip() or None)

    st.text_input("Row id", key=_TYPED, on_change=keep, max_chars=80)
    return st.session_state[_TYPED].strip() or None


def _row(workspace: Workspace, side: Side, row_id: str) -> dict[str, Any] | str:
    """The row, or a sentence why there is none."""
    try:
        found = _by_id(workspace, side, (row_id,))
    except UsageError as error:
        return without_folders(error)
    return found.get(row_id) or "no such row"


def _by_id(workspace: Workspace, side: Side, ids: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    table = rows_by_id(workspace, side.run.id, "predictions", ids)
    rows = table.reindex(columns=list(_COLUMNS)).to_dict("records")
    return {str(row["row_id"]): {str(name): value for name, value in row.items()} for row in rows}


def _beside(row_id: str, found: list[dict[str, Any] | str]) -> None:
    title = f"Row {clean(row_id)}"
    rows = tuple(
        (Cell(name), *(Cell(row if isinstance(row, str) else _text(row, column)) for row in found))
        for name, column in (("Label in the data", "label"), ("Decided", "prediction"), ("Split", "split"))
    )
    scores = (Cell("Score of the positive class"), *(Cell(_score(row) or "–") for row in found))
    columns: dict[str, ColumnKind] = {"": "", "Candidate": "", "Against": ""}
    literal("row", Heading(3, title), Table(f"{title} in both runs", columns, (*rows, scores)))
    if all(isinstance(row, dict) and row["split"] != "test" for row in found):
        literal(
            "row-split", Paragraph("Neither model was tested on this row, so it says little about either.", muted=True)
        )


def _texts(workspace: Workspace, sides: tuple[Side, Side], row_id: str) -> None:
    """Texts may tell of a person, so they are fetched and shown only for the row for which somebody pressed the button."""
    asked = (*(side.run.id for side in sides), row_id)
    if st.button("Show the text that each model read (it may hold personal data)", key="compare-show-text"):
        st.session_state[_ASKED] = asked
    if st.session_state.get(_ASKED) != asked:
        return
    texts = [_text_of(workspace, side, row_id) for side in sides]
    if texts[0] == texts[1]:
        _show_text("row-text", "Both read the same text", texts[0])
        return
    for place, (name, text) in enumerate(zip(("The candidate read", "The other read"), texts, strict=True)):
        _show_text(f"row-text-{place}", name, text)


def _text_of(workspace: Workspace, side: Side, row_id: str) -> str | None:
    try:
        table = rows_by_id(workspace, side.run.id, "rows", (row_id,), ("row_id", "text"))
    except UsageError:
        return None
    return str(table["text"].iloc[0]) if len(table) else None


def _show_text(key: str, title: str, text: str | None) -> None:
    literal(f"{key}-title", Heading(3, title))
    if text is None:
        literal(f"{key}-none", Paragraph("The text is not stored, or was deleted."))
        return
    more = f" … ({len(text) - CUT_AT:,} more characters)" if len(text) > CUT_AT else ""
    heatmap(key, (Piece(visible(text[:CUT_AT]) + more),), label=title)


def _text(row: dict[str, Any] | None, column: str) -> str:
    import pandas as pd

    value = None if row is None else row[column]
    return "–" if value is None or pd.isna(value) else clean(value)


def _score(row: dict[str, Any] | str | None) -> str:
    import pandas as pd

    if not isinstance(row, dict) or pd.isna(row["score"]):
        return ""
    return digits(float(row["score"]), "number")
