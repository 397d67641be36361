"""Explain texts: the entry for a notebook, and the one path that the audit takes as well."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from rai_audits.core import UsageError, did_you_mean
from rai_audits.explain.attributing import attribute_tokens
from rai_audits.explain.attribution import Settings, Status, TokenAttribution
from rai_audits.explain.encoding import encode_text
from rai_audits.explain.folding import Unit, fold_columns, fold_words, read_segments
from rai_audits.explain.methods import load_method
from rai_audits.explain.target import Target, class_target, contrast_target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rai_audits.explain.encoding import EncodedText
    from rai_audits.explain.folding import Segment
    from rai_audits.explain.model import TextModel


@dataclass(frozen=True)
class TextAttribution:
    """What one decision leans on.

    ``words`` and ``columns`` each end with the unit of the special tokens and each sum to the explained change, up to
    ``completeness_error`` (absolute, in logits; None for a method that promises no sum). ``columns`` is empty for free text. ``status`` is
    ``ok``, ``failed`` (completeness was not reached: not to be relied on) or ``undefined`` (``reason`` says why); units are empty then.
    ``evaluations`` and ``resolved`` are those of ``TokenAttribution``.
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
    method: str = "integrated_gradients"
    evaluations: int = 0
    resolved: float | None = None


def attribute_texts(
    model: TextModel,
    texts: Sequence[str],
    *,
    positive: str | None = None,
    target: str | None = None,
    segments: Sequence[Sequence[tuple[int, int, str | None]] | None] | None = None,
    method: str = "integrated_gradients",
    **settings: Any,
) -> tuple[TextAttribution, ...]:
    """Attributions of each text by a registered method, folded to words and (given ``segments``) to columns.

    Explained is logit(positive) - logit(other) when ``positive`` is named and the model has two classes, else the logit
    of the class ``target``, else of the predicted class. ``segments`` has, per text, spans (start, end, column) in
    characters, column None for fixed text, or None for a free text. ``settings`` are fields of ``Settings``, such as ``steps``. Raises
    ``UsageError`` for a method or setting that is unknown, and for a class, a tokenizer, an embedding or a span that does not fit.
    """
    chosen = chosen_target(model, positive, target)
    given = [None] * len(texts) if segments is None else list(segments)
    if len(given) != len(texts):
        raise UsageError(f"{len(given)} lists of segments for {len(texts)} texts")
    read = [
        None if cell is None else read_segments(cell, text, f"text {index}")
        for index, (cell, text) in enumerate(zip(given, texts, strict=True))
    ]
    return explain_texts(model, texts, read, [chosen] * len(texts), checked_settings({"method": method, **settings}))


def chosen_target(model: TextModel, positive: str | None, target: str | None) -> Target | None:
    """The explained number that a caller named, None for the logit of each text's predicted class. Raises ``UsageError`` for both names at once."""
    if positive is not None and target is not None:
        raise UsageError("name either 'positive' or 'target': each says alone what is explained")
    if positive:
        return contrast_target(model.classes, positive)
    return class_target(model.classes, target) if target else None


def checked_settings(given: Mapping[str, Any]) -> Settings:
    """Settings from plain values. Raises ``UsageError`` for one that is unknown (naming the nearest) or of another kind."""
    known = {item.name for item in fields(Settings)}
    for name, value in given.items():
        if name not in known:
            raise UsageError(f"explanations have no setting {name!r}.{did_you_mean(name, known)}")
        if name != "method" and value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise UsageError(f"setting {name!r} must be a number, got {value!r}")
    load_method(str(given.get("method", Settings.method)))
    return Settings(**given)


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
    results = attribute_tokens(model, encoded, targets, settings, progress)
    return tuple(
        folded(model, text, parts, result, settings.method)
        for text, parts, result in zip(encoded, segments, results, strict=True)
    )


def folded(
    model: TextModel,
    encoded: EncodedText,
    segments: tuple[Segment, ...] | None,
    result: TokenAttribution,
    method: str,
) -> TextAttribution:
    """Token attributions of one text folded to words and columns."""
    explained = result.status == "ok" or (result.status == "failed" and result.error is not None)
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
        method=method,
        evaluations=result.evaluations,
        resolved=result.resolved,
    )
