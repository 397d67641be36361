"""Conditions that a slice of rows can be made of: a value of a column, a quarter of a number's range, a word of the text.

Use from slice discovery. Stable within this package. Conditions are made from columns alone, never from labels or decisions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

GROUP_PREFIX = "group:"
COLUMN_PREFIX = "col:"
MOST_VALUES = 12
"""A column with more values than this is cut into quarters if it holds numbers, and left out otherwise."""

_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True)
class Condition:
    """What a row must be: ``feature`` names the column (or ``text``), ``words`` say it in full."""

    feature: str
    words: str


@dataclass(frozen=True)
class Conditions:
    """Conditions and a table of shape (conditions, rows) of whether each row meets each."""

    items: tuple[Condition, ...]
    meets: npt.NDArray[np.bool_]
    left_out: tuple[str, ...]


def make_conditions(table: pd.DataFrame, *, words: int) -> Conditions:
    """Conditions on the ``group:`` and ``col:`` columns and on the ``words`` most common words of ``text``.

    A column that says the same as the label, or as a group column, is left out and named.
    """
    items: list[Condition] = []
    meets: list[npt.NDArray[np.bool_]] = []
    left_out: list[str] = []
    seen: dict[bytes, str] = {}
    for column in map(str, table.columns):
        if not column.startswith((GROUP_PREFIX, COLUMN_PREFIX)):
            continue
        if column.startswith(COLUMN_PREFIX) and "label" in table and _same_as(table[column], table["label"]):
            left_out.append(column)
            continue
        found = list(_of_column(column, table[column]))
        if not found:
            left_out.append(column)
        for condition, mask in found:
            # A source column behind a group attribute makes the same slices again.
            if seen.setdefault(mask.tobytes(), column) in {column}:
                items.append(condition)
                meets.append(mask)
    if words and "text" in table:
        for condition, mask in _of_words(table["text"], words):
            items.append(condition)
            meets.append(mask)
    shape = (0, len(table))
    return Conditions(tuple(items), np.array(meets) if meets else np.empty(shape, dtype=bool), tuple(left_out))


def _same_as(column: pd.Series[str], label: pd.Series[str]) -> bool:
    pairs = pd.DataFrame({"cell": column.astype(str), "label": label.astype(str)}).drop_duplicates()
    return len(pairs) > 1 and len(pairs) == pairs["cell"].nunique() == pairs["label"].nunique()


def _of_column(column: str, cells: pd.Series[str]) -> Iterator[tuple[Condition, npt.NDArray[np.bool_]]]:
    name = column.split(":", 1)[1]
    values = cells.dropna()
    if values.map(lambda cell: isinstance(cell, list | tuple | dict | np.ndarray)).any():
        return
    if values.nunique() <= MOST_VALUES:
        for value in sorted(values.unique(), key=str):
            yield Condition(column, f"{name} = {value}"), (cells == value).fillna(False).to_numpy(dtype=bool)
    elif pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        yield from _quarters(column, name, cells)


def _quarters(column: str, name: str, cells: pd.Series[str]) -> Iterator[tuple[Condition, npt.NDArray[np.bool_]]]:
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    edges = np.unique(np.nanquantile(numbers[np.isfinite(numbers)], [0, 0.25, 0.5, 0.75, 1]))
    for place, (low, high) in enumerate(pairwise(edges)):
        first = place == 0
        mask = (numbers >= low if first else numbers > low) & (numbers <= high)
        yield Condition(column, f"{name} {'from' if first else 'above'} {low:g} to {high:g}"), mask


def _of_words(texts: pd.Series[str], count: int) -> Iterator[tuple[Condition, npt.NDArray[np.bool_]]]:
    """Words that the most texts hold, those of at least 99 % of the texts aside; ties by alphabet."""
    sets = [frozenset(word.casefold() for word in _WORD.findall(str(text))) for text in texts.fillna("")]
    held: dict[str, int] = {}
    for words in sets:
        for word in words:
            held[word] = held.get(word, 0) + 1
    common = [word for word in held if held[word] < 0.99 * len(sets)]
    for word in sorted(common, key=lambda word: (-held[word], word))[:count]:
        yield Condition("text", f"text has {word!r}"), np.array([word in words for words in sets])
