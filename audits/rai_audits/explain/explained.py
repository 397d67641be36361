"""The explained documents of a run: drawn once, attributed once, and shared by every audit of the suite ``explain``. Stable API."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_audits.core import UsageError
from rai_audits.explain.attributing import attribute_tokens
from rai_audits.explain.documents import Document
from rai_audits.explain.encoding import encode_text
from rai_audits.explain.folding import Segment, read_segments
from rai_audits.explain.model import TextModel
from rai_audits.explain.sampling import draw_documents
from rai_audits.explain.target import Target, class_target, contrast_target
from rai_audits.explain.texts import checked_settings, folded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rai_audits.core import AuditContext
    from rai_audits.explain.attribution import Settings

DEFAULT_DOCUMENTS = 60
_KEY = "explained"
_SETTINGS = ("method", "steps", "tolerance", "max_steps", "evaluations", "samples", "tokens_per_pass")


@dataclass(frozen=True)
class Explained:
    """The model, the drawn documents with their attributions, and the settings that made them."""

    model: TextModel
    documents: tuple[Document, ...]
    settings: Settings


def explained(context: AuditContext) -> Explained:
    """The explained documents of ``context.eval_split``; computed by the first audit that asks and kept in ``context.shared``.

    Options: ``documents`` (60) and the fields of ``Settings``. Raises ``UsageError`` without a model or texts, for a wrong option, or when model
    and task name different classes.
    """
    settings = read_settings(context)
    # What the result depends on: a context that was changed in any of these is not served what another asked for.
    made_of = (settings, documents_option(context.options), context.eval_split, context.task.positive)
    kept = context.shared.get(_KEY)
    if kept is None or kept[0] is not context.predictions or kept[1] != context.model or kept[2] != made_of:
        context.shared[_KEY] = (context.predictions, context.model, made_of, _explain(context, settings))
    found: Explained = context.shared[_KEY][-1]
    return found


def contrasted(context: AuditContext) -> bool:
    """Whether the log-odds of the positive class are explained, the same for every document; else each one's predicted class."""
    return context.task.binary and context.task.positive is not None


def _explain(context: AuditContext, settings: Settings) -> Explained:
    model = _checked_model(context)
    drawn = _draw(context, documents_option(context.options))
    encoded = [encode_text(model, str(row["text"])) for row in drawn]
    targets = [_target(model, context, str(row["prediction"])) for row in drawn]
    tokens = attribute_tokens(
        model, encoded, targets, settings, lambda done, total: context.progress("explaining", done, total)
    )
    documents = []
    for row, text, target, result in zip(drawn, encoded, targets, tokens, strict=True):
        parts = _segments(row)
        prediction = str(row["prediction"])
        score = row.get("score" if contrasted(context) else f"score:{prediction}")
        documents.append(
            Document(
                row_id=str(row["row_id"]),
                label=str(row["label"]),
                prediction=prediction,
                score=None if score is None or not math.isfinite(score) else float(score),
                groups={attribute: str(row[f"group:{attribute}"]) for attribute in context.task.groups},
                templated=parts is not None,
                attribution=folded(model, text, parts, result, settings.method),
                tokens=result,
                encoded=text,
                segments=parts,
                target=target,
                row=row,
            )
        )
    return Explained(model, tuple(documents), settings)


def read_settings(context: AuditContext) -> Settings:
    """How attributions are made, from the options of the suite; options of other audits are ignored."""
    given = {name: context.options[name] for name in _SETTINGS if name in context.options}
    return checked_settings({**given, "seed": context.seed})


def documents_option(given: Mapping[str, Any]) -> int:
    """Rows to explain at most. Raises ``UsageError`` for anything but a whole number above 0."""
    documents = given.get("documents", DEFAULT_DOCUMENTS)
    if not isinstance(documents, int) or isinstance(documents, bool) or documents < 1:
        raise UsageError(f"option 'documents' must be a whole number above 0, got {documents!r}")
    return documents


def _checked_model(context: AuditContext) -> TextModel:
    if not isinstance(context.model, TextModel):
        raise UsageError("explanations need the model itself, not only its predictions")
    if context.rows is None:
        raise UsageError("explanations need the texts of the rows, not only their predictions")
    if set(context.model.classes) != set(context.task.classes):
        raise UsageError(
            f"the model's classes {list(context.model.classes)} are not the task's {list(context.task.classes)}"
        )
    return context.model


def _draw(context: AuditContext, documents: int) -> list[dict[Any, Any]]:
    assert context.rows is not None  # _checked_model has looked
    return draw_documents(
        context.predictions,
        context.rows,
        attribute=next(iter(context.task.groups), None),
        split=context.eval_split,
        documents=documents,
        seed=context.seed,
    )


def _segments(row: Mapping[Any, Any]) -> tuple[Segment, ...] | None:
    cell = row.get("segments")
    if cell is None or isinstance(cell, float):
        return None
    return read_segments(cell, str(row["text"]), f"row {row['row_id']!r}")


def _target(model: TextModel, context: AuditContext, prediction: str) -> Target:
    if context.task.positive is not None and contrasted(context):
        return contrast_target(model.classes, context.task.positive)
    return class_target(model.classes, prediction)
