"""The chapter on fairness: every attribute with its dot plot, its table, its pairs and its honest gaps. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.fairness import basis_of
from rai_tune.reporting.paper.blocks import Block, Cell, Column, Paragraph, Section, Table, note, number, stacked
from rai_tune.reporting.paper.drawn import rates, ratios
from rai_tune.reporting.paper.measured import ATTACHED, measures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.reporting.model import GroupRow, GroupTable, ReportView

MOST_PAIRS = 20
_MOST_NAMED = 12


def fairness(view: ReportView) -> Iterator[Section]:
    """How groups are treated, with intervals."""
    yield Section("Fairness", 1, () if view.groups else (Paragraph("No group was measured."),))
    for table in view.groups:
        yield Section(
            f"'{table.rate_name}' by {table.attribute}",
            2,
            (Paragraph(basis_of(table)), *rates(table, view.decisions), _rates(table)),
        )
        if table.pairs:
            yield Section(
                "Every pair of groups, lowest impact ratio first", 3, (*ratios(table, view.decisions), *_pairs(table))
            )
        beside = tuple(_beside(table))
        if beside:
            yield Section("Shown, and deciding nothing here", 3, beside)


def _rates(table: GroupTable) -> Table:
    heads = ("Rows", table.rate_name, "TPR", "FPR", "PPV", "Accuracy")
    return Table(
        f"Rates by {table.attribute}",
        (Column("Group", wide=True), *(Column(head, "right") for head in heads)),
        tuple(_group(row) for row in table.rows),
        notes=(
            f"TPR: share found among those labelled '{table.positive}'. FPR: share wrongly decided '{table.positive}' among the others. "
            f"PPV: share of '{table.positive}' decisions that are right. Small figures are intervals.",
        ),
    )


def _group(row: GroupRow) -> tuple[Cell, ...]:
    rates = (
        row.selection_rate,
        row.true_positive_rate,
        row.false_positive_rate,
        row.positive_predictive_value,
        row.accuracy,
    )
    return (Cell(row.group, (row.note,) if row.note else ()), number(row.rows), *map(stacked, rates))


def _pairs(table: GroupTable) -> Iterator[Block]:
    numbered = [pair for pair in table.pairs if pair.ratio.estimate is not None]
    notes = []
    if len(numbered) > MOST_PAIRS:
        notes.append(f"{len(numbered) - MOST_PAIRS:,} more pairs with higher ratios are in {ATTACHED}.")
    missing = [
        f"{pair.group} against {pair.reference}: {pair.ratio.text}" for pair in table.pairs if pair not in numbered
    ]
    if missing:
        more = f"; and {len(missing) - _MOST_NAMED:,} more" if len(missing) > _MOST_NAMED else ""
        notes.append(f"Without a number: {'; '.join(missing[:_MOST_NAMED])}{more}.")
    if not numbered:
        yield from (part for text in notes for part in note(text))
        return
    heads = ("Impact ratio", "Rate difference", "TPR difference", "FPR difference")
    yield Table(
        f"Pairs of groups of {table.attribute}",
        (Column("Group", wide=True), Column("Against", wide=True), *(Column(head, "right") for head in heads)),
        tuple(
            (
                Cell(pair.group),
                Cell(pair.reference),
                stacked(pair.ratio),
                stacked(pair.difference),
                stacked(pair.true_positive_rate_difference),
                stacked(pair.false_positive_rate_difference),
            )
            for pair in numbered[:MOST_PAIRS]
        ),
        notes=tuple(notes),
    )


def _beside(table: GroupTable) -> Iterator[Block]:
    name = table.attribute
    highest = "Impact ratio to the highest observed rate"
    gap = "Smallest gap in the rate that these rows would show 4 times in 5"
    yield from measures(f"{highest}, {name}", table.to_highest, first=highest, meaning=False)
    yield from measures(f"{gap}, {name}", table.detectable, first=gap, meaning=False)
    yield from measures(f"Gaps between the extremes of {name}", table.spreads, first="Gap between the extremes")
