"""From numbers to Measurements: the one place where quality and data audits build them.

Use ``measured`` for anything whose ends come as a function of the error, ``measured_rate`` for a plain share of rows. Both store
the two-sided interval for tables and the one-sided bounds that the gate reads. Stable within this library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_audits.core import AuditContext, Bound, Measurement, undefined
from rai_audits.stats.rates import wilson

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_audits.core.measurement import Undefined
    from rai_audits.stats.interval import Side

Ends = tuple[float, float]
"""Lower and upper end of an interval."""


@dataclass(frozen=True)
class Estimate:
    """A point and the function that gives its ends: ``ends(alpha, side)``, alpha being the total error."""

    point: float
    ends: Callable[[float, Side], Ends]
    method: str


@dataclass(frozen=True)
class Gap:
    """No number, and why."""

    reason: str
    method: str
    status: Undefined = "not_estimable"


def measured(
    context: AuditContext, value: Estimate | Gap, *, audit: str, metric: str, n: int, **where: Any
) -> Measurement:
    """Measurement with the two-sided interval at ``context.confidence`` and both bounds at every alpha in ``context.alphas``.

    ``where`` takes the remaining Measurement fields, such as ``split``, ``group``, ``n_pos``.
    """
    where = {"confidence": context.confidence, **where}
    if isinstance(value, Gap):
        return undefined(value.status, value.reason, audit=audit, metric=metric, method=value.method, n=n, **where)
    low, high = value.ends(1 - context.confidence, "two-sided")
    bounds = []
    for alpha in context.alphas:
        lower, upper = value.ends(alpha, "lower")[0], value.ends(alpha, "upper")[1]
        bounds.append(Bound(side="lower", alpha=alpha, value=lower, method=value.method))
        bounds.append(Bound(side="upper", alpha=alpha, value=upper, method=value.method))
    return Measurement(
        audit=audit,
        metric=metric,
        estimate=value.point,
        low=low,
        high=high,
        method=value.method,
        n=n,
        bounds=tuple(bounds),
        **where,
    )


def wilson_ends(successes: float, trials: float, alpha: float, side: Side) -> Ends:
    """Wilson's interval as two plain numbers. Counts may be effective ones."""
    interval = wilson(successes, trials, alpha=alpha, side=side)
    return float(interval.low), float(interval.high)


def rate(successes: int, trials: int, empty: str) -> Estimate | Gap:
    """A share of rows with Wilson's interval; a gap with the reason ``empty`` when there are no trials."""
    if trials == 0:
        return Gap(empty, "wilson")
    return Estimate(successes / trials, lambda alpha, side: wilson_ends(successes, trials, alpha, side), "wilson")


def measured_rate(
    context: AuditContext, successes: int, trials: int, *, audit: str, metric: str, empty: str, **where: Any
) -> Measurement:
    """A share of rows as a Measurement. ``n_pos`` counts successes and ``n_neg`` failures."""
    return measured(
        context,
        rate(successes, trials, empty),
        audit=audit,
        metric=metric,
        n=trials,
        n_pos=successes,
        n_neg=trials - successes,
        **where,
    )
