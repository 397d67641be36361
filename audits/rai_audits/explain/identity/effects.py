"""What a swap of identity does to the explained number of the same documents. Internal to ``identity_reliance``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.explain.encoding import encode_text
from rai_audits.explain.engine import Row, opened
from rai_audits.fairness.swapping import decided, swap_cutoffs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rai_audits.core import AuditContext
    from rai_audits.explain.documents import Document
    from rai_audits.explain.explained import Explained
    from rai_audits.fairness.swapping import Swap


@dataclass(frozen=True)
class Effect:
    """One document under all its swaps of one attribute.

    ``logit`` and ``probability`` are mean absolute changes: of the explained number, and of the probability of the class that it speaks of.
    ``flipped`` says whether any swap changes the decision.
    """

    logit: float
    probability: float
    flipped: bool
    swaps: int


def swap_effects(context: AuditContext, found: Explained, swaps: Sequence[Swap]) -> dict[str, dict[str, Effect]]:
    """Attribute -> row id -> effect, for documents with at least one changed text."""
    documents = {item.row_id: item for item in found.documents}
    logits = _logits(context, found, [text for swap in swaps for text in (swap.text, swap.swapped)])
    order = [found.model.classes.index(name) for name in context.task.classes]
    probabilities = _softmax(logits)
    cutoffs = swap_cutoffs(context.task, context.predictions, swaps)
    # Texts are scored before and after in turn.
    paired = None if cutoffs is None else cutoffs.reshape(2, -1).T.reshape(-1)
    decisions = decided(context.task, probabilities[:, order], paired)
    grouped: dict[str, dict[str, list[tuple[float, float, bool]]]] = {}
    for place, swap in enumerate(swaps):
        weights = np.asarray(documents[swap.row_id].target.weights)
        told = int(weights.argmax())
        before, after = 2 * place, 2 * place + 1
        change = (
            abs(float((logits[after] - logits[before]) @ weights)),
            abs(float(probabilities[after, told] - probabilities[before, told])),
            decisions[after] != decisions[before],
        )
        grouped.setdefault(swap.attribute, {}).setdefault(swap.row_id, []).append(change)
    return {
        attribute: {row_id: _effect(changes) for row_id, changes in sorted(rows.items())}
        for attribute, rows in grouped.items()
    }


def source_rows(context: AuditContext, documents: Sequence[Document]) -> dict[str, Mapping[Any, Any]]:
    """The prepared row of each document, with the columns that its template reads."""
    assert context.rows is not None  # ``explained`` has looked
    ids = context.rows["row_id"].astype(str)
    wanted = ids.isin({item.row_id for item in documents}).to_numpy()
    return dict(zip(ids[wanted].tolist(), context.rows[wanted].to_dict("records"), strict=True))


def _effect(changes: Sequence[tuple[float, float, bool]]) -> Effect:
    logit, probability, flipped = zip(*changes, strict=True)
    return Effect(sum(logit) / len(logit), sum(probability) / len(probability), any(flipped), len(changes))


def _logits(context: AuditContext, found: Explained, texts: Sequence[str]) -> Any:
    rows = [Row(encode_text(found.model, text).ids) for text in texts]
    with opened(found.model, found.settings.tokens_per_pass) as engine:
        return engine.logits(rows, lambda done, total: context.progress("swapped texts", done, total))


def _softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True)) if len(logits) else logits
    return powers / powers.sum(axis=1, keepdims=True) if len(logits) else powers
