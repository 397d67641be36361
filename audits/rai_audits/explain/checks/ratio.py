"""The ratio of two paired means with Fieller's interval (1954, J. R. Stat. Soc. B 16, 175-185).

Use for the share of one method's advantage that another reaches, both measured on the same documents. The lower bound is at least t exactly when
the one-sided paired t-test of mean(x - t y) > 0 rejects, so one number serves every threshold. Stable API.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from rai_audits.stats.interval import tail

if TYPE_CHECKING:
    import numpy.typing as npt

    from rai_audits.stats.interval import Side


@dataclass(frozen=True)
class PairedRatio:
    """``numerator`` and ``denominator`` are the means, the variances and the covariance those of the means, over ``n`` pairs."""

    numerator: float
    denominator: float
    var_numerator: float
    var_denominator: float
    covariance: float
    n: int

    @property
    def estimate(self) -> float:
        """Ratio of the means; NaN where the denominator is 0."""
        return self.numerator / self.denominator if self.denominator else math.nan

    def has_denominator(self, alpha: float, side: Side) -> bool:
        """Whether the denominator is above 0 beyond chance, without which its ratio is not bounded."""
        return self.denominator > self._reach(alpha, side) * math.sqrt(self.var_denominator)

    def ends(self, alpha: float, side: Side) -> tuple[float, float]:
        """Interval with total error ``alpha``; the whole line where ``has_denominator`` is false."""
        if not self.has_denominator(alpha, side):
            return -math.inf, math.inf
        squared = self._reach(alpha, side) ** 2
        a = self.denominator**2 - squared * self.var_denominator
        b = self.numerator * self.denominator - squared * self.covariance
        c = self.numerator**2 - squared * self.var_numerator
        half = math.sqrt(max(0.0, b * b - a * c))
        low, high = (b - half) / a, (b + half) / a
        return (-math.inf if side == "upper" else low), (math.inf if side == "lower" else high)

    def _reach(self, alpha: float, side: Side) -> float:
        return float(special.stdtrit(self.n - 1, 1 - tail(alpha, side)))


def paired_ratio(x: npt.ArrayLike, y: npt.ArrayLike) -> PairedRatio:
    """Summary of pairs, both of shape (n,). Raises ``ValueError`` for fewer than two pairs or numbers that are not finite."""
    one, two = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if (
        one.ndim != 1
        or one.shape != two.shape
        or one.size < 2
        or not (np.isfinite(one).all() and np.isfinite(two).all())
    ):
        raise ValueError("two or more pairs of finite numbers are needed")
    covariance = np.cov(one, two, ddof=1) / one.size
    return PairedRatio(
        float(one.mean()),
        float(two.mean()),
        float(covariance[0, 0]),
        float(covariance[1, 1]),
        float(covariance[0, 1]),
        one.size,
    )
