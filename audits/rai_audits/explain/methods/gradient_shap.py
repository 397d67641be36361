"""Gradient SHAP: expected gradients over points drawn between the baseline and the text (Lundberg and Lee 2017; Erion et al. 2021).

There is one baseline, the text of padding tokens that every method here compares with, so the values sum in expectation to the output
change, and their expectation is integrated gradients. What the sum misses is sampling error: a text that misses the tolerance is drawn
again with twice the samples, up to ``max_steps`` of them, and failed beyond.

Draws are ours, not those of Captum's LayerGradientShap: that one draws from global generators, runs all samples of a text in one pass whatever
the memory, and cannot pool texts. One draw in each of ``samples`` equal stretches of the path (stratified) also errs far less than free ones.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.explain.engine import PathRow
from rai_audits.explain.jobs import complete
from rai_audits.explain.methods.base import Method
from rai_audits.explain.methods.seeding import text_seed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from rai_audits.explain.attribution import Settings, TokenAttribution
    from rai_audits.explain.engine import Engine
    from rai_audits.explain.jobs import Job


def attribute(engine: Engine, jobs: Sequence[Job], settings: Settings) -> Iterator[tuple[Job, TokenAttribution]]:
    """Each job at the fewest samples of the ladder that keep completeness."""
    spent: dict[int, int] = defaultdict(int)
    samples, pending = settings.samples, list(jobs)
    while pending:
        last = 2 * samples > max(settings.max_steps, settings.samples)
        repeat = []
        for job, values in _expected(engine, pending, samples, settings.seed):
            spent[job.place] += samples
            found = complete(
                job, values.tolist(), tolerance=settings.tolerance, steps=samples, evaluations=spent[job.place]
            )
            if found.status == "failed" and not last and np.isfinite(values).all():
                repeat.append(job)
            else:
                yield job, found
        samples, pending = 2 * samples, repeat


def drawn_points(seed: int, ids: Sequence[int], samples: int) -> npt.NDArray[np.float64]:
    """One point of the path in each of ``samples`` equal stretches, the same for one text whatever runs beside it."""
    draws = np.random.default_rng((text_seed(seed, ids), samples)).random(samples)
    return (np.arange(samples) + draws) / samples


def _expected(
    engine: Engine, jobs: Sequence[Job], samples: int, seed: int
) -> Iterator[tuple[Job, npt.NDArray[np.float64]]]:
    """Each job with the mean of its products, as soon as its last sample has come back; equal texts are run once."""
    same: dict[tuple[tuple[int, ...], tuple[float, ...]], list[Job]] = defaultdict(list)
    for job in jobs:
        same[job.encoded.ids, job.weights].append(job)
    sums = {key: np.zeros(len(key[0])) for key in same}
    left = dict.fromkeys(same, samples)
    rows = [
        PathRow(ids, own[0].blank, float(alpha), weights)
        for (ids, weights), own in same.items()
        for alpha in drawn_points(seed, ids, samples)
    ]
    for row, products in engine.path_products(rows):
        key = (row.ids, row.weights)
        sums[key] += products / samples
        left[key] -= 1
        if not left[key]:
            for job in same[key]:
                yield job, sums[key]


METHOD = Method(
    "gradient_shap",
    "gradient SHAP: expected gradients over seeded, stratified points between baseline and text",
    sums=True,
    attribute=attribute,
)
