"""The check ``presence``: the evidence that a control speaks of exists, is whole, and belongs to this run.

It says nothing about what the numbers are, so it passes or leaves the evidence insufficient; it never fails. A metric that was named and
nowhere estimated is not there; where the audit says of all of them that they do not apply, neither does the check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from rai_tune.gate.checks.base import Asked, CheckKind, Gap, Name, Part, Verdict
from rai_tune.gate.checks.find import quoted, sound_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.core import AuditResult, Measurement
    from rai_tune.gate.decision import Evidence


class PresenceCheck(Part):
    """These audits ran without error on this run's predictions and left measurements."""

    kind: Literal["presence"]
    """``presence``."""

    audits: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Audits that must be in the evidence, each with at least one measurement."""

    artifacts: tuple[Name, ...] = ()
    """Names of tables that at least one of these audits must have stored."""

    metrics: tuple[Name, ...] = ()
    """Metrics that at least one of these audits must have measured, each with at least one number."""


def judge_presence(check: PresenceCheck, evidence: Evidence, asked: Asked) -> Verdict:  # noqa: ARG001  (one signature for all)
    """Pass when all that is named is there, else insufficient with every missing thing named."""
    gaps: list[Gap] = []
    results: list[AuditResult] = []
    for audit in check.audits:
        found = sound_result(evidence, audit)
        if isinstance(found, Gap):
            gaps.append(found)
        elif not found.measurements:
            gaps.append(Gap(f"the audit {audit} measured nothing", f"run the audit {audit} again"))
        elif not check.metrics and all(item.status != "ok" for item in found.measurements):
            why = sorted({str(item.reason) for item in found.measurements})[0]
            gaps.append(
                Gap(f"the audit {audit} came to no number: {why}", f"rows on which {audit} can measure something")
            )
        else:
            results.append(found)
    metrics = {name: _measured(results, name) for name in check.metrics}
    if not gaps and metrics and all(_does_not_apply(items) for items in metrics.values()):
        reasons = {str(item.reason) for items in metrics.values() for item in items}
        return Verdict("not_applicable", "; ".join(sorted(reasons)))
    gaps += _missing("artifact", check.artifacts, {name for result in results for name in result.artifacts})
    gaps += _missing("metric", check.metrics, {name for name, items in metrics.items() if items})
    gaps += [gap for name, items in metrics.items() for gap in _without_number(name, items)]
    if gaps:
        settle = "; ".join(gap.settle for gap in gaps if gap.settle)
        return Gap("; ".join(gap.reason for gap in gaps), settle).verdict()
    return Verdict("pass", f"present, without error and on this run's predictions: {', '.join(check.audits)}")


def _measured(results: Sequence[AuditResult], metric: str) -> list[Measurement]:
    return [item for result in results for item in result.measurements if item.metric == metric]


def _does_not_apply(items: Sequence[Measurement]) -> bool:
    return bool(items) and all(item.status == "not_applicable" for item in items)


def _without_number(metric: str, items: Sequence[Measurement]) -> list[Gap]:
    """A gap when a metric is in the evidence and none of its measurements has a number."""
    if not items or any(item.status == "ok" for item in items):
        return []
    reason = sorted({str(item.reason) for item in items})[0]
    return [Gap(f"no number for {metric}: {reason}", f"rows with which {metric} can be estimated")]


def _missing(what: str, wanted: tuple[str, ...], there: set[str]) -> list[Gap]:
    absent = [name for name in wanted if name not in there]
    if not absent:
        return []
    return [Gap(f"no {what} {quoted(absent)} in the evidence", f"run the audits that make {quoted(absent)}")]


KIND = CheckKind("presence", PresenceCheck, judge_presence, ("pass", "insufficient_evidence"))
