"""A number that a check measured, with its interval, and the one rule that turns it into an outcome."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

from rai_audits.explain.checks.thresholds import MIN_DOCUMENTS
from rai_audits.quality.measure import Estimate, Gap, wilson_ends
from rai_audits.stats.interval import tail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rai_audits.explain.checks.ratio import PairedRatio
    from rai_audits.stats.interval import Side

Outcome = Literal["passed", "failed", "insufficient_evidence", "not_applicable"]

STUDENT = "mean over documents, Student's t"
CONSTANT = "mean over documents; all equal: exact bound on the share that may differ"
FIELLER = "ratio of paired means over documents, Fieller's interval"
WILSON = "share of documents, Wilson interval"


@dataclass(frozen=True)
class Quantity:
    """``metric`` and ``label`` name it among a run's measurements; ``n`` is the number of documents."""

    metric: str
    value: Estimate | Gap
    n: int
    label: str | None = None


@dataclass(frozen=True)
class CheckResult:
    """One check. ``sentence`` says in words what was found; ``key`` is the quantity that ``threshold`` was held against."""

    name: str
    outcome: Outcome
    sentence: str
    threshold: float | None = None
    key: Quantity | None = None
    quantities: tuple[Quantity, ...] = ()


def mean_quantity(
    metric: str, values: Sequence[float], *, low: float = -1.0, high: float = 1.0, label: str | None = None, what: str
) -> Quantity:
    """Mean over documents of numbers within ``low`` and ``high``. ``what`` says, for the reason of a gap, what a usable document is."""
    count = len(values)
    if count < MIN_DOCUMENTS:
        few = (
            f"{count} {'document has' if count == 1 else 'documents have'} {what}; at least {MIN_DOCUMENTS} are needed"
        )
        return Quantity(metric, Gap(few, STUDENT), count, label)
    numbers = np.sort(np.asarray(values, dtype=np.float64))
    if not np.isfinite(numbers).all():
        return Quantity(metric, Gap("a document gave a number that is not finite", STUDENT), count, label)
    middle = math.fsum(numbers) / count
    # Rounding must not pass for variation: values that are equal in all but the last digits are equal.
    if np.ptp(numbers) <= 1e-9 * max(1.0, abs(middle)):
        return Quantity(metric, Estimate(middle, _constant(middle, count, low, high), CONSTANT), count, label)
    error = float(numbers.std(ddof=1)) / math.sqrt(count)

    def ends(alpha: float, side: Side) -> tuple[float, float]:
        half = float(special.stdtrit(count - 1, 1 - tail(alpha, side))) * error
        return (
            low if side == "upper" else max(low, middle - half),
            high if side == "lower" else min(high, middle + half),
        )

    return Quantity(metric, Estimate(middle, ends, STUDENT), count, label)


def _constant(value: float, count: int, low: float, high: float) -> Callable[[float, Side], tuple[float, float]]:
    """Ends of a mean when all values are equal.

    If a share p of documents differed, all ``count`` would agree with probability (1 - p)^count: p is at most 1 - alpha^(1/count).
    """

    def ends(alpha: float, side: Side) -> tuple[float, float]:
        share = 1 - tail(alpha, side) ** (1 / count)
        return (
            low if side == "upper" else value - share * (value - low),
            high if side == "lower" else value + share * (high - value),
        )

    return ends


def share_quantity(metric: str, count: int, n: int) -> Quantity:
    """A share of documents."""
    if n < MIN_DOCUMENTS:
        return Quantity(metric, Gap(f"{n} documents; at least {MIN_DOCUMENTS} are needed", WILSON), n)
    return Quantity(metric, Estimate(count / n, lambda alpha, side: wilson_ends(count, n, alpha, side), WILSON), n)


def ratio_quantity(
    metric: str, ratio: PairedRatio, *, confidence: float, empty: str, label: str | None = None
) -> Quantity:
    """A ratio, or a gap with the reason ``empty`` when its denominator is not above 0 at ``confidence``."""
    if not ratio.has_denominator(1 - confidence, "two-sided"):
        return Quantity(metric, Gap(empty, FIELLER), ratio.n, label)
    return Quantity(metric, Estimate(ratio.estimate, ratio.ends, FIELLER), ratio.n, label)


def judged(quantity: Quantity, threshold: float, *, at_least: bool, pass_alpha: float, fail_alpha: float) -> Outcome:
    """``passed`` when the bound on the bad side still keeps the threshold, ``failed`` when that on the good side misses it, else neither."""
    if isinstance(quantity.value, Gap):
        return "insufficient_evidence"
    ends = quantity.value.ends
    if at_least:
        sure, best = ends(pass_alpha, "lower")[0] >= threshold, ends(fail_alpha, "upper")[1]
        return "passed" if sure else "failed" if best < threshold else "insufficient_evidence"
    sure, best = ends(pass_alpha, "upper")[1] <= threshold, ends(fail_alpha, "lower")[0]
    return "passed" if sure else "failed" if best > threshold else "insufficient_evidence"
