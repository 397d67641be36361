"""Bootstrap of clusters: rows that belong together (copies of one source row, applications of one person) are drawn together.

Use for any function of counts when rows are not independent; for a mean of differences ``paired.paired_cluster_mean`` is closed form. Stable API.

A cluster enters as its vector of counts. Clusters with equal vectors are exchangeable, so drawing clusters is one multinomial draw
over the distinct vectors: cost does not grow with rows, and the order of rows and clusters changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.stats.resample import percentiles, replicate_counts
from rai_audits.stats.weights import effective_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from rai_audits.stats.interval import FloatArray

MIN_CLUSTERS = 20
"""Clusters below which ``few`` is true: a percentile interval over so few draws is known to be too short."""


@dataclass(frozen=True)
class ClusterInterval:
    """Percentile interval over clusters, and what to know before believing it.

    ``low`` and ``high`` are NaN, with the reason in ``degenerate``, where the clusters cannot bound anything. ``undefined`` is the share of
    replicates without a value, left out. ``effective_clusters`` is Kish's number for clusters of unequal size: near 1 when one carries it all.
    """

    estimate: float
    low: float
    high: float
    undefined: float
    clusters: int
    effective_clusters: float
    degenerate: str | None = None

    @property
    def few(self) -> bool:
        """Whether there are so few clusters, effectively, that the interval is too short."""
        return self.effective_clusters < MIN_CLUSTERS


def cluster_counts(clusters: npt.ArrayLike, codes: npt.ArrayLike, cells: int) -> npt.NDArray[np.int64]:
    """Rows per cluster and cell, shape (clusters, cells), from one cluster name and one cell code (0 to ``cells`` - 1) for each row.

    Raises ``ValueError`` for arrays of unlike length or a code outside the cells.
    """
    names, cell = np.asarray(clusters), np.asarray(codes)
    if names.ndim != 1 or names.shape != cell.shape:
        raise ValueError("clusters and codes must be one-dimensional and of the same length")
    if cell.size and not ((cell >= 0) & (cell < cells)).all():
        raise ValueError(f"codes must lie between 0 and {cells - 1}")
    distinct, member = np.unique(names, return_inverse=True)
    counted = np.bincount(member * cells + cell.astype(np.int64), minlength=distinct.size * cells)
    return counted.astype(np.int64).reshape(distinct.size, cells)


def cluster_bootstrap(
    counts: npt.ArrayLike,
    statistic: Callable[[FloatArray], FloatArray],
    replicates: int = 2000,
    seed: int = 0,
    *,
    confidence: float = 0.95,
) -> ClusterInterval:
    """Percentile interval of ``statistic`` when whole clusters are drawn with replacement (Davison and Hinkley 1997, section 3.8).

    ``counts`` has shape (clusters, cells). ``statistic`` maps pooled counts (..., cells) to (...), NaN where undefined. Clusters without
    rows are left out. Raises ``ValueError`` for negative or fractional counts.
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or (table < 0).any() or (table != np.floor(table)).any():
        raise ValueError("counts must be whole numbers, 0 or more, with one row for each cluster")
    table = table[table.sum(axis=1) > 0]
    number, effective = len(table), effective_rows(table.sum(axis=1))
    estimate = float(statistic(table.sum(axis=0))) if number else math.nan
    vectors, times = np.unique(table, axis=0, return_counts=True) if number else (table, np.zeros(0))
    values = replicate_counts(times, lambda drawn: statistic(drawn @ vectors), replicates, seed) if number else table
    reason = _degenerate(number, values)
    if reason is not None:
        undefined = float(np.isnan(values).mean()) if number else 1.0
        return ClusterInterval(estimate, math.nan, math.nan, undefined, number, effective, reason)
    low, high = percentiles(values, confidence)
    return ClusterInterval(estimate, float(low), float(high), float(np.isnan(values).mean()), number, effective)


def _degenerate(number: int, values: FloatArray) -> str | None:
    if number < 2:
        return "no cluster has rows" if number == 0 else "a single cluster bounds nothing"
    known = values[~np.isnan(values)]
    if not known.size:
        return "no replicate has a value"
    if known.min() == known.max():
        return "every replicate has the same value, so the clusters show no spread to go by"
    return None
