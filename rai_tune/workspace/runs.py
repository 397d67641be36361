"""Runs in the database: creation, look-up, states and facts. Functions over a session; ``Workspace`` is the door."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, cast

from sqlalchemy import exists, select

from rai_tune.core import ConflictError, UsageError, check_run_id
from rai_tune.workspace.records import RUN_FACTS, TRANSITIONS, RunRecord, RunState
from rai_tune.workspace.schema import ArtifactRow, RunRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

LATEST = "latest"
TRIAL, SELECTION = "trial", "selection"
"""Artifacts of a run that is a trial of a search, and of one that was chosen from it."""
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
    """The run created last, trials of a search aside that nobody chose. Raises ``UsageError`` where there is none."""
    row = session.scalar(select(RunRow).where(~_has(TRIAL) | _has(SELECTION)).order_by(RunRow.seq.desc()).limit(1))
    if row is None:
        trials = session.scalar(select(RunRow.id).limit(1)) is not None
        only = " but trials of searches that nobody chose" if trials else ""
        raise UsageError(f"there is no run here yet{only}: 'latest' names none")
    return row


def _has(name: str) -> ColumnElement[bool]:
    """Whether a run has an artifact of this name."""
    return exists().where(ArtifactRow.run_id == RunRow.id, ArtifactRow.name == name, ArtifactRow.superseded.is_(False))


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
