"""The connection to the runs database: SQLite in the workspace, or any database that SQLAlchemy reaches by URL.

Writers take the write lock at once (BEGIN IMMEDIATE), because SQLite refuses, without waiting, to turn a reader whose
snapshot is old into a writer. Every statement is inside an explicit transaction, schema changes included.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from rai_tune.core import ConflictError, RaiError, WorkspaceError
from rai_tune.core.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine

_WRITES = "raitune_writes"
_BUSY_MS = 30_000
_POSTGRES_DISK_FULL = "53100"


class Database:
    """Sessions on one database. ``read`` and ``write`` are one transaction each; errors come out as ``RaiError``."""

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.engine = _engine(self.url)
        self._pid = os.getpid()

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads."""
        with self.connection(writes=False) as connection, Session(connection) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits when the block ends without an error. Waits up to 30 s for other writers."""
        with self.connection(writes=True) as connection, Session(connection) as session, session.begin():
            yield session

    @contextmanager
    def connection(self, *, writes: bool) -> Iterator[Connection]:
        """A bare connection for one transaction, which the caller commits."""
        if os.getpid() != self._pid:
            # SQLite connections must not cross a fork.
            self.engine.dispose(close=False)
            self._pid = os.getpid()
        try:
            with self.engine.connect().execution_options(**{_WRITES: writes}) as connection:
                yield connection
        except SQLAlchemyError as error:
            for_people = _translated(error, str(self))
            if for_people is None:
                raise
            raise for_people from error

    def close(self) -> None:
        """Close pooled connections."""
        self.engine.dispose()


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        # The text itself may hold a password.
        raise WorkspaceError(
            "RAITUNE_DATABASE_URL is not a database URL such as postgresql+psycopg://host/name"
        ) from error


def _engine(url: URL) -> Engine:
    try:
        engine = create_engine(url, json_serializer=partial(json.dumps, allow_nan=False))
    except (SQLAlchemyError, ImportError) as error:
        raise WorkspaceError(f"no driver for a {url.drivername} database is installed: {error}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's own transactions leave schema changes outside; ours start in _begin_sqlite.
    connection.isolation_level = None
    for pragma in (f"busy_timeout={_BUSY_MS}", "journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _translated(error: SQLAlchemyError, where: str) -> RaiError | None:
    """The error a person can act on, or None when it is a mistake of ours."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.Error):
        return _translated_sqlite(cause, where)
    if getattr(cause, "sqlstate", None) == _POSTGRES_DISK_FULL:
        return StorageError(f"the disk of {where} is full. The last saved state is intact.")
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return WorkspaceError(f"the connection to {where} was lost")
    if type(cause).__name__ == "OperationalError":
        return WorkspaceError(f"cannot use {where}: {cause}")
    return None


def _translated_sqlite(cause: sqlite3.Error, where: str) -> RaiError | None:
    code = getattr(cause, "sqlite_errorcode", None)
    match (code or 0) & 0xFF:  # the low byte is the kind, the rest the detail
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return StorageError(f"cannot write {where}: {cause}. The last saved state is intact.")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return ConflictError(f"{where} stayed locked by another process for {_BUSY_MS // 1000} seconds")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return WorkspaceError(f"cannot write {where}: {cause}")
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return WorkspaceError(f"{where} is not a usable database: {cause}")
        case _:
            return None
