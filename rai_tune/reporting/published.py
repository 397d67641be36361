"""What a report would publish about counts of people: for each split, the counts of every group and crossing. Internal.

``read_counts`` turns measurements into ``Counts``, which ``hiding`` needs to see which small counts others give away. A line is a group of an
attribute, a cell of a crossing, the rows of unknown group, or all rows; its counts have one-letter names, see ``COUNTS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rai_tune.core import Measurement

UNKNOWN = "unknown"
COUNTS = {
    "n": "rows",
    "s": "rows with the favourable decision",
    "p": "rows labelled positive",
    "q": "rows labelled otherwise",
    "l": "rows with a label",
    "c": "rows decided as labelled",
    "t": "true positives",
    "f": "false positives",
    "d": "labelled rows decided positive",
    "a": "rows scored above the median",
}
LABELLED = ("p", "q", "l", "d")
"""Counts that are the denominator of a rate and tell of true labels."""

UNLABELLED = frozenset({"n", "s", "a"})
"""Counts that tell nothing of true labels."""

_JOINS = (" x ", " & ")
_MOST_NAMES = 100_000
_UNKNOWN_METRICS = frozenset({"unknown_share", "ll144_unknown_rows"})


@dataclass(frozen=True, order=True)
class Line:
    """Rows with ``values`` in ``attributes``. No attribute: all rows. Attributes without values: rows unknown in any of them."""

    attributes: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each attribute with its value."""
        return zip(self.attributes, self.values, strict=True)

    def covers(self, attributes: tuple[str, ...], cell: tuple[str, ...]) -> bool:
        """Whether a cell of the crossing of ``attributes``, which hold those of the line, belongs to it."""
        mine = tuple(cell[attributes.index(name)] for name in self.attributes)
        return mine == self.values if self.values or not mine else UNKNOWN in mine


EVERYONE = Line()


@dataclass(frozen=True)
class Counts:
    """Counts of one split. ``same_class`` says whether the positive class is the favourable one."""

    split: str
    lines: tuple[tuple[Line, tuple[tuple[str, int], ...]], ...]
    same_class: bool

    def table(self) -> dict[Line, dict[str, int]]:
        return {line: dict(counts) for line, counts in self.lines}


class Names:
    """Which line a pair of attribute and group is, whatever order and joiner a crossing was written with."""

    def __init__(self, measurements: Iterable[Measurement]) -> None:
        self._groups: dict[str, set[str]] = {}
        for item in measurements:
            if item.attribute is not None:
                own = self._groups.setdefault(item.attribute, set())
                own |= {name for name in (item.group, item.reference) if name is not None}
        self._parts = {name: self._split(name) for name in self._groups}
        self._known: dict[str, dict[str, tuple[str, ...]]] = {}

    def parts(self, attribute: str) -> tuple[str, ...]:
        """Attributes that an attribute crosses, down to those that cross none; itself alone when it crosses none."""
        joiner, parts = self._parts.get(attribute, (None, (attribute,)))
        if joiner is None:
            return (attribute,)
        return tuple(sorted({each for part in parts for each in self.parts(part)}))

    def line(self, attribute: str, group: str) -> Line | None:
        """The line, or None where a crossing of crossings asks for two groups of one attribute, which nobody can be in."""
        joiner, parts = self._parts.get(attribute, (None, (attribute,)))
        if joiner is None:
            return Line((attribute,), (group,))
        attributes = self.parts(attribute)
        if group == UNKNOWN:
            return Line(attributes)
        values = self._values(attribute, joiner, parts, group)
        if values is None:
            return Line((attribute,), (group,))
        chosen: dict[str, str] = {}
        for part, value in zip(parts, values, strict=True):
            inner = self.line(part, value)
            if inner is None or any(chosen.get(name, own) != own for name, own in inner.pairs()):
                return None
            chosen |= dict(inner.pairs())
        return Line(attributes, tuple(chosen[name] for name in attributes))

    def _split(self, attribute: str) -> tuple[str | None, tuple[str, ...]]:
        for joiner in _JOINS:
            parts = tuple(attribute.split(joiner))
            if len(parts) > 1 and all(part in self._groups for part in parts):
                return joiner, parts
        return None, (attribute,)

    def _values(self, attribute: str, joiner: str, parts: tuple[str, ...], group: str) -> tuple[str, ...] | None:
        plain = tuple(group.split(joiner))
        if len(plain) == len(parts):
            return plain
        # A group's own name holds the joiner, so names are compared whole.
        if attribute not in self._known:
            sets = [sorted(self._groups[part]) for part in parts]
            pairs = product(*sets) if prod(map(len, sets)) <= _MOST_NAMES else ()
            self._known[attribute] = {joiner.join(cell): cell for cell in pairs}
        return self._known[attribute].get(group)


def read_counts(measurements: tuple[Measurement, ...], names: Names) -> tuple[Counts, ...]:
    """Counts of each split that has any, in the order in which the splits occur."""
    found: dict[str, dict[Line, dict[str, int]]] = {}
    same = True
    for item in measurements:
        line = _line_of(item, names)
        if line is None:
            continue
        if item.positive is not None and item.favourable is not None:
            same = item.positive == item.favourable
        counts = found.setdefault(item.split or "", {}).setdefault(line, {})
        for name, value in _counts_of(item):
            counts.setdefault(name, value)
    for lines in found.values():
        _add_totals(lines)
    return tuple(
        Counts(split, tuple((line, tuple(sorted(counts.items()))) for line, counts in sorted(lines.items())), same)
        for split, lines in found.items()
    )


def _add_totals(lines: dict[Line, dict[str, int]]) -> None:
    """Totals that no measurement gives, where the groups of each attribute add up to the same: what one attribute hides, another would tell."""
    attributes = {line.attributes for line in lines if len(line.attributes) == 1}
    total = lines.setdefault(EVERYONE, {})
    for name in COUNTS:
        of_each = [[counts.get(name) for line, counts in lines.items() if line.attributes == one] for one in attributes]
        sums = {sum(value for value in values if value is not None) for values in of_each if None not in values}
        if name not in total and len(sums) == 1:
            total[name] = sums.pop()


def _line_of(item: Measurement, names: Names) -> Line | None:
    if item.reference is not None:
        return None
    if item.attribute is None:
        return EVERYONE if item.group is None else None
    group = UNKNOWN if item.metric in _UNKNOWN_METRICS else item.group
    return None if group is None else names.line(item.attribute, group)


def _counts_of(item: Measurement) -> Iterator[tuple[str, int]]:
    n, k = item.n, item.n_pos
    if item.metric in {"representation", "unknown_share"}:
        yield from [] if k is None else [("n", k)]
        return
    if item.metric == "ll144_unknown_rows":
        yield from [] if isinstance(item.estimate, str) else [("n", round(item.estimate))]
        return
    told = _TOLD.get(item.metric)
    if told is None or (item.label is not None and item.label != _label_meant(item)):
        return
    denominator, success = told
    yield denominator, n
    if success is not None and k is not None:
        if item.metric == "favourable_label_rate" and item.favourable != item.positive:
            success = "q"
        yield success, k


def _label_meant(item: Measurement) -> str | None:
    return item.positive if item.metric == "label_rate" else item.favourable


_TOLD: dict[str, tuple[str, str | None]] = {
    "group_size": ("n", None),
    "mean_prediction": ("n", None),
    "ll144_assessed_rows": ("n", None),
    "selection_rate": ("n", "s"),
    "selection_rate_change": ("n", None),
    "before_selection_rate": ("n", None),
    "after_selection_rate": ("n", "s"),
    "before_true_positive_rate": ("p", None),
    "after_true_positive_rate": ("p", "t"),
    "before_false_positive_rate": ("q", None),
    "after_false_positive_rate": ("q", "f"),
    "ll144_selection_rate": ("n", "s"),
    "ll144_scoring_rate": ("n", "a"),
    "true_positive_rate": ("p", "t"),
    "false_positive_rate": ("q", "f"),
    "positive_predictive_value": ("d", "t"),
    "accuracy": ("l", "c"),
    "label_rate": ("n", "p"),
    "favourable_label_rate": ("n", "p"),
}
