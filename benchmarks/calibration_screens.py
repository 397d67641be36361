"""Two screens by simulation: the spread (largest minus smallest rate) when all groups are equal, and slices under Benjamini-Hochberg."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from rai_audits.stats.differences import difference_bound
from rai_audits.stats.multiplicity import benjamini_hochberg
from rai_audits.stats.pairs import ordered_pairs
from rai_audits.stats.resample import bootstrap_counts

ERROR = 0.025
"""Error of the lower end of a two-sided 95 % interval."""

GROUPS = (2, 4, 8, 16)
SIZES = (100, 500, 2000)
RATES = (0.1, 0.5)
REPLICATES = 400
LEVEL = 0.05
ATTRIBUTES = 10
ROWS = 2_000
BASE_RATE = 0.3
EFFECTS = (0.0, 0.1, 0.25)
"""Difference in rate between rows that have the first attribute and rows that do not."""


@dataclass(frozen=True)
class SpreadCell:
    """Share of samples, all groups equal, in which an interval for the spread lies above zero."""

    groups: int
    n: int
    rate: float
    bootstrap: float
    pairs: float


@dataclass(frozen=True)
class SliceCell:
    """Mean share of false discoveries among the discoveries (0 if none), its standard error, and true slices found."""

    effect: float
    nulls: int
    tests: int
    corrected: float
    corrected_error: float
    uncorrected: float
    found: float


def spreads(
    samples: int, seed: int, groups: tuple[int, ...] = GROUPS, sizes: tuple[int, ...] = SIZES
) -> list[SpreadCell]:
    cells = [(g, n, rate) for g in groups for n in sizes for rate in RATES]
    return [_spread(*cell, samples, np.random.default_rng([seed, place])) for place, cell in enumerate(cells)]


def _spread(groups: int, n: int, rate: float, samples: int, draw: np.random.Generator) -> SpreadCell:
    k = draw.binomial(n, rate, size=(samples, groups))
    over, reference = ordered_pairs(groups)
    bound = difference_bound(k[:, over], n, k[:, reference], n, alpha=ERROR / over.size, side="lower").low.max(axis=1)
    counts = np.stack([k, n - k], axis=-1)
    interval = bootstrap_counts(counts, _largest_minus_smallest, REPLICATES, int(draw.integers(2**31)))
    return SpreadCell(groups, n, rate, float((interval.low > 0).mean()), float((bound > 0).mean()))


def _largest_minus_smallest(counts: np.ndarray) -> np.ndarray:
    rate = counts[..., 0] / counts.sum(axis=-1)
    return rate.max(axis=-1) - rate.min(axis=-1)


def slices(samples: int, seed: int) -> list[SliceCell]:
    """Slices of one or two of ten independent attributes; only those that name the first one truly differ from the rest of the rows."""
    return [_slices(effect, samples, np.random.default_rng([seed, place])) for place, effect in enumerate(EFFECTS)]


def _slices(effect: float, samples: int, draw: np.random.Generator) -> SliceCell:
    one, _ = np.triu_indices(ATTRIBUTES)
    null = np.ones(one.size, dtype=bool) if effect == 0 else one > 0
    shares = np.linspace(0.15, 0.5, ATTRIBUTES)
    counts = np.array([_counts(effect, shares, draw) for _ in range(samples)])
    tests = counts.reshape(-1, 4)
    p_values = fisher_two_sided(*tests.T).reshape(samples, one.size)
    proportions, uncorrected, found = [], [], []
    for row in p_values:
        confirmed, raw = benjamini_hochberg(row) <= LEVEL, row <= LEVEL
        proportions.append((confirmed & null).sum() / max(1, confirmed.sum()))
        uncorrected.append((raw & null).sum() / max(1, raw.sum()))
        found.append(confirmed[~null].mean() if effect else 0.0)
    error = float(np.std(proportions) / np.sqrt(samples))
    means = [float(np.mean(item)) for item in (proportions, uncorrected, found)]
    return SliceCell(effect, int(null.sum()), int(null.size), means[0], error, means[1], means[2])


def _counts(effect: float, shares: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Successes and rows of every slice, successes and rows of the rest; a slice is one attribute or two at once."""
    has = (draw.random((ROWS, ATTRIBUTES)) < shares).astype(np.float64)
    happened = draw.random(ROWS) < BASE_RATE + effect * has[:, 0]
    at = np.triu_indices(ATTRIBUTES)
    n, k = (has.T @ has)[at], ((has * happened[:, None]).T @ has)[at]
    return np.stack([k, n, happened.sum() - k, ROWS - n], axis=1)


def fisher_two_sided(k: np.ndarray, n: np.ndarray, rest_k: np.ndarray, rest_n: np.ndarray) -> np.ndarray:
    """Fisher's exact test, two-sided, vectorised: the chance of all tables no likelier than the one seen, margins fixed."""
    p_values = np.empty(k.size)
    for start in range(0, k.size, 5_000):
        part = slice(start, start + 5_000)
        ones, size, total = k[part, None], n[part, None], (k + rest_k)[part, None]
        everything = size + rest_n[part, None]
        least, most = np.maximum(0, total - (everything - size)), np.minimum(size, total)
        values = least + np.arange(int((most - least).max()) + 1)
        inside = values <= most

        def log_chance(x, size=size, total=total, everything=everything):
            return _log_choose(size, x) + _log_choose(everything - size, total - x) - _log_choose(everything, total)

        logs = np.where(inside, log_chance(np.minimum(values, most)), -np.inf)
        p_values[part] = np.where(logs <= log_chance(ones) + 1e-7, np.exp(logs), 0.0).sum(axis=1)
    return np.minimum(p_values, 1.0)


def _log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    return special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
