"""Confusion counts per group, as a partial result that can be merged.

Use ``count_partition`` on any part of a table of predictions and ``merge`` the parts in any order: one process, many processes
and a cluster reach the same value, bit for bit. Stable API.

Row counts are whole numbers, so their sums are exact. Sums of weights are kept as exact fractions (a float is a whole number times a power
of two), since adding floats in another order gives another last digit and so another digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from rai_audits.core import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

UNKNOWN = "unknown"
"""Group of the rows whose group is not recorded: counted, never compared."""

GROUP_PREFIX = "group:"

_MANTISSA_BITS = 53
_LOW_BITS = 27


class CellKey(NamedTuple):
    """One kind of row. Attribute and group are None for the count of all rows, the label is None where a row has none."""

    attribute: str | None
    group: str | None
    label: str | None
    prediction: str


class Cell(NamedTuple):
    """Rows of one kind, the sum of their weights and the sum of the squared weights (each square rounded to a float first)."""

    rows: int
    weight: Fraction
    square: Fraction


@dataclass(frozen=True)
class GroupCounts:
    """Cells that hold at least one row. ``weighted`` tells whether the rows had weights of their own."""

    cells: Mapping[CellKey, Cell]
    weighted: bool


EMPTY = GroupCounts(cells={}, weighted=False)


def count_partition(frame: pd.DataFrame, attributes: Sequence[str], classes: Sequence[str]) -> GroupCounts:
    """Count the rows of a part of the predictions, for each attribute and over all.

    ``frame`` has ``label``, ``prediction`` and ``group:<attribute>`` columns, and optionally ``weight``. A missing group counts as
    "unknown"; a missing label is kept apart. Raises ``UsageError`` naming the column or row for a missing column, a label or
    prediction that is none of ``classes``, a missing prediction, or a weight that is not above 0.
    """
    for column in ("label", "prediction", *(GROUP_PREFIX + name for name in attributes)):
        if column not in frame.columns:
            raise UsageError(f"the predictions have no column {column!r}")
    labels = _codes(frame, "label", classes, missing_ok=True)
    predictions = _codes(frame, "prediction", classes, missing_ok=False)
    weights = _weights(frame)
    kinds = np.where(labels < 0, len(classes), labels) * len(classes) + predictions
    cells: dict[CellKey, Cell] = {}
    names = [*classes, None]
    per_attribute: list[tuple[str | None, npt.NDArray[np.int64], list[str | None]]] = [
        (None, np.zeros(len(frame), dtype=np.int64), [None])
    ]
    per_attribute += [(attribute, *_groups(frame[GROUP_PREFIX + attribute])) for attribute in attributes]
    width = (len(classes) + 1) * len(classes)
    for of_attribute, codes, groups_here in per_attribute:
        for code, cell in _count(codes * width + kinds, weights):
            group, kind = divmod(code, width)
            label, prediction = divmod(kind, len(classes))
            cells[CellKey(of_attribute, groups_here[group], names[label], classes[prediction])] = cell
    return GroupCounts(cells=cells, weighted=weights is not None)


def merge(first: GroupCounts, second: GroupCounts) -> GroupCounts:
    """Counts of two disjoint parts together. Associative and commutative, with ``EMPTY`` as its neutral value.

    Raises ``UsageError`` when one part has row weights and the other has not.
    """
    if first.cells and second.cells and first.weighted != second.weighted:
        raise UsageError("some parts of the predictions have the column 'weight' and others have not")
    cells = dict(first.cells)
    for key, cell in second.cells.items():
        cells[key] = _sum(cells[key], cell) if key in cells else cell
    return GroupCounts(cells=cells, weighted=first.weighted or second.weighted)


def group_tables(
    counts: GroupCounts, attribute: str | None, groups: Sequence[str | None], classes: Sequence[str]
) -> npt.NDArray[np.int64]:
    """Rows by group, label and prediction, shape (groups, classes, classes), ready for ``bootstrap_counts``; rows without a label are left out."""
    table = np.zeros((len(groups), len(classes), len(classes)), dtype=np.int64)
    place = {name: at for at, name in enumerate(groups)}
    code = {name: at for at, name in enumerate(classes)}
    for key, cell in counts.cells.items():
        if key.attribute == attribute and key.group in place and key.label is not None:
            table[place[key.group], code[key.label], code[key.prediction]] += cell.rows
    return table


def weights_differ(counts: GroupCounts) -> bool:
    """Whether rows differ in weight: their effective number is then below their number, by more than rounding."""
    cells = [cell for key, cell in counts.cells.items() if key.attribute is None]
    rows, weight, square = (sum(parts) for parts in zip(*cells, strict=True)) if cells else (0, 0, 0)
    return counts.weighted and float(weight) ** 2 < (1 - 1e-12) * rows * float(square)


def _sum(one: Cell, other: Cell) -> Cell:
    return Cell(one.rows + other.rows, one.weight + other.weight, one.square + other.square)


def _named(column: pd.Series) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Position of each row's value among the different values, as text; -1 where it is missing."""
    codes, values = pd.factorize(column)
    texts = [str(value) for value in values]
    names = list(dict.fromkeys(texts))
    places = np.asarray([*(names.index(text) for text in texts), -1], dtype=np.int64)
    return places[codes], names


def _groups(column: pd.Series) -> tuple[npt.NDArray[np.int64], list[str | None]]:
    codes, names = _named(column)
    if UNKNOWN not in names:
        names = [*names, UNKNOWN]
    return np.where(codes < 0, names.index(UNKNOWN), codes), [*names]


def _codes(frame: pd.DataFrame, column: str, classes: Sequence[str], *, missing_ok: bool) -> npt.NDArray[np.int64]:
    """Position of each value among the classes, -1 where it is missing."""
    codes, names = _named(frame[column])
    position = {name: place for place, name in enumerate(classes)}
    known = np.asarray([*(position.get(name, -1) for name in names), -1], dtype=np.int64)[codes]
    wrong = (known < 0) & ((codes >= 0) | (not missing_ok))
    if wrong.any():
        at = int(np.argmax(wrong))
        row = frame["row_id"].iloc[at] if "row_id" in frame.columns else at
        what = f"no {column}"
        if codes[at] >= 0:
            what = f"the {column} {names[codes[at]]!r}, which is none of the classes ({', '.join(classes)})"
        raise UsageError(f"row {row} of the predictions has {what}")
    return known


def _weights(frame: pd.DataFrame) -> npt.NDArray[np.float64] | None:
    if "weight" not in frame.columns:
        return None
    weights = pd.to_numeric(frame["weight"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~(np.isfinite(weights) & (weights > 0))
    if wrong.any():
        at = int(np.argmax(wrong))
        row = frame["row_id"].iloc[at] if "row_id" in frame.columns else at
        raise UsageError(
            f"column 'weight' of the predictions: row {row} has {frame['weight'].iloc[at]!r}; weights are above 0"
        )
    return weights


def _count(codes: npt.NDArray[np.int64], weights: npt.NDArray[np.float64] | None) -> list[tuple[int, Cell]]:
    """Rows and exact weight sums of every code that occurs."""
    each = np.bincount(codes)
    present = np.flatnonzero(each)
    rows = each[present]
    if weights is None:
        sums = squares = [Fraction(int(count)) for count in rows]
    else:
        place_of = np.zeros(each.size, dtype=np.intp)
        place_of[present] = np.arange(present.size)
        places = place_of[codes]
        sums = _exact_sums(weights, places, present.size)
        squares = _exact_sums(weights * weights, places, present.size)
    cells = (Cell(int(count), weight, square) for count, weight, square in zip(rows, sums, squares, strict=True))
    return list(zip(present.tolist(), cells, strict=True))


def _exact_sums(values: npt.NDArray[np.float64], places: npt.NDArray[np.intp], size: int) -> list[Fraction]:
    """Exact sum of the values at each place.

    Values of one binary exponent are whole multiples of one power of two; their 53-bit multiples are added in two halves, so
    that 64-bit sums cannot overflow below 2^36 rows.
    """
    totals = [Fraction(0)] * size
    fractions, exponents = np.frexp(values)
    whole = np.ldexp(fractions, _MANTISSA_BITS).astype(np.int64)
    high, low = whole >> _LOW_BITS, whole & ((1 << _LOW_BITS) - 1)
    for exponent in np.unique(exponents):
        here = exponents == exponent
        highs, lows = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        np.add.at(highs, places[here], high[here])
        np.add.at(lows, places[here], low[here])
        unit = Fraction(2) ** (int(exponent) - _MANTISSA_BITS)
        for place in np.unique(places[here]).tolist():
            totals[place] += unit * ((int(highs[place]) << _LOW_BITS) + int(lows[place]))
    return totals
