"""Charts of what decisions lean on, as plain values: identity beside its swap, and the global picture. Stable API: ``reliance_chart``, ``picture_chart``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rai_tune.reporting.charts import MOST_MARKS, rows_chart
from rai_tune.reporting.model import MeasureRow

if TYPE_CHECKING:
    from rai_tune.reporting.charts import DotChart
    from rai_tune.reporting.model import Explanations, RelianceRow, Shown


def reliance_chart(row: RelianceRow) -> DotChart | None:
    """Shares of one attribute on one scale: of attribution, of the words, and of decisions that the swap changes."""
    parts = {
        "Share of attribution": row.reliance,
        "Share of the words": row.words,
        "Decisions that the swap changes": row.flips,
    }
    rows = [_row(name, shown) for name, shown in parts.items() if shown is not None]
    drawn = rows_chart(f"{row.attribute}, three shares", "Share, with interval", rows)
    told = "; ".join(f"{each.name.lower()} {_with_interval(each.value)}" for each in rows)
    return drawn and replace(
        drawn, sentence=f"Shares about {row.attribute} on one scale, a dot for each with its interval: {told}."
    )


def picture_chart(found: Explanations) -> DotChart | None:
    """The strongest columns or words over all explained texts; without that audit, the shares of columns. None without a number to draw."""
    if found.picture.rows:
        rows = [_row(row.name, row.size) for row in found.picture.rows]
        axis, sentence = "Mean size of the attribution in logits, with interval", found.picture.sentence
    else:
        rows = [_row(row.name, row.value) for row in found.rows if row.value is not None]
        axis = "Mean share of attribution, with interval"
        sentence = "A dot for each column: its mean share of all attribution over the explained texts, with interval, the strongest first."
    if not any(row.value.estimate is not None for row in rows):
        return None
    drawn = rows_chart("What decisions lean on", axis, rows[:MOST_MARKS])
    left_out = len(rows) - MOST_MARKS
    if drawn is None or left_out <= 0:
        return drawn and replace(drawn, sentence=sentence)
    more = f" Drawn: the {MOST_MARKS} strongest of {len(rows):,}; the table has all."
    return replace(drawn, sentence=sentence + more, left_out=left_out)


def _with_interval(shown: Shown) -> str:
    return f"{shown.text} ({shown.interval})" if shown.interval else shown.text


def _row(name: str, shown: Shown) -> MeasureRow:
    return MeasureRow(name=name, meaning="", split="", value=shown)
