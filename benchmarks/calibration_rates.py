"""Coverage of two-sided 95 % intervals for one rate, by exact enumeration: no random numbers.

The control is the percentile bootstrap. Resampling n rows of which k succeeded gives Bin(n, k/n) successes, so with endless replicates its
ends are quantiles of that distribution over n, and its coverage can be enumerated too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from rai_audits.stats.interval import Interval
from rai_audits.stats.rates import clopper_pearson, jeffreys, wilson

MEAN_TARGET = 0.945
CELL_TARGET = 0.915
SIZES = (20, 30, 50, 75, 100, 150, 250, 500, 1000, 2000, 3000, 5000)
REDUCED_SIZES = (20, 50, 250, 5000)
_HALF = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
RATES = np.array([*_HALF, 0.5, *(round(1 - rate, 3) for rate in reversed(_HALF))])
FINE_RATES = np.arange(10, 991) / 1000
"""981 true rates, to see what lies between the 25 of the grid; the targets are stated for the grid."""

_ROUNDING = 1e-12
"""A true rate that lies on an end, up to rounding, counts as covered, for every method alike."""


def percentile_bootstrap(successes: np.ndarray, trials: int) -> Interval:
    """Percentile interval of a bootstrapped rate with endless replicates."""
    share = successes / trials
    ends = [stats.binom.ppf(level, trials, share) / trials for level in (0.025, 0.975)]
    return Interval(low=ends[0], high=ends[1])


METHODS = {
    "Wilson": wilson,
    "Jeffreys": jeffreys,
    "Clopper-Pearson": clopper_pearson,
    "percentile bootstrap": percentile_bootstrap,
}


@dataclass(frozen=True)
class RateCell:
    """One cell of the grid that falls short of the target for cells."""

    n: int
    rate: float
    coverage: float


@dataclass(frozen=True)
class RateStudy:
    """Coverage by method, arrays (sizes, rates)."""

    sizes: tuple[int, ...]
    rates: np.ndarray
    coverage: dict[str, np.ndarray]

    @property
    def enough(self) -> np.ndarray:
        """Cells in which at least five successes and five failures are expected."""
        n = np.array(self.sizes)[:, None]
        return np.minimum(n * self.rates, n * (1 - self.rates)) >= 5 - _ROUNDING

    def mean(self, method: str) -> float:
        return float(self.coverage[method].mean())

    def worst(self, method: str, *, enough: bool) -> RateCell:
        """The cell covered least, of those with enough expected counts or of the others."""
        values = np.where(self.enough == enough, self.coverage[method], 2.0)
        row, column = np.unravel_index(values.argmin(), values.shape)
        return RateCell(self.sizes[row], float(self.rates[column]), float(values[row, column]))

    def short(self, method: str, *, enough: bool) -> list[RateCell]:
        """Cells below the target, those with enough expected counts or the others."""
        below = (self.coverage[method] < CELL_TARGET) & (self.enough == enough)
        return [
            RateCell(self.sizes[row], float(self.rates[column]), float(self.coverage[method][row, column]))
            for row, column in np.argwhere(below)
        ]


def study(sizes: tuple[int, ...] = SIZES, rates: np.ndarray = RATES) -> RateStudy:
    coverage = {name: np.stack([_coverage(method, n, rates) for n in sizes]) for name, method in METHODS.items()}
    return RateStudy(sizes, rates, coverage)


def _coverage(method, n: int, rates: np.ndarray) -> np.ndarray:
    k = np.arange(n + 1)
    interval = method(k, n)
    true = rates[:, None]
    covered = (interval.low <= true + _ROUNDING) & (true - _ROUNDING <= interval.high)
    return np.where(covered, stats.binom.pmf(k, n, true), 0.0).sum(axis=1)
