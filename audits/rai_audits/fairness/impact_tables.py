"""Rates and impact ratios of categories, as New York City's rule on bias audits defines them (6 RCNY 5-300 and 5-301).

Use ``impact_table`` for one table: by sex, by race/ethnicity, or by both. Stable within this package. A rate is the share of a category that was
selected, or that scored above the median of the full sample. An impact ratio is a category's rate over the highest rate of any.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from rai_audits.fairness.counts import UNKNOWN

if TYPE_CHECKING:
    import numpy.typing as npt

    from rai_audits.fairness.grouped import Grouping

Kind = Literal["selection", "scoring"]
Scope = Literal["sex", "race", "sex_race"]


@dataclass(frozen=True)
class Category:
    """One category: rows, those that were selected or scored above the median, share of the rows of known category."""

    name: str
    n: int
    hits: int
    share: Fraction
    excluded: bool

    @property
    def rate(self) -> Fraction | None:
        return Fraction(self.hits, self.n) if self.n else None


@dataclass(frozen=True)
class ImpactTable:
    """One table of the rule. ``label`` names the class of a tool with more than two outputs, else None."""

    kind: Kind
    scope: Scope
    attribute: str
    label: str | None
    categories: tuple[Category, ...]
    unknown: int

    @property
    def highest(self) -> Category | None:
        """The category with the highest rate among those that are not excluded; None where all rates are 0 or none exists."""
        able = [item for item in self.categories if item.n and not item.excluded]
        best = max(able, key=lambda item: Fraction(item.hits, item.n), default=None)
        return best if best is not None and best.hits else None

    def ratio(self, category: Category) -> Fraction | None:
        """Impact ratio of a category; None where it is excluded, has no rows, or no rate is above 0."""
        highest = self.highest
        if highest is None or category.excluded or category.n == 0:
            return None
        return Fraction(category.hits, category.n) / Fraction(highest.hits, highest.n)


def impact_table(
    kind: Kind,
    scope: Scope,
    groups: Grouping,
    hits: npt.NDArray[np.bool_],
    *,
    exclude_below: Fraction,
    label: str | None = None,
) -> ImpactTable:
    """Count one table. ``hits`` has one entry per row; a category with a share under ``exclude_below`` is marked excluded."""
    inside = {name: groups.rows(name) for name in groups.names}
    known = sum(groups.count(rows) for rows in inside.values())
    categories = []
    for name, rows in inside.items():
        n = groups.count(rows)
        share = Fraction(n, known) if known else Fraction(0)
        categories.append(Category(name, n, groups.count(hits & rows), share, n > 0 and share < exclude_below))
    return ImpactTable(kind, scope, groups.attribute, label, tuple(categories), groups.size(UNKNOWN))


@dataclass(frozen=True)
class Median:
    """Median of a sample with an interval from its order statistics, which holds for any distribution."""

    value: float
    low: float
    high: float


def sample_median(scores: npt.NDArray[np.float64], confidence: float) -> Median:
    """Median of at least one score. The ends are the sample's own extremes where too few rows allow no interval at this level."""
    ordered = np.sort(scores)
    n = ordered.size
    # P(x_(j) <= median <= x_(n+1-j)) >= 1 - 2 P(Binomial(n, 1/2) < j).
    below = int(stats.binom.ppf((1 - confidence) / 2, n, 0.5))
    place = below if stats.binom.cdf(below - 1, n, 0.5) <= (1 - confidence) / 2 else below - 1
    place = max(place, 1)
    return Median(float(np.median(ordered)), float(ordered[place - 1]), float(ordered[n - place]))
