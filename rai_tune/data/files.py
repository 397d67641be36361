"""Readers of CSV, JSON Lines and Parquet bytes. Every refusal names the file and the line. Internal to ``rai_tune.data``."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd

from rai_tune.core import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

_LARGEST_CELL = 1 << 30
_INDEX = re.compile(r"__index_level_\d+__")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

_MOST_CELLS = 250_000_000
"""Lines of a few bytes, each with a name of its own, would make a table of more cells than any machine holds."""


def read_csv(data: bytes, origin: str) -> pd.DataFrame:
    """Read comma-separated UTF-8 with a header line; every cell stays the text that is written.

    Raises ``UsageError`` for other encodings (byte and line), a row of another width, an open quote, or a repeated name.
    """
    # A cell may hold a text of 100,000 words; the limit that Python sets by default is 128 KiB.
    previous = csv.field_size_limit(_LARGEST_CELL)
    reader = csv.reader(io.StringIO(_decode(data, origin), newline=""), strict=True)
    try:
        header = next((line for line in reader if line), None)
        if header is None:
            raise UsageError(f"{origin} is empty")
        names = _header(header, origin)
        rows = []
        for row in reader:
            if not row:
                continue
            if len(row) != len(names):
                raise UsageError(
                    f"{origin}, line {reader.line_num}: {len(row)} cells where the header has {len(names)} "
                    "(a comma inside a cell needs quotes around the cell)"
                )
            rows.append(row)
    except csv.Error as error:
        raise UsageError(f"{origin}, line {reader.line_num}: not valid CSV ({error})") from error
    finally:
        csv.field_size_limit(previous)
    cells = zip(*rows, strict=True) if rows else [()] * len(names)
    return pd.DataFrame(
        {name: pd.Series(list(column), dtype=object) for name, column in zip(names, cells, strict=True)}
    )


def read_jsonl(data: bytes, origin: str) -> pd.DataFrame:
    """Read one JSON object per line, UTF-8; a key that a line lacks is missing there.

    Raises ``UsageError`` naming the line for anything else, for a repeated key and for Infinity.
    """
    columns: dict[str, None] = {}
    rows: list[dict[str, Any]] = []
    # Only "\n" ends a line here: JSON strings may hold the other characters that str.splitlines breaks at.
    for number, line in enumerate(_decode(data, origin).split("\n"), start=1):
        if not line.strip():
            continue
        row = _json_object(line, f"{origin}, line {number}")
        columns.update(dict.fromkeys(row))
        rows.append(row)
    if len(columns) * len(rows) > _MOST_CELLS:
        raise UsageError(
            f"{origin}: {len(columns):,} different names in {len(rows):,} rows make no table that fits in memory"
        )
    return pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in columns})


def read_parquet(data: bytes, origin: str) -> pd.DataFrame:
    """Read a Parquet file. Raises ``UsageError`` naming the file when it is not one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return arrow_frame(pq.ParquetFile(pa.BufferReader(data)).read(), origin)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{origin} is not a Parquet file that can be read: {error}") from error


def arrow_frame(table: pa.Table, origin: str) -> pd.DataFrame:
    """Cells of an Arrow table as Python values; integers with gaps stay integers. Raises ``UsageError`` on broken text."""
    # pandas writes a row index as such a column; it is a place in a table, not something about a person.
    names = [name for name in table.column_names if not _INDEX.fullmatch(name)]
    for name, times in Counter(names).items():
        if times > 1:
            raise UsageError(f"{origin}: the column name {name!r} is used twice")
    frame: dict[str, pd.Series[Any]] = {}
    for name in names:
        try:
            column = table.column(name)
            series: pd.Series[Any] = column.to_pandas(integer_object_nulls=True, date_as_object=True)
        except UnicodeDecodeError as error:
            raise UsageError(f"{origin}: the column {name!r} holds text that is not UTF-8 ({error.reason})") from error
        frame[name] = series.reset_index(drop=True)
    return pd.DataFrame(frame)


def _decode(data: bytes, origin: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder counts from after a byte order mark.
        start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        hint = " (it looks like UTF-16)" if data.startswith(_UTF16) else ""
        line = data.count(b"\n", 0, start) + 1
        raise UsageError(
            f"{origin} is not UTF-8{hint}: byte {start} on line {line} is 0x{data[start]:02x}. Save it as UTF-8."
        ) from error


def _header(header: list[str], origin: str) -> list[str]:
    names = [name.strip() for name in header]
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        raise UsageError(f"{origin}, line 1: the columns are not separated by commas; save the file with commas")
    for place, name in enumerate(names, start=1):
        if not name:
            raise UsageError(f"{origin}, line 1: column {place} has no name")
        if names.index(name) != place - 1:
            raise UsageError(f"{origin}, line 1: the column name {name!r} is used twice")
    return names


def _json_object(line: str, where: str) -> dict[str, Any]:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            repeated = next(key for key, times in Counter(key for key, _ in items).items() if times > 1)
            raise UsageError(f"{where}: the key {repeated!r} is used twice")
        return found

    def constant(word: str) -> float:
        if word == "NaN":
            return float("nan")
        _refuse(where, f"{word} is not a number")

    try:
        row = json.loads(line, object_pairs_hook=pairs, parse_constant=constant)
    except RecursionError:
        _refuse(where, "nested too deeply")
    except ValueError as error:
        _refuse(where, str(error))
    if not isinstance(row, dict):
        raise UsageError(f'{where}: a JSON object is needed, such as {{"text": "...", "label": "yes"}}')
    return row


def _refuse(where: str, why: str) -> NoReturn:
    raise UsageError(f"{where}: not valid JSON ({why})") from None
