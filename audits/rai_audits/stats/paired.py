"""Differences between two outcomes of the same rows: rates (McNemar, Tango, Newcombe), their ratio, means and areas under curves.

Use when two models decide the same people, or one model decides the same text before and after a change: rows then cancel
out, and an interval for two independent samples would be far too wide. Stable API.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from rai_audits.stats.auc import share_below
from rai_audits.stats.interval import (
    FloatArray,
    Interval,
    Side,
    divide,
    normal_quantile,
    solve_decreasing,
    tail,
)
from rai_audits.stats.rates import wilson

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class PairedCounts:
    """Rows by two yes/no outcomes: yes in both, only in the first, only in the second, in neither. All at least 0."""

    both: int
    first_only: int
    second_only: int
    neither: int

    def __post_init__(self) -> None:
        if min(self.both, self.first_only, self.second_only, self.neither) < 0:
            raise ValueError("counts must not be negative")

    @property
    def n(self) -> int:
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def difference(self) -> float:
        """Rate of the second minus rate of the first; NaN without rows."""
        return (self.second_only - self.first_only) / self.n if self.n else math.nan


@dataclass(frozen=True)
class McNemar:
    """Two-sided p-values for equal rates. ``exact`` never errs above its level; ``mid_p`` is nearer to it on average."""

    exact: float
    mid_p: float


@dataclass(frozen=True)
class Difference:
    """An estimated difference with a two-sided or one-sided interval. NaN and the whole line where it cannot be estimated."""

    estimate: float
    low: float
    high: float
    n: int


def paired_counts(first: npt.ArrayLike, second: npt.ArrayLike) -> PairedCounts:
    """Count two boolean outcomes of the same rows, both of shape (rows,)."""
    one, two = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if one.ndim != 1 or one.shape != two.shape:
        raise ValueError("both outcomes must be one-dimensional and of the same length")
    return PairedCounts(
        int((one & two).sum()), int((one & ~two).sum()), int((~one & two).sum()), int((~one & ~two).sum())
    )


def mcnemar(counts: PairedCounts) -> McNemar:
    """Exact conditional test of McNemar (1947) and its mid-p form (Fagerland, Lydersen and Laake 2013).

    Only rows that changed speak; without any, both p-values are 1.
    """
    changed, fewer = counts.first_only + counts.second_only, min(counts.first_only, counts.second_only)
    if changed == 0:
        return McNemar(1.0, 1.0)
    below = float(special.bdtr(fewer, changed, 0.5))
    point = below - (float(special.bdtr(fewer - 1, changed, 0.5)) if fewer else 0.0)
    return McNemar(min(1.0, 2 * below), min(1.0, 2 * below - point))


def tango(counts: PairedCounts, *, alpha: float = 0.05, side: Side = "two-sided") -> Interval:
    """Score interval for the second rate minus the first: Tango (1998), Statistics in Medicine 17, 891-908.

    All differences that the score test does not reject. It has a width when no row changed, and [-1, 1] without rows.
    ``alpha`` is the total error.
    """
    z = normal_quantile(tail(alpha, side))
    if counts.n == 0:
        return Interval(np.asarray(-1.0), np.asarray(1.0))
    up, down, n = float(counts.second_only), float(counts.first_only), float(counts.n)

    def statistic(difference: FloatArray) -> FloatArray:
        linear = (2 * n - up + down) * difference - up - down
        constant = -down * difference * (1 - difference)
        discordant = (np.sqrt(np.maximum(linear * linear - 8 * n * constant, 0.0)) - linear) / (4 * n)
        variance = n * np.maximum(2 * discordant + difference * (1 - difference), 0.0)
        distance = up - down - n * difference
        return divide(distance, np.sqrt(variance), otherwise=np.sign(distance) * 1e12)

    estimate, edge = np.asarray([counts.difference]), np.asarray([1.0])
    low = solve_decreasing(statistic, z, -edge, estimate)[0] if side != "upper" else -1.0
    high = solve_decreasing(statistic, -z, estimate, edge)[0] if side != "lower" else 1.0
    return Interval(np.asarray(low), np.asarray(high))


def newcombe_paired(counts: PairedCounts, *, alpha: float = 0.05, side: Side = "two-sided") -> Interval:
    """Square-and-add interval for the second rate minus the first: method 10 of Newcombe (1998), Statistics in Medicine 17, 2635-2650.

    Wilson intervals of the two rates, joined by the correlation of the outcomes with its continuity correction.
    """
    if counts.n == 0:
        return Interval(np.asarray(-1.0), np.asarray(1.0))
    error = tail(alpha, side)
    second, first = counts.both + counts.second_only, counts.both + counts.first_only
    ends = wilson([second, first], counts.n, alpha=2 * error)
    rates = np.asarray([second, first]) / counts.n
    below, above = rates - ends.low, ends.high - rates
    phi = _newcombe_correlation(counts)
    low = counts.difference - math.sqrt(max(0.0, below[0] ** 2 - 2 * phi * below[0] * above[1] + above[1] ** 2))
    high = counts.difference + math.sqrt(max(0.0, above[0] ** 2 - 2 * phi * above[0] * below[1] + below[1] ** 2))
    return Interval(
        np.asarray(-1.0 if side == "upper" else max(low, -1.0)), np.asarray(1.0 if side == "lower" else min(high, 1.0))
    )


def bonett_price(counts: PairedCounts, *, alpha: float = 0.05, side: Side = "two-sided") -> Interval:
    """Interval for the second rate over the first: hybrid of two Wilson intervals, Bonett and Price (2006), Biometrics 62, 926-928.

    It runs from 0 to infinity where neither outcome ever occurred.
    """
    first, second = counts.both + counts.first_only, counts.both + counts.second_only
    some = counts.both + counts.first_only + counts.second_only
    if some == 0:
        return Interval(np.asarray(0.0), np.asarray(math.inf))
    z = normal_quantile(tail(alpha, side))
    spread = math.sqrt((counts.first_only + counts.second_only + 2) / ((first + 1) * (second + 1)))
    parts = math.sqrt((1 - (second + 1) / (some + 2)) / (second + 1)) + math.sqrt(
        (1 - (first + 1) / (some + 2)) / (first + 1)
    )
    level = 2 * float(special.ndtr(-z * spread / parts))
    ends = wilson([second, first], some, alpha=level)
    low = divide(ends.low[:1], ends.high[1:], otherwise=0.0)[0]
    high = divide(ends.high[:1], ends.low[1:], otherwise=math.inf)[0]
    return Interval(np.asarray(0.0 if side == "upper" else low), np.asarray(math.inf if side == "lower" else high))


def paired_mean(differences: npt.ArrayLike, *, alpha: float = 0.05, side: Side = "two-sided") -> Difference:
    """Mean of row differences with Student's interval. With fewer than two rows nothing bounds it."""
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError("differences must be finite numbers in one dimension")
    if values.size < 2:
        return Difference(float(values.mean()) if values.size else math.nan, -math.inf, math.inf, values.size)
    error = float(values.std(ddof=1)) / math.sqrt(values.size)
    return _around(
        float(values.mean()), error, float(special.stdtrit(values.size - 1, 1 - tail(alpha, side))), values.size, side
    )


def paired_cluster_mean(
    differences: npt.ArrayLike, clusters: npt.ArrayLike, *, alpha: float = 0.05, side: Side = "two-sided"
) -> Difference:
    """Mean of differences whose rows belong together in ``clusters`` (several changed copies of one source row).

    Cluster-robust variance of a ratio (Cochran 1977, section 9A) with Student's t on clusters - 1. ``n`` is the number of rows.
    """
    values, names = np.asarray(differences, dtype=np.float64), np.asarray(clusters)
    if values.ndim != 1 or values.shape != names.shape or not np.isfinite(values).all():
        raise ValueError("differences must be finite numbers, one cluster for each")
    distinct, member = np.unique(names, return_inverse=True)
    if distinct.size < 2:
        return Difference(float(values.mean()) if values.size else math.nan, -math.inf, math.inf, values.size)
    mean = float(values.mean())
    residuals = np.bincount(member, weights=values - mean)
    error = math.sqrt(distinct.size / (distinct.size - 1) * float((residuals**2).sum())) / values.size
    return _around(mean, error, float(special.stdtrit(distinct.size - 1, 1 - tail(alpha, side))), values.size, side)


def paired_auc(
    labels: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    alpha: float = 0.05,
    side: Side = "two-sided",
) -> Difference:
    """AUC of the second scores minus AUC of the first on the same rows: DeLong, DeLong and Clarke-Pearson (1988).

    ``labels`` is true for positives. NaN within [-1, 1] when a class has fewer than two rows.
    """
    positive = np.asarray(labels, dtype=bool)
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if positive.ndim != 1 or one.shape != positive.shape or two.shape != positive.shape:
        raise ValueError("labels and both scores must be one-dimensional and of the same length")
    if not (np.isfinite(one).all() and np.isfinite(two).all()):
        raise ValueError("scores must be numbers")
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    if min(n_pos, n_neg) < 2:
        return Difference(math.nan, -1.0, 1.0, positive.size)
    of_pos = _placements(two, positive) - _placements(one, positive)
    of_neg = -_placements(two, ~positive) + _placements(one, ~positive)
    error = math.sqrt(float(of_pos.var(ddof=1)) / n_pos + float(of_neg.var(ddof=1)) / n_neg)
    found = _around(float(of_pos.mean()), error, normal_quantile(tail(alpha, side)), positive.size, side)
    return Difference(found.estimate, max(found.low, -1.0), min(found.high, 1.0), found.n)


def difference_of(first: Difference, second: Difference) -> Difference:
    """First minus second of two independent estimates, by square-and-add of their own intervals (Zou and Donner 2008).

    Use for a gap between two groups: their rows are disjoint. Both must carry the same kind of interval; a one-sided bound
    asks for the opposite side of ``second``, so give two-sided intervals at twice the error.
    """
    estimate = first.estimate - second.estimate
    below = math.hypot(first.estimate - first.low, second.high - second.estimate)
    above = math.hypot(first.high - first.estimate, second.estimate - second.low)
    return Difference(estimate, estimate - below, estimate + above, first.n + second.n)


def _placements(scores: FloatArray, own: npt.NDArray[np.bool_]) -> FloatArray:
    others = scores[~own]
    return share_below(scores[own], others, np.ones(others.size))


def _newcombe_correlation(counts: PairedCounts) -> float:
    """Correlation of the outcomes; a positive association is shrunk by n/2 as Newcombe's method 10 does."""
    a, b, c, d = counts.both, counts.first_only, counts.second_only, counts.neither
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if margins == 0:
        return 0.0
    cross = float(a * d - b * c)
    if cross > 0:
        cross = max(cross - counts.n / 2, 0.0)
    return cross / math.sqrt(margins)


def _around(middle: float, error: float, quantile: float, n: int, side: Side) -> Difference:
    return Difference(
        middle,
        -math.inf if side == "upper" else middle - quantile * error,
        math.inf if side == "lower" else middle + quantile * error,
        n,
    )
