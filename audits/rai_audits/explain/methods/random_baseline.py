"""Attributions drawn by lot: what an explanation must beat. Every content token gets a standard normal number, seeded by the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_audits.explain.jobs import unsummed
from rai_audits.explain.methods.base import Method
from rai_audits.explain.methods.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_audits.explain.attribution import Settings, TokenAttribution
    from rai_audits.explain.engine import Engine
    from rai_audits.explain.jobs import Job


def attribute(_engine: Engine, jobs: Sequence[Job], settings: Settings) -> Iterator[tuple[Job, TokenAttribution]]:
    """Draw one number for each content token."""
    for job in jobs:
        drawn = generator(settings.seed, job.encoded.ids).standard_normal(len(job.encoded))
        values = [0.0 if special else value for value, special in zip(drawn, job.encoded.special, strict=True)]
        yield job, unsummed(job, values)


METHOD = Method("random_baseline", "random numbers", sums=False, attribute=attribute, explains=False)
