"""Measurements over explained documents: completeness, and what columns carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_audits.core import Bound, Measurement, undefined
from rai_audits.explain.intervals import (
    MEAN_METHOD,
    MEDIAN_METHOD,
    MIN_DOCUMENTS,
    mean_of_shares,
    median_of_errors,
)
from rai_audits.stats.rates import wilson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rai_audits.core import AuditContext
    from rai_audits.explain.documents import Document

AUDIT_NAME = "explanations"
_WILSON = "share of the drawn documents; Wilson interval"


def completeness(documents: Sequence[Document], context: AuditContext) -> list[Measurement]:
    """Median relative completeness error, and the share of documents whose attribution is not to be relied on.

    A document that is undefined has no error, and counts among those not to be relied on.
    """
    return [_median_error(documents, context), _failed_share(documents, context)]


def resolved_fraction(documents: Sequence[Document], context: AuditContext) -> list[Measurement]:
    """Mean share of tokens with a value of their own; only where the method says it (partition SHAP gives undivided blocks one value)."""
    told = [item.tokens.resolved for item in documents if item.ok and item.tokens.resolved is not None]
    return [_mean("resolved_fraction", sorted(told), context, {})] if told else []


def column_shares(documents: Sequence[Document], context: AuditContext) -> list[Measurement]:
    """``column_attribution_share`` of each column: mean share of the |attribution| of all columns. Empty for free text.

    Only documents that reached completeness count; a column that a document does not have has share 0 there.
    """
    shares = [share for _, share in _usable(documents)]
    names = sorted({unit.unit for item in documents for unit in item.attribution.columns if _is_column(unit)})
    return [
        _mean("column_attribution_share", [share.get(name, 0.0) for share in shares], context, {"label": name})
        for name in names
    ]


def _is_column(unit: Any) -> bool:
    return unit.kind == "column" and not unit.fixed


def _usable(documents: Iterable[Document]) -> list[tuple[Document, dict[str, float]]]:
    pairs = ((item, item.column_shares()) for item in documents if item.ok)
    return [(item, share) for item, share in pairs if share is not None]


def _mean(metric: str, shares: Sequence[float], context: AuditContext, where: Mapping[str, Any]) -> Measurement:
    count = len(shares)
    if count < MIN_DOCUMENTS:
        reason = f"{count} explained documents reached completeness; an interval over documents needs {MIN_DOCUMENTS}"
        return _undefined(metric, "not_estimable", reason, count, context, **where)
    estimate = mean_of_shares(shares, confidence=context.confidence, alphas=context.alphas, seed=context.seed)
    return Measurement(
        audit=AUDIT_NAME,
        metric=metric,
        estimate=estimate.value,
        low=estimate.low,
        high=estimate.high,
        confidence=context.confidence,
        method=MEAN_METHOD,
        n=count,
        bounds=estimate.bounds,
        **_meaning(context),
        **where,
    )


def _median_error(documents: Sequence[Document], context: AuditContext) -> Measurement:
    errors = [item.attribution.relative_error for item in documents if item.attribution.relative_error is not None]
    if not errors:
        reason = "no document has a defined completeness error"
        return _undefined("completeness_error", "not_estimable", reason, 0, context, method=MEDIAN_METHOD)
    estimate = median_of_errors(errors, confidence=context.confidence, alphas=context.alphas)
    return Measurement(
        audit=AUDIT_NAME,
        metric="completeness_error",
        estimate=estimate.value,
        low=estimate.low,
        high=estimate.high,
        confidence=context.confidence,
        method=MEDIAN_METHOD,
        n=len(errors),
        bounds=estimate.bounds,
        **_meaning(context),
    )


def _failed_share(documents: Sequence[Document], context: AuditContext) -> Measurement:
    count = len(documents)
    if not count:
        reason = f"split {context.eval_split!r} has no rows to explain"
        return _undefined("completeness_failed_share", "not_estimable", reason, 0, context, method=_WILSON)
    failed = sum(not item.ok for item in documents)
    interval = wilson(failed, count, alpha=1 - context.confidence)
    bounds: list[Bound] = []
    for alpha in context.alphas:
        low = float(wilson(failed, count, alpha=alpha, side="lower").low)
        high = float(wilson(failed, count, alpha=alpha, side="upper").high)
        bounds.append(Bound(side="lower", alpha=alpha, value=low, method="wilson"))
        bounds.append(Bound(side="upper", alpha=alpha, value=high, method="wilson"))
    return Measurement(
        audit=AUDIT_NAME,
        metric="completeness_failed_share",
        estimate=failed / count,
        low=float(interval.low),
        high=float(interval.high),
        confidence=context.confidence,
        method=_WILSON,
        n=count,
        n_pos=failed,
        n_neg=count - failed,
        bounds=tuple(bounds),
        **_meaning(context),
    )


def _undefined(
    metric: str, status: Any, reason: str, n: int, context: AuditContext, method: str = MEAN_METHOD, **where: Any
) -> Measurement:
    return undefined(
        status,
        reason,
        audit=AUDIT_NAME,
        metric=metric,
        method=method,
        n=n,
        confidence=context.confidence,
        **_meaning(context),
        **where,
    )


def _meaning(context: AuditContext) -> dict[str, Any]:
    return {
        "split": context.eval_split,
        "positive": context.task.positive,
        "favourable": context.task.favourable,
        "threshold": context.task.stated_threshold,
    }
