"""Occlusion: leave one word out (Zeiler and Fergus 2014; leave-one-out in ERASER).

The attribution of a word is the explained number of the text minus that of the text with this word's tokens replaced by the baseline's.
It is divided evenly among the tokens of the word. Words share their interactions, so the parts need not sum to the output change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rai_audits.explain.engine import Row
from rai_audits.explain.folding import tokens_by_word
from rai_audits.explain.jobs import unsummed
from rai_audits.explain.methods.base import Method

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_audits.explain.attribution import Settings, TokenAttribution
    from rai_audits.explain.engine import Engine
    from rai_audits.explain.jobs import Job

_TEXTS_AT_ONCE = 64


def attribute(engine: Engine, jobs: Sequence[Job], _settings: Settings) -> Iterator[tuple[Job, TokenAttribution]]:
    """One masked row for each word, pooled over texts."""
    for start in range(0, len(jobs), _TEXTS_AT_ONCE):
        yield from _pooled(engine, jobs[start : start + _TEXTS_AT_ONCE])


def _pooled(engine: Engine, jobs: Sequence[Job]) -> Iterator[tuple[Job, TokenAttribution]]:
    words = [tokens_by_word(job.encoded) for job in jobs]
    rows = [Row(job.encoded.ids, without(job, tokens)) for job, own in zip(jobs, words, strict=True) for tokens in own]
    logits = engine.logits(rows)
    reached = 0
    for job, own in zip(jobs, words, strict=True):
        values = np.zeros(len(job.encoded))
        masked = logits[reached : reached + len(own)] @ np.asarray(job.weights)
        for tokens, value in zip(own, masked, strict=True):
            values[list(tokens)] = (job.value - value) / len(tokens)
        reached += len(own)
        yield job, unsummed(job, values.tolist(), evaluations=len(own))


def without(job: Job, tokens: Sequence[int]) -> tuple[int, ...]:
    """The text's ids with the tokens at these places replaced by the baseline's."""
    gone = set(tokens)
    return tuple(
        blank if place in gone else own
        for place, (own, blank) in enumerate(zip(job.encoded.ids, job.blank, strict=True))
    )


METHOD = Method("occlusion", "occlusion: one word at a time replaced by the baseline", sums=False, attribute=attribute)
