"""Complementary suppression: which further counts to hide so that hidden small counts cannot be worked out from published sums.

Use ``protect`` before a table of counts is published with some cells left out, and ``feasible_range`` to check any choice. Stable API: both,
``SumTable`` and ``Sum``.

A hidden count is protected when the values that the published counts and sums allow for it, as non-negative numbers, span at least k. For tables
with sums along one or two ways those ranges have whole ends, so linear programming gives them exactly; for more ways its range is at least as
wide as that of whole numbers. An onlooker who also knows the rule "hidden means below k" may narrow the range; that is the usual
assumption of the field (Hundepool et al., Statistical Disclosure Control, 2012, chapter 4). The choice is the linear-programming heuristic of
that chapter: for one hidden cell at a time, the cheapest change between two tables that agree with what is published and differ there by k; every
cell that has to move for it is hidden. Cells that turn out not to be needed are published again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import numpy.typing as npt

_MOVED = 1e-6


@dataclass(frozen=True)
class Sum:
    """Cell ``whole`` is the sum of the cells ``parts``, by position."""

    parts: tuple[int, ...]
    whole: int


@dataclass(frozen=True)
class SumTable:
    """Counts, and the sums that hold among them: a table of any number of ways with its margins, or several that share some."""

    values: tuple[int, ...]
    sums: tuple[Sum, ...]

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a negative count, or a sum that does not hold."""
        if any(value < 0 for value in self.values):
            raise ValueError("counts are 0 or more")
        for item in self.sums:
            if sum(self.values[part] for part in item.parts) != self.values[item.whole]:
                raise ValueError(f"cells {item.parts} do not add up to cell {item.whole}")

    def matrix(self) -> npt.NDArray[np.float64]:
        """One row for each sum: 1 at its parts, -1 at its whole."""
        rows = np.zeros((len(self.sums), len(self.values)))
        for place, item in enumerate(self.sums):
            rows[place, list(item.parts)] = 1.0
            rows[place, item.whole] -= 1.0
        return rows


@dataclass(frozen=True)
class Protection:
    """``hidden`` holds the cells asked for and the complementary ones, not the latent ones; ``unprotected`` those whose range stays below k whatever is hidden."""

    hidden: frozenset[int]
    unprotected: frozenset[int]


def protect(
    table: SumTable,
    small: Collection[int],
    k: int,
    *,
    published: Collection[int] = (),
    latent: Collection[int] = (),
    costs: Mapping[int, float] | None = None,
) -> Protection:
    """Hide ``small`` and what else it takes for every hidden cell to keep a range of at least ``k``.

    ``published`` cells are known to the reader whatever is decided here. Cells that are 0 stay published too: nobody is in them. ``latent``
    cells are published nowhere and need no protection. ``costs`` of hiding a cell are its count unless given.
    """
    hidden = {*small, *latent}
    open_cells = {cell for cell, value in enumerate(table.values) if value > 0} - set(published)
    price = {cell: float((costs or {}).get(cell, table.values[cell])) for cell in open_cells}
    hopeless, latent = set[int](), set(latent)
    while True:
        bare = next(
            (cell for cell in sorted(hidden - hopeless - latent) if not is_protected(table, hidden, cell, k)), None
        )
        if bare is None:
            break
        more = _cheapest(table, hidden, price, bare, k)
        if more is None:
            hopeless.add(bare)
        hidden |= more or set()
    for cell in sorted(hidden - set(small) - latent, key=lambda each: (-price[each], each)):
        without = hidden - {cell}
        if all(is_protected(table, without, each, k) for each in without - hopeless - latent):
            hidden = without
    return Protection(frozenset(hidden - latent), frozenset(hopeless))


def is_protected(table: SumTable, hidden: Collection[int], cell: int, k: int) -> bool:
    """Whether the range of a hidden cell spans at least ``k``."""
    low, high = feasible_range(table, hidden, cell)
    return high - low >= k - _MOVED


def feasible_range(table: SumTable, hidden: Collection[int], cell: int) -> tuple[float, float]:
    """Smallest and largest value of a cell that fits everything that is not hidden; the upper end may be ``math.inf``."""
    from scipy.optimize import linprog

    if cell not in hidden:
        return float(table.values[cell]), float(table.values[cell])
    free = sorted(hidden)
    rows = table.matrix()
    values = np.asarray(table.values, dtype=np.float64)
    values[free] = 0.0
    target = -rows @ values
    goal = np.zeros(len(free))
    goal[free.index(cell)] = 1.0
    ends = []
    for sign in (1.0, -1.0):
        found = linprog(sign * goal, A_eq=rows[:, free], b_eq=target, bounds=(0, None), method="highs")
        ends.append(sign * float(found.fun) if found.status == 0 else math.inf)
    return ends[0], ends[1]


def _cheapest(table: SumTable, hidden: set[int], price: Mapping[int, float], cell: int, k: int) -> set[int] | None:
    """Cells to hide beside ``hidden`` so that two tables fit what is left published and differ by k in ``cell``; None where none do."""
    from scipy.optimize import linprog

    size = len(table.values)
    values = np.asarray(table.values, dtype=np.float64)
    movable = np.asarray([each in hidden or each in price for each in range(size)])
    cost = np.asarray([0.0 if each in hidden else price.get(each, 0.0) for each in range(size)])
    up = [(0.0, None if able else 0.0) for able in movable]
    down = [(0.0, float(value) if able else 0.0) for value, able in zip(values, movable, strict=True)]
    rows, none = table.matrix(), np.zeros((len(table.sums), size))
    # Unknowns: how far each cell lies above and below its count in a first table, then in a second.
    keeps = np.block([[rows, -rows, none, none], [none, none, rows, -rows]])
    apart = np.zeros(4 * size)
    apart[[cell, size + cell, 2 * size + cell, 3 * size + cell]] = -1.0, 1.0, 1.0, -1.0
    found = linprog(
        np.tile(cost, 4),
        A_ub=apart[np.newaxis],
        b_ub=[-float(k)],
        A_eq=keeps,
        b_eq=np.zeros(2 * len(table.sums)),
        bounds=[*up, *down, *up, *down],
        method="highs",
    )
    if found.status != 0:
        return None
    moved = np.abs(found.x).reshape(4, size).max(axis=0) > _MOVED
    return set(np.flatnonzero(moved).tolist()) - hidden


def line_table(counts: Iterable[int]) -> SumTable:
    """Counts with their total, which is the last cell."""
    values = tuple(counts)
    return SumTable((*values, sum(values)), (Sum(tuple(range(len(values))), len(values)),))
