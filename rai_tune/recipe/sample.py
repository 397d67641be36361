"""The first rows of a table, read only to guess the roles of its columns. Internal to the recipe room.

Cells are read by the meanings of the data room (trimmed text, the same words for missing, whole numbers without ``.0``),
because a guess made on other text would name values that never occur in a run.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, time
from functools import cached_property
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError
from rai_tune.recipe.schema import SUFFIX_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MAX_ROWS = 20_000
MISSING_WORDS = frozenset({"", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null"})
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)?(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_LARGEST_CELL = 1 << 30
_MOST_CELLS = 50_000_000
"""Cells of the rows that are read: rows of few bytes can name, or repeat, so many that memory would not hold them."""

_MOST_BYTES = 1 << 30
"""Text of the rows that are read. A Parquet file of a kilobyte can unpack to more than any machine has."""


@dataclass(frozen=True)
class ColumnSample:
    """A column's cells as written, None where missing; ``nested`` when it holds lists or objects."""

    name: str
    cells: tuple[str | None, ...]
    nested: bool = False

    @cached_property
    def present(self) -> tuple[str, ...]:
        return tuple(cell for cell in self.cells if cell is not None)

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(self.present)

    @property
    def distinct(self) -> int:
        return len(self.counts)

    @property
    def missing(self) -> int:
        return len(self.cells) - len(self.present)

    @property
    def unique(self) -> bool:
        return self.missing == 0 and self.distinct == len(self.cells)

    @cached_property
    def numeric(self) -> bool:
        return bool(self.present) and all(
            _NUMBER.fullmatch(cell) and cell[-1:].isdigit() and len(cell) <= 40 for cell in self.counts
        )

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """The numbers of a numeric column, in order of size."""
        return tuple(sorted(float(cell) for cell in self.present)) if self.numeric else ()

    @cached_property
    def median_words(self) -> float:
        return median(len(cell.split()) for cell in self.present) if self.present else 0.0

    @property
    def free_text(self) -> bool:
        """Long and mostly different in each row: text that people wrote."""
        return not self.nested and not self.numeric and self.median_words >= 4 and self.distinct > len(self.present) / 2


@dataclass(frozen=True)
class TableSample:
    """The first ``rows`` rows of a table (all of them when ``complete``)."""

    path: Path
    rows: int
    complete: bool
    columns: tuple[ColumnSample, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> ColumnSample:
        return next(column for column in self.columns if column.name == name)


def read_sample(path: Path, max_rows: int = MAX_ROWS) -> TableSample:
    """Read the first rows of a CSV, Parquet or JSON Lines file.

    Raises ``UsageError`` naming the file (and line) when it is missing, empty, not UTF-8, or not such a table.
    """
    kind = SUFFIX_KINDS.get(path.suffix.lower())
    if path.is_dir():
        raise UsageError(f"{path}: this is a folder; 'raitune init' reads one file: {', '.join(SUFFIX_KINDS)}.")
    if not path.exists():
        raise UsageError(f"{path}: no such file.")
    if kind is None:
        raise UsageError(f"{path}: not a table this tool reads; the file name should end in {', '.join(SUFFIX_KINDS)}.")
    reader = {"csv": _read_csv, "jsonl": _read_jsonl, "parquet": _read_parquet}[kind]
    try:
        names, rows = reader(path, max_rows + 1)
    except UnicodeDecodeError:
        raise UsageError(_not_utf8(path)) from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}.") from error
    if not rows:
        raise UsageError(f"{path}: there are no rows below the header." if names else f"{path}: the file is empty.")
    complete, rows = len(rows) <= max_rows, rows[:max_rows]
    columns = [_column(name, [row[place] for row in rows]) for place, name in enumerate(names)]
    return TableSample(path, len(rows), complete, tuple(columns))


def _column(name: str, cells: Sequence[Any]) -> ColumnSample:
    nested = any(isinstance(cell, list | tuple | dict) for cell in cells)
    return ColumnSample(name, () if nested else tuple(_written(cell) for cell in cells), nested)


def _written(cell: Any) -> str | None:
    if isinstance(cell, str):
        text = cell.strip()
        return None if text in MISSING_WORDS else text
    if cell is None or (isinstance(cell, float) and cell != cell):  # noqa: PLR0124  (only NaN differs from itself)
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def _read_csv(path: Path, limit: int) -> tuple[list[str], list[list[Any]]]:
    # A cell may hold a long document; Python's own limit is 128 KiB.
    previous = csv.field_size_limit(_LARGEST_CELL)
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.reader(handle, strict=True)
        try:
            filled = (row for row in reader if row)
            names = _header([name.strip() for name in next(filled, [])], f"{path}, line 1")
            rows: list[list[Any]] = []
            for row in islice(filled, limit):
                if len(row) != len(names):
                    raise UsageError(
                        f"{path}, line {reader.line_num}: {len(row)} cells where the header has {len(names)} "
                        "(a comma inside a cell needs quotes around the cell)."
                    )
                rows.append(list(row))
        except csv.Error as error:
            raise UsageError(f"{path}, line {reader.line_num}: not valid CSV ({error}).") from error
        finally:
            csv.field_size_limit(previous)
    return names, rows


def _header(names: list[str], where: str) -> list[str]:
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        raise UsageError(f"{where}: the columns are not separated by commas; save the file with commas.")
    seen: set[str] = set()
    for place, name in enumerate(names, start=1):
        if not name.strip():
            raise UsageError(f"{where}: column {place} has no name; give it one, such as row_id.")
        if name in seen:
            raise UsageError(f"{where}: the column name {name!r} is used twice.")
        seen.add(name)
    return names


def _check_cells(columns: int, rows: int, path: Path) -> None:
    if columns * rows > _MOST_CELLS:
        raise UsageError(
            f"{path}: {columns:,} columns in {rows:,} rows are more than can be read; keep those that were known before the outcome."
        )


def _read_jsonl(path: Path, limit: int) -> tuple[list[str], list[list[Any]]]:
    objects = list(islice(_json_lines(path), limit))
    names = _header(list(dict.fromkeys(name for row in objects for name in row)), str(path))
    _check_cells(len(names), len(objects), path)
    return names, [[row.get(name) for name in names] for row in objects]


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as handle:
        for number, line in enumerate(handle, start=1):
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            if not text.strip():
                continue
            try:
                row = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{path}, line {number}: not valid JSON ({error}).") from None
            if not isinstance(row, dict):
                raise UsageError(
                    f'{path}, line {number}: a JSON object is needed, such as {{"text": "...", "label": "yes"}}.'
                )
            yield row


def _read_parquet(path: Path, limit: int) -> tuple[list[str], list[list[Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        texts = _check_members(path, limit)
        # Repeated texts stay one text until it is known how much memory all of them would take.
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            names = _header(list(file.schema_arrow.names), str(path))
            rows: list[list[Any]] = []
            size = 0
            for batch in file.iter_batches(batch_size=min(limit, 4096)):
                size += sum(_text_bytes(column) for column in batch.columns)
                if size > _MOST_BYTES:
                    raise UsageError(f"{path}: its texts take more than 1 GB of memory; take a part of the rows.")
                rows += [list(row) for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)]
                if len(rows) >= limit:
                    break
    except pa.ArrowException as error:
        raise UsageError(f"{path}: not a Parquet file that can be read ({str(error)[:200]}).") from error
    return names, rows[:limit]


def _check_members(path: Path, limit: int) -> list[str]:
    """Refuse, by its footer alone, a file with too many cells, where a list has as many as members; the names of its columns of text."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        found, schema = file.metadata, file.schema_arrow
    cells, left = 0, limit
    for place in range(found.num_row_groups):
        group = found.row_group(place)
        taken = min(left, group.num_rows)
        members = sum(group.column(column).num_values for column in range(group.num_columns)) if taken else 0
        cells += members * taken // max(group.num_rows, 1)
        left -= taken
    _check_cells(len(schema.names), max(limit - left, cells // max(len(schema.names), 1)), path)
    return [field.name for field in schema if _is_text(field.type)]


def _text_bytes(column: Any) -> int:
    """Bytes of a column of texts when every row has its own; 0 for other columns, which unpack to what the footer says."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_dictionary(column.type) and _is_text(column.type.value_type)):
        return 0
    return pc.sum(pc.binary_length(column.dictionary).take(column.indices)).as_py() or 0


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind))


def _not_utf8(path: Path) -> str:
    offset = 0
    with path.open("rb") as handle:
        for number, line in enumerate(handle, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = f"byte 0x{line[error.start]:02x} at offset {offset + error.start}, line {number}"
                return f"{path}: not UTF-8 text: {byte}. Save the file as UTF-8."
            offset += len(line)
    return f"{path}: a cell holds text that is not UTF-8."
