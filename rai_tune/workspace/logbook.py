"""What a run leaves behind in the database: artifacts by name, metrics, checkpoints, decisions, openings of test rows.

Functions over a session; ``Workspace`` is the door.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select

from rai_tune.core import UsageError
from rai_tune.workspace.records import ArtifactRef, CheckpointRecord, MetricPoint
from rai_tune.workspace.runs import find, now
from rai_tune.workspace.schema import ArtifactRow, CheckpointRow, DecisionRow, MetricRow, OpeningRow

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy.orm import Session


def attach(session: Session, run_id: str, ref: ArtifactRef) -> None:
    """Make ``ref`` the current artifact of its name; the one it replaces stays, marked superseded."""
    if not ref.name:
        raise UsageError("an artifact needs a name")
    find(session, run_id)
    current = session.scalar(
        select(ArtifactRow).where(
            ArtifactRow.run_id == run_id, ArtifactRow.name == ref.name, ArtifactRow.superseded.is_(False)
        )
    )
    if current is not None:
        if (current.digest, current.media_type) == (ref.digest, ref.media_type):
            return
        current.superseded = True
        session.flush()  # the index allows one current row per name
    session.add(
        ArtifactRow(
            run_id=run_id,
            name=ref.name,
            digest=ref.digest,
            size=ref.size,
            media_type=ref.media_type,
            created_at=now(),
            superseded=False,
        )
    )


def artifacts(session: Session, run_id: str) -> dict[str, ArtifactRef]:
    """Current artifacts by name, in the order of their names."""
    find(session, run_id)
    rows = session.scalars(
        select(ArtifactRow)
        .where(ArtifactRow.run_id == run_id, ArtifactRow.superseded.is_(False))
        .order_by(ArtifactRow.name)
    )
    return {row.name: ArtifactRef(row.name, row.digest, row.size, row.media_type) for row in rows}


def artifact_history(session: Session, run_id: str) -> tuple[ArtifactRef, ...]:
    """Every artifact that a run ever named, superseded ones too, in the order in which they came."""
    find(session, run_id)
    rows = session.scalars(select(ArtifactRow).where(ArtifactRow.run_id == run_id).order_by(ArtifactRow.id))
    return tuple(ArtifactRef(row.name, row.digest, row.size, row.media_type) for row in rows)


def holders(session: Session, digest: str) -> frozenset[str]:
    """Ids of the runs that name an artifact, or named it before something superseded it."""
    return frozenset(session.scalars(select(ArtifactRow.run_id).where(ArtifactRow.digest == digest)))


def artifacts_by_run(session: Session, names: Collection[str] | None) -> dict[str, dict[str, ArtifactRef]]:
    """Current artifacts of every run by run id and name, in one query; only those of these names unless None."""
    chosen = select(
        ArtifactRow.run_id, ArtifactRow.name, ArtifactRow.digest, ArtifactRow.size, ArtifactRow.media_type
    ).where(ArtifactRow.superseded.is_(False))
    if names is not None:
        chosen = chosen.where(ArtifactRow.name.in_(names))
    found: dict[str, dict[str, ArtifactRef]] = {}
    for run_id, name, digest, size, media in session.execute(chosen.order_by(ArtifactRow.run_id, ArtifactRow.name)):
        found.setdefault(run_id, {})[name] = ArtifactRef(name, digest, size, media)
    return found


def artifacts_named(session: Session, prefix: str, digest_prefix: str) -> tuple[ArtifactRef, ...]:
    """Artifacts of any run, superseded ones too, by the beginning of name and digest; each name and digest once."""
    rows = session.execute(
        select(ArtifactRow.name, ArtifactRow.digest, ArtifactRow.size, ArtifactRow.media_type)
        .where(
            ArtifactRow.name.startswith(prefix, autoescape=True),
            ArtifactRow.digest.startswith(digest_prefix, autoescape=True),
        )
        .distinct()
        .order_by(ArtifactRow.name, ArtifactRow.digest)
    )
    return tuple(ArtifactRef(*row) for row in rows)


def names_of(session: Session, digest: str) -> tuple[str, ...]:
    """How runs call an artifact, such as ``'predictions' of run a-0123abcd``, for messages."""
    rows = session.scalars(
        select(ArtifactRow).where(ArtifactRow.digest == digest).order_by(ArtifactRow.id.desc()).limit(3)
    )
    return tuple(f"{row.name!r} of run {row.run_id}" for row in rows)


def add_metrics(session: Session, run_id: str, step: int, epoch: float, values: Mapping[str, float]) -> None:
    """Log values of one step. A resumed run repeats steps: the later value of the same name replaces the earlier."""
    find(session, run_id)
    session.execute(
        delete(MetricRow).where(MetricRow.run_id == run_id, MetricRow.step == step, MetricRow.name.in_(values))
    )
    for name, value in values.items():
        number = float(value)
        finite = math.isfinite(number)
        session.add(
            MetricRow(
                run_id=run_id,
                step=step,
                name=name,
                epoch=float(epoch),
                value=number if finite else None,
                word=None if finite else str(number),
            )
        )


def metrics(session: Session, run_id: str) -> tuple[MetricPoint, ...]:
    """Metric points by step; the epoch of a point is the largest logged with it."""
    find(session, run_id)
    rows = session.scalars(select(MetricRow).where(MetricRow.run_id == run_id).order_by(MetricRow.step, MetricRow.name))
    values: dict[int, dict[str, float]] = {}
    epochs: dict[int, float] = {}
    for row in rows:
        number = row.value if row.word is None else float(row.word)
        assert number is not None  # the table's check allows exactly one of the two to be absent
        values.setdefault(row.step, {})[row.name] = number
        epochs[row.step] = max(row.epoch, epochs.get(row.step, row.epoch))
    return tuple(MetricPoint(step, epochs[step], values[step]) for step in values)


def add_checkpoint(session: Session, run_id: str, step: int, manifest: dict[str, str]) -> None:
    """Record a checkpoint; one at the same step is replaced."""
    find(session, run_id)
    session.execute(delete(CheckpointRow).where(CheckpointRow.run_id == run_id, CheckpointRow.step == step))
    session.add(CheckpointRow(run_id=run_id, step=step, manifest=dict(manifest), created_at=now()))


def checkpoints(session: Session, run_id: str) -> tuple[CheckpointRecord, ...]:
    """Checkpoints by step."""
    find(session, run_id)
    rows = session.scalars(select(CheckpointRow).where(CheckpointRow.run_id == run_id).order_by(CheckpointRow.step))
    return tuple(CheckpointRecord(row.step, row.manifest, row.created_at) for row in rows)


def save_decision(session: Session, run_id: str, decision: dict[str, Any]) -> int:
    """Append a decision; earlier ones stay. Returns its number."""
    find(session, run_id)
    row = DecisionRow(run_id=run_id, body=decision, created_at=now())
    session.add(row)
    session.flush()
    return row.id


def decisions(session: Session, run_id: str) -> tuple[dict[str, Any], ...]:
    """All decisions about a run, newest first, each with ``created_at`` added."""
    find(session, run_id)
    rows = session.scalars(select(DecisionRow).where(DecisionRow.run_id == run_id).order_by(DecisionRow.id.desc()))
    return tuple({**row.body, "created_at": row.created_at} for row in rows)


def open_test_rows(session: Session, run_id: str, test_digest: str) -> int:
    """Record once that a run opened these test rows; returns how many distinct runs have."""
    find(session, run_id)
    if session.get(OpeningRow, (test_digest, run_id)) is None:
        session.add(OpeningRow(test_digest=test_digest, run_id=run_id, opened_at=now()))
        session.flush()
    seen = select(func.count()).select_from(OpeningRow).where(OpeningRow.test_digest == test_digest)
    return session.scalar(seen) or 0


def openings(session: Session) -> dict[str, int]:
    """Digest of test rows -> how many distinct runs opened them."""
    counted = select(OpeningRow.test_digest, func.count()).group_by(OpeningRow.test_digest)
    return {digest: int(count) for digest, count in session.execute(counted)}
