"""The registered audit ``integrated_gradients``: what a run's decisions lean on, with its own error beside it.

Draws test rows evenly over label and group, attributes each decision to words and (for templates) columns, and reports
how many attributions kept completeness. Leaves two tables, ``attributions`` and ``documents``.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit
from rai_audits.explain.attribution import Settings
from rai_audits.explain.baseline import BASELINE
from rai_audits.explain.documents import Document, attribution_table, document_table
from rai_audits.explain.folding import Segment, read_segments
from rai_audits.explain.measures import AUDIT_NAME, column_shares, completeness, identity_reliance
from rai_audits.explain.model import TextModel
from rai_audits.explain.sampling import draw_documents
from rai_audits.explain.target import Target, class_target, contrast_target
from rai_audits.explain.texts import TextAttribution, explain_texts
from rai_audits.explain.words import top_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_DOCUMENTS = 60


@dataclass(frozen=True)
class Options:
    """``ctx.options`` after checking. ``group_columns`` maps an attribute to the source column that holds it."""

    documents: int
    settings: Settings
    group_columns: Mapping[str, str]


@audit(AUDIT_NAME, suite="explain", needs_model=True)
def _integrated_gradients(context: AuditContext) -> AuditOutput:
    """Explain a sample of ``context.eval_split``.

    Options: ``documents`` (60), ``steps`` (32), ``tolerance`` (0.01), ``tokens_per_pass``, ``group_columns``. Raises
    ``UsageError`` without a model or texts, or when model and task name different classes.
    """
    model, options = _checked_model(context), read_options(context.options)
    drawn = _draw(context, options)
    segments = [_segments(row) for row in drawn]
    attributions = explain_texts(
        model,
        [str(row["text"]) for row in drawn],
        segments,
        [_target(model, context, str(row["prediction"])) for row in drawn],
        options.settings,
        lambda done, total: context.progress("explaining", done, total),
    )
    documents = [
        _document(row, parts, found, context) for row, parts, found in zip(drawn, segments, attributions, strict=True)
    ]
    return AuditOutput(
        measurements=(
            *completeness(documents, context),
            *column_shares(documents, context),
            *identity_reliance(documents, context, options.group_columns),
        ),
        artifacts={
            "attributions": context.artifacts.put_table("attributions", attribution_table(documents)),
            "documents": context.artifacts.put_table(
                "documents", document_table(documents, tuple(context.task.groups))
            ),
        },
        facts=_facts(documents, model, context, options),
    )


AUDIT = _integrated_gradients


def read_options(given: Mapping[str, Any]) -> Options:
    """Check the options of this audit; those of others are ignored. Raises ``UsageError`` naming a wrong one."""
    documents = given.get("documents", DEFAULT_DOCUMENTS)
    if not isinstance(documents, int) or isinstance(documents, bool) or documents < 1:
        raise UsageError(f"option 'documents' must be a whole number above 0, got {documents!r}")
    try:
        settings = Settings(
            steps=int(given.get("steps", Settings.steps)),
            tolerance=float(given.get("tolerance", Settings.tolerance)),
            tokens_per_pass=given.get("tokens_per_pass"),
        )
    except (TypeError, ValueError) as error:
        raise UsageError(f"options 'steps', 'tolerance' and 'tokens_per_pass' must be numbers: {error}") from error
    columns = {str(attribute): str(column) for attribute, column in dict(given.get("group_columns", {})).items()}
    return Options(documents, settings, columns)


def _checked_model(context: AuditContext) -> TextModel:
    if not isinstance(context.model, TextModel):
        raise UsageError(f"{AUDIT_NAME} needs the model itself, not only its predictions")
    if context.rows is None:
        raise UsageError(f"{AUDIT_NAME} needs the texts of the rows, not only their predictions")
    if set(context.model.classes) != set(context.task.classes):
        raise UsageError(
            f"the model's classes {list(context.model.classes)} are not the task's {list(context.task.classes)}"
        )
    return context.model


def _draw(context: AuditContext, options: Options) -> list[dict[Any, Any]]:
    if context.rows is None:
        return []
    return draw_documents(
        context.predictions,
        context.rows,
        attribute=next(iter(context.task.groups), None),
        split=context.eval_split,
        documents=options.documents,
        seed=context.seed,
    )


def _segments(row: Mapping[Any, Any]) -> tuple[Segment, ...] | None:
    cell = row.get("segments")
    if cell is None or isinstance(cell, float):
        return None
    return read_segments(cell, str(row["text"]), f"row {row['row_id']!r}")


def _contrasted(context: AuditContext) -> bool:
    return context.task.binary and context.task.positive is not None


def _target(model: TextModel, context: AuditContext, prediction: str) -> Target:
    if context.task.positive is not None and _contrasted(context):
        return contrast_target(model.classes, context.task.positive)
    return class_target(model.classes, prediction)


def _document(
    row: Mapping[Any, Any], segments: tuple[Segment, ...] | None, attribution: TextAttribution, context: AuditContext
) -> Document:
    prediction = str(row["prediction"])
    score = row.get("score" if _contrasted(context) else f"score:{prediction}")
    return Document(
        row_id=str(row["row_id"]),
        label=str(row["label"]),
        prediction=prediction,
        score=None if score is None or not math.isfinite(score) else float(score),
        groups={attribute: str(row[f"group:{attribute}"]) for attribute in context.task.groups},
        templated=segments is not None,
        attribution=attribution,
    )


def _facts(documents: Sequence[Document], model: TextModel, context: AuditContext, options: Options) -> dict[str, Any]:
    status = Counter(item.attribution.status for item in documents)
    steps = Counter(item.attribution.steps for item in documents if item.attribution.steps)
    fixed = [share for item in documents if item.ok and (share := item.fixed_text_share()) is not None]
    positive = context.task.positive
    return {
        "method": "layer integrated gradients on the word embedding, Gauss-Legendre points, doubled per document",
        "captum": version("captum"),
        "baseline": BASELINE,
        "target": _target(model, context, "").name
        if positive is not None and _contrasted(context)
        else "logit of the predicted class",
        "sample": "drawn evenly over label and "
        + (f"group {next(iter(context.task.groups))}" if context.task.groups else "nothing else")
        + "; means over it are not means over the split",
        "documents": len(documents),
        "tokens": sum(item.attribution.tokens for item in documents),
        "first_steps": options.settings.steps,
        "tolerance": options.settings.tolerance,
        "steps": {str(count): steps[count] for count in sorted(steps)},
        "group_columns": dict(options.group_columns),
        "truncated": sum(item.attribution.truncated for item in documents),
        "failed": status["failed"],
        "undefined": status["undefined"],
        "fixed_text_share": sum(fixed) / len(fixed) if fixed else "not_applicable",
        "largest_score_difference": _largest_score_difference(documents, model, context),
        "top_words": top_words(documents),
    }


def _largest_score_difference(documents: Sequence[Document], model: TextModel, context: AuditContext) -> float | str:
    """How far the explained model's scores are from the recorded ones: large means that another model was explained."""
    gaps = []
    for item in documents:
        named = context.task.positive if _contrasted(context) else item.prediction
        if item.score is None or not item.attribution.logits or named is None:
            continue
        top = max(item.attribution.logits)
        weights = [math.exp(logit - top) for logit in item.attribution.logits]
        gaps.append(abs(weights[model.classes.index(named)] / sum(weights) - item.score))
    return max(gaps) if gaps else "not_estimable"
