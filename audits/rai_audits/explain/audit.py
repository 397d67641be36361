"""The registered audit ``explanations``: what a run's decisions lean on, and how far to believe it.

Draws test rows evenly over label and group, attributes each decision to words and (for templates) columns by ``options['method']``, and puts
the attributions to their checks. Leaves two tables, ``attributions`` and ``documents``.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit, did_you_mean
from rai_audits.explain.baseline import BASELINE
from rai_audits.explain.checks import Case, Options, Thresholds, check_measurements, run_checks
from rai_audits.explain.documents import attribution_table, document_table
from rai_audits.explain.engine import opened
from rai_audits.explain.explained import contrasted, explained
from rai_audits.explain.measures import AUDIT_NAME, column_shares, completeness, resolved_fraction
from rai_audits.explain.methods import load_method
from rai_audits.explain.trust import leave_verdict, withheld
from rai_audits.explain.words import top_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rai_audits.explain.checks import Checks
    from rai_audits.explain.documents import Document
    from rai_audits.explain.explained import Explained


_EDIT_NAMES = "edit_names"
# ``edits`` is the threshold of the check; the edits themselves go by this name.


@audit(AUDIT_NAME, suite="explain", needs_model=True)
def _explanations(context: AuditContext) -> AuditOutput:
    """Explain a sample of ``context.eval_split`` and check the explanations.

    Options are those of ``explained``, and ``checks``: a mapping with fields of ``checks.Options`` and of ``checks.Thresholds``.
    """
    thresholds, work = read_checks(context.options.get("checks", {}))
    found = explained(context)
    checks = _checked(context, found, thresholds, work)
    leave_verdict(context, checks.outcome)
    return AuditOutput(
        measurements=(
            *check_measurements(checks, context, audit=AUDIT_NAME),
            *completeness(found.documents, context),
            *resolved_fraction(found.documents, context),
            *withheld(context, column_shares(found.documents, context), {"column_attribution_share"}),
        ),
        artifacts={
            "attributions": context.artifacts.put_table("attributions", attribution_table(found.documents)),
            "documents": context.artifacts.put_table(
                "documents", document_table(found.documents, tuple(context.task.groups))
            ),
        },
        facts={**_facts(found, context), "checks": checks.facts()},
    )


AUDIT = _explanations


def read_checks(given: Mapping[str, Any]) -> tuple[Thresholds, Options]:
    """Thresholds and options of the checks from one mapping. Raises ``UsageError`` for a name that neither has."""
    lines = {item.name for item in fields(Thresholds)}
    work = {item.name: item.name for item in fields(Options) if item.name not in lines} | {_EDIT_NAMES: "edits"}
    for name in given:
        if name not in lines | set(work):
            raise UsageError(
                f"the checks of explanations have no setting {name!r}.{did_you_mean(str(name), lines | set(work))}"
            )
    chosen = {work[name]: value for name, value in given.items() if name in work}
    if "edits" in chosen:
        chosen["edits"] = tuple(chosen["edits"])
    return Thresholds(**{name: value for name, value in given.items() if name in lines}), Options(**chosen)


def _checked(context: AuditContext, found: Explained, thresholds: Thresholds, work: Options) -> Checks:
    cases = [Case(item.row_id, item.encoded, item.target, item.tokens, _protected(item)) for item in found.documents]
    with opened(found.model, found.settings.tokens_per_pass) as engine:
        return run_checks(
            engine,
            cases,
            found.settings,
            thresholds,
            work,
            seed=context.seed,
            confidence=context.confidence,
            progress=context.progress,
        )


def _protected(document: Document) -> frozenset[str]:
    """Words that name the row's groups: an edit of them would not be harmless."""
    return frozenset(word for cell in document.groups.values() for word in cell.casefold().replace("-", " ").split())


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
