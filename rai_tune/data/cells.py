"""One column as read: what each cell says, which cells are missing, whether it holds numbers, and what had to be cleaned.

Internal, but these meanings are stable: a cell is missing when it is null, NaN, blank, or one of ``MISSING_WORDS``; a column
is numeric when every other cell is a number or is written as one (no leading zeros: ``007`` is text).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from rai_tune.core import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["integer", "number", "boolean", "text", "nested"]

MISSING_WORDS = frozenset({"", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null"})
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]{0,29})(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?")
_UNCLEAN = re.compile("[\x00\ud800-\udfff]")
_LARGEST_INT = 2**63
_NESTED = (list, tuple, dict, set, np.ndarray)


@dataclass(frozen=True)
class Column:
    """A column in the forms that the roles need; every list has one entry per row.

    ``written`` is the cell as written, ends trimmed, None where missing: labels, groups and identities read it. ``values``
    are numbers, truth values or text for templates, None where missing. ``raw`` are the cells themselves.
    """

    name: str
    kind: Kind
    raw: list[Any]
    written: list[str | None]
    values: list[Any]
    cleaned: frozenset[int]

    @property
    def numeric(self) -> bool:
        return self.kind in {"integer", "number"}

    def text(self) -> list[str]:
        """Free text: strings exactly as they are, so that a text "NA" stays one; null is the empty text."""
        return [
            cell if isinstance(cell, str) else (said or "") for cell, said in zip(self.raw, self.written, strict=True)
        ]

    def series(self) -> pd.Series[Any]:
        """The column for the table of prepared rows: integers, floats, truth values or text, nulls where missing."""
        whole = all(value is not None for value in self.values)
        if self.kind == "integer":
            return pd.Series(self.values, dtype="int64" if whole else "Int64")
        if self.kind == "number":
            return pd.Series(self.values, dtype="float64")
        if self.kind == "boolean":
            return pd.Series(self.values, dtype="bool" if whole else "boolean")
        return pd.Series(self.values, dtype=pd.Series(["a"]).dtype)


def read_columns(frame: pd.DataFrame, origin: str) -> dict[str, Column]:
    """Read every column of a frame. Raises ``UsageError`` for names that are empty, not text, or used twice."""
    for name in frame.columns:
        if not isinstance(name, str) or not name.strip():
            raise UsageError(f"{origin}: a column has no name (found {name!r})")
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise UsageError(f"{origin}: the column name {repeated[0]!r} is used twice")
    return {name: read_column(name, frame[name]) for name in frame.columns}


def read_column(name: str, series: pd.Series[Any]) -> Column:
    """Read one column of any dtype."""
    raw, cleaned = _clean(_python_cells(series))
    written = [_written(cell) for cell in raw]
    kind, values = _values(raw, written)
    return Column(name, kind, raw, written, values, cleaned)


def need_column(columns: dict[str, Column], name: str, field: str, origin: str) -> Column:
    """Return a column that a recipe field names. Raises ``UsageError`` suggesting the nearest name."""
    if name not in columns:
        raise UsageError(
            f"{origin}: {field} names the column {name!r}, which is not there.{did_you_mean(name, columns)}"
        )
    column = columns[name]
    if column.kind == "nested":
        raise UsageError(
            f"{origin}: {field} names the column {name!r}, which holds lists or objects, not single values"
        )
    return column


def is_missing(cell: Any) -> bool:
    """Whether a cell is null in any of its forms; words for missing are text until a column is read."""
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return True
    if isinstance(cell, float | np.floating):
        return bool(cell != cell)  # noqa: PLR0124  (only NaN differs from itself)
    return False


def clean_text(text: str) -> str:
    """Drop NUL and replace halves of surrogate pairs: neither can be stored as UTF-8 text everywhere."""
    if not _UNCLEAN.search(text):
        return text
    return _UNCLEAN.sub("\ufffd", text.replace("\x00", ""))


def number_text(value: float) -> str:
    """A number as text: the shortest form that reads back the same, whole numbers without ``.0``."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def rows_phrase(rows: Iterable[int], shown: int = 5) -> str:
    """``row 3`` or ``rows 3, 8 and 2 more`` for zero-based positions; people count rows from 1."""
    numbers = [row + 1 for row in rows]
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    head = ", ".join(map(str, numbers[:shown]))
    return f"rows {head} and {len(numbers) - shown:,} more" if len(numbers) > shown else f"rows {head}"


def names_phrase(names: Iterable[str], shown: int = 10) -> str:
    """``'a', 'b' and 3 more``."""
    every = [repr(name[:60]) for name in names]
    head = ", ".join(every[:shown])
    return f"{head} and {len(every) - shown:,} more" if len(every) > shown else head


def _python_cells(series: pd.Series[Any]) -> list[Any]:
    if series.dtype in (np.float32, np.float16):
        # Through text, because the nearest double of a float32 0.1 prints as 0.10000000149011612.
        return [float(str(cell)) for cell in series.to_numpy()]
    cells: list[Any] = series.tolist()
    if all(type(cell) is str for cell in cells):
        return cells
    cells = [cell.item() if isinstance(cell, np.generic) else cell for cell in cells]
    return [None if is_missing(cell) else cell for cell in cells]


def _clean(cells: list[Any]) -> tuple[list[Any], frozenset[int]]:
    texts = [cell for cell in cells if isinstance(cell, str)]
    if not texts or not _UNCLEAN.search("\n".join(texts)):
        return cells, frozenset()
    cleaned = [clean_text(cell) if isinstance(cell, str) else cell for cell in cells]
    return cleaned, frozenset(row for row, cell in enumerate(cells) if cleaned[row] is not cell)


def _written(cell: Any) -> str | None:
    if isinstance(cell, str):
        text = cell.strip()
        return None if text in MISSING_WORDS else text
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return number_text(cell)
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return str(cell)
    return clean_text(json.dumps(_plain(cell), sort_keys=True, ensure_ascii=False, default=str))


def _plain(cell: Any) -> Any:
    return cell.tolist() if isinstance(cell, np.ndarray) else cell


def _values(raw: list[Any], written: list[str | None]) -> tuple[Kind, list[Any]]:
    """The kind of a column and its values in that kind."""
    if any(isinstance(cell, _NESTED) for cell in raw):
        return "nested", list(written)
    present = [cell for cell, said in zip(raw, written, strict=True) if said is not None]
    if present and all(isinstance(cell, bool) for cell in present):
        return "boolean", [None if said is None else cell for cell, said in zip(raw, written, strict=True)]
    numbers: list[Any] = []
    for cell, said in zip(raw, written, strict=True):
        if said is None:
            numbers.append(None)
            continue
        number = _text_number(said) if isinstance(cell, str) else _cell_number(cell)
        if number is None:
            return "text", list(written)
        numbers.append(number)
    if not present:
        return "text", numbers
    return ("number" if any(isinstance(number, float) for number in numbers) else "integer"), numbers


def _text_number(said: str) -> int | float | None:
    if _INTEGER.fullmatch(said):
        return int(said)
    return float(said) if _NUMBER.fullmatch(said) else None


def _cell_number(cell: Any) -> int | float | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int):
        return cell if abs(cell) < _LARGEST_INT else None
    return float(cell) if isinstance(cell, float | Decimal) else None
