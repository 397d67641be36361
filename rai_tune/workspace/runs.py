"""Runs in the database: creation, look-up, states and facts. Functions over a session; ``Workspace`` is the door."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, cast

from sqlalchemy import select

from rai_tune.core import ConflictError, UsageError, check_run_id
from rai_tune.workspace.records import RUN_FACTS, TRANSITIONS, RunRecord, RunState
from rai_tune.workspace.schema import RunRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

LATEST = "latest"
_NEAR_AMONG = 500


def now() -> str:
    """The time as ISO 8601 in UTC, to the microsecond."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """A moment in UTC in the same form."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def find(session: Session, run_id: str) -> RunRow:
    """The row of a run. Raises ``UsageError`` for an id that is malformed or unknown, naming a near one."""
    row = session.scalar(select(RunRow).where(RunRow.id == check_run_id(run_id)))
    if row is None:
        recent = session.scalars(select(RunRow.id).order_by(RunRow.seq.desc()).limit(_NEAR_AMONG)).all()
        near = get_close_matches(run_id, recent, n=3, cutoff=0.6)
        hint = f"Did you mean {' or '.join(near)}?" if near else "'raitune runs' lists the runs of this workspace."
        raise UsageError(f"there is no run {run_id!r} here. {hint}")
    return row


def newest(session: Session) -> RunRow:
    """The run created last. Raises ``UsageError`` in an empty workspace."""
    row = session.scalar(select(RunRow).order_by(RunRow.seq.desc()).limit(1))
    if row is None:
        raise UsageError("there is no run here yet: 'latest' names none")
    return row


def move(session: Session, run_id: str, state: RunState, error: str | None) -> None:
    """Change the state if that step is allowed from the present one; else ``ConflictError``."""
    find(session, run_id)
    row = session.scalars(select(RunRow).where(RunRow.id == run_id).with_for_update()).one()
    allowed = TRANSITIONS[cast("RunState", row.state)]
    if state not in allowed:
        onward = f"only {', '.join(sorted(allowed))}" if allowed else "nothing else"
        raise ConflictError(f"run {run_id} is {row.state}; it can become {onward}, not {state}")
    row.state = state
    # Error texts quote file names, which need not be valid Unicode.
    row.error = error.encode("utf-8", "backslashreplace").decode() if error is not None else None
    row.updated_at = now()


def set_facts(session: Session, run_id: str, facts: Mapping[str, str | None]) -> None:
    """Set digests and the verdict. Raises ``TypeError`` for any other name."""
    unknown = sorted(set(facts) - set(RUN_FACTS))
    if unknown:
        raise TypeError(f"not a fact of a run: {', '.join(unknown)}")
    row = find(session, run_id)
    for name, value in facts.items():
        setattr(row, name, value)
    row.updated_at = now()


def sign(session: Session, run_id: str) -> None:
    """Record that this process works on the run."""
    row = find(session, run_id)
    row.host, row.pid = socket.gethostname(), os.getpid()


def to_record(row: RunRow) -> RunRecord:
    """The frozen value of a row."""
    return RunRecord(
        id=row.id,
        name=row.name,
        state=cast("RunState", row.state),
        recipe=row.recipe,
        recipe_digest=row.recipe_digest,
        created_at=row.created_at,
        updated_at=row.updated_at,
        policies=row.policies,
        policies_frozen_at=row.policies_frozen_at,
        data_digest=row.data_digest,
        base_digest=row.base_digest,
        model_digest=row.model_digest,
        predictions_digest=row.predictions_digest,
        test_digest=row.test_digest,
        verdict=row.verdict,
        error=row.error,
        parent=row.parent,
        host=row.host,
        pid=row.pid,
    )
