"""The first look at a table: every check on its cells, and the vocabularies that the second look needs.

Internal to this package. Errors name the file, the row and the column.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.core import UsageError
from rai_audits.fairness.table.cells import coded, group_cells, numbers

if TYPE_CHECKING:
    from rai_audits.fairness.table.join import Joined
    from rai_audits.fairness.table.source import Part, Source
    from rai_audits.fairness.table.spec import TableSpec

MAX_GROUPS = 100
_COUNTED = 1_000_000


@dataclass
class Survey:
    """What a table holds: rows, the values of each column in the order of their first row, and unmatched rows of a join."""

    rows: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    predictions: dict[str, str] = field(default_factory=dict)
    groups: dict[str, dict[str, str]] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    unmatched: int = 0


def survey(source: Source, spec: TableSpec, joined: Joined | None) -> Survey:
    """Read every wanted column once. Raises ``UsageError`` for anything that cannot be audited."""
    found = Survey()
    ids: list[np.ndarray[tuple[int], np.dtype[np.uint64]]] = []
    for part in source.read(wanted_columns(spec, joined)):
        _look(part, spec, joined, found)
        if spec.row_id is not None:
            ids.append(_hashes(part, spec.row_id))
        found.rows += part.batch.num_rows
    if found.rows == 0:
        raise UsageError(f"{source.origin} has no rows")
    for attribute, seen in found.groups.items():
        _few(source, attribute, seen)
    if joined is not None:
        joined.check(found.unmatched, found.rows)
    if spec.row_id is not None:
        _unique(source, spec.row_id, np.concatenate(ids))
    return found


def wanted_columns(spec: TableSpec, joined: Joined | None) -> list[str]:
    """Columns of the main table that are read."""
    brought = joined.columns if joined is not None else ()
    own = [spec.label, spec.prediction, spec.score, spec.value, spec.row_id, spec.weight]
    own += [name for name in spec.groups if name not in brought]
    own += [joined.on] if joined is not None else []
    return list(dict.fromkeys(name for name in own if name is not None))


def _look(part: Part, spec: TableSpec, joined: Joined | None, found: Survey) -> None:
    if spec.value is not None and spec.label is not None:
        numbers(part, spec.value, "value")
        numbers(part, spec.label, "label")
    else:
        if spec.label is not None:
            _collect(part, spec.label, "label", found.labels)
        if spec.prediction is not None:
            _collect(part, spec.prediction, "prediction", found.predictions)
    if spec.score is not None:
        _probabilities(part, spec.score)
    if spec.weight is not None:
        weights = numbers(part, spec.weight, "weight")
        if (weights <= 0).any():
            at = int((weights <= 0).argmax())
            raise UsageError(
                f"{part.row(at)}: the weight (column {spec.weight!r}) is {weights[at]:g}; weights are above 0"
            )
    matched = joined.match(part) if joined is not None else None
    if matched is not None:
        found.unmatched += int((matched < 0).sum())
    for attribute in spec.groups:
        if joined is not None and matched is not None and attribute in joined.columns:
            cells = joined.groups(attribute, matched)
        else:
            cells = group_cells(part.batch.column(attribute))
        seen = found.groups.setdefault(attribute, {})
        if len(seen) < _COUNTED:
            seen.update(dict.fromkeys(cells.names, ""))
        missing = int((cells.codes < 0).sum())
        found.unknown[attribute] = found.unknown.get(attribute, 0) + missing


def _collect(part: Part, column: str, role: str, seen: dict[str, str]) -> None:
    cells = coded(part.batch.column(column))
    missing = cells.codes < 0
    if missing.any():
        raise UsageError(f"{part.row(int(missing.argmax()))}: the {role} (column {column!r}) is missing")
    for code, name in enumerate(cells.names):
        if name not in seen and len(seen) <= MAX_GROUPS:
            here = cells.codes == code
            if here.any():
                seen[name] = part.row(int(here.argmax()))
    if len(seen) > MAX_GROUPS:
        raise UsageError(
            f"{part.origin}: the {role} (column {column!r}) has more than {MAX_GROUPS} different values; that is not a class. "
            "A predicted number goes with value"
        )


def _probabilities(part: Part, column: str) -> None:
    scores = numbers(part, column, "score")
    outside = (scores < 0) | (scores > 1)
    if outside.any():
        at = int(outside.argmax())
        raise UsageError(
            f"{part.row(at)}: the score (column {column!r}) is {scores[at]:g}, outside 0 to 1; a score is the probability of the "
            "positive class (give decisions with prediction instead)"
        )


def _few(source: Source, attribute: str, seen: dict[str, str]) -> None:
    if len(seen) > MAX_GROUPS:
        count = f"{len(seen):,}" + (" or more" if len(seen) >= _COUNTED else "")
        raise UsageError(
            f"{source.origin}: the group column {attribute!r} has {count} different values; more than {MAX_GROUPS} are not groups "
            "of people (put a number such as an age into a few bands first)"
        )


def _hashes(part: Part, column: str) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    import pandas as pd
    import pyarrow as pa

    array = part.batch.column(column)
    if pa.types.is_integer(array.type) and not array.null_count:
        whole: np.ndarray[tuple[int], np.dtype[np.uint64]] = pd.util.hash_array(array.to_numpy())
        return whole
    cells = coded(array)
    missing = cells.codes < 0
    if missing.any():
        raise UsageError(f"{part.row(int(missing.argmax()))}: the id (column {column!r}) is missing")
    hashed: np.ndarray[tuple[int], np.dtype[np.uint64]] = pd.util.hash_array(np.asarray(cells.names, dtype=object))
    return hashed[cells.codes]


def _unique(source: Source, column: str, hashes: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> None:
    """Refuse an id that is used twice. Ids are told apart by hash first, and by what is written where two hashes agree."""
    ordered = np.sort(hashes)
    double = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not double.size:
        return
    seen: dict[str, str] = {}
    for part in source.read([column]):
        suspects = np.isin(_hashes(part, column), double)
        cells = coded(part.batch.column(column))
        for at in np.flatnonzero(suspects).tolist():
            name = cells.names[int(cells.codes[at])]
            if name in seen:
                raise UsageError(f"{part.row(at)}: the id {name!r} (column {column!r}) is used before, in {seen[name]}")
            seen[name] = part.row(at)
