"""Runs, artifacts, metrics, checkpoints, decisions and openings of test rows."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("recipe", sa.JSON, nullable=False),
        sa.Column("recipe_digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("updated_at", sa.String(32), nullable=False),
        sa.Column("policies", sa.JSON, nullable=False),
        sa.Column("policies_frozen_at", sa.String(32), nullable=False),
        sa.Column("data_digest", sa.String(64)),
        sa.Column("base_digest", sa.String(64)),
        sa.Column("model_digest", sa.String(64)),
        sa.Column("predictions_digest", sa.String(64)),
        sa.Column("test_digest", sa.String(64)),
        sa.Column("verdict", sa.String(32)),
        sa.Column("error", sa.Text),
        sa.Column("parent", sa.String(64)),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_runs"),
        sa.UniqueConstraint("id", name="uq_runs_id"),
        sa.ForeignKeyConstraint(["parent"], ["runs.id"], name="fk_runs_parent_runs"),
    )
    op.create_table(
        "artifacts",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("superseded", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_artifacts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_artifacts_run_id_runs"),
    )
    current = sa.column("superseded", sa.Boolean).is_(False)
    op.create_index(
        "uq_artifacts_current",
        "artifacts",
        ["run_id", "name"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )
    op.create_index("ix_artifacts_digest", "artifacts", ["digest"])
    op.create_table(
        "metrics",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("epoch", sa.Double, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("word", sa.String(8)),
        sa.PrimaryKeyConstraint("run_id", "step", "name", name="pk_metrics"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_metrics_run_id_runs"),
        sa.CheckConstraint("(value IS NULL) <> (word IS NULL)", name="ck_metrics_one_value"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("manifest", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "step", name="pk_checkpoints"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_checkpoints_run_id_runs"),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_decisions_run_id_runs"),
    )
    op.create_index("ix_decisions_run_id", "decisions", ["run_id"])
    op.create_table(
        "test_openings",
        sa.Column("test_digest", sa.String(64), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("opened_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("test_digest", "run_id", name="pk_test_openings"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_test_openings_run_id_runs"),
    )


def downgrade() -> None:
    for table in ("test_openings", "decisions", "checkpoints", "metrics", "artifacts", "runs"):
        op.drop_table(table)
