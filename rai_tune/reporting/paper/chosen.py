"""The chapter on the search that a run was chosen from: lineage, validation beside test, the trials. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.chosen import MOST_TRIALS, tried
from rai_tune.reporting.paper.blocks import (
    Block,
    Cell,
    Chart,
    Column,
    Mark,
    Paragraph,
    Section,
    Table,
    facts_table,
    note,
    stacked,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.reporting.chosen import ChosenView
    from rai_tune.reporting.model import ReportView
    from rai_tune.reporting.search_view import SearchView, TrialRow

_MARKS = {"chosen": "chosen", "front": "beaten by none", "": ""}
_DRAWN = 20


def chosen(view: ReportView) -> Iterator[Section]:
    """Nothing for a run that was not chosen from a search."""
    told = view.search
    if told is None:
        return
    blocks: list[Block] = [Paragraph(told.sentence)]
    if told.rows:
        blocks.append(_flattery(told))
    yield Section("The search it was chosen from", 1, (*blocks, *facts_table("Choice", told.facts)))
    more = note(f"{told.left_out} more trials are in the JSON report.") if told.left_out else ()
    yield Section(
        "Trials",
        2,
        (
            Paragraph(told.search.sentence),
            Paragraph(told.search.basis, small=True),
            *_charts(told.search),
            _trials(told.search),
            *more,
        ),
    )


def _flattery(told: ChosenView) -> Table:
    heads = ("Validation", "Test", "Flattered by", "Expected")
    return Table(
        "Validation beside test",
        (Column("Objective", wide=True), *(Column(head, "right") for head in heads)),
        tuple(
            (
                Cell(row.name),
                stacked(row.validation),
                stacked(row.test),
                stacked(row.flattered),
                Cell(row.expected.text if row.expected is not None else "–"),
            )
            for row in told.rows
        ),
    )


def _trials(view: SearchView) -> Table:
    return Table(
        "Trials of the search",
        (
            Column("Trial", "right"),
            Column("State"),
            *(Column(head.name, "right") for head in view.objectives),
            Column("Tried", wide=True),
        ),
        tuple(
            (
                Cell(str(row.number)),
                Cell(_state(row)),
                *(
                    Cell(value.text, (value.interval,) if value.interval else (), gap=value.estimate is None)
                    for value in row.values
                ),
                Cell(tried(row), (row.note,) if row.note else ()),
            )
            for row in view.rows[:MOST_TRIALS]
        ),
    )


def _state(row: TrialRow) -> str:
    return _MARKS[row.mark] or row.state


def _charts(view: SearchView) -> Iterator[Chart]:
    """One objective below the other over the same trials, in the order of the first: what is gained in one is seen beside what it costs."""
    rows = [row for row in view.rows if row.mark and all(value.estimate is not None for value in row.values)]
    rows = sorted(rows, key=lambda row: row.values[0].estimate or 0.0, reverse=True)[:_DRAWN]
    if len(rows) < 2:
        return
    for place, head in enumerate(view.objectives):
        if head.unit == "count":
            continue
        marks = tuple(
            Mark(
                f"trial {row.number}" + (", chosen" if row.mark == "chosen" else ""),
                row.values[place].text,
                row.values[place].interval,
                row.values[place].estimate,
                row.values[place].low,
                row.values[place].high,
            )
            for row in rows
        )
        said = f"{head.name} ({head.wanted}) of the chosen trial and those beaten by none, on validation rows."
        yield Chart(said, head.unit, marks)
