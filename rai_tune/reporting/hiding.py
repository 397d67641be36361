"""Which groups to hide in a report, so that no count below k can be worked out from what is left. Internal.

Small groups come first, then complementary ones, chosen in ``rai_audits.fairness.suppression`` where tables are crossed and by size
elsewhere; ``onlooker`` checks the result, and while a hidden count keeps a range narrower than k, the next smallest group is hidden too. Two layers: a
hidden group shows nothing; a group with too few rows of one true label shows only what does not depend on labels.

Beyond ``MOST_VARIABLES`` or ``MOST_SECRETS`` the check would take too long. Then no cell of a crossing is shown that has a small or hidden cell in it,
and no number that depends on labels for an attribute with too few labelled rows somewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from rai_audits.fairness.suppression import Sum, SumTable, protect
from rai_tune.reporting.onlooker import Onlooker, linked
from rai_tune.reporting.published import EVERYONE, LABELLED, UNKNOWN, Line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rai_tune.reporting.onlooker import Table
    from rai_tune.reporting.published import Counts

MOST_VARIABLES = 4_000
MOST_SECRETS = 60
_SLACK = 1e-6


@dataclass(frozen=True)
class Choice:
    """Lines of which nothing is shown, and lines of which nothing is shown that tells of true labels."""

    hidden: frozenset[Line]
    unlabelled: frozenset[Line]


@lru_cache(maxsize=32)
def choose(splits: tuple[Counts, ...], k: int) -> Choice:
    """What to hide for every count below ``k`` to keep a range of at least ``k``, or as wide a one as the totals of all rows leave."""
    tables = [(each.table(), each.same_class) for each in splits]
    hidden = {line for table, _ in tables for line, counts in table.items() if _is_small(line, counts, ("n",), k)}
    unlabelled = {line for table, _ in tables for line, counts in table.items() if _is_small(line, counts, LABELLED, k)}
    before = None
    while before != (len(hidden), len(unlabelled)):
        before = len(hidden), len(unlabelled)
        for table, same_class in tables:
            for attributes in linked(table):
                _Part(table, attributes, same_class, k).complete(hidden, unlabelled)
    return Choice(frozenset(hidden), frozenset(unlabelled - hidden))


def _is_small(line: Line, counts: dict[str, int], names: Iterable[str], k: int) -> bool:
    return line != EVERYONE and any(0 < counts.get(name, 0) < k for name in names)


class _Part:
    """The linked tables of one split. ``complete`` grows the two sets of lines until what they hide is protected."""

    def __init__(self, table: Table, attributes: tuple[str, ...], same_class: bool, k: int) -> None:
        self.onlooker = Onlooker(table, attributes, same_class=same_class)
        self.table, self.attributes, self.k = self.onlooker.table, attributes, k
        self.lines = sorted(line for line in self.table if line != EVERYONE)

    def complete(self, hidden: set[Line], unlabelled: set[Line]) -> None:
        small = [line for line in self.lines if line in hidden and self._size(line)]
        if small:
            for name in self.attributes:
                self._add_until_wide(name, hidden)
            if len(self.attributes) > 1:
                hidden |= self._rectangles(hidden)
        dark = [line for line in self.lines if line in unlabelled or (line in hidden and self._size(line))]
        if not small and not dark:
            return
        if not 0 < self.onlooker.variables <= MOST_VARIABLES or len(dark) > MOST_SECRETS:
            self._hide_plenty(hidden, unlabelled, labels=any(line in unlabelled for line in dark))
            return
        if len(self.attributes) > 1:
            self._check(hidden, hidden, unlabelled, ("n",))
        if any(line in unlabelled for line in self.lines):
            self._check(unlabelled, hidden, unlabelled, ("p", "q"))

    def _size(self, line: Line, name: str = "n") -> int:
        return self.table[line].get(name, 0)

    def _of(self, attributes: tuple[str, ...]) -> list[Line]:
        """Lines of one table that hold somebody, the smallest first."""
        own = [line for line in self.lines if line.attributes == attributes and self._size(line)]
        return sorted(own, key=lambda line: (self._size(line), line))

    def _add_until_wide(self, attribute: str, hidden: set[Line]) -> None:
        """Two groups or more, of k rows or more in all: each may then hold anything from none to all of them."""
        own = self._of((attribute,))
        while True:
            dark = [line for line in own if line in hidden]
            rest = [line for line in own if line not in hidden]
            if not dark or not rest or (len(dark) > 1 and sum(map(self._size, dark)) >= self.k):
                return
            hidden.add(rest[0])

    def _rectangles(self, hidden: set[Line]) -> set[Line]:
        """Complementary lines of the crossed tables, by the sums of their rows; none where the tables do not add up."""
        found = sum_table(self.table)
        if found is None or len(found.lines) > MOST_VARIABLES // 4:
            return set()
        small = {place for place, line in enumerate(found.lines) if line in hidden and found.table.values[place]}
        latent = {place for place, line in enumerate(found.lines) if line not in self.table}
        chosen = protect(found.table, small, self.k, published=[found.lines.index(EVERYONE)], latent=latent)
        return {found.lines[place] for place in chosen.hidden}

    def _check(self, grows: set[Line], hidden: set[Line], unlabelled: set[Line], names: tuple[str, ...]) -> None:
        """Hide one line more as long as a count of a line in ``grows`` keeps too narrow a range and there is a line left."""
        done: set[tuple[Line, str]] = set()
        while True:
            open_counts = [
                (line, name)
                for line in self.lines
                if line in grows and (grows is hidden or line not in hidden)
                for name in names
                if self._size(line, name) and (line, name) not in done
            ]
            if not open_counts:
                return
            line, name = open_counts[0]
            while self.onlooker.width(line, name, hidden, unlabelled) < self.k - _SLACK:
                more = self._next(line, name, hidden | grows)
                if more is None:
                    break
                grows.add(more)
            done.add((line, name))

    def _next(self, line: Line, name: str, dark: set[Line]) -> Line | None:
        """The next line to hide: the smallest of the same table, else of the linked ones."""
        able = [other for other in self.lines if other not in dark and self._size(other, name)]
        return min(
            able, key=lambda each: (each.attributes != line.attributes, self._size(each, name), each), default=None
        )

    def _hide_plenty(self, hidden: set[Line], unlabelled: set[Line], *, labels: bool) -> None:
        crossed = {line.attributes for line in self.lines if len(line.attributes) > 1}
        if any(line in hidden for line in self.lines):
            hidden |= {line for line in self.lines if line.attributes in crossed}
        if labels:
            unlabelled |= {line for line in self.lines if self._size(line)}


@dataclass(frozen=True)
class Summed:
    """Lines as a table of sums; a line that no measurement tells of stands in for rows that are unknown in one attribute."""

    lines: tuple[Line, ...]
    table: SumTable


def sum_table(table: Table) -> Summed | None:
    """Rows of all lines of a split with the sums among them, or None where the counts do not say enough or do not add up."""
    counts = {line: found["n"] for line, found in table.items() if "n" in found}
    single = sorted({line.attributes[0] for line in counts if len(line.attributes) == 1})
    levels = {name: sorted({line.values[0] for line in counts if line.attributes == (name,)}) for name in single}
    sums = [([Line((name,), (value,)) for value in levels[name]], EVERYONE) for name in single]
    for one, other in sorted({line.attributes for line in counts if len(line.attributes) == 2}):
        if one not in levels or other not in levels or not _add_latent(counts, levels, (one, other)):
            return None
        for at, name in enumerate((one, other)):
            across = (one, other)[1 - at]
            for value in levels[name]:
                cells = [(value, each) if at == 0 else (each, value) for each in {*levels[across], UNKNOWN}]
                parts = [Line((one, other), cell) for cell in sorted(cells) if Line((one, other), cell) in counts]
                sums.append((parts, Line((name,), (value,))))
    lines = tuple(counts)
    place = {line: at for at, line in enumerate(lines)}
    try:
        found = SumTable(
            tuple(counts.values()),
            tuple(Sum(tuple(place[part] for part in parts), place[whole]) for parts, whole in sums),
        )
    except (ValueError, KeyError):
        return None
    return Summed(lines, found)


def _add_latent(counts: dict[Line, int], levels: dict[str, list[str]], pair: tuple[str, str]) -> bool:
    """Add the cells of a crossing that are unknown in one attribute, from the margins. False where that gives a negative count."""
    one, other = pair
    for value, each in product(levels[one], levels[other]):
        if UNKNOWN not in (value, each):
            counts.setdefault(Line(pair, (value, each)), 0)
    counts.pop(Line(pair), None)
    known = [line for line in counts if line.attributes == pair]
    for at, name in enumerate(pair):
        for value in levels[name]:
            if value == UNKNOWN:
                continue
            rest = counts[Line((name,), (value,))] - sum(counts[line] for line in known if line.values[at] == value)
            cell = (value, UNKNOWN) if at == 0 else (UNKNOWN, value)
            if rest < 0:
                return False
            if rest:
                counts[Line(pair, cell)] = rest
    both = counts.get(Line((one,), (UNKNOWN,)), 0) - sum(
        count for line, count in counts.items() if line.attributes == pair and line.values[0] == UNKNOWN
    )
    if both < 0:
        return False
    if both:
        counts[Line(pair, (UNKNOWN, UNKNOWN))] = both
    return True
