"""The chapter on what decisions lean on, with the checks that say how far to believe it; texts of rows only where asked. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.paper.blocks import (
    DASH,
    Block,
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
from rai_tune.reporting.paper.drawn import leaning
from rai_tune.reporting.paper.measured import measures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.reporting.model import Explanations, ReportView


def explained(view: ReportView) -> Iterator[Section]:
    """Trusted or not and why, then what decisions lean on, then identity."""
    told = view.explanations
    if view.kind != "run":
        return
    lead = Paragraph(told.sentence, lead=f"{told.icon} {told.word}.")
    yield Section("Explanations", 1, (lead, *_leans(told)))
    if told.tests:
        yield Section("Whether to believe the explanations", 2, (_tests(told), *note(told.caveat)))
    if told.checks:
        yield Section(
            "Numbers behind the checks", 2, measures("Checks on the explanations", told.checks, first="Check")
        )
    if told.identity or told.reliance:
        yield Section("Reliance on who a person is", 2, tuple(_identity(told)))
    if told.picture.rows:
        yield Section("The picture over all explained texts", 2, tuple(_picture(told)))
    if told.facts:
        yield Section("How the explanations were made", 2, facts_table("How the explanations were made", told.facts))


def _leans(told: Explanations) -> Iterator[Block]:
    if told.kind == "columns":
        yield from leaning(told.rows)
        values = [row.value for row in told.rows]
        yield Table(
            "Share of the attribution by column",
            (
                Column("Column", wide=True),
                Column("Share", "right"),
                Column(interval_head(values), "right"),
                Column("Texts", "right"),
            ),
            tuple(
                (
                    Cell(row.name, ("holds a group attribute",) if row.identity else ()),
                    number(row.value),
                    spread(row.value),
                    Cell(row.value.n_text if row.value is not None else DASH),
                )
                for row in told.rows
            ),
        )
    elif told.kind == "words":
        yield Table(
            "Words that weigh most",
            (Column("Word"), Column("Mean weight", wide=True)),
            tuple((Cell(row.name), Cell(row.text or DASH)) for row in told.rows),
        )


def _tests(told: Explanations) -> Table:
    return Table(
        "Checks that explanations were put to",
        (Column("Check"), Column("Outcome"), Column("What was found", wide=True)),
        tuple((Cell(test.name), Cell(f"{test.icon} {test.word}"), Cell(test.sentence)) for test in told.tests),
    )


def _identity(told: Explanations) -> Iterator[Block]:
    if told.identity:
        yield Paragraph("Share of the attribution on what states a group, over all explained texts and per group.")
        yield from measures("Reliance on who a person is", told.identity, first="Attribute")
    if told.reliance:
        heads = ("Share of attribution", "Share of words", "Decisions that a swap changes", "Mean shift by a swap")
        yield Table(
            "Reliance on identity beside what a swap of it does",
            (Column("Attribute", wide=True), *(Column(head, "right") for head in heads)),
            tuple(
                (
                    Cell(row.attribute, (row.sentence,)),
                    stacked(row.reliance),
                    stacked(row.words),
                    stacked(row.flips),
                    stacked(row.shift),
                )
                for row in told.reliance
            ),
            titled=True,
            notes=(told.reliance_note,) if told.reliance_note else (),
        )


def _picture(told: Explanations) -> Iterator[Block]:
    yield Paragraph(told.picture.sentence)
    yield Table(
        "What weighs most over all explained texts, in logits",
        (
            Column("Unit", wide=True),
            Column("Mean size", "right"),
            Column("Mean with sign", "right"),
            Column("p of no direction", "right"),
        ),
        tuple(
            (
                Cell(row.name, ("holds a group attribute",) if row.identity else ()),
                stacked(row.size),
                stacked(row.signed),
                number(row.p),
            )
            for row in told.picture.rows
        ),
    )


def texts(view: ReportView) -> Iterator[Section]:
    """Texts of explained rows, where somebody asked for them."""
    if view.texts:
        warning = Paragraph(
            "These are rows of the data, added because somebody asked for them. They may be about recognisable persons; "
            "nothing in them is suppressed.",
        )
        yield Section("Texts of the explained rows", 1, (warning, _texts(view)))


def _texts(view: ReportView) -> Table:
    return Table(
        "Texts of the explained rows",
        (Column("Row"), Column("Label"), Column("Decision"), Column("Text", wide=True)),
        tuple(
            (Cell(row.row), Cell(row.label), Cell(row.prediction), Cell(row.text, (row.note,) if row.note else ()))
            for row in view.texts
        ),
    )
