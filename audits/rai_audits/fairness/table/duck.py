"""Tables that DuckDB reads: a table of a DuckDB file, and files of formats beyond CSV, JSON Lines and Parquet.

Internal to this package. DuckDB is the optional extra ``duckdb``. It may neither write nor fetch extensions from the network.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rai_audits.core import UsageError, sha256_file
from rai_audits.fairness.table.source import BATCH_ROWS, Part, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SETTINGS = {"autoinstall_known_extensions": "false", "threads": "2"}


def duckdb_table(text: str) -> Source:
    """The table that ``file.duckdb::table`` or ``file.duckdb::schema.table`` names."""
    path, _, name = text.partition("::")
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"{path}: there is no such file")
    if not name:
        raise UsageError(f"{text}: name the table after '::'")
    quoted = ".".join(_quoted(part) for part in name.split("."))
    return _source(text, f"FROM {quoted}", [file], database=path)


def duckdb_files(files: list[Path], origin: str) -> Source:
    """Files whose format DuckDB finds from their names."""
    each = ["FROM '" + str(path).replace("'", "''") + "'" for path in files]
    return _source(origin, " UNION ALL BY NAME ".join(each), files)


def _source(origin: str, query: str, files: list[Path], database: str | None = None) -> Source:
    duckdb = _duckdb(origin)
    try:
        with _connect(duckdb, database) as connection:
            columns = tuple(map(str, connection.sql(query).columns))
    except (duckdb.Error, RuntimeError) as error:
        raise UsageError(f"{origin} cannot be read: {str(error).splitlines()[0][:300]}") from error

    def read(wanted: Sequence[str]) -> Iterator[Part]:
        listed = ", ".join(_quoted(name) for name in wanted)
        first = 1
        try:
            with _connect(duckdb, database) as connection:
                found = connection.sql(f"SELECT {listed} FROM ({query})")  # noqa: S608 (names are quoted)
                for batch in found.to_arrow_reader(BATCH_ROWS):
                    yield Part(origin, first, batch)
                    first += batch.num_rows
        except duckdb.Error as error:
            raise UsageError(f"{origin}, after row {first - 1}: cannot be read: {str(error)[:300]}") from error

    digests = [sha256_file(path) for path in files]
    digest = digests[0] if len(files) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return Source(origin, columns, digest, read)


def _connect(duckdb: Any, database: str | None) -> Any:
    return duckdb.connect(database or ":memory:", read_only=database is not None, config=_SETTINGS)


def _duckdb(origin: str) -> Any:
    try:
        import duckdb
    except ImportError:
        raise UsageError(
            f"{origin} is not CSV, JSON Lines or Parquet; other formats are read by DuckDB: pip install 'rai-tune[duckdb]'"
        ) from None
    return duckdb


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
