"""Cells of a column as texts and numbers, checked. Internal to this package."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rai_audits.core import UsageError

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from rai_audits.fairness.table.source import Part

UNKNOWN = "unknown"
_WHOLE = re.compile(r"(-?\d+)\.0+")


class Coded(NamedTuple):
    """A column as positions in a list of names; -1 where a cell is missing."""

    codes: npt.NDArray[np.int64]
    names: list[str]

    def into(self, names: list[str], missing: int = -1) -> npt.NDArray[np.int64]:
        """The same cells as positions in another list that holds every name."""
        place = {name: at for at, name in enumerate(names)}
        return np.asarray([*(place[name] for name in self.names), missing], dtype=np.int64)[self.codes]


def written(value: Any) -> str | None:
    """What a cell says, whatever the format of its file; None when it is empty or NaN.

    1, 1.0 and "1" are one class, so are true, True and TRUE, and so are a day and midnight of that day.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    whole = _WHOLE.fullmatch(text)
    if whole:
        return whole[1]
    folded = text.lower()
    if folded in {"true", "false"}:
        return folded
    return None if folded in {"", "nan"} else text.removesuffix(" 00:00:00")


def coded(array: pa.Array) -> Coded:
    """Texts of a column of any type."""
    import pyarrow as pa

    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    texts = [written(value) for value in array.dictionary.to_pylist()]
    names = list(dict.fromkeys(text for text in texts if text is not None))
    place = {name: at for at, name in enumerate(names)}
    places = np.asarray([*(-1 if text is None else place[text] for text in texts), -1], dtype=np.int64)
    # A null has no index; -1 picks the last entry, which is that of a missing cell.
    indices = array.indices.fill_null(-1) if array.null_count else array.indices
    return Coded(places[indices.to_numpy(zero_copy_only=False)], names)


def group_cells(array: pa.Array) -> Coded:
    """Groups of people: coded, with whoever is called unknown, in any case of letters, counted as missing."""
    found = coded(array)
    names = [name for name in found.names if name.casefold() != UNKNOWN]
    if len(names) == len(found.names):
        return found
    place = {name: at for at, name in enumerate(names)}
    moved = np.asarray([*(place.get(name, -1) for name in found.names), -1], dtype=np.int64)
    return Coded(moved[found.codes], names)


def numbers(part: Part, column: str, role: str) -> npt.NDArray[np.float64]:
    """A column as finite numbers. Raises ``UsageError`` naming the row of a cell that is missing or no finite number."""
    import pandas as pd
    import pyarrow as pa

    array = part.batch.column(column)
    values: npt.NDArray[np.float64]
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        values = array.to_numpy(zero_copy_only=False).astype(np.float64)
    else:
        values = pd.to_numeric(array.to_pandas(), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    strange = ~np.isfinite(values)
    if strange.any():
        at = int(strange.argmax())
        cell = written(array[at].as_py())
        said = "is missing" if cell is None else f"is {cell!r}, which is not a finite number"
        raise UsageError(f"{part.row(at)}: the {role} (column {column!r}) {said}")
    return values
