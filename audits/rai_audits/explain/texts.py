"""Explain texts: the entry for a notebook, and the one path that the audit takes as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_audits.core import UsageError
from rai_audits.explain.encoding import encode_text
from rai_audits.explain.folding import Unit, fold_columns, fold_words, read_segments
from rai_audits.explain.integrated_gradients import Settings, Status, TokenAttribution, integrate
from rai_audits.explain.target import Target, class_target, contrast_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rai_audits.explain.encoding import EncodedText
    from rai_audits.explain.folding import Segment
    from rai_audits.explain.model import TextModel


@dataclass(frozen=True)
class TextAttribution:
    """What one decision leans on.

    ``words`` and ``columns`` each end with the unit of the special tokens and each sum to the explained change, up to
    ``completeness_error`` (absolute, in logits). ``columns`` is empty for free text. ``status`` is ``ok``, ``failed``
    (completeness was not reached: not to be relied on) or ``undefined`` (``reason`` says why); units are empty then.
    """

    text: str
    prediction: str | None
    target: str
    words: tuple[Unit, ...]
    columns: tuple[Unit, ...]
    logits: tuple[float, ...]
    output_change: float | None
    completeness_error: float | None
    relative_error: float | None
    steps: int
    status: Status
    reason: str
    tokens: int
    truncated: bool


def attribute_texts(
    model: TextModel,
    texts: Sequence[str],
    *,
    positive: str | None = None,
    target: str | None = None,
    segments: Sequence[Sequence[tuple[int, int, str | None]] | None] | None = None,
    steps: int = 32,
    tolerance: float = 0.01,
    tokens_per_pass: int | None = None,
) -> tuple[TextAttribution, ...]:
    """Integrated gradients of each text, folded to words and (given ``segments``) to columns.

    Explained is logit(positive) - logit(other) when ``positive`` is named and the model has two classes, else the logit
    of the class ``target``, else of the predicted class. ``segments`` has, per text, spans (start, end, column) in
    characters, column None for fixed text, or None for a free text. Raises ``UsageError`` for a class, a tokenizer, an
    embedding or a span that does not fit.
    """
    if positive is not None and target is not None:
        raise UsageError("name either 'positive' or 'target': each says alone what is explained")
    chosen = contrast_target(model.classes, positive) if positive else None
    chosen = class_target(model.classes, target) if target else chosen
    given = [None] * len(texts) if segments is None else list(segments)
    if len(given) != len(texts):
        raise UsageError(f"{len(given)} lists of segments for {len(texts)} texts")
    read = [
        None if cell is None else read_segments(cell, text, f"text {index}")
        for index, (cell, text) in enumerate(zip(given, texts, strict=True))
    ]
    settings = Settings(steps=steps, tolerance=tolerance, tokens_per_pass=tokens_per_pass)
    return explain_texts(model, texts, read, [chosen] * len(texts), settings)


def explain_texts(
    model: TextModel,
    texts: Sequence[str],
    segments: Sequence[tuple[Segment, ...] | None],
    targets: Sequence[Target | None],
    settings: Settings,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[TextAttribution, ...]:
    """Like ``attribute_texts``, with one target per text (None: the predicted class) and segments already read."""
    encoded = [encode_text(model, text) for text in texts]
    results = integrate(model, encoded, targets, settings, progress)
    return tuple(
        _folded(model, text, parts, result) for text, parts, result in zip(encoded, segments, results, strict=True)
    )


def _folded(
    model: TextModel, encoded: EncodedText, segments: tuple[Segment, ...] | None, result: TokenAttribution
) -> TextAttribution:
    explained = result.status != "undefined" and result.error is not None
    predicted = max(range(len(result.logits)), key=result.logits.__getitem__) if result.logits else None
    return TextAttribution(
        text=encoded.text,
        prediction=None if predicted is None else model.classes[predicted],
        target=result.target.name if result.target else "",
        words=fold_words(encoded, result.attributions) if explained else (),
        columns=fold_columns(encoded, result.attributions, segments) if explained and segments is not None else (),
        logits=result.logits,
        output_change=result.change,
        completeness_error=result.error,
        relative_error=result.relative_error,
        steps=result.steps,
        status=result.status,
        reason=result.reason,
        tokens=len(encoded),
        truncated=encoded.truncated,
    )
