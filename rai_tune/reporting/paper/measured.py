"""Chapters on the system, the data, its performance and what other audits measured. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.paper.blocks import (
    DASH,
    Block,
    Bullets,
    Cell,
    Column,
    Paragraph,
    Section,
    Table,
    facts_table,
    interval_head,
    note,
    number,
    spread,
    stacked,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_tune.reporting.model import Grid, MeasureRow, ReportView

ATTACHED = "the measurements in JSON"


def system(view: ReportView) -> Iterator[Section]:
    """What was audited, what it is for, and what its provider states."""
    run = view.kind == "run"
    purpose = view.purpose or ("The recipe states no purpose." if run else "")
    blocks: list[Block] = [Paragraph(purpose)] if purpose else []
    yield Section(
        "System and purpose" if run else "What was audited", 1, (*blocks, *facts_table("System", view.system))
    )
    if run:
        stated = facts_table("Stated in the recipe", view.stated)
        nothing = (Paragraph("The recipe states nothing about provider, users, oversight or limits."),)
        yield Section("What the provider states", 2, stated or nothing)


def data(view: ReportView) -> Iterator[Section]:
    """Origin and size of the rows, who is in them, and the checks on them."""
    found = view.data
    yield Section("Data", 1, facts_table("Data", found.facts))
    if found.splits:
        yield Section("Splits", 2, (_splits(view),))
    if found.groups:
        yield Section("Who is in the data", 2, (_groups(view),))
    if found.checks:
        yield Section("Checks on the data", 2, measures("Checks on the data", found.checks, first="Check"))
    if found.notes:
        yield Section("Notes on the data", 2, (Bullets(found.notes),))


def _splits(view: ReportView) -> Table:
    return Table(
        "Rows and classes by split",
        (Column("Split"), Column("Rows", "right"), Column("Classes", wide=True), Column("Texts cut", "right")),
        tuple(
            (
                Cell(row.split),
                Cell(row.rows),
                Cell(", ".join(f"{each.name} {each.text}" for each in row.classes) or DASH),
                Cell(row.truncated),
            )
            for row in view.data.splits
        ),
    )


def _groups(view: ReportView) -> Table:
    heads = ("Share of rows", "Labelled positive", "Labelled favourable")
    return Table(
        "Groups in the data",
        (Column("Attribute"), Column("Group", wide=True), *(Column(head, "right") for head in heads)),
        tuple(
            (
                Cell(row.attribute),
                Cell(row.group),
                stacked(row.representation),
                stacked(row.label_rate),
                stacked(row.favourable_rate),
            )
            for row in view.data.groups
        ),
    )


def performance(view: ReportView) -> Iterator[Section]:
    """How well it does its task."""
    yield Section("Performance", 1, measures("Performance", view.quality) or (Paragraph("No quality was measured."),))


def other(view: ReportView) -> Iterator[Section]:
    """What the other audits measured, each under its own heading."""
    if view.chapters:
        yield Section("Other measurements", 1)
    for chapter in view.chapters:
        blocks: list[Block] = [Paragraph(chapter.sentence)] if chapter.sentence else []
        for table in chapter.grids:
            blocks += _grid(table)
        blocks += measures(chapter.title, chapter.rows)
        if chapter.left_out:
            blocks += note(
                f"{chapter.left_out:,} more of this audit are in {ATTACHED}: both directions of a comparison, and rows beyond the first 40."
            )
        yield Section(chapter.title, 2, tuple(blocks))


def _grid(grid: Grid) -> Iterator[Block]:
    yield Table(
        grid.title,
        (Column(grid.head, wide=True), Column("n", "right"), *(Column(head, "right") for head in grid.columns)),
        tuple((Cell(row.name), Cell(row.n_text), *map(stacked, row.cells)) for row in grid.rows),
        titled=True,
        notes=tuple(
            text
            for text in (
                grid.legend,
                f"{grid.left_out:,} more rows are in {ATTACHED}." if grid.left_out else "",
            )
            if text
        ),
    )


def measures(
    caption: str, rows: Sequence[MeasureRow], *, first: str = "Measure", meaning: bool = True, titled: bool = False
) -> tuple[Table, ...]:
    """Measurements one below the other: what, estimate, interval, n; nothing without any."""
    if not rows:
        return ()
    return (
        Table(
            caption,
            (
                Column(first, wide=True),
                Column("Estimate", "right"),
                Column(interval_head(row.value for row in rows), "right"),
                Column("n", "right"),
            ),
            tuple((_named(row, meaning), number(row.value), spread(row.value), Cell(row.value.n_text)) for row in rows),
            titled,
        ),
    )


def _named(row: MeasureRow, meaning: bool) -> Cell:
    """The name with its split where that is not test, its meaning, and why there is no number."""
    split = f" ({row.split})" if row.split not in {"", "test"} else ""
    why = row.value.reason if row.value.estimate is None and row.value.status != "suppressed" else ""
    return Cell(row.name + split, tuple(text for text in (row.meaning if meaning else "", why) if text))
