"""Runs as the inbox lists them: newest first, each with its verdict, its state and its age in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rai_tune.core import IntegrityError
from rai_tune.reporting.controls import headline
from rai_tune.reporting.stored import stored_decisions
from rai_tune.reporting.text import clean
from rai_tune.review.reading import check_evidence, not_so_today
from rai_tune.waiting import served_as, waits_for
from rai_tune.workspace.records import UNFINISHED, WORKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_tune.promotion.keys import Signer
    from rai_tune.workspace import RunRecord, Workspace

DAMAGED = "damaged"
UNDECIDED = "undecided"
TAKEN_BACK = "taken_back"
NOT_YET = "Not decided yet"
_STEPS = ((60, "minute"), (60, "hour"), (24, "day"))
_DATED_AFTER_DAYS = 60


@dataclass(frozen=True)
class RunLine:
    """One run of the inbox. ``outcome`` is the gate's word, ``damaged``, ``taken_back`` where today's is worse, or ``undecided`` while there is nothing to decide.

    ``serves`` names the aliases that it serves now, ``waits`` what waits for the person who looks.
    """

    id: str
    name: str
    state: str
    outcome: str
    word: str
    icon: str
    age: str
    created_at: str
    serves: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()


def list_runs(
    workspace: Workspace, runs: Sequence[RunRecord], someone: Signer | None = None, moment: datetime | None = None
) -> tuple[RunLine, ...]:
    """A line for each run, in their order. ``moment`` is the present, for the ages. ``IntegrityError`` when the ledger does not verify."""
    moment = moment or datetime.now(UTC)
    served = served_as(workspace)
    return tuple(_line(workspace, run, moment, served.get(run.id, ()), someone) for run in runs)


def minute(created_at: str) -> str:
    """A stored moment as people read it: ``2026-11-24 22:34 UTC``; ``unknown`` when it is no moment."""
    try:
        made = datetime.fromisoformat(created_at)
    except ValueError:
        return "unknown"
    return f"{made.replace(tzinfo=made.tzinfo or UTC).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def age(created_at: str, moment: datetime) -> str:
    """``just now``, ``5 minutes ago``, ``3 days ago``; the date itself for what is older than 60 days or in the future."""
    try:
        made = datetime.fromisoformat(created_at)
    except ValueError:
        return "unknown"
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    passed = (moment - made).total_seconds()
    if passed < -60 or passed > _DATED_AFTER_DAYS * 86_400:
        return made.date().isoformat()
    count, unit = int(max(passed, 0)), "second"
    for size, larger in _STEPS:
        if count < size:
            break
        count, unit = count // size, larger
    return "just now" if unit == "second" else f"{count} {unit}{'s' if count != 1 else ''} ago"


def _line(
    workspace: Workspace, run: RunRecord, moment: datetime, serves: tuple[str, ...], someone: Signer | None
) -> RunLine:
    outcome, word, icon = _verdict(workspace, run)
    return RunLine(
        id=run.id,
        name=clean(run.name, 120),
        state=", ".join(_state(workspace, run)),
        outcome=outcome,
        word=word,
        icon=icon,
        age=age(run.created_at, moment),
        created_at=minute(run.created_at),
        serves=serves,
        waits=waits_for(workspace, run, someone) if someone and outcome != DAMAGED else (),
    )


def _verdict(workspace: Workspace, run: RunRecord) -> tuple[str, str, str]:
    """The same headline as on the run page, after the same check of the evidence."""
    try:
        check_evidence(workspace, run.id)
    except IntegrityError:
        return DAMAGED, "Evidence damaged", "✗"
    if run.state in UNFINISHED:
        return UNDECIDED, NOT_YET, "…"
    decisions = stored_decisions(workspace, run.id)
    found = headline({"state": run.state}, decisions)
    # Only a verdict that lets somebody go on is worth deciding again for a list.
    good = found.outcome == "pass" or any(decision.promotable for decision in decisions)
    if good and not_so_today(workspace, run.id):
        return TAKEN_BACK, f"{found.word}, not so today", "!"
    return found.outcome, found.word, found.icon


def _state(workspace: Workspace, run: RunRecord) -> Iterator[str]:
    yield run.state
    if run.state in WORKING and not workspace.is_alive(run.id):
        yield "but nothing works on it; --resume goes on"
