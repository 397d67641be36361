"""Partition SHAP: Owen values of the tokens by SHAP's own PartitionExplainer, its masked texts pooled over documents.

The package shap decides which masks to evaluate and what they are worth (Lundberg and Lee 2017; Owen 1977); here each document's explainer
waits in a turn of its own, so that the masks of many documents go through the model in full batches. A masked token reads the vector of
the baseline's token: nothing is decoded or split again, special tokens stay, and the values sum to the output change.

Owen values on this tree are Shapley values when no more than two tokens interact at a time; beyond that they differ from Shapley values by
how the tree groups tokens. When ``evaluations`` run out, a block that was never divided shares its value evenly; ``resolved``
is the share of content tokens that some evaluated mask told apart from every other token (a tie of two values does not count against it).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.explain.engine import Row
from rai_audits.explain.folding import tokens_by_word
from rai_audits.explain.jobs import complete, unsummed
from rai_audits.explain.methods.base import Method
from rai_audits.explain.methods.partition_tree import partition_tree
from rai_audits.explain.methods.seeding import text_seed
from rai_audits.explain.methods.turns import Turn, pooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from rai_audits.explain.attribution import Settings, TokenAttribution
    from rai_audits.explain.engine import Engine
    from rai_audits.explain.jobs import Job

DOCUMENTS_AT_ONCE = 32

MASKS_AT_ONCE = 10
"""Masks that one document asks for together: SHAP's own default, on which the order of its divisions depends."""


@dataclass(frozen=True)
class TokenMasker:
    """What SHAP asks of a masker, for one document: masks pass through as they are, and ``clustering`` is the tree of its tokens."""

    clustering: npt.NDArray[np.float64]
    immutable_outputs: bool = True

    @property
    def shape(self) -> tuple[int, int]:
        return (1, len(self.clustering) + 1)

    def __call__(self, mask: npt.NDArray[np.bool_], _document: Any) -> npt.NDArray[np.bool_]:
        return mask[None, :].copy()


@dataclass(frozen=True)
class Shares:
    """``values`` has one number a content token, in the order of ``tokens_by_word``; ``masks`` are all that were evaluated."""

    values: npt.NDArray[np.float64]
    masks: npt.NDArray[np.bool_]


def attribute(engine: Engine, jobs: Sequence[Job], settings: Settings) -> Iterator[tuple[Job, TokenAttribution]]:
    """Each job as its explainer ends, ``DOCUMENTS_AT_ONCE`` of them open."""
    places = [content_places(job) for job in jobs]
    turns = [Turn(_work(job, settings), text_seed(settings.seed, job.encoded.ids)) for job in jobs]

    def answer(asked: list[tuple[int, npt.NDArray[np.bool_]]]) -> list[npt.NDArray[np.float64]]:
        rows = [
            Row(jobs[number].encoded.ids, masked_ids(jobs[number], places[number], mask))
            for number, masks in asked
            for mask in masks
        ]
        logits, reached, found = engine.logits(rows), 0, []
        for number, masks in asked:
            found.append(logits[reached : reached + len(masks)] @ np.asarray(jobs[number].weights))
            reached += len(masks)
        return found

    for number, shares in pooled(turns, answer, DOCUMENTS_AT_ONCE):
        yield jobs[number], _judged(jobs[number], places[number], shares, settings.tolerance)


def content_places(job: Job) -> tuple[int, ...]:
    """Places of the content tokens, word by word: the order of the leaves of the tree."""
    return tuple(place for word in tokens_by_word(job.encoded) for place in word)


def masked_ids(job: Job, places: Sequence[int], mask: Sequence[bool] | npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """The ids that are read when of the tokens at ``places`` only those in ``mask`` are shown."""
    read = list(job.encoded.ids)
    for place, shown in zip(places, mask, strict=True):
        if not shown:
            read[place] = job.blank[place]
    return tuple(read)


def _work(
    job: Job, settings: Settings
) -> Callable[[Callable[[npt.NDArray[np.bool_]], npt.NDArray[np.float64]]], Shares]:
    tree = partition_tree(tokens_by_word(job.encoded))

    def work(ask: Callable[[npt.NDArray[np.bool_]], npt.NDArray[np.float64]]) -> Shares:
        return _explained(job, tree, settings.evaluations, ask)

    return work


def _explained(
    job: Job,
    tree: npt.NDArray[np.float64],
    evaluations: int,
    ask: Callable[[npt.NDArray[np.bool_]], npt.NDArray[np.float64]],
) -> Shares:
    from shap.explainers import PartitionExplainer

    tokens = len(tree) + 1
    asked = [np.zeros((0, tokens), dtype=bool)]
    if tokens == 1:
        return Shares(np.array([job.change]), asked[0])

    def model(masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        shown = masks.sum(axis=1)
        values = np.where(shown == 0, job.blank_value, job.value)
        inner = (shown > 0) & (shown < tokens)
        if inner.any():
            asked.append(masks[inner])
            values[inner] = ask(masks[inner])
        return values

    explainer = PartitionExplainer(model, TokenMasker(tree))
    found = explainer(np.zeros((1, tokens)), max_evals=evaluations, batch_size=MASKS_AT_ONCE, silent=True)
    return Shares(np.asarray(found.values[0], dtype=np.float64), np.concatenate(asked))


def _judged(job: Job, places: Sequence[int], shares: Shares, tolerance: float) -> TokenAttribution:
    values = np.zeros(len(job.encoded))
    values[list(places)] = shares.values
    rows = len(shares.masks)
    if not np.isfinite(values).all():
        return unsummed(job, values.tolist(), evaluations=rows)
    found = complete(job, values.tolist(), tolerance=tolerance, evaluations=rows)
    return replace(found, resolved=resolved_share(shares.masks))


def resolved_share(masks: npt.NDArray[np.bool_]) -> float:
    """Share of tokens (columns) that no other token was masked together with in every evaluated mask (row)."""
    _, counts = np.unique(masks, axis=1, return_counts=True) if len(masks) else (None, np.array([masks.shape[1]]))
    return float((counts == 1).sum() / masks.shape[1])


METHOD = Method(
    "partition_shap",
    "partition SHAP: Owen values over halves of the text, words and tokens",
    sums=True,
    attribute=attribute,
)
