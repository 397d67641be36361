"""Association of two categories: bias-corrected Cramer's V, its p-value and bounds.

Use to ask whether a column tells people's group. Stable API: ``Association``, ``associated``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special, stats

from rai_audits.stats.interval import FloatArray, Side, tail

if TYPE_CHECKING:
    import numpy.typing as npt

_DRAWS = 9_999


@dataclass(frozen=True, eq=False)
class Association:
    """A table of counts (levels, groups) without empty rows or columns, at least two of each."""

    counts: FloatArray
    seed: int = 0

    @property
    def n(self) -> int:
        return round(float(self.counts.sum()))

    @cached_property
    def _expected(self) -> FloatArray:
        return np.outer(self.counts.sum(axis=1), self.counts.sum(axis=0)) / self.n

    @cached_property
    def chi_squared(self) -> float:
        """Pearson's statistic, without a correction for continuity."""
        return float(((self.counts - self._expected) ** 2 / self._expected).sum())

    @property
    def freedom(self) -> int:
        levels, groups = self.counts.shape
        return int((levels - 1) * (groups - 1))

    @property
    def cramers_v(self) -> float:
        """Bias-corrected Cramer's V: Bergsma (2013), Journal of the Korean Statistical Society 42, 323-328. 0 is independence, 1 tells all."""
        levels, groups = self.counts.shape
        phi = max(0.0, self.chi_squared / self.n - self.freedom / (self.n - 1))
        most = min(side - (side - 1) ** 2 / (self.n - 1) for side in (levels, groups)) - 1
        return min(1.0, math.sqrt(phi / most)) if most > 0 else 0.0

    @cached_property
    def p_value(self) -> float:
        """Chi-squared test of independence; where expected counts are small (Cochran's rule), by seeded tables with the same margins."""
        if (self._expected >= 5).mean() >= 0.8 and self._expected.min() >= 1:
            return float(stats.chi2.sf(self.chi_squared, self.freedom))
        margins = self.counts.sum(axis=1).astype(int), self.counts.sum(axis=0).astype(int)
        tables = stats.random_table(*margins).rvs(_DRAWS, random_state=np.random.default_rng(self.seed))
        drawn = ((tables - self._expected) ** 2 / self._expected).sum(axis=(1, 2))
        return float((1 + (drawn >= self.chi_squared * (1 - 1e-12)).sum()) / (1 + _DRAWS))

    def ends(self, alpha: float, side: Side = "two-sided") -> tuple[float, float]:
        """Interval or one-sided bound of V: the noncentralities that the statistic does not reject (Smithson 2003, Confidence Intervals, ch. 4).

        The upper end reads a statistic below its mean under independence as that mean: inverted as it is, it would say that nothing can be there.
        """
        error = tail(alpha, side)
        scale = self.n * (min(self.counts.shape) - 1)
        low = 0.0 if side == "upper" else math.sqrt(self._noncentrality(self.chi_squared, 1 - error) / scale)
        high = (
            1.0
            if side == "lower"
            else math.sqrt(self._noncentrality(max(self.chi_squared, self.freedom), error) / scale)
        )
        return min(1.0, low), min(1.0, high)

    def _noncentrality(self, statistic: float, probability: float) -> float:
        """Noncentrality under which at most ``statistic`` is seen with this probability; 0 where none is."""

        def excess(value: float) -> float:
            return float(special.chndtr(statistic, self.freedom, value)) - probability

        if excess(0.0) <= 0:
            return 0.0
        top = statistic + 1.0
        while excess(top) > 0:
            top *= 2
        return float(optimize.brentq(excess, 0.0, top, xtol=1e-9 * top))


def associated(levels: npt.ArrayLike, groups: npt.ArrayLike, *, seed: int = 0) -> Association | None:
    """The association of two categories over rows; None where either has fewer than two values. The order of rows does not matter."""
    names, level = np.unique(np.asarray(levels), return_inverse=True)
    others, group = np.unique(np.asarray(groups), return_inverse=True)
    if names.size < 2 or others.size < 2:
        return None
    counts = np.bincount(level * others.size + group, minlength=names.size * others.size).reshape(
        names.size, others.size
    )
    return Association(counts.astype(np.float64), seed)
