"""The four-fifths rule beside a significance test, and the tables of Local Law 144, as the terminal shows them. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from rai_tune.reporting.text import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.reporting.model import MeasureRow, Ref, Shown

FOUR_FIFTHS, LL144 = "four_fifths", "ll144"
_RATIO, _P, _DISAGREE = "four_fifths_ratio", "four_fifths_p_value", "four_fifths_disagreement"
_MOST = 8
_MOST_CATEGORIES = 16
_KINDS = {
    "selected": ("ll144_selection_rate", "ll144_impact_ratio"),
    "above median": ("ll144_scoring_rate", "ll144_scoring_impact_ratio"),
}


def four_fifths_rows(rows: Sequence[MeasureRow]) -> Group | None:
    """Ratio to the highest rate, p-value of equal rates, and a word where the two point different ways; None without any."""
    ratios = [row for row in rows if row.value.ref.audit == FOUR_FIFTHS and row.value.ref.metric == _RATIO]
    if not ratios:
        return None
    found = {(row.value.ref.metric, *_place(row.value.ref)): row.value for row in rows}
    grid = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False, expand=True)
    for width in (29, 7, 18, 9, None):
        grid.add_column(width=width, ratio=None if width else 1, no_wrap=True, overflow="ellipsis")
    grid.add_row(*(Text(text, style="dim") for text in ("group / highest", "ratio", "interval", "p equal", "")))
    ratios.sort(key=lambda row: (row.value.estimate is None, row.value.estimate or 0.0))
    for row in ratios[:_MOST]:
        value = row.value
        place = _place(value.ref)
        name = named(value.ref.group or "")
        pair = f"{name} / {named(value.ref.reference)}" if value.ref.reference is not None else name
        p, disagree = found.get((_P, *place)), found.get((_DISAGREE, *place))
        if value.estimate is None or p is None:
            grid.add_row(Text(pair), Text("–"), Text(value.text), Text(""), Text(""))
            continue
        word = "disagree" if disagree is not None and disagree.estimate == 1.0 else ""
        grid.add_row(Text(pair), Text(value.text), Text(value.interval), Text(p.text), Text(word))
    more = len(ratios) - _MOST
    return Group(grid, *([Text(f"{more} more in the report", style="dim")] if more > 0 else []))


def ll144_rows(rows: Sequence[MeasureRow]) -> Group | None:
    """The tables of 6 RCNY 5-301 for two classes: people, rate and impact ratio of each category; None without any."""
    own = [row.value for row in rows if row.value.ref.audit == LL144]
    found = {
        (value.ref.metric, value.ref.attribute, value.ref.group): value for value in own if value.ref.label is None
    }
    grid = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False, expand=True)
    for width in (34, 10, 18, None):
        grid.add_column(width=width, ratio=None if width else 1, no_wrap=True, overflow="ellipsis")
    more = 0
    for words, (rate, ratio) in _KINDS.items():
        categories = [value for value in found.values() if value.ref.metric == rate and value.ref.group is not None]
        if categories:
            grid.add_row(*(Text(text, style="dim") for text in ("category", "n", words, "impact ratio")))
        for value in categories[:_MOST_CATEGORIES]:
            against = found.get((ratio, value.ref.attribute, value.ref.group))
            grid.add_row(
                Text(f"{named(value.ref.group or '')}"), Text(value.n_text), Text(value.text), Text(_bare(against))
            )
        more += max(0, len(categories) - _MOST_CATEGORIES)
    if not grid.row_count:
        return None
    unknown = [value for value in own if value.ref.metric == "ll144_unknown_rows"]
    told = ", ".join(f"{named(value.ref.attribute or '')} {value.text}" for value in unknown)
    notes = [f"{more} more in the report"] if more else []
    assessed, left_out = (_text(found, metric) for metric in ("ll144_assessed_rows", "ll144_excluded_categories"))
    notes.append(
        f"{assessed} assessed; {left_out} categories left out; unknown: {told}. The law names no smallest ratio."
    )
    return Group(grid, *(Text(note, style="dim") for note in notes))


def _bare(value: Shown | None) -> str:
    """A ratio, or nothing where its rate says why there is none."""
    return value.text if value is not None and value.status != "suppressed" else ""


def _text(found: dict[tuple[str, str | None, str | None], Shown], metric: str) -> str:
    value = found.get((metric, None, None))
    return value.text if value is not None else "not measured"


def _place(ref: Ref) -> tuple[str | None, str | None, str | None]:
    return ref.attribute, ref.group, ref.reference
