"""How many rows would settle a claim, if the observed rates stayed as they are.

Use beside every "insufficient evidence", to say what to do about it. Stable API. The search runs the very bounds that the gate
reads, so the answer matches the gate. It is the size at which the bound at the observed rates just clears the threshold: a new sample
of that size settles the claim about half of the time, so it is a floor to plan from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from rai_audits.stats.rates import wilson
from rai_audits.stats.ratios import ratio_bound

if TYPE_CHECKING:
    from collections.abc import Callable

CAP = 10_000_000
"""Largest number of rows that is searched for: beyond it, the rate sits too close to the threshold to be settled by rows."""

Direction: TypeAlias = Literal["at_least", "at_most"]


@dataclass(frozen=True)
class PairRows:
    """Rows of the group and of its reference that would settle a claim about their ratio."""

    group: int
    reference: int


def rows_for_rate(
    successes: float,
    trials: float,
    threshold: float,
    *,
    direction: Direction = "at_least",
    alpha: float = 0.05,
    fail_alpha: float | None = None,
    cap: int = CAP,
) -> int | None:
    """Smallest number of rows at which a Wilson one-sided bound settles "the rate is at least (at most) the threshold".

    ``alpha`` is the level of a pass, ``fail_alpha`` that of a fail (corrected for many groups; the same by default).
    None when there are no rows yet, when the rate equals the threshold, or when more than ``cap`` rows would be needed.
    """
    if trials <= 0 or successes / trials == threshold:
        return None
    rate = successes / trials
    above = rate > threshold
    level = alpha if above == (direction == "at_least") else (fail_alpha or alpha)

    def settled(rows: int) -> bool:
        if above:
            return bool(wilson(rate * rows, rows, alpha=level, side="lower").low >= threshold)
        return bool(wilson(rate * rows, rows, alpha=level, side="upper").high < threshold)

    return _smallest(settled, cap)


def rows_for_ratio(
    successes: float,
    trials: float,
    reference_successes: float,
    reference_trials: float,
    threshold: float,
    *,
    alpha: float = 0.05,
    fail_alpha: float | None = None,
    cap: int = CAP,
) -> PairRows | None:
    """Rows of both groups, grown in their present proportion, at which ``ratio_bound`` settles "the ratio is at least the threshold".

    None when a group has no rows or the reference no successes, when the ratio equals the threshold, or when the smaller group
    would need more than ``cap`` rows.
    """
    if trials <= 0 or reference_trials <= 0 or reference_successes <= 0:
        return None
    rate, reference_rate = successes / trials, reference_successes / reference_trials
    ratio = rate / reference_rate
    if math.isclose(ratio, threshold, rel_tol=1e-12):
        return None
    above = ratio > threshold
    level = alpha if above else (fail_alpha or alpha)
    smaller = min(trials, reference_trials)

    def sizes(rows: int) -> PairRows:
        return PairRows(math.ceil(trials * rows / smaller), math.ceil(reference_trials * rows / smaller))

    def settled(rows: int) -> bool:
        size = sizes(rows)
        counts = (rate * size.group, size.group, reference_rate * size.reference, size.reference)
        if above:
            return bool(ratio_bound(*counts, alpha=level, side="lower").low >= threshold)
        return bool(ratio_bound(*counts, alpha=level, side="upper").high < threshold)

    rows = _smallest(settled, cap)
    return None if rows is None else sizes(rows)


def _smallest(settled: Callable[[int], bool], cap: int) -> int | None:
    """Smallest size in 1..cap that settles, by doubling and then halving; None when the cap does not settle."""
    high = 1
    while not settled(high):
        if high >= cap:
            return None
        high = min(high * 2, cap)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if settled(middle):
            high = middle
        else:
            low = middle
    return high
