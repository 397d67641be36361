"""Groups of people: named, binned and crossed. A missing group cell stays as "unknown" and is counted. Internal."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from rai_tune.core import UsageError
from rai_tune.data.cells import Column, need_column, number_text
from rai_tune.data.prepared import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rai_tune.recipe.schema import DataSpec, GroupSpec

MAX_GROUPS = 1_000
CROSS = " & "


def read_groups(
    columns: dict[str, Column], data: DataSpec, origin: str, *, partial: bool = False
) -> dict[str, list[str]]:
    """Group of each row for every declared attribute and crossing, by attribute name.

    ``partial`` leaves out attributes whose column is not there (rows to be scored). Raises ``UsageError`` for a missing
    column, more than 1,000 values, a cell that is not a number in a binned column, or crossings that read the same.
    """
    groups: dict[str, list[str]] = {}
    for spec in data.groups:
        if partial and spec.column not in columns:
            continue
        column = need_column(columns, spec.column, f"data.groups ({spec.attribute})", origin)
        groups[spec.attribute] = _binned(column, spec, origin) if spec.bins else _named(column, spec, origin)
    for crossing in data.intersections:
        name = CROSS.join(crossing)
        if partial and set(crossing) - set(groups):
            continue
        if name in groups:
            raise UsageError(f"data.intersections: two attributes would both be called {name!r}; rename a group")
        groups[name] = crossed_groups([groups[name] for name in crossing], f"data.intersections {list(crossing)}")
    return groups


def group_columns(data: DataSpec) -> dict[str, str]:
    """Source column of each attribute; of a crossing, its columns joined with ``+``."""
    single = {spec.attribute: spec.column for spec in data.groups}
    return single | {
        CROSS.join(crossing): "+".join(single[name] for name in crossing) for crossing in data.intersections
    }


def seen_by_model(data: DataSpec, columns_in_text: Sequence[str]) -> dict[str, bool]:
    """Whether the text the model reads is made from an attribute's column (for a crossing: from any of them)."""
    single = {spec.attribute: spec.column in columns_in_text for spec in data.groups}
    return single | {CROSS.join(crossing): any(single[name] for name in crossing) for crossing in data.intersections}


def all_groups(data: DataSpec, groups: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Every value of each attribute that was seen in any split or is expected."""
    expected = {spec.attribute: spec.expected for spec in data.groups}
    return {name: tuple(sorted({*values, *expected.get(name, ())})) for name, values in groups.items()}


def bin_labels(edges: Sequence[float]) -> list[str]:
    """``[30, 50]`` gives ``under 30``, ``30 to under 50``, ``50 and over``."""
    marks = [number_text(edge) for edge in edges]
    between = [f"{low} to under {high}" for low, high in pairwise(marks)]
    return [f"under {marks[0]}", *between, f"{marks[-1]} and over"]


def _named(column: Column, spec: GroupSpec, origin: str) -> list[str]:
    distinct = len(set(column.written))
    if distinct > MAX_GROUPS:
        hint = "; for a number, give data.groups.bins" if column.numeric else ""
        raise UsageError(
            f"{origin}: the group column {spec.column!r} has {distinct:,} different values; more than {MAX_GROUPS:,} are not "
            f"groups of people{hint}"
        )
    return [UNKNOWN if cell is None else spec.values.get(cell, cell) for cell in column.written]


def _binned(column: Column, spec: GroupSpec, origin: str) -> list[str]:
    edges = spec.bins or ()
    labels = bin_labels(edges)
    if column.written.count(None) == len(column.written):
        return [UNKNOWN] * len(column.written)
    if not column.numeric:
        row = next(index for index, cell in enumerate(column.written) if cell is not None and not _is_number(cell))
        raise UsageError(
            f"{origin}, row {row + 1}: the group column {spec.column!r} has bins but holds {column.written[row]!r}, which is not "
            "a number"
        )
    return [UNKNOWN if value is None else labels[bisect_right(edges, value)] for value in column.values]


def _is_number(cell: str) -> bool:
    import pandas as pd

    from rai_tune.data.cells import read_column

    return read_column("", pd.Series([cell], dtype=object)).numeric


def crossed_groups(columns: Sequence[Sequence[str]], field: str) -> list[str]:
    """Group of each row where several attributes are crossed, ``unknown`` where one of them is; ``columns`` has the groups of each attribute.

    Raises ``UsageError`` naming the recipe's ``field`` where two different combinations would bear one name.
    """
    meaning: dict[str, tuple[str, ...]] = {}
    crossed: dict[tuple[str, ...], str] = {}
    rows = list(zip(*columns, strict=True))
    for parts in dict.fromkeys(rows):
        name = UNKNOWN if UNKNOWN in parts else CROSS.join(parts)
        if name != UNKNOWN and meaning.setdefault(name, parts) != parts:
            raise UsageError(
                f"{field}: the groups {meaning[name]} and {parts} would both be called {name!r}; "
                "give them other names in data.groups.values"
            )
        crossed[parts] = name
    return [crossed[parts] for parts in rows]
