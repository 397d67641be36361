"""The chapter on mitigation: methods and what they need, before and after, cost. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.paper.blocks import Block, Cell, Column, Paragraph, Section, Table, facts_table, stacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.reporting.model import MitigationView, ReportView


def mitigated(view: ReportView) -> Iterator[Section]:
    """Nothing for a run without mitigation; its tables by group follow among the other measurements."""
    told = view.mitigation
    if told is None:
        return
    blocks: list[Block] = [Paragraph(told.sentence)]
    if told.rows:
        blocks.append(_before_after(told))
    yield Section("Mitigation", 1, (*blocks, *facts_table("Mitigation", told.facts)))
    yield Section("Methods, and what they need to know about groups", 2, (_methods(told),))


def _before_after(told: MitigationView) -> Table:
    heads = ("Without", "With", "Change")
    return Table(
        "Before and after",
        (Column("Measure", wide=True), *(Column(head, "right") for head in heads)),
        tuple((Cell(row.name), stacked(row.before), stacked(row.after), stacked(row.change)) for row in told.rows),
    )


def _methods(told: MitigationView) -> Table:
    return Table(
        "Methods of mitigation",
        (
            Column("Method", wide=True),
            Column("Groups at training"),
            Column("Groups at use"),
            Column("Where law may forbid it", wide=True),
        ),
        tuple(
            (
                Cell(f"{row.title} ({row.name})", (row.does, row.source)),
                Cell(row.groups_at_training),
                Cell(row.groups_at_use),
                Cell(row.law),
            )
            for row in told.methods
        ),
    )
