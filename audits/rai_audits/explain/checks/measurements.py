"""The checks as Measurements, which a policy reads: every number of every check, and one that says whether the explanations are trusted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rai_audits.core import Bound, Measurement, undefined
from rai_audits.quality.measure import Gap

if TYPE_CHECKING:
    from rai_audits.core import AuditContext
    from rai_audits.explain.checks.quantity import Quantity
    from rai_audits.explain.checks.verdict import Checks

TRUSTED = "explanation_trusted"
_VERDICT_METHOD = "1 when every check passed, 0 when one failed; each check at its threshold, failing corrected for the number of checks"


def check_measurements(checks: Checks, context: AuditContext, *, audit: str) -> list[Measurement]:
    """All quantities of the checks, and ``explanation_trusted``: 1, 0, or not estimable. A bound of at least 1 on it asks for trust."""
    found = [_trusted(checks, context, audit)]
    for result in checks.results:
        for item in result.quantities:
            # What a check is judged by is the one number of its metric about the whole run.
            label = None if item is result.key else item.label
            found.append(_measurement(item, label, context, audit))
    return found


def _trusted(checks: Checks, context: AuditContext, audit: str) -> Measurement:
    where = _meaning(context)
    if checks.outcome == "insufficient_evidence":
        return undefined(
            "not_estimable",
            checks.sentence,
            audit=audit,
            metric=TRUSTED,
            method=_VERDICT_METHOD,
            n=checks.documents,
            **where,
        )
    value = 1.0 if checks.outcome == "trusted" else 0.0
    bounds = tuple(
        Bound(side=side, alpha=alpha, value=value, method=_VERDICT_METHOD)
        for alpha in context.alphas
        for side in ("lower", "upper")
    )
    return Measurement(
        audit=audit, metric=TRUSTED, estimate=value, low=value, high=value, method=_VERDICT_METHOD, n=checks.documents,
        bounds=bounds, **where,
    )  # fmt: skip


def _measurement(item: Quantity, label: str | None, context: AuditContext, audit: str) -> Measurement:
    where = {**_meaning(context), "label": label}
    value = item.value
    if isinstance(value, Gap):
        return undefined(
            value.status, value.reason, audit=audit, metric=item.metric, method=value.method, n=item.n, **where
        )
    low, high = value.ends(1 - context.confidence, "two-sided")
    if not math.isfinite(low) or not math.isfinite(high):
        reason = "the interval has no end at this confidence"
        return undefined(
            "not_estimable", reason, audit=audit, metric=item.metric, method=value.method, n=item.n, **where
        )
    bounds = []
    for alpha in context.alphas:
        bounds.append(_bound("lower", alpha, value.ends(alpha, "lower")[0], value.method))
        bounds.append(_bound("upper", alpha, value.ends(alpha, "upper")[1], value.method))
    return Measurement(
        audit=audit, metric=item.metric, estimate=value.point, low=low, high=high, method=value.method, n=item.n,
        bounds=tuple(bounds), **where,
    )  # fmt: skip


def _bound(side: Any, alpha: float, value: float, method: str) -> Bound:
    return Bound(side=side, alpha=alpha, value=value if math.isfinite(value) else "unbounded", method=method)


def _meaning(context: AuditContext) -> dict[str, Any]:
    return {
        "confidence": context.confidence,
        "split": context.eval_split,
        "positive": context.task.positive,
        "favourable": context.task.favourable,
        "threshold": context.task.stated_threshold,
    }
