"""Single predictions, a page at a time, on request: they are rows about people, in which nothing is suppressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.reporting.numbers import digits
from rai_tune.reporting.text import clean
from rai_tune.review.components import Cell, Paragraph, Table, literal, pager
from rai_tune.review.rows import row_count, row_page, rows_by_id

if TYPE_CHECKING:
    import pandas as pd

    from rai_tune.review.components.literal import ColumnKind
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace

PREDICTIONS = "predictions"
_COLUMNS = {"row_id": "Row", "split": "Split", "label": "Label", "prediction": "Decided"}
_GROUP = "group:"


def show_predictions(page: RunPage, workspace: Workspace) -> None:
    """Nothing is read from the table before somebody asks for it, and then only the rows of one page."""
    run_id = page.view.run_id
    count = row_count(workspace, run_id, PREDICTIONS)
    st.header("Predictions", anchor="predictions")
    if not count:
        literal("predictions", Paragraph("This run holds no table of predictions, or its tables were deleted."))
        return
    told = (
        f"{count:,} rows are stored, each about one case. They are shown as they are: small groups are not hidden here."
    )
    literal("predictions", Paragraph(told))
    if not st.toggle("Show single predictions", key="predictions-shown"):
        return
    wanted = st.text_input("Find a row by its id", key="predictions-row", max_chars=200)
    if wanted:
        rows = rows_by_id(workspace, run_id, PREDICTIONS, [wanted])
        if rows.empty:
            literal("predictions-none", Paragraph(f"No row has the id '{clean(wanted)}'."))
            return
    else:
        place = pager("predictions-pages", count)
        rows = row_page(workspace, run_id, PREDICTIONS, place.start, len(place))
    literal("predictions-table", _table(rows))


def _table(rows: pd.DataFrame) -> Table:
    groups = [name for name in rows.columns if name.startswith(_GROUP)]
    kinds: dict[str, ColumnKind] = dict.fromkeys(_COLUMNS.values(), "")
    for name in groups:
        kinds[clean(name.removeprefix(_GROUP))] = ""
    return Table(
        "Predictions in the order in which they are stored",
        {**kinds, "Score": "number"},
        tuple(
            (*(Cell(_text(row.get(name))) for name in (*_COLUMNS, *groups)), Cell(_score(row.get("score"))))
            for row in rows.to_dict("records")
        ),
    )


def _text(value: object) -> str:
    import pandas as pd

    return "–" if value is None or pd.isna(value) else clean(value)  # type: ignore[call-overload]


def _score(value: object) -> str:
    return digits(value, "number") if isinstance(value, float) and value == value else "–"  # noqa: PLR0124  (not NaN)
