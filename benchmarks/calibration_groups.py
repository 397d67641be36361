"""The claim "every group is at least 0.8 of every other" for 3 to 16 groups, by simulation.

Answers for one ordered pair come from the exact tables of ``calibration_ratio``; only the counts are drawn. In every scenario the claim sits
at its limit: the lowest true rate is exactly 0.8 of the highest, so a pass and a fail both count as wrong when they happen, one for each
side of the limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from calibration_ratio import ALPHA, LIMIT, clears, point_clears

from rai_audits.stats.pairs import ordered_pairs
from rai_audits.stats.ratios import ratio_bound

GROUPS = (3, 4, 8, 16)
REDUCED_GROUPS = (3, 8)
SAMPLES = 20_000
REDUCED_SAMPLES = 4_000
TOP_RATES = (0.2, 0.5, 0.8)
BAD_CASE = ((100, 20_000, 20_000), (0.714, 0.70, 0.571))
"""Observed rates of the small group swing above and below the second, so the reference is often the wrong one."""


@dataclass(frozen=True)
class Scenario:
    name: str
    sizes: tuple[int, ...]
    rates: tuple[float, ...]

    @property
    def groups(self) -> int:
        return len(self.sizes)


@dataclass(frozen=True)
class Claim:
    """How often one scenario passed under each rule, and how often it failed, as shares of the samples."""

    scenario: Scenario
    passed: float
    failed: float
    passed_highest: float
    passed_point: float
    failed_uncorrected: float


def standard_error(samples: int) -> float:
    """Of a share whose true value is alpha."""
    return math.sqrt(ALPHA * (1 - ALPHA) / samples)


def scenarios(groups: tuple[int, ...], tops: tuple[float, ...] = TOP_RATES) -> list[Scenario]:
    found = []
    for g in groups:
        shapes = {
            "one low": (LIMIT, *[1.0] * (g - 1)),
            "one high": (LIMIT,) * (g - 1) + (1.0,),
            "half and half": (LIMIT,) * (g // 2) + (1.0,) * (g - g // 2),
            "most between": (LIMIT, *[0.9] * (g - 2), 1.0),
        }
        sizes = {
            "300 each": (300,) * g,
            "2000 each": (2000,) * g,
            "lowest 100, others 2000": (100, *[2000] * (g - 1)),
            "highest 100, others 2000": (2000,) * (g - 1) + (100,),
        }
        for shape, shares in shapes.items():
            for size, n in sizes.items():
                for top in tops:
                    rates = tuple(round(top * share, 6) for share in shares)
                    found.append(Scenario(f"{shape}; {size}; top rate {top}", n, rates))
    return found


def study(groups: tuple[int, ...], samples: int, seed: int, tops: tuple[float, ...] = TOP_RATES) -> list[Claim]:
    return [
        simulate(scenario, samples, np.random.default_rng([seed, place]))
        for place, scenario in enumerate(scenarios(groups, tops))
    ]


def simulate(scenario: Scenario, samples: int, draw: np.random.Generator) -> Claim:
    n, g = scenario.sizes, scenario.groups
    family = g * (g - 1)
    k = draw.binomial(n, scenario.rates, size=(samples, g))
    passed, point = np.ones(samples, dtype=bool), np.ones(samples, dtype=bool)
    failed, uncorrected = np.zeros(samples, dtype=bool), np.zeros(samples, dtype=bool)
    against = np.ones((g, samples), dtype=bool)
    for over, reference in zip(*(item.tolist() for item in ordered_pairs(g)), strict=True):
        ones, twos, pair = k[:, over], k[:, reference], (n[over], n[reference])
        clear = _table(*pair, ALPHA, "lower")[ones, twos]
        passed &= clear
        against[reference] &= clear
        point &= _points(*pair)[ones, twos]
        failed |= ~_table(*pair, ALPHA / family, "upper")[ones, twos]
        uncorrected |= ~_table(*pair, ALPHA, "upper")[ones, twos]
    highest = against[(k / np.array(n)).argmax(axis=1), np.arange(samples)]
    shares = [float(item.mean()) for item in (passed, failed, highest, point, uncorrected)]
    return Claim(scenario, *shares)


def bad_case(samples: int, seed: int) -> tuple[float, float]:
    """Wrong passes where the lowest rate is 0.7997 of the highest: over all ordered pairs, and against the highest observed rate."""
    sizes, rates = np.array(BAD_CASE[0]), np.array(BAD_CASE[1])
    k = np.random.default_rng([seed, 1_000_000]).binomial(sizes, rates, size=(samples, sizes.size))
    over, reference = ordered_pairs(sizes.size)
    clear = (
        ratio_bound(k[:, over], sizes[over], k[:, reference], sizes[reference], alpha=ALPHA, side="lower").low >= LIMIT
    )
    highest = (k / sizes).argmax(axis=1)
    against = np.where(reference == highest[:, None], clear, True)
    return float(clear.all(axis=1).mean()), float(against.all(axis=1).mean())


@cache
def _table(n1: int, n2: int, alpha: float, side: str) -> np.ndarray:
    return clears(n1, n2, alpha, side)


@cache
def _points(n1: int, n2: int) -> np.ndarray:
    return point_clears(n1, n2)
