"""The one path from texts to token attributions, whatever the method: measure the ends, settle what has nothing to attribute, attribute the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_audits.explain.engine import opened
from rai_audits.explain.jobs import Job, measured, settled, undefined
from rai_audits.explain.methods import load_method

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rai_audits.explain.attribution import Settings, TokenAttribution
    from rai_audits.explain.encoding import EncodedText
    from rai_audits.explain.engine import Engine
    from rai_audits.explain.model import TextModel
    from rai_audits.explain.target import Target


def attribute_tokens(
    model: TextModel,
    texts: Sequence[EncodedText],
    targets: Sequence[Target | None],
    settings: Settings,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[TokenAttribution, ...]:
    """Token attributions of each text by ``settings.method``, in the given order. A target of None is the logit of the predicted class.

    A result does not depend on the other texts (relative 1e-4, at equal steps). Raises ``UsageError`` for an unknown method or a model
    whose word embedding cannot be found or is not used exactly once, and ``OutOfMemoryError`` when one row is too much.
    """
    with opened(model, settings.tokens_per_pass) as engine:
        return attribute_opened(engine, texts, targets, settings, progress)


def attribute_opened(
    engine: Engine,
    texts: Sequence[EncodedText],
    targets: Sequence[Target | None],
    settings: Settings,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[TokenAttribution, ...]:
    """The same inside an opened model, for what needs several methods of one model."""
    method = load_method(settings.method)
    results: dict[int, TokenAttribution] = {}
    jobs = [Job(place, text, target) for place, (text, target) in enumerate(zip(texts, targets, strict=True))]
    for job in jobs:
        if not len(job.encoded):
            results[job.place] = undefined(job, "the text is empty: there is no token to attribute to")
    pending = []
    for job in measured(engine, [job for job in jobs if len(job.encoded)]):
        found = settled(job)
        if found is None:
            pending.append(job)
        else:
            results[job.place] = found
    progress(len(results), len(texts))
    for job, found in method.attribute(engine, pending, settings):
        results[job.place] = found
        progress(len(results), len(texts))
    return tuple(results[place] for place in range(len(texts)))
