"""What a sample of this size can show: the smallest gap that would be seen, and the chance that a gate reaches a decision.

Use before a study, and beside every "no difference found". Stable API. ``sample_size`` answers the other question, how many rows would settle a claim.

A gap is seen when the two-sided score test at ``alpha`` rejects equal rates (``two_rates.difference_test`` on either side at half of it).
Chances are sums over all counts, with the smallest count that rejects found by bisection for each count of the reference; counts of the reference
further out than one in a million are left aside. Where every expected count is ``NORMAL_FROM`` or more the normal approximation stands in.
Effective numbers of rows (weights) are rounded down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

from rai_audits.stats.differences import difference_bound
from rai_audits.stats.interval import FloatArray, normal_quantile
from rai_audits.stats.ratios import ratio_bound
from rai_audits.stats.two_rates import difference_test

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from rai_audits.stats.interval import ChosenInterval

    IntArray = npt.NDArray[np.int64]
    Answer = Callable[[IntArray, IntArray], npt.NDArray[np.bool_]]

NORMAL_FROM = 2_000.0
"""Expected successes and failures from which the normal approximation is used; there it differs from the sum by less than 0.002."""

_FAR = 5e-7
_NO_RATE = 1e-12
_STEPS = 32


@dataclass(frozen=True)
class GatePower:
    """Chances of the three outcomes of a claim "at least the threshold", at given true rates."""

    passes: float
    fails: float

    @property
    def insufficient(self) -> float:
        return max(0.0, 1 - self.passes - self.fails)


def smallest_detectable_gap(
    trials: float, reference_rate: float, reference_trials: float, *, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """Smallest shortfall of the group's rate that is seen with chance ``power``; None when even a rate of 0 would not be.

    A smaller one goes unseen more often than 1 - ``power``. Raises ``ValueError`` for a rate or a chance outside its range.
    """
    n1, n2 = _sizes(trials, reference_trials)
    _share(reference_rate, "the reference rate")
    _chance(power, "power")
    _chance(alpha, "alpha")
    if n1 == 0 or n2 == 0 or reference_rate == 0:
        return None
    chance = _seen(n1, reference_rate, n2, alpha)
    # Where samples are large, a rate that the normal approximation can judge is a bound that costs nothing to try.
    quick = min(1.001 * NORMAL_FROM / n1, reference_rate)
    seen, unseen = (quick if chance(quick) >= power else 0.0), reference_rate
    if seen == 0.0 and chance(0.0) < power:
        return None
    for _ in range(_STEPS):
        middle = (seen + unseen) / 2
        if chance(middle) >= power:
            seen = middle
        else:
            unseen = middle
    return reference_rate - seen


def smallest_detectable_ratio(
    trials: float, reference_rate: float, reference_trials: float, *, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """The same as a ratio: the largest ratio below 1 that is seen with chance ``power``. A ratio nearer to 1 goes unseen more often."""
    gap = smallest_detectable_gap(trials, reference_rate, reference_trials, alpha=alpha, power=power)
    return None if gap is None else 1 - gap / reference_rate


def power_of_gap(
    gap: float, trials: float, reference_rate: float, reference_trials: float, *, alpha: float = 0.05
) -> float:
    """Chance to see that the group's rate falls short of the reference's by ``gap``. Raises ``ValueError`` where a rate would leave [0, 1]."""
    n1, n2 = _sizes(trials, reference_trials)
    _share(reference_rate, "the reference rate")
    _share(reference_rate - gap, "the reference rate less the gap")
    return _seen(n1, reference_rate, n2, alpha)(reference_rate - gap) if n1 and n2 else 0.0


def ratio_gate_power(
    rate: float,
    trials: float,
    reference_rate: float,
    reference_trials: float,
    threshold: float = 0.8,
    *,
    alpha: float = 0.05,
    fail_alpha: float | None = None,
) -> GatePower:
    """Chances of the gate "rate / reference_rate is at least ``threshold``", read from ``ratio_bound`` against a reference named beforehand.

    ``fail_alpha`` is the level of a fail, corrected where many pairs are judged (the same as ``alpha`` by default).
    """
    return _gate_power(ratio_bound, rate, trials, reference_rate, reference_trials, threshold, alpha, fail_alpha)


def difference_gate_power(
    rate: float,
    trials: float,
    reference_rate: float,
    reference_trials: float,
    threshold: float,
    *,
    alpha: float = 0.05,
    fail_alpha: float | None = None,
) -> GatePower:
    """The same for "rate - reference_rate is at least ``threshold``" (such as -0.1), read from ``difference_bound``."""
    return _gate_power(difference_bound, rate, trials, reference_rate, reference_trials, threshold, alpha, fail_alpha)


def first_true(answer: Answer, n1: int, k2: IntArray) -> IntArray:
    """For each k2 the smallest k1 with a true answer, n1 + 1 if none, for answers that stay true as k1 rises."""
    low, high = np.zeros(k2.size, dtype=np.int64), np.full(k2.size, n1 + 1)
    while (low < high).any():
        still = np.flatnonzero(low < high)
        middle = (low[still] + high[still]) // 2
        yes = answer(middle, k2[still])
        high[still[yes]] = middle[yes]
        low[still[~yes]] = middle[~yes] + 1
    return low


def _seen(n1: int, rate_2: float, n2: int, alpha: float) -> Callable[[float], float]:
    """Chance of a rejection on the low side as a function of the group's rate."""
    k2, weight = _likely(n2, rate_2)

    def kept(ones: IntArray, twos: IntArray) -> npt.NDArray[np.bool_]:
        return np.asarray(difference_test(ones, n1, twos, n2, alternative="less").p_value > alpha / 2)

    critical: list[IntArray] = []

    def chance(rate_1: float) -> float:
        smallest = min(n1 * min(rate_1, 1 - rate_1), n2 * min(rate_2, 1 - rate_2))
        if smallest >= NORMAL_FROM:
            return _normal_chance(rate_1, n1, rate_2, n2, alpha)
        if not critical:
            critical.append(first_true(kept, n1, k2) - 1)
        some = critical[0] >= 0
        return float(weight[some] @ special.bdtr(critical[0][some].astype(np.float64), n1, rate_1))

    return chance


def _normal_chance(rate_1: float, n1: int, rate_2: float, n2: int, alpha: float) -> float:
    """Normal approximation to the pooled test (Fleiss, Levin and Paik 2003, chapter 4, without the continuity correction)."""
    pooled = (n1 * rate_1 + n2 * rate_2) / (n1 + n2)
    null = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    real = math.sqrt(rate_1 * (1 - rate_1) / n1 + rate_2 * (1 - rate_2) / n2)
    return float(stats.norm.cdf((rate_2 - rate_1 - normal_quantile(alpha / 2) * null) / real))


def _gate_power(
    method: Callable[..., ChosenInterval],
    rate: float,
    trials: float,
    reference_rate: float,
    reference_trials: float,
    threshold: float,
    alpha: float,
    fail_alpha: float | None,
) -> GatePower:
    n1, n2 = _sizes(trials, reference_trials)
    _share(rate, "the rate")
    _share(reference_rate, "the reference rate")
    if n1 == 0 or n2 == 0:
        return GatePower(0.0, 0.0)
    k2, weight = _likely(n2, reference_rate)

    def passes(ones: IntArray, twos: IntArray) -> npt.NDArray[np.bool_]:
        return np.asarray(method(ones, n1, twos, n2, alpha=alpha, side="lower").low >= threshold)

    def not_fails(ones: IntArray, twos: IntArray) -> npt.NDArray[np.bool_]:
        return np.asarray(method(ones, n1, twos, n2, alpha=fail_alpha or alpha, side="upper").high >= threshold)

    first_pass, first_kept = first_true(passes, n1, k2), first_true(not_fails, n1, k2)
    return GatePower(
        passes=float(weight @ stats.binom.sf(first_pass - 1, n1, rate)),
        fails=float(weight @ stats.binom.cdf(first_kept - 1, n1, rate)),
    )


def _likely(n: int, rate: float) -> tuple[IntArray, FloatArray]:
    """Counts within reach of a binomial and their chances. Near the smallest floats the library overflows: such a rate is 0."""
    rate = rate if rate > _NO_RATE else 0.0
    low, high = (int(stats.binom.ppf(q, n, rate)) for q in (_FAR, 1 - _FAR))
    counts = np.arange(max(low, 0), high + 1, dtype=np.int64)
    return counts, np.asarray(stats.binom.pmf(counts, n, rate), dtype=np.float64)


def _sizes(trials: float, reference_trials: float) -> tuple[int, int]:
    if not (trials >= 0 and reference_trials >= 0 and math.isfinite(trials) and math.isfinite(reference_trials)):
        raise ValueError("numbers of rows must be 0 or more")
    return int(trials), int(reference_trials)


def _share(value: float, what: str) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{what} must lie between 0 and 1, got {value}")


def _chance(value: float, what: str) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{what} must lie between 0 and 1, got {value}")
