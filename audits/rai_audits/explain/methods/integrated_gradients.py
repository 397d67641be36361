"""Integrated gradients on the word vectors, with as many path points as completeness asks for.

Attributions of the tokens sum to the change of the explained number between the baseline and the text (completeness; Sundararajan, Taly and Yan
2017). The integral is a Gauss-Legendre rule of few points, repeated with a fifth more for each text by itself until the sum is close enough
or the limit is reached; the text then counts as failed.

Points are not spread evenly over the path. An encoder normalises the vectors that it reads, so what it sees turns from the baseline to the word
within a short stretch, about a third of the way, and hardly changes after. The rule is applied to a variable that the sinh map (Tee and
Trefethen 2006) stretches there: 14 points then reach what 20 to 22 evenly weighted ones do (``benchmarks/attribution.py``).
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.explain.engine import PathRow
from rai_audits.explain.jobs import complete
from rai_audits.explain.methods.base import Method

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_audits.explain.attribution import Settings, TokenAttribution
    from rai_audits.explain.engine import Engine
    from rai_audits.explain.jobs import Job

CENTRE, WIDTH = 0.3, 0.1
"""Where on the path points are densest, and over what stretch."""

GROWTH = 1.2
"""Points of the next attempt over those of the last: a text that misses the tolerance seldom misses it by much."""


def attribute(engine: Engine, jobs: Sequence[Job], settings: Settings) -> Iterator[tuple[Job, TokenAttribution]]:
    """Each job at the fewest steps of the ladder that keep completeness."""
    spent: dict[int, int] = defaultdict(int)
    steps, pending = settings.steps, list(jobs)
    while pending:
        last = _more(steps) > settings.max_steps
        repeat = []
        for job, values in _integrals(engine, pending, steps):
            spent[job.place] += steps
            found = complete(
                job, values.tolist(), tolerance=settings.tolerance, steps=steps, evaluations=spent[job.place]
            )
            if found.status == "failed" and not last and np.isfinite(values).all():
                repeat.append(job)
            else:
                yield job, found
        steps, pending = _more(steps), repeat


def _integrals(engine: Engine, jobs: Sequence[Job], steps: int) -> Iterator[tuple[Job, np.ndarray]]:
    """Each job with its token attributions, as soon as its last path point has come back."""
    points = path_points(steps)
    place = {(job.encoded.ids, job.weights): job for job in jobs}
    sums = {key: np.zeros(len(job.encoded)) for key, job in place.items()}
    open_points = dict.fromkeys(place, len(points))
    same: dict[object, list[Job]] = defaultdict(list)
    for job in jobs:
        same[job.encoded.ids, job.weights].append(job)
    rows = [PathRow(job.encoded.ids, job.blank, alpha, job.weights) for job in place.values() for alpha in points]
    for row, products in engine.path_products(rows):
        key = (row.ids, row.weights)
        sums[key] += points[row.alpha] * products
        open_points[key] -= 1
        if not open_points[key]:
            for job in same[key]:
                yield job, sums[key]


def _more(steps: int) -> int:
    return max(steps + 1, math.ceil(steps * GROWTH))


@lru_cache(maxsize=64)
def path_points(steps: int) -> dict[float, float]:
    """Points between 0 (the baseline) and 1 (the text) with their weights: Gauss-Legendre in t, alpha = CENTRE + WIDTH sinh(t)."""
    places, weights = np.polynomial.legendre.leggauss(steps)
    start, end = np.arcsinh((0.0 - CENTRE) / WIDTH), np.arcsinh((1.0 - CENTRE) / WIDTH)
    half = (end - start) / 2
    along = start + half * (places + 1)
    alphas = CENTRE + WIDTH * np.sinh(along)
    return dict(zip(alphas.tolist(), (weights * half * WIDTH * np.cosh(along)).tolist(), strict=True))


METHOD = Method(
    "integrated_gradients",
    "layer integrated gradients on the word vectors, Gauss-Legendre points, more where completeness asks for it",
    sums=True,
    attribute=attribute,
)
