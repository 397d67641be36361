"""Numbers made of attributions that failed their checks are withheld, so that no policy can pass on them. Stable within this library.

The audit ``explanations`` leaves its verdict for the audits of the same run that come after it; one that runs alone has no verdict and withholds nothing,
which its reader sees in the missing ``explanation_trusted``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_audits.core import Measurement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from rai_audits.core import AuditContext

_KEY = "explanation_verdict"
NOT_TRUSTED = "the explanations of this run failed their checks, so numbers made of them are withheld"


def leave_verdict(context: AuditContext, outcome: str) -> None:
    """Say to the later audits of this run what the checks found."""
    context.shared[_KEY] = outcome


def withheld(
    context: AuditContext, measurements: Iterable[Measurement], metrics: Collection[str]
) -> tuple[Measurement, ...]:
    """The measurements, those of ``metrics`` without their numbers where the explanations of the run are not trusted."""
    if context.shared.get(_KEY) != "not_trusted":
        return tuple(measurements)
    return tuple(
        _without_number(item) if item.metric in metrics and item.status == "ok" else item for item in measurements
    )


def _without_number(item: Measurement) -> Measurement:
    gone = {"estimate": "not_estimable", "low": "not_estimable", "high": "not_estimable", "status": "not_estimable"}
    return Measurement(**{**item.model_dump(exclude={"bounds"}), **gone, "reason": NOT_TRUSTED})
