"""Mitigation as the terminal shows it: before and after, then what it was compared with and the cost. Internal to the reporting room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from rai_tune.reporting.numbers import STATUS_WORDS

if TYPE_CHECKING:
    from rai_tune.reporting.model import MitigationView, Shown

_TOLD = {"Row weights", "Compared with", "CPU time of training"}


def mitigation_rows(told: MitigationView) -> Group:
    """One line a measure; the report has the tables by group and the methods' cards."""
    lines = [
        Text(f"{row.title}: groups at training {row.groups_at_training}, at use {row.groups_at_use}")
        for row in told.methods
    ]
    if not told.rows:
        return Group(*lines, Text(told.sentence))
    grid = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False, expand=True)
    # A long name goes on in a second line: cut off, two measures, or one measure of two attributes, would read alike.
    for width in (None, 10, 10, 10, 20):
        grid.add_column(width=width, ratio=None if width else 1)
    grid.add_row(*(Text(head, style="dim") for head in ("", "without", "with", "change", "interval")))
    for row in told.rows:
        grid.add_row(
            Text(row.name), _value(row.before), _value(row.after), _value(row.change), Text(row.change.interval)
        )
    facts = [Text(f"{fact.name}: {fact.text}", style="dim") for fact in told.facts if fact.name in _TOLD]
    return Group(*lines, grid, *facts)


def _value(shown: Shown | None) -> Text:
    """The number, or the one or two words why there is none; the reason in full is in the report."""
    if shown is None:
        return Text("")
    return Text(shown.text if shown.status == "ok" else STATUS_WORDS[shown.status])
