"""Intervals for one rate: Wilson score, Jeffreys and Clopper-Pearson.

Use Wilson for tables and gates (close to its level at every n), Clopper-Pearson where the level must hold without
exception, Jeffreys for rare outcomes. Stable API.

All three take successes and trials as arrays that broadcast together. Where there are no trials the interval is [0, 1]: nothing
is known. They hold their level at 0 and at full counts, where the textbook (Wald) interval has no width at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from rai_audits.stats.interval import FloatArray, Interval, Side, as_counts, normal_quantile, share, tail

if TYPE_CHECKING:
    import numpy.typing as npt


def wilson(
    successes: npt.ArrayLike, trials: npt.ArrayLike, *, alpha: float = 0.05, side: Side = "two-sided"
) -> Interval:
    """Score interval of Wilson (1927), recommended by Brown, Cai and DasGupta (2001).

    ``alpha`` is the total error. The lower end is exactly 0 at no successes, the upper exactly 1 at full counts.
    """
    k, n = as_counts(successes, trials)
    z = normal_quantile(tail(alpha, side))
    rate = np.nan_to_num(share(k, n), nan=0.5)
    known = n > 0
    safe = np.where(known, n, 1.0)
    middle = (rate + z * z / (2 * safe)) / (1 + z * z / safe)
    half = z * np.sqrt(rate * (1 - rate) / safe + z * z / (4 * safe * safe)) / (1 + z * z / safe)
    low = np.where(known & (k > 0), np.clip(middle - half, 0.0, rate), 0.0)
    high = np.where(known & (k < n), np.clip(middle + half, rate, 1.0), 1.0)
    return _one_side(low, high, side)


def jeffreys(
    successes: npt.ArrayLike, trials: npt.ArrayLike, *, alpha: float = 0.05, side: Side = "two-sided"
) -> Interval:
    """Equal-tailed interval of the posterior under Jeffreys' prior, Beta(1/2, 1/2).

    With the end rule of Brown, Cai and DasGupta (2001): 0 at no successes, 1 at full counts.
    """
    k, n = as_counts(successes, trials)
    error = tail(alpha, side)
    low = np.where(k > 0, special.betaincinv(k + 0.5, n - k + 0.5, error), 0.0)
    high = np.where(k < n, special.betainccinv(k + 0.5, n - k + 0.5, error), 1.0)
    return _one_side(low, high, side)


def clopper_pearson(
    successes: npt.ArrayLike, trials: npt.ArrayLike, *, alpha: float = 0.05, side: Side = "two-sided"
) -> Interval:
    """Exact interval of Clopper and Pearson (1934): covers at least 1 - alpha for every n and every true rate."""
    k, n = as_counts(successes, trials)
    error = tail(alpha, side)
    inside = (k > 0) & (k < n)
    low = np.where(k > 0, special.betaincinv(np.where(k > 0, k, 1.0), n - k + 1, error), 0.0)
    high = np.where(k < n, special.betainccinv(k + 1, np.where(k < n, n - k, 1.0), error), 1.0)
    rate = np.nan_to_num(share(k, n), nan=0.5)
    return _one_side(np.where(inside, np.minimum(low, rate), low), np.where(inside, np.maximum(high, rate), high), side)


def _one_side(low: FloatArray, high: FloatArray, side: Side) -> Interval:
    if side == "lower":
        high = np.ones_like(high)
    elif side == "upper":
        low = np.zeros_like(low)
    return Interval(low=low, high=high)
