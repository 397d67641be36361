"""Where the rows come from: files that are streamed, or a table in memory. Internal to this package.

A ``Source`` hands out record batches of the wanted columns, in the order of the rows, so that a table never has to fit in memory.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rai_audits.core import UsageError, did_you_mean, sha256_file
from rai_audits.fairness.table.cells import written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

BATCH_ROWS = 1 << 18
_CSV_BLOCK = 1 << 24
_PACKED = (".gz", ".bz2", ".zst")
_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "feather",
    ".arrow": "feather",
}


_UNEVEN = re.compile(r"Expected (?P<wanted>\d+) columns, got (?P<got>\d+)")


class Part(NamedTuple):
    """Some rows of a source. ``first`` is the number of the first one within ``origin``, counted from 1."""

    origin: str
    first: int
    batch: pa.RecordBatch

    def row(self, place: int) -> str:
        """How to name a row to a person."""
        return f"{self.origin}, row {self.first + place}"


@dataclass(frozen=True)
class Source:
    """Rows with named columns. ``digest`` is the SHA-256 of the bytes, None for a table in memory."""

    origin: str
    columns: tuple[str, ...]
    digest: str | None
    read: Callable[[Sequence[str]], Iterator[Part]]

    def need(self, column: str, role: str) -> None:
        """Raise ``UsageError`` with the nearest name when there is no such column."""
        if column not in self.columns:
            single = self.columns[0] if len(self.columns) == 1 else ""
            mark = next((mark for mark in (";", "\t", "|") if mark in single), None)
            hint = f" Its one column looks like several, parted by {mark!r}: save it with commas." if mark else ""
            near = hint or did_you_mean(column, self.columns)
            raise UsageError(f"{self.origin} has no column {column!r} ({role}).{near}")


def open_source(table: Any) -> Source:
    """Open a data frame, an Arrow table, a path, a pattern with ``*``, a folder, or a list of paths.

    ``file.duckdb::table`` names a table of a DuckDB file. Raises ``UsageError`` naming the file when it cannot be read.
    """
    import pandas as pd
    import pyarrow as pa

    if isinstance(table, pd.DataFrame):
        return _in_memory(table)
    if isinstance(table, pa.Table):
        return _arrow(table)
    if isinstance(table, list | tuple):
        files = [path for item in table for path in _files(str(item))]
        return _stored(files, f"{len(files)} files" if len(files) > 1 else str(files[0]))
    text = str(table)
    if "::" in text:
        from rai_audits.fairness.table.duck import duckdb_table

        return duckdb_table(text)
    return _stored(_files(text), text)


def _files(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        found = sorted(item for item in path.rglob("*") if item.is_file() and _format(item) is not None)
        if not found:
            raise UsageError(f"{text}: the folder holds no CSV, JSON Lines or Parquet file")
        return found
    if path.is_file():
        return [path]
    if any(mark in text for mark in "*?["):
        folder = Path(path.anchor or ".")
        found = sorted(item for item in folder.glob(str(path.relative_to(path.anchor))) if item.is_file())
        if found:
            return found
        raise UsageError(f"{text}: no file fits this pattern")
    raise UsageError(f"{text}: there is no such file")


def _format(path: Path) -> str | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if len(suffixes) > 1 and suffixes[-1] in _PACKED and _FORMATS.get(suffixes[-2]) == "csv":
        return "csv"
    return _FORMATS.get(suffixes[-1]) if suffixes else None


def _stored(files: list[Path], origin: str) -> Source:
    kinds = {_format(path) for path in files}
    if len(kinds) > 1:
        raise UsageError(f"{origin}: files of different formats cannot be one table")
    kind = kinds.pop()
    if kind is None:
        from rai_audits.fairness.table.duck import duckdb_files

        return duckdb_files(files, origin)
    for path in files:
        if path.stat().st_size == 0:
            raise UsageError(f"{path} is empty")
    columns = _same_columns(files, kind)
    digests = [sha256_file(path) for path in files]
    digest = digests[0] if len(files) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return Source(origin, columns, digest, lambda wanted: _read_files(files, kind, columns, wanted))


def _same_columns(files: list[Path], kind: str) -> tuple[str, ...]:
    first = _columns(files[0], kind)
    twice = {name for name in first if first.count(name) > 1}
    if twice:
        raise UsageError(f"{files[0]}: the column name {min(twice)!r} is used twice")
    for path in files[1:]:
        if set(_columns(path, kind)) != set(first):
            odd = sorted(set(_columns(path, kind)) ^ set(first))[0]
            raise UsageError(f"{path} and {files[0]} have different columns: {odd!r} is in one of them only")
    return first


def _columns(path: Path, kind: str) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.dataset as ds

    try:
        if kind == "csv":
            with _csv(path, None) as reader:
                return tuple(reader.schema.names)
        return tuple(ds.dataset(path, format=kind).schema.names)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {_unread(error)}") from error


def _read_files(files: list[Path], kind: str, columns: tuple[str, ...], wanted: Sequence[str]) -> Iterator[Part]:
    import pyarrow as pa

    for path in files:
        first = 1
        try:
            for batch in _batches(path, kind, columns, wanted):
                yield Part(str(path), first, batch)
                first += batch.num_rows
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}, after row {first - 1}: {_unread(error)}") from error


def _batches(path: Path, kind: str, columns: tuple[str, ...], wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.dataset as ds

    if kind == "csv":
        with _csv(path, columns) as reader:
            for batch in reader:
                yield batch.select(list(wanted))
        return
    form: Any = kind
    if kind == "parquet":
        schema = ds.dataset(path, format=kind).schema
        texts = [name for name in wanted if pa.types.is_string(schema.field(name).type)]
        form = ds.ParquetFileFormat(dictionary_columns=texts)
    rows = ds.dataset(path, format=form)
    # Little is read ahead, so that what is held stays small whatever the number of rows.
    yield from rows.to_batches(columns=list(wanted), batch_size=BATCH_ROWS, batch_readahead=2, fragment_readahead=1)


def _csv(path: Path, columns: tuple[str, ...] | None) -> Any:
    """A streaming reader in which every cell stays the text that is written, and only an empty one is missing."""
    import pyarrow as pa
    import pyarrow.csv as pc

    tab = ".tsv" in [suffix.lower() for suffix in path.suffixes]
    convert = pc.ConvertOptions(
        column_types=dict.fromkeys(columns or (), pa.string()), strings_can_be_null=True, null_values=[""]
    )
    return pc.open_csv(
        pa.input_stream(str(path), compression="detect"),
        read_options=pc.ReadOptions(block_size=_CSV_BLOCK),
        parse_options=pc.ParseOptions(delimiter="\t" if tab else ",", newlines_in_values=True),
        convert_options=convert,
    )


def _in_memory(frame: Any) -> Source:
    import pyarrow as pa

    names = [str(name) for name in frame.columns]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise UsageError(f"the table: the column name {min(twice)!r} is used twice")

    def column(name: str) -> pa.Array:
        series = frame.iloc[:, names.index(name)]
        try:
            found = pa.array(series, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            # A column of mixed kinds: what is written counts.
            found = pa.array([written(cell) for cell in series], pa.string())
        return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found

    def read(wanted: Sequence[str]) -> Iterator[Part]:
        batch = pa.RecordBatch.from_arrays([column(name) for name in wanted], names=list(wanted))
        for start in range(0, len(frame), BATCH_ROWS):
            yield Part("the table", start + 1, batch.slice(start, BATCH_ROWS))

    return Source("the table", tuple(names), None, read)


def _arrow(table: pa.Table) -> Source:
    def read(wanted: Sequence[str]) -> Iterator[Part]:
        first = 1
        for batch in table.select(list(wanted)).to_batches(max_chunksize=BATCH_ROWS):
            yield Part("the table", first, batch)
            first += batch.num_rows

    return Source("the table", tuple(table.column_names), None, read)


def _unread(error: BaseException) -> str:
    """Why a file cannot be read, without the cells of a person that the library's own message quotes."""
    text = str(error).strip()
    if "UTF8" in text or isinstance(error, UnicodeDecodeError):
        return "the text is not UTF-8; save it as UTF-8"
    uneven = _UNEVEN.search(text)
    if uneven:
        return f"a row has {uneven['got']} cells where the heading has {uneven['wanted']}"
    lines = text.splitlines()
    return f"cannot be read: {(lines[0] if lines else type(error).__name__)[:300]}"
