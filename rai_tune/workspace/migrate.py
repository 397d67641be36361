"""Bring a workspace database to the schema that this code knows, or refuse to touch it.

Called on every open. The caller holds a lock file, so that two processes on one machine do not migrate at once; two
machines on one server are settled by the database, whose schema changes are transactional.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from rai_tune.core import WorkspaceError
from rai_tune.workspace.migrations import HEAD

if TYPE_CHECKING:
    from alembic.config import Config

    from rai_tune.workspace.database import Database

_MIGRATIONS = Path(__file__).resolve().parent / "migrations"


def migrate(database: Database, *, create: bool = True) -> None:
    """Upgrade to ``HEAD``. Raises ``WorkspaceError`` for a newer schema (nothing changes) or, without ``create``, none."""
    revision = _current(database)
    if revision == HEAD:
        return
    if revision is None and not create:
        raise WorkspaceError(f"there is no workspace in {database}; 'raitune run' makes one")
    if revision is not None and revision not in known_revisions():
        raise WorkspaceError(
            f"{database} was written by a newer rai-tune (schema {revision}; this one knows up to {HEAD}). "
            "Nothing was changed. Install the newer version to open it."
        )
    try:
        _upgrade(database)
    except DBAPIError:
        # Another machine got there first: its schema is as good as ours.
        if _current(database) != HEAD:
            raise


def known_revisions() -> tuple[str, ...]:
    """Every revision that ships with this code, newest first."""
    from alembic.script import ScriptDirectory

    return tuple(script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions())


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, found by package path so that it works from an installed wheel."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(database: Database) -> None:
    from alembic import command

    with database.connection(writes=True) as connection:
        connection.execute(text("SELECT 1"))  # takes the write lock before Alembic looks around
        command.upgrade(alembic_config(connection), "head")
        connection.commit()


def _current(database: Database) -> str | None:
    with database.connection(writes=False) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return revision
