"""The tables. A change here needs a revision under ``migrations/versions``; a test compares the two."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_DIGEST = String(64)
_TIME = String(32)
_RUN_ID = String(64)


class Base(DeclarativeBase):
    """Base of all tables. Constraint names are fixed so that later migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, dict[str, str]: JSON, float: Double}  # noqa: RUF012 SQLAlchemy reads it


class RunRow(Base):
    """One run; its id is what people and other tables use."""

    __tablename__ = "runs"
    __table_args__ = (UniqueConstraint("id"),)

    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    """Order of creation, which clocks cannot be trusted with."""
    id: Mapped[str] = mapped_column(_RUN_ID)
    name: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    recipe: Mapped[dict[str, Any]]
    recipe_digest: Mapped[str] = mapped_column(_DIGEST)
    created_at: Mapped[str] = mapped_column(_TIME)
    updated_at: Mapped[str] = mapped_column(_TIME)
    policies: Mapped[dict[str, str]]
    policies_frozen_at: Mapped[str] = mapped_column(_TIME)
    data_digest: Mapped[str | None] = mapped_column(_DIGEST)
    base_digest: Mapped[str | None] = mapped_column(_DIGEST)
    model_digest: Mapped[str | None] = mapped_column(_DIGEST)
    predictions_digest: Mapped[str | None] = mapped_column(_DIGEST)
    test_digest: Mapped[str | None] = mapped_column(_DIGEST)
    verdict: Mapped[str | None] = mapped_column(String(32))
    error: Mapped[str | None] = mapped_column(Text)
    parent: Mapped[str | None] = mapped_column(_RUN_ID, ForeignKey("runs.id"))
    host: Mapped[str] = mapped_column(Text)
    pid: Mapped[int]


class ArtifactRow(Base):
    """A name -> digest of a run. A replaced row stays, marked superseded; one row per name is current."""

    __tablename__ = "artifacts"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(_RUN_ID, ForeignKey("runs.id"))
    name: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(_DIGEST, index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str] = mapped_column(_TIME)
    superseded: Mapped[bool] = mapped_column(default=False)


Index(
    "uq_artifacts_current",
    ArtifactRow.run_id,
    ArtifactRow.name,
    unique=True,
    sqlite_where=ArtifactRow.superseded.is_(False),
    postgresql_where=ArtifactRow.superseded.is_(False),
)


class MetricRow(Base):
    """One logged value: a number, or the word for one that is not finite (SQLite turns NaN into NULL)."""

    __tablename__ = "metrics"
    __table_args__ = (CheckConstraint("(value IS NULL) <> (word IS NULL)", name="one_value"),)

    run_id: Mapped[str] = mapped_column(_RUN_ID, ForeignKey("runs.id"), primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    epoch: Mapped[float]
    value: Mapped[float | None]
    word: Mapped[str | None] = mapped_column(String(8))


class CheckpointRow(Base):
    """The files of a checkpoint by SHA-256."""

    __tablename__ = "checkpoints"

    run_id: Mapped[str] = mapped_column(_RUN_ID, ForeignKey("runs.id"), primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    manifest: Mapped[dict[str, str]]
    created_at: Mapped[str] = mapped_column(_TIME)


class DecisionRow(Base):
    """A decision of the gate, append-only."""

    __tablename__ = "decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(_RUN_ID, ForeignKey("runs.id"), index=True)
    body: Mapped[dict[str, Any]]
    created_at: Mapped[str] = mapped_column(_TIME)


class OpeningRow(Base):
    """A run looked at these test rows."""

    __tablename__ = "test_openings"

    test_digest: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    run_id: Mapped[str] = mapped_column(_RUN_ID, ForeignKey("runs.id"), primary_key=True)
    opened_at: Mapped[str] = mapped_column(_TIME)


class LedgerRow(Base):
    """One entry of the ledger: never changed, never removed. ``entry`` is what the Merkle tree is made of."""

    __tablename__ = "ledger"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Place in the tree, from 0. Being the key, it lets exactly one writer have a place."""
    kind: Mapped[str] = mapped_column(String(32))
    at: Mapped[str] = mapped_column(_TIME)
    run_id: Mapped[str | None] = mapped_column(_RUN_ID, index=True)
    entry: Mapped[str] = mapped_column(Text)
    envelope: Mapped[str] = mapped_column(Text)
    leaf: Mapped[str] = mapped_column(_DIGEST)


class LedgerHeadRow(Base):
    """The signed head of the ledger at one size."""

    __tablename__ = "ledger_heads"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[str] = mapped_column(_DIGEST)
    envelope: Mapped[str] = mapped_column(Text)
