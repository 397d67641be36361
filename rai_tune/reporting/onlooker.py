"""What a reader can work out about a count that is not published, from all those that are: a linear programme over every table there may be.

Use ``Onlooker`` to check a choice of what to hide. Internal. The unknowns are the cells of the crossing of all attributes that published tables link,
each split by true label, decision and side of the median; every published rate with its denominator is a sum over some of them.
Values need not be whole, so a range is at least as wide as that of whole numbers only where the tables have sums along two ways or fewer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.reporting.published import EVERYONE, UNLABELLED, Line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy.typing as npt

Table = dict[Line, dict[str, int]]


@dataclass(frozen=True)
class Kind:
    """What a row is like: its label (positive, otherwise, none), its decision, whether it scored above the median."""

    label: bool | None
    positive: bool
    favourable: bool
    above: bool

    def counts_in(self, name: str) -> bool:
        """Whether such a row is one of those that a count counts, see ``published.COUNTS``."""
        labelled = self.label is not None
        return {
            "n": True,
            "s": self.favourable,
            "p": self.label is True,
            "q": self.label is False,
            "l": labelled,
            "c": labelled and self.label == self.positive,
            "t": self.label is True and self.positive,
            "f": self.label is False and self.positive,
            "d": labelled and self.positive,
            "a": self.above,
        }[name]


def kinds_of(table: Table, *, same_class: bool) -> tuple[tuple[Kind, ...], frozenset[str]]:
    """Kinds of rows that the counts of a table tell apart, and the names of counts that cannot be told from them."""
    every = list(table.values())
    labels: tuple[bool | None, ...] = (
        (True, False, None) if any("p" in counts or "q" in counts for counts in every) else (None,)
    )
    if labels != (None,) and all(counts.get("l", -1) == counts.get("n", -2) for counts in every if counts.get("n")):
        labels = (True, False)
    two = same_class or all(_two_classes(counts) for counts in every if {"c", "t", "f", "q"} <= counts.keys())
    sides = (True, False) if any("a" in counts for counts in every) else (False,)
    said = [(positive, favourable) for positive in (True, False) for favourable in (True, False)]
    if two:
        said = [(positive, favourable) for positive, favourable in said if (positive == favourable) == same_class]
    kinds = tuple(Kind(label, *decision, side) for label in labels for decision in said for side in sides)
    several = any(not _two_classes(counts) for counts in every if {"c", "t", "f", "q"} <= counts.keys())
    return kinds, frozenset({"c"} if several else ())


def _two_classes(counts: Mapping[str, int]) -> bool:
    return counts["c"] == counts["t"] + counts["q"] - counts["f"]


class Onlooker:
    """Reads the counts of one split about one set of linked attributes, save those of hidden lines.

    ``hidden`` lines publish nothing; ``unlabelled`` ones nothing that tells of true labels. Size: ``variables``.
    """

    def __init__(self, table: Table, attributes: tuple[str, ...], *, same_class: bool) -> None:
        self.attributes = attributes
        self.table = {line: counts for line, counts in table.items() if set(line.attributes) <= set(attributes)}
        self._kinds, self._mute = kinds_of(self.table, same_class=same_class)
        levels = [self._levels(name) for name in attributes]
        self.cells = list(product(*levels)) if math.prod(map(len, levels)) <= 1_000_000 else []
        self.variables = math.prod(map(len, levels)) * len(self._kinds)
        self._found: dict[tuple[Line, str], npt.NDArray[np.int64]] = {}

    def width(self, line: Line, name: str, hidden: Collection[Line], unlabelled: Collection[Line]) -> float:
        """Width of the range of a count that fits everything published; 0 where the solver finds none."""
        from scipy.optimize import linprog

        rows, values = self._published(hidden, unlabelled)
        goal = np.zeros(self.variables)
        goal[self._places(line, name)] = 1.0
        ends = []
        for sign in (1.0, -1.0):
            found: Any = linprog(sign * goal, A_eq=rows, b_eq=values, bounds=(0, None), method="highs")
            if found.status == 3:
                return math.inf
            if found.status != 0:
                return 0.0
            ends.append(sign * float(found.fun))
        return ends[1] - ends[0]

    def _levels(self, attribute: str) -> list[str]:
        return sorted({line.values[0] for line in self.table if line.attributes == (attribute,)})

    def _published(self, hidden: Collection[Line], unlabelled: Collection[Line]) -> tuple[Any, npt.NDArray[np.float64]]:
        from scipy.sparse import csr_array

        places, values = [], []
        for line, counts in self.table.items():
            if line in hidden:
                continue
            for name, value in counts.items():
                if name in self._mute or (line in unlabelled and name not in UNLABELLED):
                    continue
                places.append(self._places(line, name))
                values.append(float(value))
        starts = np.cumsum([0, *map(len, places)])
        columns = np.concatenate(places) if places else np.zeros(0, dtype=np.int64)
        rows = csr_array((np.ones(columns.size), columns, starts), shape=(len(places), self.variables))
        return rows, np.asarray(values, dtype=np.float64)

    def _places(self, line: Line, name: str) -> npt.NDArray[np.int64]:
        """Unknowns that a count adds up."""
        key = line, name
        if key not in self._found:
            inside = np.asarray([line.covers(self.attributes, cell) for cell in self.cells], dtype=np.bool_)
            counted = np.asarray([kind.counts_in(name) for kind in self._kinds], dtype=np.bool_)
            self._found[key] = np.flatnonzero(np.outer(inside, counted).ravel())
        return self._found[key]


def linked(table: Table) -> list[tuple[str, ...]]:
    """Attributes in sets that crossings link, each sorted."""
    sets: list[set[str]] = []
    for line in table:
        if line == EVERYONE:
            continue
        joined = set(line.attributes)
        for other in [each for each in sets if each & joined]:
            joined |= other
            sets.remove(other)
        sets.append(joined)
    return [tuple(sorted(each)) for each in sets]
