"""The rows of the ledger: append at one place, read in order. Functions over a session; ``Workspace`` is the door.

This module keeps rows and knows nothing of trees or signatures: ``rai_tune.promotion.ledger`` gives them their meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError as PlaceTakenError

from rai_tune.core import ConflictError
from rai_tune.workspace.schema import LedgerHeadRow, LedgerRow

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Select
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class ChainRow:
    """One stored entry. ``seq`` counts from 0; ``leaf`` is the hex hash that stands for the entry in the tree."""

    seq: int
    kind: str
    at: str
    run_id: str | None
    entry: str
    envelope: str
    leaf: str


@dataclass(frozen=True)
class ChainText:
    """What the tree is made of, and the columns that must repeat it; the envelope, which may be large, is left out."""

    seq: int
    kind: str
    at: str
    entry: str
    leaf: str


@dataclass(frozen=True)
class ChainHead:
    """The signed head at one size; ``envelope`` holds the signature."""

    size: int
    root: str
    envelope: str


def size(session: Session) -> int:
    """Number of entries."""
    last = session.scalar(select(func.max(LedgerRow.seq)))
    return 0 if last is None else last + 1


def append(session: Session, row: ChainRow, head: ChainHead) -> None:
    """Put a row in its place with the head that follows. Raises ``ConflictError`` when the place is not the next one."""
    taken = ConflictError(f"another entry took place {row.seq} of the ledger; look again and repeat the command")
    if size(session) != row.seq:
        raise taken
    session.add(LedgerRow(**vars(row)))
    session.add(LedgerHeadRow(**vars(head)))
    try:
        session.flush()
    except PlaceTakenError as error:
        raise taken from error


def rows(
    session: Session, *, kinds: Collection[str] | None = None, run_id: str | None = None, first: int = 0
) -> tuple[ChainRow, ...]:
    """Entries by place; only these kinds, only of this run, only from this place on."""
    question = _narrowed(select(LedgerRow), kinds, run_id).where(LedgerRow.seq >= first).order_by(LedgerRow.seq)
    return tuple(map(_row, session.scalars(question)))


def newest(
    session: Session, *, kinds: Collection[str] | None = None, run_id: str | None = None, offset: int = 0, count: int
) -> tuple[ChainRow, ...]:
    """Some entries, the newest first; only these kinds, only of this run."""
    question = _narrowed(select(LedgerRow), kinds, run_id).order_by(LedgerRow.seq.desc()).offset(offset).limit(count)
    return tuple(map(_row, session.scalars(question)))


def number(session: Session, *, kinds: Collection[str] | None = None, run_id: str | None = None) -> int:
    """How many entries there are of these kinds and this run."""
    return session.scalar(_narrowed(select(func.count()).select_from(LedgerRow), kinds, run_id)) or 0


def run_ids(session: Session) -> tuple[str, ...]:
    """Runs that entries are about, by the column beside them; the run of the newest entry first."""
    last = func.max(LedgerRow.seq)
    question = select(LedgerRow.run_id).where(LedgerRow.run_id.is_not(None)).group_by(LedgerRow.run_id)
    return tuple(str(run_id) for run_id in session.scalars(question.order_by(last.desc())))


Narrowed = TypeVar("Narrowed", bound="Select[Any]")


def _narrowed(question: Narrowed, kinds: Collection[str] | None, run_id: str | None) -> Narrowed:
    if kinds is not None:
        question = question.where(LedgerRow.kind.in_(kinds))
    return question if run_id is None else question.where(LedgerRow.run_id == run_id)


def _row(row: LedgerRow) -> ChainRow:
    return ChainRow(row.seq, row.kind, row.at, row.run_id, row.entry, row.envelope, row.leaf)


def entry_texts(session: Session) -> tuple[ChainText, ...]:
    """Every row by place, without the envelopes."""
    columns = (LedgerRow.seq, LedgerRow.kind, LedgerRow.at, LedgerRow.entry, LedgerRow.leaf)
    return tuple(ChainText(*row) for row in session.execute(select(*columns).order_by(LedgerRow.seq)))


def heads(session: Session) -> tuple[ChainHead, ...]:
    """Every stored head by size."""
    found = session.scalars(select(LedgerHeadRow).order_by(LedgerHeadRow.size))
    return tuple(ChainHead(row.size, row.root, row.envelope) for row in found)


def newest_head(session: Session) -> ChainHead | None:
    """The head of the largest size; None for an empty ledger."""
    row = session.scalar(select(LedgerHeadRow).order_by(LedgerHeadRow.size.desc()).limit(1))
    return None if row is None else ChainHead(row.size, row.root, row.envelope)
