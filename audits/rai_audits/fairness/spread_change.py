"""How the spread between groups changed from one set of decisions to another about the same rows, with an interval.

Use beside the pairs of groups, which ``compared`` gives one by one. Stable within this package.

A spread is the largest of all ordered differences between two groups (for equalized odds over two rates), and its change is the
difference of two such maxima, each of which the data picked: a bootstrap of it is biased towards gaps that grow or shrink by chance. Here
the change is written as one difference of rates: the pair that truly differs most afterwards, minus the pair that truly differed most
before. Which these are is not known, so both are first narrowed to a set that holds them, and the interval is the union over what is
left. Of the error, one tenth goes to each set (half to the pair's own bound, half, by Bonferroni, to the bounds of all pairs that rule it
out) and the rest to the interval of each combination, which needs no correction since the true one is a single of them. The
bounds that narrow the sets bound both spreads as well, and with them the change, at no further cost. Every combination is a sum over
groups: rates of one group before and after are paired (Tango; for a sum of both, the complement of one), of different groups independent,
joined by square-and-add (Zou and Donner 2008).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.stats.differences import difference_bound
from rai_audits.stats.paired import PairedCounts, tango
from rai_audits.stats.pairs import ordered_pairs
from rai_audits.stats.rates import wilson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

METHOD = (
    "difference of two spreads: paired score intervals over the pairs of groups that may differ most before and after"
)
_FOR_SETS = 0.1
"""Share of the error that each of the two sets may spend."""

Rates = tuple[PairedCounts, ...]
"""One rate of each of several groups, before and after: ``first`` is before, ``second`` after."""


@dataclass(frozen=True)
class _Pair:
    """The ordered difference of one rate between two groups, all by position."""

    rate: int
    over: int
    under: int


@dataclass(frozen=True)
class SpreadChange:
    """Spread after minus spread before, with the ends of an interval; negative where groups came nearer."""

    before: float
    after: float
    low: float
    high: float

    @property
    def estimate(self) -> float:
        return self.after - self.before


def spread_change(rates: Sequence[Rates], *, alpha: float = 0.05) -> SpreadChange:
    """Change of the largest spread among ``rates``; two groups or more, each with trials of every rate. ``alpha`` is the total error.

    For one end with a given error, ask ``total_for`` for the total.
    """
    pairs = _pairs(rates)
    share = _FOR_SETS * alpha
    earlier, later = (_narrowed(rates, pairs, share, after=side) for side in (False, True))
    terms = _Terms(rates, alpha - 2 * share)
    combined = [terms.contrast(one, other) for one in later.plausible for other in earlier.plausible]
    low = max(min(low for low, _ in combined), later.floor - earlier.ceiling)
    high = min(max(high for _, high in combined), later.ceiling - earlier.floor)
    before, after = (max(_difference(rates, pair, after=side) for pair in pairs) for side in (False, True))
    return SpreadChange(before, after, low, high)


def total_for(side_error: float) -> float:
    """The total error at which one end of the interval has this error: either end fails with each of the two sets."""
    return side_error / (0.5 + _FOR_SETS)


def _pairs(rates: Sequence[Rates]) -> list[_Pair]:
    return [
        _Pair(place, int(over), int(under))
        for place, rate in enumerate(rates)
        for over, under in zip(*ordered_pairs(len(rate)), strict=True)
    ]


def _difference(rates: Sequence[Rates], pair: _Pair, *, after: bool) -> float:
    over, under = rates[pair.rate][pair.over], rates[pair.rate][pair.under]
    return _hits(over, after) / over.n - _hits(under, after) / under.n


def _hits(counts: PairedCounts, after: bool) -> int:
    return counts.both + (counts.second_only if after else counts.first_only)


@dataclass(frozen=True)
class _Narrowed:
    """Pairs that may truly differ most, and bounds of the spread that hold whenever the true one is among them."""

    plausible: tuple[_Pair, ...]
    floor: float
    ceiling: float


def _narrowed(rates: Sequence[Rates], pairs: Sequence[_Pair], error: float, *, after: bool) -> _Narrowed:
    """Those whose upper bound reaches the largest of all lower bounds."""
    over = [rates[pair.rate][pair.over] for pair in pairs]
    under = [rates[pair.rate][pair.under] for pair in pairs]
    cells = tuple(
        np.asarray(values, dtype=np.int64)
        for side in (over, under)
        for values in ([_hits(counts, after) for counts in side], [counts.n for counts in side])
    )
    low = difference_bound(*cells, alpha=error / 2 / len(pairs), side="lower").low
    high = difference_bound(*cells, alpha=error / 2, side="upper").high
    floor = max(0.0, float(low.max()))
    plausible = tuple(pair for pair, end in zip(pairs, high, strict=True) if end >= floor)
    return _Narrowed(plausible, floor, float(high.max()))


@dataclass(frozen=True)
class _Term:
    estimate: float
    low: float
    high: float


class _Terms:
    """Intervals of what groups add to a contrast, each two-sided at a total error and worked out once: pairs share their groups."""

    def __init__(self, rates: Sequence[Rates], error: float) -> None:
        self._rates, self._error = rates, error
        self._known: dict[tuple[int, int, int, int], _Term] = {}

    def contrast(self, later: _Pair, earlier: _Pair) -> tuple[float, float]:
        """Ends for the difference of ``later`` afterwards minus that of ``earlier`` before."""
        weights: dict[tuple[int, int], list[int]] = {}
        for pair, side, sign in ((later, 1, 1), (earlier, 0, -1)):
            weights.setdefault((pair.rate, pair.over), [0, 0])[side] += sign
            weights.setdefault((pair.rate, pair.under), [0, 0])[side] -= sign
        return _joined([self._term(*cell, before, after) for cell, (before, after) in weights.items()])

    def _term(self, rate: int, group: int, before: int, after: int) -> _Term:
        key = (rate, group, before, after)
        if key not in self._known:
            self._known[key] = _term(self._rates[rate][group], before, after, self._error)
        return self._known[key]


def _joined(terms: Sequence[_Term]) -> tuple[float, float]:
    middle = sum(term.estimate for term in terms)
    below = math.sqrt(sum((term.estimate - term.low) ** 2 for term in terms))
    above = math.sqrt(sum((term.high - term.estimate) ** 2 for term in terms))
    return middle - below, middle + above


def _term(counts: PairedCounts, before: int, after: int, error: float) -> _Term:
    """``before`` times the rate before plus ``after`` times the rate after, of one group; each is -1, 0 or 1."""
    if not before or not after:
        hits, sign = _hits(counts, bool(after)), before + after
        ends = wilson(hits, counts.n, alpha=error)
        return _signed(_Term(hits / counts.n, float(ends.low), float(ends.high)), sign)
    if before == after:
        # The rate after plus the rate before is the rate after minus the rate of its opposite before, plus one.
        counts = PairedCounts(counts.second_only, counts.neither, counts.both, counts.first_only)
    ends = tango(counts, alpha=error)
    shift = 1.0 if before == after else 0.0
    return _signed(_Term(counts.difference + shift, float(ends.low) + shift, float(ends.high) + shift), after)


def _signed(term: _Term, sign: int) -> _Term:
    return term if sign > 0 else _Term(-term.estimate, -term.high, -term.low)


def spreads_by_name(rates: Mapping[str, Rates]) -> dict[str, tuple[Rates, ...]]:
    """The spreads that rates by name allow: ``demographic_parity_difference`` and ``equalized_odds_difference``."""
    found: dict[str, tuple[Rates, ...]] = {}
    if "selection_rate" in rates:
        found["demographic_parity_difference"] = (rates["selection_rate"],)
    if "true_positive_rate" in rates and "false_positive_rate" in rates:
        found["equalized_odds_difference"] = (rates["true_positive_rate"], rates["false_positive_rate"])
    return found
