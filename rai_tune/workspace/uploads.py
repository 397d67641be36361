"""Tables that people hand in: kept in ``uploads/`` of the workspace by the digest of their bytes, checked before anything uses them.

Stable API: ``keep_table``, ``listed_files``, ``read_listed``. A name that a browser sends is only ever shown, never a path. The bytes
stay until somebody removes the file; they are the run's source, as a file of the user's own is on the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rai_tune.core import UsageError, sha256_bytes
from rai_tune.recipe.sample import TableSample, read_sample
from rai_tune.recipe.schema import SUFFIX_KINDS
from rai_tune.workspace.atomic import atomic_write, storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

UPLOADS = "uploads"
MAX_BYTES = 200 * 2**20
"""As large as the review app lets a browser send; a larger table is for the command line."""

MAX_ROWS, MAX_COLUMNS = 1_000_000, 500
"""What a person can still check the roles of, and what fits in memory beside a model."""

_MOST_UNPACKED = 4 * 2**30
"""Bytes of a Parquet file without its compression: that can hide a thousand times what arrives."""

_MOST_LISTED = 500
_HEADS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook; save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Office file; save the sheet as CSV"),
    (b"\x1f\x8b", "a compressed file; unpack it first"),
    (b"SQLite format 3", "a database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)


@dataclass(frozen=True)
class KeptTable:
    """A table in the workspace. ``source`` is its path as a recipe in the workspace's folder names it, ``shown`` what it was called."""

    path: Path
    source: str
    shown: str
    size: int
    sample: TableSample


def keep_table(root: Path, data: bytes, name: str) -> KeptTable:
    """Store the bytes of a table below the workspace folder ``root``, and read its first rows.

    Raises ``UsageError`` for what is no table that can be read here, and then keeps nothing; ``StorageError`` on a full disk.
    """
    suffix = Path(name).suffix.lower()
    _check(data, suffix)
    folder = root / UPLOADS
    with storage_errors(folder):
        folder.mkdir(exist_ok=True)
    path = folder / f"{sha256_bytes(data)}{suffix}"
    there = path.is_file()
    if not there:
        atomic_write(path, data)
    try:
        _check_unpacked(path)
        sample = read_sample(path)
        _check_shape(path, sample, data)
    except UsageError as error:
        if not there:
            path.unlink(missing_ok=True)
        raise UsageError(without_path(str(error), path)) from error
    return KeptTable(path, f"{UPLOADS}/{path.name}", name, len(data), sample)


def listed_files(folder: Path) -> tuple[str, ...]:
    """Names of the tables that lie in a data folder itself, sorted; nothing below it, nothing that a link leads out of it to."""
    if not folder.is_dir():
        return ()
    home = folder.resolve()
    names = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in SUFFIX_KINDS)
    inside = (name for name in names if not name.startswith("."))
    return tuple(name for name in inside if (home / name).is_file() and (home / name).resolve().parent == home)[
        :_MOST_LISTED
    ]


def read_listed(folder: Path, name: str) -> bytes:
    """The bytes of a listed file. Raises ``UsageError`` for any other name and for one that is too large."""
    if name not in listed_files(folder):
        raise UsageError(f"{name[:80]!r} is not in the data folder")
    path = folder / name
    if path.stat().st_size > MAX_BYTES:
        raise UsageError(f"the file has {_megabytes(path.stat().st_size)}; {_too_large()}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{name[:80]!r} cannot be read: {error.strerror or error}") from error


def _check(data: bytes, suffix: str) -> None:
    for problem in _problems(data, suffix):
        raise UsageError(problem)


def _problems(data: bytes, suffix: str) -> Iterator[str]:
    if suffix not in SUFFIX_KINDS:
        yield f"this is not a table that can be read: the file name should end in {', '.join(SUFFIX_KINDS)}"
    if not data.strip():
        yield "the file is empty"
    if len(data) > MAX_BYTES:
        yield f"the file has {_megabytes(len(data))}; {_too_large()}"
    parquet = SUFFIX_KINDS[suffix] == "parquet"
    for head, what in _HEADS:
        if data.startswith(head):
            yield f"this is not a table but {what}"
    if parquet != data.startswith(b"PAR1"):
        named = "named like a Parquet file and is none" if parquet else f"a Parquet file and named {suffix}"
        yield f"the file is {named}; give it the name that fits"
    if not parquet and b"\0" in data[:65536] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield "this is not a table: it holds bytes that no text has"


def _check_unpacked(path: Path) -> None:
    """By the footer, before a page of it is unpacked. What is no Parquet file is told when it is read."""
    if SUFFIX_KINDS[path.suffix] != "parquet":
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return
    groups = [found.row_group(place) for place in range(found.num_row_groups)]
    size = sum(group.column(place).total_uncompressed_size for group in groups for place in range(group.num_columns))
    if size > _MOST_UNPACKED:
        raise UsageError(f"the file unpacks to {_megabytes(size)}; take a part of the rows")


def _check_shape(path: Path, sample: TableSample, data: bytes) -> None:
    if len(sample.columns) > MAX_COLUMNS:
        raise UsageError(
            f"the table has {len(sample.columns):,} columns, and nobody can check the roles of so many; at most {MAX_COLUMNS} can be "
            "chosen from here. Keep those that were known before the outcome"
        )
    if _rows(path, sample, data) > MAX_ROWS:
        raise UsageError(f"the table has more than {MAX_ROWS:,} rows; take a random part of them, or use 'raitune run'")


def _rows(path: Path, sample: TableSample, data: bytes) -> int:
    """Rows at most: a line break inside a cell counts as one."""
    if sample.complete:
        return sample.rows
    if SUFFIX_KINDS[path.suffix] != "parquet":
        return data.count(b"\n")
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def without_path(message: str, path: Path) -> str:
    """A message that names the place in the workspace, saying "the file" instead."""
    return message.replace(f"{path}: ", "").replace(f"{path}, ", "").replace(str(path), "the file")


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MB"


def _too_large() -> str:
    return f"at most {MAX_BYTES // 2**20} MB can be taken in here. 'raitune run' on the command line takes larger ones"
