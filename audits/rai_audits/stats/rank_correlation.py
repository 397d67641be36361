"""Spearman's rank correlation with an interval.

Use where two numbers of the same rows should rise together but need not be linear, such as an attribution and the effect of a change.
Stable API: ``Correlation``, ``spearman``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from rai_audits.stats.interval import Side, normal_quantile, tail

if TYPE_CHECKING:
    import numpy.typing as npt

MIN_ROWS = 10
"""Fewest rows with an interval: the normal approximation of Fisher's z is poor for fewer."""


@dataclass(frozen=True)
class Correlation:
    """Correlation of n rows; NaN where either number is the same in all rows, or there are fewer than two."""

    estimate: float
    n: int

    def ends(self, alpha: float, side: Side = "two-sided") -> tuple[float, float]:
        """Interval or one-sided bound by Fisher's z with the variance (1 + r^2 / 2) / (n - 3): Bonett and Wright (2000), Psychometrika 65, 23-28.

        A correlation of 1 or -1 has no z: its inner end is that of the next value that n ranks can have. [-1, 1] where nothing is known.
        """
        if not math.isfinite(self.estimate) or self.n < MIN_ROWS:
            return -1.0, 1.0
        step = 12.0 / (self.n * (self.n**2 - 1.0))
        inside = min(max(self.estimate, -1 + step), 1 - step)
        reach = normal_quantile(tail(alpha, side)) * math.sqrt((1 + inside**2 / 2) / (self.n - 3))
        low = -1.0 if side == "upper" or self.estimate <= -1 else math.tanh(math.atanh(inside) - reach)
        high = 1.0 if side == "lower" or self.estimate >= 1 else math.tanh(math.atanh(inside) + reach)
        return low, high


def spearman(first: npt.ArrayLike, second: npt.ArrayLike) -> Correlation:
    """Spearman's rho with mid-ranks for ties. The order of rows does not matter. Raises ``ValueError`` for unlike lengths or values that are not finite."""
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != two.shape or not (np.isfinite(one).all() and np.isfinite(two).all()):
        raise ValueError("both must be finite numbers in one dimension, of the same length")
    if one.size < 2 or np.ptp(one) == 0 or np.ptp(two) == 0:
        return Correlation(math.nan, one.size)
    ranks = [stats.rankdata(values) - (one.size + 1) / 2 for values in (one, two)]
    products = [
        float((left * right).sum())
        for left, right in ((ranks[0], ranks[1]), (ranks[0], ranks[0]), (ranks[1], ranks[1]))
    ]
    return Correlation(min(1.0, max(-1.0, products[0] / math.sqrt(products[1] * products[2]))), one.size)
