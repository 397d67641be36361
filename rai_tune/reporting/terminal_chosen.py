"""The choice of a run from a search as the terminal shows it. Internal to the reporting room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rai_tune.reporting.chosen import ChosenView
    from rai_tune.reporting.model import Shown

_TOLD = (
    "Search",
    "Trial",
    "Rule",
    "Kept by the rule",
    "What it tried",
    "Nothing was expected of",
    "Chosen before from the same search",
)


def chosen_rows(told: ChosenView) -> Group:
    """One line an objective, then where the run comes from; the report has the trials."""
    facts = [Text(f"{fact.name}: {fact.text}", style="dim") for fact in told.facts if fact.name in _TOLD]
    if not told.rows:
        return Group(Text(told.sentence), *facts)
    grid = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False, expand=True)
    for width in (None, 10, 8, 9, 21, 9):
        grid.add_column(width=width, ratio=None if width else 1, no_wrap=True, overflow="ellipsis")
    grid.columns[0].no_wrap, grid.columns[0].overflow = False, "fold"
    heads = ("", "validation", "test", "flattered", "interval", "expected")
    grid.add_row(*(Text(head, style="dim") for head in heads))
    for row in told.rows:
        interval = row.flattered.interval if row.flattered is not None else ""
        cells = (_value(row.validation), _value(row.test), _value(row.flattered), Text(interval), _value(row.expected))
        grid.add_row(Text(row.name), *cells)
    return Group(grid, *facts)


def _value(shown: Shown | None) -> Text:
    return Text(shown.text if shown is not None else "")
