"""The four-fifths rule beside a significance test, as the terminal shows it. Internal to the reporting room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from rai_tune.reporting.text import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.reporting.model import MeasureRow, Ref

FOUR_FIFTHS = "four_fifths"
_RATIO, _P, _DISAGREE = "four_fifths_ratio", "four_fifths_p_value", "four_fifths_disagreement"
_MOST = 8


def four_fifths_rows(rows: Sequence[MeasureRow]) -> Group | None:
    """Ratio to the highest rate, p-value of equal rates, and a word where the two point different ways; None without any."""
    ratios = [row for row in rows if row.value.ref.audit == FOUR_FIFTHS and row.value.ref.metric == _RATIO]
    if not ratios:
        return None
    found = {(row.value.ref.metric, *_place(row.value.ref)): row.value for row in rows}
    grid = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False, expand=True)
    for width in (30, 7, 17, 9, None):
        grid.add_column(width=width, ratio=None if width else 1, no_wrap=True, overflow="ellipsis")
    grid.add_row(*(Text(text, style="dim") for text in ("group / highest", "ratio", "interval", "p equal", "")))
    ratios.sort(key=lambda row: (row.value.estimate is None, row.value.estimate or 0.0))
    for row in ratios[:_MOST]:
        value = row.value
        place = _place(value.ref)
        name = named(value.ref.group or "")
        p, disagree = found.get((_P, *place)), found.get((_DISAGREE, *place))
        if value.estimate is None or p is None:
            grid.add_row(Text(name), Text("–"), Text(""), Text(""), Text(value.text))
            continue
        word = "disagree" if disagree is not None and disagree.estimate == 1.0 else ""
        pair = f"{name} / {named(value.ref.reference or '')}"
        grid.add_row(Text(pair), Text(value.text), Text(value.interval), Text(p.text), Text(word))
    more = len(ratios) - _MOST
    return Group(grid, *([Text(f"{more} more in the report", style="dim")] if more > 0 else []))


def _place(ref: Ref) -> tuple[str | None, str | None, str | None]:
    return ref.attribute, ref.group, ref.reference
