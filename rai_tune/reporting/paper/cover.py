"""Page one: the verdict, what decided it, the key numbers, who signed, what is missing. It is kept to one page. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.paper.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Paragraph,
    Section,
    Table,
    Verdict,
    interval_head,
    number,
    spread,
)
from rai_tune.reporting.text import clean
from rai_tune.reporting.wording import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_tune.reporting.model import ControlRow, ReportView, Shown
    from rai_tune.reporting.people import SignedRow

MOST_REASONS = 3
MOST_NUMBERS = 7
MOST_SIGNED = 4
MOST_MISSING = 5
_REASON = 260
_LINE = 170
_WAITING = ("insufficient_evidence", "awaiting_signoff")


def about(view: ReportView) -> str:
    """The small line under the title."""
    state = f" · {view.state}" if view.kind == "run" else ""
    return f"{view.run_id}{state} · made {view.created_at[:10] or 'on a day not recorded'}"


def cover(view: ReportView) -> tuple[Section, ...]:
    """Verdict, key numbers, who signed and what is missing."""
    parts = [Section("Verdict", 1, (verdict(view), *_left_out(view)))]
    values = list(_key_numbers(view))[:MOST_NUMBERS]
    if values:
        parts.append(Section("Key numbers", 2, (_numbers(values),)))
    if view.kind == "run":
        parts.append(Section("Who signed", 2, tuple(_signed(view))))
    missing = list(_missing(view))
    if missing:
        parts.append(Section("What is missing", 2, (Bullets(tuple(_first(missing, MOST_MISSING))),)))
    return tuple(parts)


def verdict(view: ReportView) -> Verdict:
    """The headline in its frame, with the first of the controls that decided."""
    head = view.headline
    more = len(head.deciding) - MOST_REASONS
    several = len(view.decisions) > 1
    return Verdict(
        outcome=head.outcome,
        word=head.word,
        icon=head.icon,
        sentence=head.sentence,
        reasons=tuple(
            (f"{item.title} ({item.policy})" if several else item.title, clean(item.reason, _REASON))
            for item in head.deciding[:MOST_REASONS]
        ),
        more=f"and {more} more, listed under Controls" if more > 0 else "",
        notices=head.notices,
    )


def _left_out(view: ReportView) -> Iterator[Block]:
    if view.left_out_policies:
        only = ", ".join(f"{decision.title} {decision.version}" for decision in view.decisions)
        others = "; ".join(f"{each.name}: {each.text}" for each in view.left_out_policies)
        yield Paragraph(
            f"{only}. Left out of this document, with their own verdicts: {others}.", lead="About one policy:"
        )


def _key_numbers(view: ReportView) -> Iterator[tuple[str, Shown]]:
    on = " on test rows" if view.kind == "run" else ""
    tested = [row for row in view.quality if row.split in {"test", ""}]
    for row in tested[:2]:
        yield f"{row.name}{on}", row.value
    for table in view.groups[:3]:
        pair = next((pair for pair in table.pairs if pair.ratio.estimate is not None), None)
        if pair is not None:
            yield f"Lowest impact ratio by {table.attribute}: {pair.group} against {pair.reference}", pair.ratio
    lean = next((row for row in view.explanations.rows if row.value is not None), None)
    if lean is not None and lean.value is not None:
        yield f"Decisions lean most on {lean.name}", lean.value
    for row in view.explanations.identity[:1]:
        yield f"Reliance on {row.name}", row.value


def _numbers(values: Sequence[tuple[str, Shown]]) -> Table:
    return Table(
        "Key numbers",
        (
            Column("What", wide=True),
            Column("Estimate", "right"),
            Column(interval_head(value for _, value in values), "right"),
            Column("n", "right"),
        ),
        tuple((Cell(clean(name, 110)), number(value), spread(value), Cell(value.n_text)) for name, value in values),
    )


def _signed(view: ReportView) -> Iterator[Block]:
    people = view.people
    counted = [row for row in people.signoffs if row.standing == "of this evidence"]
    lines = [_who(row, f"signed as {row.about}") for row in counted]
    lines += [_who(row, f"waived {row.about} until {row.until}") for row in people.waivers]
    if not counted:
        yield Paragraph("Nobody has signed this evidence as it stands.")
    if lines:
        yield Bullets(tuple(_first(lines, MOST_SIGNED)))
    if people.attestations:
        names = sorted({row.person for row in people.attestations})
        many = f"{len(people.attestations)} statements" if len(people.attestations) > 1 else "1 statement"
        yield Paragraph(clean(f"{many} on controls by {', '.join(names)}, printed under People.", _LINE), small=True)


def _who(row: SignedRow, deed: str) -> str:
    return clean(f"{row.person} {deed}, {row.at[:16].replace('T', ' ')}{f', {row.entry}' if row.entry else ''}", _LINE)


def _missing(view: ReportView) -> Iterator[str]:
    if view.kind == "run" and not view.decisions:
        yield "No policy has decided on this run."
    waiting = [item for decision in view.decisions for item in decision.controls if item.outcome in _WAITING]
    for item in sorted(waiting, key=_blocking_first):
        yield clean(f"{item.id} {item.title}: {item.settle or item.reason}", _LINE)
    for fact in view.audits:
        if fact.text.startswith("stopped with an error"):
            yield clean(f"Audit {fact.name} {fact.text}", _LINE)


def _blocking_first(item: ControlRow) -> tuple[bool, bool]:
    return item.severity != SEVERITIES["block"], item.outcome == "awaiting_signoff"


def _first(lines: Sequence[str], most: int) -> Iterator[str]:
    yield from lines[:most]
    if len(lines) > most:
        yield f"and {len(lines) - most} more, in the chapters that follow"
