"""Mantel-Haenszel: two groups compared within strata, as one difference and one ratio of rates.

Use where groups are spread unevenly over strata (departments, job families). Stable API. Arrays have one entry per stratum; strata in
which a group has no rows say nothing and are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.stats.interval import FloatArray, Side, normal_quantile, tail

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class Strata:
    """Successes and trials of group 1 and group 2 in the strata that hold both."""

    k1: FloatArray
    n1: FloatArray
    k2: FloatArray
    n2: FloatArray

    @property
    def total(self) -> FloatArray:
        return self.n1 + self.n2


@dataclass(frozen=True)
class Pooled:
    """A common difference, or ratio, with the variance of the difference or of the log ratio. NaN where it is not defined."""

    estimate: float
    variance: float


def strata(k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike) -> Strata:
    """Counts as arrays, without strata that lack a group. Raises ``ValueError`` for successes outside 0 to trials."""
    arrays = [np.atleast_1d(np.asarray(item, dtype=np.float64)) for item in (k1, n1, k2, n2)]
    if (arrays[0] > arrays[1]).any() or (arrays[2] > arrays[3]).any() or any((item < 0).any() for item in arrays):
        raise ValueError("successes must lie between 0 and trials")
    both = (arrays[1] > 0) & (arrays[3] > 0)
    return Strata(*(item[both] for item in arrays))


def risk_difference(counts: Strata) -> Pooled:
    """Common p1 - p2 (Greenland and Robins 1985, Biometrics 41, 55-68), with Sato's variance (1989), right for few large or many thin strata."""
    total = counts.total
    weight = (counts.n1 * counts.n2 / total).sum()
    if weight == 0:
        return Pooled(math.nan, math.nan)
    estimate = float(((counts.k1 * counts.n2 - counts.k2 * counts.n1) / total).sum() / weight)
    p = (counts.n1**2 * counts.k2 - counts.n2**2 * counts.k1 + counts.n1 * counts.n2 * (counts.n2 - counts.n1) / 2) / (
        total**2
    )
    q = (counts.k1 * (counts.n2 - counts.k2) + counts.k2 * (counts.n1 - counts.k1)) / (2 * total)
    return Pooled(estimate, float(max(0.0, (estimate * p.sum() + q.sum()) / weight**2)))


def risk_ratio(counts: Strata) -> Pooled:
    """Common p1 / p2 with Greenland and Robins' variance of its logarithm. NaN where a group has no success in any stratum."""
    total = counts.total
    first, second = counts.k1 * counts.n2 / total, counts.k2 * counts.n1 / total
    if first.sum() == 0 or second.sum() == 0:
        return Pooled(math.nan, math.nan)
    won = counts.k1 + counts.k2
    top = (counts.n1 * counts.n2 * won - counts.k1 * counts.k2 * total) / total**2
    return Pooled(float(first.sum() / second.sum()), float(top.sum() / (first.sum() * second.sum())))


def difference_ends(pooled: Pooled, alpha: float, side: Side) -> tuple[float, float]:
    """Normal interval of the common difference, within [-1, 1]."""
    half = normal_quantile(tail(alpha, side)) * math.sqrt(pooled.variance)
    low, high = max(-1.0, pooled.estimate - half), min(1.0, pooled.estimate + half)
    return (-1.0 if side == "upper" else low), (1.0 if side == "lower" else high)


def ratio_ends(pooled: Pooled, alpha: float, side: Side) -> tuple[float, float]:
    """Log-normal interval of the common ratio."""
    half = normal_quantile(tail(alpha, side)) * math.sqrt(pooled.variance)
    low, high = pooled.estimate * math.exp(-half), pooled.estimate * math.exp(half)
    return (0.0 if side == "upper" else low), (math.inf if side == "lower" else high)
