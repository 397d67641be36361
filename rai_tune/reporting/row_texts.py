"""Texts of the explained rows, which a report holds only where somebody asked for them. Stable API: ``TextRow``, ``text_rows``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.reporting.text import clean

if TYPE_CHECKING:
    import pandas as pd

MAX_TEXTS = 200
MAX_CHARACTERS = 2_000


@dataclass(frozen=True)
class TextRow:
    """One explained row: its text as literal text on one line, and a note where it is cut."""

    row: str
    label: str
    prediction: str
    text: str
    note: str


def text_rows(texts: pd.DataFrame | None) -> tuple[TextRow, ...]:
    """The first 200 rows of a table with row_id, label, prediction and text; nothing where texts were not asked for."""
    if texts is None:
        return ()
    return tuple(
        TextRow(
            clean(row["row_id"]),
            clean(row["label"]),
            clean(row["prediction"]),
            clean(str(row["text"]), MAX_CHARACTERS),
            ""
            if len(str(row["text"])) <= MAX_CHARACTERS
            else f"Cut; the row has {len(str(row['text'])):,} characters.",
        )
        for row in texts.head(MAX_TEXTS).to_dict("records")
    )
