"""The mean of one share a document as a Measurement, or the gap where there are too few. Stable within this library: ``mean_share``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_audits.explain.intervals import MEAN_METHOD, MIN_DOCUMENTS, mean_of_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_audits.core import Measurement
    from rai_audits.fairness.describe import Describer


def mean_share(describe: Describer, metric: str, shares: Sequence[float], *, counted: str, **where: Any) -> Measurement:
    """Mean of shares in [0, 1], whatever their order. ``counted`` says what each is of, as in "explained documents have a human rationale"."""
    count, context = len(shares), describe.context
    if count < MIN_DOCUMENTS:
        reason = f"{count} {counted}; an interval over documents needs {MIN_DOCUMENTS}"
        return describe.gap(metric, reason, method=MEAN_METHOD, n=count, **where)
    found = mean_of_shares(sorted(shares), confidence=context.confidence, alphas=context.alphas, seed=context.seed)
    high = float("inf") if isinstance(found.high, str) else found.high
    return describe.number(
        metric, found.value, found.low, high, method=MEAN_METHOD, bounds=found.bounds, n=count, **where
    )
