"""The registered audit ``explanations``: what a run's decisions lean on, and how far to believe it.

Draws test rows evenly over label and group, attributes each decision to words and (for templates) columns by ``options['method']``, and puts
the attributions to their checks. Leaves two tables, ``attributions`` and ``documents``.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from rai_audits.core import AuditContext, AuditOutput, audit
from rai_audits.explain.baseline import BASELINE
from rai_audits.explain.documents import attribution_table, document_table
from rai_audits.explain.explained import contrasted, explained
from rai_audits.explain.measures import AUDIT_NAME, column_shares, completeness
from rai_audits.explain.methods import load_method
from rai_audits.explain.words import top_words

if TYPE_CHECKING:
    from rai_audits.explain.explained import Explained


@audit(AUDIT_NAME, suite="explain", needs_model=True)
def _explanations(context: AuditContext) -> AuditOutput:
    """Explain a sample of ``context.eval_split``. Options are those of ``explained``."""
    found = explained(context)
    return AuditOutput(
        measurements=(*completeness(found.documents, context), *column_shares(found.documents, context)),
        artifacts={
            "attributions": context.artifacts.put_table("attributions", attribution_table(found.documents)),
            "documents": context.artifacts.put_table(
                "documents", document_table(found.documents, tuple(context.task.groups))
            ),
        },
        facts=_facts(found, context),
    )


AUDIT = _explanations


def _facts(found: Explained, context: AuditContext) -> dict[str, Any]:
    documents = found.documents
    status = Counter(item.attribution.status for item in documents)
    steps = Counter(item.attribution.steps for item in documents if item.attribution.steps)
    fixed = [share for item in documents if item.ok and (share := item.fixed_text_share()) is not None]
    return {
        "method": found.settings.method,
        "method_title": load_method(found.settings.method).title,
        "baseline": BASELINE,
        "target": documents[0].target.name if documents and contrasted(context) else "logit of the predicted class",
        "sample": "drawn evenly over label and "
        + (f"group {next(iter(context.task.groups))}" if context.task.groups else "nothing else")
        + "; means over it are not means over the split",
        "documents": len(documents),
        "tokens": sum(item.attribution.tokens for item in documents),
        "first_steps": found.settings.steps,
        "tolerance": found.settings.tolerance,
        "steps": {str(count): steps[count] for count in sorted(steps)},
        "evaluations": sum(item.attribution.evaluations for item in documents),
        "truncated": sum(item.attribution.truncated for item in documents),
        "failed": status["failed"],
        "undefined": status["undefined"],
        "fixed_text_share": sum(fixed) / len(fixed) if fixed else "not_applicable",
        "largest_score_difference": _largest_score_difference(found, context),
        "top_words": top_words(documents),
    }


def _largest_score_difference(found: Explained, context: AuditContext) -> float | str:
    """How far the explained model's scores are from the recorded ones: large means that another model was explained."""
    gaps = []
    for item in found.documents:
        named = context.task.positive if contrasted(context) else item.prediction
        if item.score is None or not item.attribution.logits or named is None:
            continue
        top = max(item.attribution.logits)
        weights = [math.exp(logit - top) for logit in item.attribution.logits]
        gaps.append(abs(weights[found.model.classes.index(named)] / sum(weights) - item.score))
    return max(gaps) if gaps else "not_estimable"
