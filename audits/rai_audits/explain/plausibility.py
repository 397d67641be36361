"""Audit ``plausibility``: do explanations mark the words that people marked? Agreement with people is not faithfulness to the model.

For each explained document with a human rationale, the words' attributions toward the decision are compared with the words that people marked: token F1 and IOU-F1 of
as many top words as people mark on average, and AUPRC of the attributions themselves (ERASER's definitions, see ``rationales``).

Option: ``rationales``, a mapping of row id to (start, end) character spans of the text; rows without an entry, and those with an empty one, are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rai_audits.core import AuditContext, AuditOutput, Measurement, UsageError, audit
from rai_audits.explain.explained import explained
from rai_audits.explain.intervals import MIN_DOCUMENTS
from rai_audits.explain.rationales import Match, auprc, macro_f1, span_match, token_match, top_marked
from rai_audits.explain.shares import mean_share
from rai_audits.fairness.describe import Describer, bound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rai_audits.explain.documents import Document

NAME = "plausibility"
RESAMPLES = 2_000
_MARKED = "explained documents have a human rationale"
_BOOTSTRAP = "macro over documents; percentile bootstrap over documents"


@dataclass(frozen=True)
class Marked:
    """Words of one document: those that people marked, and the attribution of each toward the decision."""

    row_id: str
    truth: tuple[bool, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Agreement:
    """How one document's explanation agrees with people."""

    row_id: str
    tokens: Match
    spans: Match
    auprc: float
    predicted: int


def measure(context: AuditContext) -> AuditOutput:
    """Compare every explained document that people marked. Raises ``UsageError`` without rationales."""
    rationales = context.options.get("rationales")
    if not rationales:
        raise UsageError("plausibility needs human rationales: name a file in audits.explain.rationales")
    found = explained(context)
    class_of = {name: place for place, name in enumerate(found.model.classes)}
    marked = [
        words
        for item in found.documents
        if item.ok and item.row_id in rationales
        for words in [marked_words(item, rationales[item.row_id], class_of)]
        if any(words.truth)
    ]
    share = float(np.mean([np.mean(item.truth) for item in marked])) if marked else 0.0
    agreements = [agreement(item, share) for item in marked]
    table = pd.DataFrame(
        {
            "row_id": pd.Series([item.row_id for item in agreements], dtype="str"),
            "token_f1": pd.Series([item.tokens.f1 for item in agreements], dtype="float64"),
            "iou_precision": pd.Series([item.spans.precision for item in agreements], dtype="float64"),
            "iou_recall": pd.Series([item.spans.recall for item in agreements], dtype="float64"),
            "auprc": pd.Series([item.auprc for item in agreements], dtype="float64"),
        }
    )
    return AuditOutput(
        measurements=tuple(_measured(Describer(NAME, context, weighted=False), agreements)),
        artifacts={"plausibility": context.artifacts.put_table("plausibility", table)},
        facts={
            "documents": len(marked),
            "explained": len(found.documents),
            "marked_share": share,
            "definitions": "ERASER (DeYoung et al. 2020): token F1, IOU-F1 at 0.5, AUPRC, macro over documents; words stand for tokens",
        },
    )


AUDIT = audit(NAME, suite="explain", needs_model=True, ignores_weights=True)(measure)


def marked_words(document: Document, spans: Sequence[tuple[int, int]], class_of: Mapping[str, int]) -> Marked:
    """Words of a document, marked where they overlap a span, with attributions signed so that above 0 is toward the decision."""
    weight = document.target.weights[class_of[document.prediction]]
    sign = -1.0 if weight < 0 else 1.0
    words = [unit for unit in document.attribution.words if unit.kind == "word"]
    return Marked(
        document.row_id,
        tuple(any(start < unit.end and unit.start < end for start, end in spans) for unit in words),
        tuple(sign * unit.attribution for unit in words),
    )


def agreement(words: Marked, share: float) -> Agreement:
    """Agreement of one document; as many top words are taken as people mark on average (``share``), one at least."""
    count = max(1, math.ceil(share * len(words.scores)))
    predicted = top_marked(words.scores, count)
    return Agreement(
        words.row_id,
        token_match(words.truth, predicted),
        span_match(words.truth, predicted),
        auprc(words.truth, words.scores),
        count,
    )


def _measured(describe: Describer, agreements: Sequence[Agreement]) -> Iterator[Measurement]:
    f1s, areas = [item.tokens.f1 for item in agreements], [item.auprc for item in agreements]
    yield mean_share(describe, "plausibility_token_f1", f1s, counted=_MARKED)
    yield _iou(describe, agreements)
    yield mean_share(describe, "plausibility_auprc", areas, counted=_MARKED)


def _iou(describe: Describer, agreements: Sequence[Agreement]) -> Measurement:
    """ERASER's macro IOU-F1 is no mean over documents, so documents are drawn again."""
    metric, count, context = "plausibility_iou_f1", len(agreements), describe.context
    if count < MIN_DOCUMENTS:
        reason = f"{count} {_MARKED}; an interval over documents needs {MIN_DOCUMENTS}"
        return describe.gap(metric, reason, method=_BOOTSTRAP, n=count)
    spans = sorted((item.spans for item in agreements), key=lambda item: (item.precision, item.recall))
    everywhere = [True] * count
    value = macro_f1(spans, with_truth=everywhere, with_prediction=everywhere)
    precision, recall = (np.array([getattr(item, name) for item in spans]) for name in ("precision", "recall"))
    drawn = np.random.default_rng(context.seed).integers(0, count, size=(RESAMPLES, count))
    means = precision[drawn].mean(axis=1), recall[drawn].mean(axis=1)
    total = means[0] + means[1]
    values = np.divide(2 * means[0] * means[1], total, out=np.zeros(RESAMPLES), where=total > 0)
    tail = (1 - context.confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    bounds = []
    for alpha in context.alphas:
        bounds.append(bound("lower", alpha, float(np.quantile(values, alpha)), _BOOTSTRAP))
        bounds.append(bound("upper", alpha, float(np.quantile(values, 1 - alpha)), _BOOTSTRAP))
    return describe.number(metric, value, float(low), float(high), method=_BOOTSTRAP, bounds=tuple(bounds), n=count)
