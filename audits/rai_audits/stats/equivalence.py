"""Equivalence: two rates are close enough, and a claim about every group at once.

Use to conclude "the groups differ by less than the margin", which no missing significance can show. Stable API. Two one-sided tests (TOST,
Schuirmann 1987), each at ``alpha``: the claim holds where both reject, equivalently where the 1 - 2 alpha interval lies within the margins.
A claim about every group is an intersection of claims: it holds at ``alpha`` when each one does at ``alpha`` (Berger 1982).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.stats.differences import exact_difference, miettinen_nurminen
from rai_audits.stats.interval import BoolArray, FloatArray, as_counts
from rai_audits.stats.ratios import exact_ratio, score_ratio
from rai_audits.stats.two_rates import MarginTest, difference_test, ratio_test

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from rai_audits.stats.interval import Interval


@dataclass(frozen=True)
class Equivalence:
    """Per comparison: the one-sided bounds at ``alpha`` that decide, the larger of the two p-values, and whether it is at most alpha.

    Each bound is by the method that its test used at the margin, so that bounds within the margins and ``holds`` are one statement.
    """

    low: FloatArray
    high: FloatArray
    p_value: FloatArray
    holds: BoolArray


@dataclass(frozen=True)
class EveryClaim:
    """A claim about all of many: its p-value is the largest, and ``weakest`` says whose."""

    p_value: float
    holds: bool
    weakest: int


@dataclass(frozen=True)
class EveryPair:
    """Equivalence of all pairs of groups together; ``weakest`` holds the positions of the two groups that decide."""

    p_value: float
    holds: bool
    weakest: tuple[int, int]


def equivalent_difference(
    successes_1: npt.ArrayLike,
    trials_1: npt.ArrayLike,
    successes_2: npt.ArrayLike,
    trials_2: npt.ArrayLike,
    margin: float,
    *,
    alpha: float = 0.05,
) -> Equivalence:
    """Is p1 - p2 between -margin and margin? Raises ``ValueError`` for a margin outside (0, 1)."""
    if not 0 < margin < 1:
        raise ValueError(f"the margin of a difference lies between 0 and 1, got {margin}")
    counts = as_counts(successes_1, trials_1, successes_2, trials_2)
    below = difference_test(*counts, difference=-margin, alternative="greater")
    above = difference_test(*counts, difference=margin, alternative="less")
    return _between(counts, below, above, exact_difference, miettinen_nurminen, alpha)


def equivalent_ratio(
    successes_1: npt.ArrayLike,
    trials_1: npt.ArrayLike,
    successes_2: npt.ArrayLike,
    trials_2: npt.ArrayLike,
    margin: float = 0.8,
    *,
    alpha: float = 0.05,
) -> Equivalence:
    """Is p1 / p2 between margin and 1 / margin? Raises ``ValueError`` for a margin outside (0, 1)."""
    if not 0 < margin < 1:
        raise ValueError(f"the margin of a ratio lies between 0 and 1, got {margin}")
    counts = as_counts(successes_1, trials_1, successes_2, trials_2)
    below = ratio_test(*counts, ratio=margin, alternative="greater")
    above = ratio_test(*counts, ratio=1 / margin, alternative="less")
    return _between(counts, below, above, exact_ratio, score_ratio, alpha)


def _between(
    counts: tuple[FloatArray, ...],
    below: MarginTest,
    above: MarginTest,
    exact: Callable[..., Interval],
    score: Callable[..., Interval],
    alpha: float,
) -> Equivalence:
    """Both one-sided tests together, with the bounds of the method that each of them used."""
    low, high = (
        (exact(*counts, alpha=alpha, side=side), score(*counts, alpha=alpha, side=side)) for side in ("lower", "upper")
    )
    p_value = np.maximum(below.p_value, above.p_value)
    return Equivalence(
        low=np.where(below.exact, low[0].low, low[1].low),
        high=np.where(above.exact, high[0].high, high[1].high),
        p_value=p_value,
        holds=p_value <= alpha,
    )


def every_claim(p_values: npt.ArrayLike, *, alpha: float = 0.05) -> EveryClaim:
    """Intersection-union test: all claims hold where each is shown at ``alpha``; no correction is needed (Berger 1982).

    Raises ``ValueError`` without claims, or for a p-value outside [0, 1].
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or p.size == 0:
        raise ValueError("a claim about all needs a list of one p-value or more")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p-values must lie between 0 and 1")
    worst = int(p.argmax())
    return EveryClaim(float(p[worst]), bool(p[worst] <= alpha), worst)


def every_pair_equivalent(
    successes: npt.ArrayLike, trials: npt.ArrayLike, margin: float, *, alpha: float = 0.05
) -> EveryPair:
    """Do all groups lie within ``margin`` of one another? Arrays of one entry per group. Raises ``ValueError`` for under two groups."""
    k, n = (np.atleast_1d(item) for item in as_counts(successes, trials))
    if k.size < 2:
        raise ValueError("a comparison needs two groups")
    pairs = list(combinations(range(k.size), 2))
    one, other = (list(places) for places in zip(*pairs, strict=True))
    found = equivalent_difference(k[one], n[one], k[other], n[other], margin, alpha=alpha)
    claim = every_claim(found.p_value, alpha=alpha)
    return EveryPair(claim.p_value, claim.holds, pairs[claim.weakest])
