"""Train, validation and test: decided by who a row is, not by where it stands.

Internal to ``rai_tune.data``; what it guarantees is stable, because two runs are compared on it:

1. The same rows, shares and seed give the same split, whatever the order of the rows.
2. An entity (rows with one value of ``data.entity``; else one row) is never divided.
3. Each stratum (label crossed with every attribute) is cut by its own shares, rounded by largest remainder, in the order of
   a hash of seed and entity. Adding or removing rows therefore moves no row of another stratum; in its own stratum it moves
   only rows next to the two cuts, about one at each cut for each row added.
4. A stratum with too few entities to give each split one (under 5, or under 1 / smallest share) joins a rest stratum of
   its label. Rows that take a stratum across that size also move rows between it and its label's rest stratum, nowhere else.

An entity whose rows lie in several strata counts in the one that most of them lie in (ties: the first in sorted order).
Shares are of entities; with entities of very different sizes the shares of rows can differ.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING

from rai_tune.core import UsageError, did_you_mean
from rai_tune.data.cells import need_column, rows_phrase
from rai_tune.data.identity import json_line
from rai_tune.data.prepared import SPLITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rai_tune.data.cells import Column
    from rai_tune.recipe.schema import DataSpec, SplitSpec

MIN_STRATUM = 5
_SPOKEN = {"train": "train", "validation": "validation", "val": "validation", "dev": "validation", "test": "test"}

Stratum = tuple[str, ...]


def split_rows(
    columns: dict[str, Column],
    data: DataSpec,
    ids: Sequence[str],
    labels: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    seed: int,
    origin: str,
) -> list[str]:
    """Split of each row. Raises ``UsageError`` when a split is empty or train has one class only."""
    entities = _entities(columns, data, ids, origin)
    if data.split.column is not None:
        splits = _declared(need_column(columns, data.split.column, "data.split.column", origin), origin)
        _check_undivided(entities, splits, data, origin)
    else:
        strata: list[Stratum] = [()] * len(labels)
        if data.split.stratify:
            attributes = [groups[spec.attribute] for spec in data.groups]
            strata = list(zip(labels, *attributes, strict=True))
        assigned = assign(entities, strata, data.split, seed)
        splits = [assigned[entity] for entity in entities]
    _check_usable(splits, labels, origin)
    return splits


def assign(entities: Sequence[str], strata: Sequence[Stratum], spec: SplitSpec, seed: int) -> dict[str, str]:
    """Split of each entity. ``entities`` and ``strata`` have one entry per row; a stratum's first part is its label."""
    members: dict[Stratum, list[str]] = defaultdict(list)
    for entity, stratum in _stratum_of(entities, strata).items():
        members[stratum].append(entity)

    given = (spec.train, spec.validation, spec.test)
    shares = [Fraction(str(share)) for share in given]
    smallest = max(MIN_STRATUM, math.ceil(1 / min(shares)))
    rest: dict[Stratum, list[str]] = defaultdict(list)
    for stratum in [stratum for stratum, group in members.items() if len(group) < smallest]:
        rest[stratum[:1]].extend(members.pop(stratum))
    result: dict[str, str] = {}
    for kind, pools in (("stratum", members), ("rest", rest)):
        for stratum, group in pools.items():
            _cut(group, [kind, *stratum], shares, seed, result)
    return result


def _stratum_of(entities: Sequence[str], strata: Sequence[Stratum]) -> dict[str, Stratum]:
    """The stratum of each entity: the one most of its rows lie in, the first in sorted order among equals."""
    single = dict(zip(entities, strata, strict=True))
    if len(single) == len(entities):
        return single
    seen: dict[str, Counter[Stratum]] = defaultdict(Counter)
    for entity, stratum in zip(entities, strata, strict=True):
        seen[entity][stratum] += 1
    return {entity: min(counts, key=lambda stratum: (-counts[stratum], stratum)) for entity, counts in seen.items()}


def _cut(group: list[str], name: list[str], shares: list[Fraction], seed: int, result: dict[str, str]) -> None:
    ordered = sorted(group, key=lambda entity: (_hash(["entity", seed, entity]), entity))
    start = 0
    for split, size in zip(SPLITS, _sizes(len(group), name, shares, seed), strict=True):
        for entity in ordered[start : start + size]:
            result[entity] = split
        start += size


def _sizes(count: int, name: list[str], shares: list[Fraction], seed: int) -> list[int]:
    """Largest remainder; equal remainders are ranked by a hash, so that no split always gets the odd row."""
    total = sum(shares)
    exact = [count * share / total for share in shares]
    sizes = [math.floor(size) for size in exact]
    ranking = sorted(
        range(3), key=lambda place: (sizes[place] - exact[place], _hash(["odd row", seed, *name, SPLITS[place]]))
    )
    for place in ranking[: count - sum(sizes)]:
        sizes[place] += 1
    return sizes


def _hash(parts: list[str | int]) -> bytes:
    return hashlib.sha256(json_line(parts)).digest()


def _entities(columns: dict[str, Column], data: DataSpec, ids: Sequence[str], origin: str) -> list[str]:
    """Entity of each row; a row whose entity cell is missing stands for itself. The two kinds cannot collide."""
    if data.entity is None:
        return [f"row:{row_id}" for row_id in ids]
    written = need_column(columns, data.entity, "data.entity", origin).written
    return [f"row:{ids[row]}" if cell is None else f"entity:{cell}" for row, cell in enumerate(written)]


def _declared(column: Column, origin: str) -> list[str]:
    splits = []
    for row, cell in enumerate(column.written):
        split = _SPOKEN.get((cell or "").casefold())
        if split is None:
            said = "is empty" if cell is None else f"says {cell!r}"
            raise UsageError(
                f"{origin}, row {row + 1}: the split column {column.name!r} {said}; it must say train, validation or test"
                f"{did_you_mean(cell.casefold(), SPLITS) if cell else ''}"
            )
        splits.append(split)
    return splits


def _check_undivided(entities: Sequence[str], splits: Sequence[str], data: DataSpec, origin: str) -> None:
    first: dict[str, int] = {}
    for row, entity in enumerate(entities):
        other = first.setdefault(entity, row)
        if splits[other] != splits[row]:
            raise UsageError(
                f"{origin}: {data.entity} {entity.partition(':')[2]!r} is in {splits[other]} and in {splits[row]} "
                f"({rows_phrase([other, row])}); rows of one entity must stay in one split"
            )


def _check_usable(splits: Sequence[str], labels: Sequence[str], origin: str) -> None:
    sizes = Counter(splits)
    for split in SPLITS:
        if not sizes[split]:
            raise UsageError(
                f"{origin}: the {split} split has no rows (of {len(splits):,}); each of train, validation and test needs some"
            )
    learned = {label for label, split in zip(labels, splits, strict=True) if split == "train"}
    if len(learned) == 1:
        raise UsageError(
            f"{origin}: the train split has only the label {learned.pop()!r}; two classes are needed to learn"
        )
