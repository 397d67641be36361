"""All ordered pairs of groups: ratios and differences of rates, with the bounds that the two outcomes of a gate read.

Use for every claim "each group is at least t times every other" or "no two groups differ by more than t". Stable API.

Why all pairs, and why two levels. The claim is an intersection of one claim per ordered pair. To pass it, every pair must pass, and
each may be tested at the full level alpha (intersection-union test, Berger 1982): ``lower`` and ``upper`` are uncorrected. To fail it,
one rejected pair is enough, so those bounds are for a whole family of m comparisons: ``lower_corrected`` and ``upper_corrected`` stand
at alpha / m. Holm's procedure begins with the most extreme pair at alpha / m and rejects nothing unless that one falls, so
"Holm rejects some pair" and "some pair's bound at alpha / m excludes t" are the same event; the later, looser steps
never change whether the claim fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from rai_audits.stats.differences import difference_bound, difference_estimate
from rai_audits.stats.interval import BoolArray, ChosenInterval, FloatArray, as_counts
from rai_audits.stats.ratios import ratio_bound, ratio_estimate

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Estimate: TypeAlias = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]
    Interval: TypeAlias = Callable[..., ChosenInterval]


@dataclass(frozen=True)
class OneSided:
    """One-sided bounds of every pair on one side, and where the exact method stands."""

    value: FloatArray
    exact: BoolArray


@dataclass(frozen=True)
class PairBounds:
    """One-sided bounds at one alpha; the corrected ones at ``alpha / family``."""

    alpha: float
    family: int
    lower: OneSided
    upper: OneSided
    lower_corrected: OneSided
    upper_corrected: OneSided


@dataclass(frozen=True)
class PairTable:
    """Every ordered pair of the groups given, as arrays of length m = g * (g - 1).

    ``over`` and ``reference`` are positions of the two groups; a ratio is over / reference, a difference over - reference.
    ``interval`` is two-sided.
    """

    over: npt.NDArray[np.intp]
    reference: npt.NDArray[np.intp]
    estimate: FloatArray
    interval: ChosenInterval
    bounds: tuple[PairBounds, ...]

    @property
    def family(self) -> int:
        return int(self.over.size)


def ordered_pairs(groups: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Positions (over, reference) of all ordered pairs of different groups, in row order."""
    over, reference = np.nonzero(~np.eye(groups, dtype=bool))
    return over, reference


def pair_ratios(
    successes: npt.ArrayLike, trials: npt.ArrayLike, *, alphas: tuple[float, ...] = (0.05,), confidence: float = 0.95
) -> PairTable:
    """Ratios of rates for all ordered pairs of groups. ``successes`` and ``trials`` have one entry per group."""
    return _pairs(successes, trials, ratio_estimate, ratio_bound, alphas, confidence)


def pair_differences(
    successes: npt.ArrayLike, trials: npt.ArrayLike, *, alphas: tuple[float, ...] = (0.05,), confidence: float = 0.95
) -> PairTable:
    """Differences of rates for all ordered pairs of groups. ``successes`` and ``trials`` have one entry per group."""
    return _pairs(successes, trials, difference_estimate, difference_bound, alphas, confidence)


def _pairs(
    successes: npt.ArrayLike,
    trials: npt.ArrayLike,
    estimate: Estimate,
    interval: Interval,
    alphas: tuple[float, ...],
    confidence: float,
) -> PairTable:
    k, n = (np.atleast_1d(item) for item in as_counts(successes, trials))
    over, reference = ordered_pairs(k.size)
    counts = (k[over], n[over], k[reference], n[reference])
    family = max(over.size, 1)

    def bounds(alpha: float) -> tuple[OneSided, OneSided]:
        low = interval(*counts, alpha=alpha, side="lower")
        high = interval(*counts, alpha=alpha, side="upper")
        return OneSided(low.low, low.low_exact), OneSided(high.high, high.high_exact)

    table: list[PairBounds] = []
    for alpha in alphas:
        lower, upper = bounds(alpha)
        lower_corrected, upper_corrected = bounds(alpha / family)
        table.append(PairBounds(alpha, family, lower, upper, lower_corrected, upper_corrected))
    return PairTable(
        over=over,
        reference=reference,
        estimate=estimate(*counts),
        interval=interval(*counts, alpha=1 - confidence),
        bounds=tuple(table),
    )
