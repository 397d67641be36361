"""Chapters on the controls, grouped by article or clause, and on the people who signed, stated and waived. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.paper.blocks import (
    DASH,
    Block,
    Bullets,
    Cell,
    Column,
    Paragraph,
    Quote,
    Section,
    Table,
    interval_head,
    note,
    number,
    spread,
)
from rai_tune.reporting.redecided import by_clause

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.reporting.model import ControlRow, DecisionView, ReportView
    from rai_tune.reporting.people import SignedRow


def controls(view: ReportView) -> Iterator[Section]:
    """Every control of every policy, by article or clause, with its evidence and the origin of its threshold."""
    if view.kind != "run" and not view.decisions:
        return
    nothing = (Paragraph("No policy has decided on this run."),) if not view.decisions else ()
    yield Section("Controls", 1, nothing)
    for decision in view.decisions:
        yield Section(f"{decision.title}, version {decision.version}", 2, tuple(_decision(decision)))
        for article, own in by_clause(decision.controls).items():
            for place, control in enumerate(own):
                title = f"{control.id} · {control.title}"
                head = (Paragraph("", lead=article, small=True),) if place == 0 and len(own) > 1 else ()
                yield Section(title, 3, (*head, *_control(control)))


def _decision(decision: DecisionView) -> Iterator[Block]:
    yield Paragraph(
        f"under policy {decision.policy}, version {decision.version}",
        lead=decision.word,
        state=decision.outcome,
        icon=decision.icon,
    )
    yield Paragraph(f"SHA-256 of the policy: {decision.digest}", small=True)
    if decision.notes:
        yield Bullets(decision.notes)
    yield Table(
        f"Controls of {decision.title}",
        (
            Column("Clause"),
            Column("Control"),
            Column("What it is about", wide=True),
            Column("Outcome"),
            Column("Weight"),
        ),
        tuple(
            (
                Cell(article if not place else ""),
                Cell(row.id),
                Cell(row.title),
                Cell(row.word, state=row.outcome, icon=row.icon),
                Cell(row.severity),
            )
            for article, own in by_clause(decision.controls).items()
            for place, row in enumerate(own)
        ),
    )


def _control(row: ControlRow) -> Iterator[Block]:
    yield Paragraph(f"· {row.severity} · Evidence for {row.reference}", lead=row.word, state=row.outcome, icon=row.icon)
    yield Paragraph(row.reason)
    threshold = f"{row.threshold}; set by {row.origin}: {row.source}" if row.threshold else ""
    facts = {
        "Would settle it": row.settle,
        "People": " ".join(row.people),
        "Applies when": row.condition,
        "Asks": row.asks,
        "Threshold": threshold,
        "Standing": row.standing,
        "Sources": "; ".join(row.sources),
    }
    yield Table(
        f"About {row.id}",
        (Column("Item"), Column("Value", wide=True)),
        tuple((Cell(name), Cell(text)) for name, text in facts.items() if text),
    )
    if row.readings:
        values = [reading.value for reading in row.readings]
        yield Table(
            f"What {row.id} read",
            (
                Column("What it read", wide=True),
                Column("Estimate", "right"),
                Column(interval_head(values), "right"),
                Column("Deciding bound", "right"),
                Column("n", "right"),
                Column("Outcome"),
            ),
            tuple(
                (
                    Cell(reading.what),
                    number(reading.value),
                    spread(reading.value),
                    Cell(reading.bound or DASH),
                    Cell(reading.value.n_text),
                    Cell(reading.word),
                )
                for reading in row.readings
            ),
            notes=(f"{row.readings_left_out:,} more readings are left out here.",) if row.readings_left_out else (),
        )


def people(view: ReportView) -> Iterator[Section]:
    """Sign-offs, attestations and waivers, with the person's own words."""
    if view.kind != "run":
        return
    found = view.people
    nothing = "Nobody signed, stated or waived anything about this run."
    some = found.signoffs or found.attestations or found.waivers
    words = (
        "What people signed, by their registered keys; each signature was verified when this report was made."
        if some
        else nothing
    )
    yield Section("Attestations, waivers and sign-offs", 1, (Paragraph(words),))
    if found.signoffs:
        yield Section("Sign-offs", 2, (_signoffs(found.signoffs),))
    if found.attestations:
        yield Section("Attestations", 2, tuple(_deeds(found.attestations, "stated for")))
    if found.waivers:
        yield Section(
            "Waivers",
            2,
            (
                Paragraph(
                    "A waiver changes no outcome: it says who answers for going on in spite of it, and until when."
                ),
                *_deeds(found.waivers, "waived"),
            ),
        )


def _signoffs(rows: tuple[SignedRow, ...]) -> Table:
    return Table(
        "Sign-offs",
        (Column("Person"), Column("Role"), Column("Signed at"), Column("Ledger"), Column("What it covers", wide=True)),
        tuple(
            (Cell(row.person), Cell(row.about), Cell(row.at), Cell(row.entry or DASH), Cell(row.standing))
            for row in rows
        ),
    )


def _deeds(rows: tuple[SignedRow, ...], verb: str) -> Iterator[Block]:
    for row in rows:
        until = f", until {row.until}" if row.until else ""
        entry = f", {row.entry}" if row.entry else ""
        yield Paragraph(f"{verb} {row.about}{until}; signed {row.at}{entry}; {row.standing}.", lead=row.person)
        yield Quote(row.lines)
        yield from note(row.cut)
