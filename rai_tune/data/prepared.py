"""What preparing data returns. Stable API: ``PreparedData``, ``PreparedRows``, ``SPLITS``, ``UNKNOWN``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

SPLITS = ("train", "validation", "test")
UNKNOWN = "unknown"
"""The group of a row whose group cell is missing: counted, but never a group in a ratio."""


@dataclass(frozen=True, eq=False)
class PreparedRows:
    """Rows ready to be scored, in source order.

    ``rows`` has ``row_id``, ``text``, ``segments`` (templates only: a list of (start, end, column or None) that tiles the
    text), ``group:<attribute>`` for each attribute whose column is there, and ``col:<column>`` for every source column.
    ``counts`` are plain JSON values.
    """

    rows: pd.DataFrame
    columns_in_text: tuple[str, ...]
    notes: tuple[str, ...]
    counts: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class PreparedData:
    """Rows ready to learn from and to measure on, in source order. ``origin`` names their source for people.

    ``rows`` has the columns of ``PreparedRows.rows`` and ``split``, ``label`` (readable class name) and, when the recipe names
    one, ``weight``. ``groups`` maps each attribute, crossings included, to every value that was seen in any split or is
    expected, sorted, "unknown" only when it occurs. ``group_columns`` maps an attribute to its source column (a crossing to its
    columns joined with ``+``). ``seen_by_model`` says whether the text the model reads is made from that column.
    ``data_digest`` covers the prepared content whatever the row order; ``test_digest`` the ids, labels and texts of the test rows.
    ``notes`` are plain sentences for people; ``counts`` the numbers behind them, as plain JSON values.
    """

    rows: pd.DataFrame
    origin: str
    classes: tuple[str, ...]
    positive: str | None
    favourable: str | None
    groups: Mapping[str, tuple[str, ...]]
    group_columns: Mapping[str, str]
    columns_in_text: tuple[str, ...]
    seen_by_model: Mapping[str, bool]
    source_digest: str
    data_digest: str
    test_digest: str
    notes: tuple[str, ...]
    counts: Mapping[str, Any]

    def split(self, name: str) -> pd.DataFrame:
        """Rows of one split, in source order, newly numbered."""
        return self.rows[self.rows["split"] == name].reset_index(drop=True)
