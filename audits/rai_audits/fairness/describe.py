"""What every measurement of the group audit carries, and how numbers of the statistics become words.

Use ``Describer`` from the modules of this package that emit measurements. Stable within this package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rai_audits.core import Bound, Measurement, undefined

if TYPE_CHECKING:
    from rai_audits.core import AuditContext

SCORE = "score (Miettinen-Nurminen)"
EXACT = "exact (Clopper-Pearson, error halved)"
WILSON = "wilson"


@dataclass(frozen=True)
class Describer:
    """Fills what all measurements of one audit run share. ``weighted`` is said in the method: intervals then use the effective n."""

    audit: str
    context: AuditContext
    weighted: bool

    def method(self, name: str) -> str:
        return f"{name}, effective n of weights" if self.weighted else name

    def number(
        self,
        metric: str,
        estimate: float,
        low: float,
        high: float,
        *,
        method: str,
        bounds: tuple[Bound, ...] = (),
        **where: Any,
    ) -> Measurement:
        """A measurement with a number."""
        return Measurement(
            audit=self.audit,
            metric=metric,
            estimate=float(estimate),
            low=float(low),
            high="unbounded" if math.isinf(high) else float(high),
            confidence=self.context.confidence,
            method=method,
            bounds=bounds,
            **self._shared(),
            **where,
        )

    def gap(self, metric: str, reason: str, *, method: str, n: int, **where: Any) -> Measurement:
        """A measurement that has no number, with the reason."""
        return undefined(
            "not_estimable",
            reason,
            audit=self.audit,
            metric=metric,
            method=method,
            n=n,
            confidence=self.context.confidence,
            **self._shared(),
            **where,
        )

    def _shared(self) -> dict[str, Any]:
        task = self.context.task
        return {
            "split": self.context.eval_split,
            "threshold": task.stated_threshold,
            "positive": task.positive,
            "favourable": task.favourable,
        }


def bound(side: Literal["lower", "upper"], alpha: float, value: float, method: str, family: int | None = None) -> Bound:
    """A one-sided bound; with ``family`` it is the one that Holm's procedure asks of the most extreme of so many comparisons."""
    return Bound(
        side=side,
        alpha=alpha,
        value="unbounded" if math.isinf(value) else float(value),
        method=method,
        correction="none" if family is None else "holm",
        family=1 if family is None else family,
    )


def end_methods(low_exact: bool, high_exact: bool) -> str:
    """Name of the method of an interval whose ends may stem from different ones."""
    if low_exact == high_exact:
        return EXACT if low_exact else SCORE
    return f"{EXACT if low_exact else SCORE} below, {EXACT if high_exact else SCORE} above"
