"""Intervals for one mean and for a difference of two independent means.

Use for Brier scores, residuals and other averages over rows. Stable API. Student's t for one mean, Welch (1947), Biometrika 34, 28-35 for
two. Where no value varies, t would give an interval without width: values of known range then get Hoeffding's bound (1963), others
none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from rai_audits.stats.interval import Side, tail

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class Mean:
    """Mean of n values and their sample variance (NaN for fewer than two). ``width`` is the length of the possible range, if known."""

    mean: float
    variance: float
    n: int
    width: float | None = None

    @property
    def error(self) -> float:
        """Variance of the mean."""
        return self.variance / self.n


@dataclass(frozen=True)
class Ends:
    """Lower and upper end; a one-sided bound leaves the other end infinite."""

    low: float
    high: float


def mean_of(values: npt.ArrayLike, width: float | None = None) -> Mean:
    """Summary of one sample. The order of values does not matter. Raises ``ValueError`` without values or for NaN."""
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError("a mean needs finite values")
    middle = math.fsum(array) / array.size
    spread = math.fsum((array - middle) ** 2) / (array.size - 1) if array.size > 1 else math.nan
    constant = array.size > 1 and bool(array.min() == array.max())
    return Mean(middle, 0.0 if constant else spread, array.size, width)


def has_interval(*means: Mean) -> bool:
    """Whether ``mean_ends`` or ``difference_ends`` can give an interval."""
    if all(item.width is not None for item in means):
        return True
    return all(item.n > 1 for item in means) and any(item.variance > 0 for item in means)


def mean_ends(value: Mean, alpha: float, side: Side) -> Ends:
    """Student's t interval. Raises ``ValueError`` where ``has_interval`` is false."""
    return _ends([value], value.mean, alpha, side)


def difference_ends(first: Mean, second: Mean, alpha: float, side: Side) -> Ends:
    """Welch's interval of the first mean minus the second. Raises ``ValueError`` where ``has_interval`` is false."""
    return _ends([first, second], first.mean - second.mean, alpha, side)


def _ends(means: list[Mean], middle: float, alpha: float, side: Side) -> Ends:
    if not has_interval(*means):
        raise ValueError("no interval: too few values, or values that do not vary")
    each = tail(alpha, side)
    usable = all(item.n > 1 for item in means) and any(item.variance > 0 for item in means)
    half = _student(means, each) if usable else _hoeffding(means, each)
    return Ends(-math.inf if side == "upper" else middle - half, math.inf if side == "lower" else middle + half)


def _student(means: list[Mean], each: float) -> float:
    total = sum(item.error for item in means)
    freedom = total**2 / sum(item.error**2 / (item.n - 1) for item in means)
    return float(stats.t.ppf(1 - each, freedom)) * math.sqrt(total)


def _hoeffding(means: list[Mean], each: float) -> float:
    squares = sum((item.width or 0.0) ** 2 / item.n for item in means)
    return math.sqrt(math.log(1 / each) / 2 * squares)
