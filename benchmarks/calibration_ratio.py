"""The gate "p1 / p2 is at least 0.8" for two groups, by exact enumeration over both counts: no random numbers, no truncation.

For every pair of counts the gate's answer is a truth value; its chance under two binomials is a sum over those that are true. Bounds rise
with the successes of group 1 (a tested property of both methods), so the sum needs only the counts at which the answer changes.
``ratio_bound`` is always one of the score bound and the exact bound: where both say the same no more is asked, and only in the band between
them is the rule itself evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from rai_audits.stats.interval import normal_quantile
from rai_audits.stats.power import first_true
from rai_audits.stats.ratios import exact_ratio, ratio_bound, score_ratio

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 0.8
ALPHA = 0.05
TARGET = ALPHA + 0.01
SIZES = (20, 35, 50, 100, 135, 300, 817, 2000, 5000)
REDUCED_SIZES = (20, 135, 817)
RATES = np.round(np.arange(0.05, 0.9501, 0.0125), 4)
REDUCED_RATES = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
TRUE_RATIOS = (0.8, 0.79, 0.75, 1.0)
"""At the limit, a little and clearly below it (a pass is wrong), and equal rates (a pass is right: power)."""

GATES = (
    "rule, fixed",
    "rule, all pairs",
    "log-ratio, fixed",
    "log-ratio, all pairs",
    "point, fixed",
    "point, all pairs",
)
FAILS = ("fail, fixed", "fail, all pairs")

_ROUNDING = 1e-12


def clears(n1: int, n2: int, alpha: float, side: str) -> np.ndarray:
    """Whether the rule's bound is at least the limit, for all counts: truth values (n1 + 1, n2 + 1)."""
    k2 = np.arange(n2 + 1)

    def above(method) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        def answer(ones: np.ndarray, twos: np.ndarray) -> np.ndarray:
            interval = method(ones, n1, twos, n2, alpha=alpha, side=side)
            return (interval.low if side == "lower" else interval.high) >= LIMIT

        return answer

    edges = [first_true(above(method), n1, k2) for method in (score_ratio, exact_ratio)]
    start, end = np.minimum(*edges), np.maximum(*edges)
    answers = np.arange(n1 + 1)[:, None] >= end
    band = end - start
    twos = np.repeat(k2, band)
    ones = np.repeat(start - (band.cumsum() - band), band) + np.arange(band.sum())
    answers[ones, twos] = above(ratio_bound)(ones, twos)
    return answers


def log_ratio_clears(n1: int, n2: int, alpha: float) -> np.ndarray:
    """The same for the lower end of the log-ratio interval (Katz et al. 1978); without a success in a group it does not pass."""
    z = normal_quantile(alpha)

    def above(ones: np.ndarray, twos: np.ndarray) -> np.ndarray:
        some = (ones > 0) & (twos > 0)
        one, two = np.where(some, ones, 1), np.where(some, twos, 1)
        error = np.sqrt(np.maximum(1 / one - 1 / n1 + 1 / two - 1 / n2, 0.0))
        return some & (np.log(one / n1) - np.log(two / n2) - z * error >= np.log(LIMIT) - _ROUNDING)

    return np.arange(n1 + 1)[:, None] >= first_true(above, n1, np.arange(n2 + 1))


def point_clears(n1: int, n2: int) -> np.ndarray:
    """The same for the observed ratio; without a success in group 2 there is no ratio and it does not pass."""
    k1, k2 = np.arange(n1 + 1)[:, None], np.arange(n2 + 1)
    return (k2 > 0) & (k1 * n2 >= LIMIT * k2 * n1 * (1 - _ROUNDING))


def chance(answers: np.ndarray, p1: np.ndarray, p2: np.ndarray) -> np.ndarray:
    """Chance of a true answer for each pair of true rates, summed over all counts."""
    change = np.diff(answers.astype(np.int8), axis=0, prepend=0)
    k1, k2 = np.nonzero(change)
    at_least, exactly = _tails(answers.shape[0] - 1, tuple(p1)), _masses(answers.shape[1] - 1, tuple(p2))
    return (change[k1, k2] * at_least[:, k1] * exactly[:, k2]).sum(axis=1)


@lru_cache(maxsize=64)
def _tails(n: int, rates: tuple[float, ...]) -> np.ndarray:
    return stats.binom.sf(np.arange(n + 1) - 1, n, np.array(rates)[:, None])


@lru_cache(maxsize=64)
def _masses(n: int, rates: tuple[float, ...]) -> np.ndarray:
    return stats.binom.pmf(np.arange(n + 1), n, np.array(rates)[:, None])


@dataclass(frozen=True)
class RatioCell:
    n1: int
    n2: int
    rate: float
    ratio: float
    chance: float


@dataclass(frozen=True)
class RatioStudy:
    """``chances[gate]`` is an array (true ratios, n1, n2, rates of group 2)."""

    sizes: tuple[int, ...]
    rates: np.ndarray
    chances: dict[str, np.ndarray]

    @property
    def cells(self) -> int:
        """Cells at each true ratio."""
        return len(self.sizes) ** 2 * self.rates.size

    def at(self, gate: str, ratio: float) -> np.ndarray:
        return self.chances[gate][TRUE_RATIOS.index(ratio)]

    def worst(self, gate: str, ratio: float) -> RatioCell:
        values = self.at(gate, ratio)
        one, two, rate = np.unravel_index(values.argmax(), values.shape)
        value = float(values[one, two, rate])
        return RatioCell(self.sizes[one], self.sizes[two], float(self.rates[rate]), ratio, value)

    def above(self, gate: str, ratio: float, target: float = TARGET) -> int:
        return int((self.at(gate, ratio) > target).sum())

    def power(self, gate: str, n1: int, n2: int, rate: float) -> float:
        place = int(np.abs(self.rates - rate).argmin())
        return float(self.at(gate, 1.0)[self.sizes.index(n1), self.sizes.index(n2), place])


def study(sizes: tuple[int, ...] = SIZES, rates: np.ndarray = RATES) -> RatioStudy:
    shape = (len(TRUE_RATIOS), len(sizes), len(sizes), rates.size)
    chances = {gate: np.zeros(shape) for gate in (*GATES, *FAILS)}
    for one in range(len(sizes)):
        for two in range(one, len(sizes)):
            forward, back = _answers(sizes[one], sizes[two]), _answers(sizes[two], sizes[one])
            for here, there, answers, reverse in ((one, two, forward, back), (two, one, back, forward)):
                for gate, truth in _gates(answers, reverse).items():
                    for at, ratio in enumerate(TRUE_RATIOS):
                        chances[gate][at, here, there] = chance(truth, ratio * rates, rates)
    return RatioStudy(sizes, rates, chances)


def _answers(n1: int, n2: int) -> dict[str, np.ndarray]:
    return {
        "rule": clears(n1, n2, ALPHA, "lower"),
        "log-ratio": log_ratio_clears(n1, n2, ALPHA),
        "point": point_clears(n1, n2),
        "fail": ~clears(n1, n2, ALPHA, "upper"),
        "fail, corrected": ~clears(n1, n2, ALPHA / 2, "upper"),
    }


def _gates(answers: dict[str, np.ndarray], reverse: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Gates with group 2 as fixed reference, and over both ordered pairs (all must pass, or one corrected bound fails)."""
    gates = {}
    for name in ("rule", "log-ratio", "point"):
        gates[f"{name}, fixed"] = answers[name]
        gates[f"{name}, all pairs"] = answers[name] & reverse[name].T
    gates["fail, fixed"] = answers["fail"]
    gates["fail, all pairs"] = answers["fail, corrected"] | reverse["fail, corrected"].T
    return gates
