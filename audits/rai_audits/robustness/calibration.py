"""The calibration audit: whether a score of 0.7 means that it happens 7 times in 10.

Registered as ``calibration``; it needs no model. Two classes and a positive one: the score is the probability of the positive class. More
classes: it is the probability of the decided class, and what happens is that the decision is right. Stable metrics:
``calibration_in_the_large``, ``expected_calibration_error``, ``maximum_calibration_error``. Leaves the table ``reliability``.
Calibration by group belongs to the fairness room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit
from rai_audits.quality.measure import Estimate, Gap, measured
from rai_audits.robustness.options import whole_number
from rai_audits.robustness.reliability import MIN_BIN_ROWS, Reliability, reliability
from rai_audits.stats.rates import wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from rai_audits.core import Measurement
    from rai_audits.robustness.reliability import Ends
    from rai_audits.stats.interval import Side

NAME = "calibration"
DEFAULT_BINS = 10
_LARGE = "mean score minus Wilson ends of the observed rate"
_ERROR = "equal-mass bins, debiased (Kumar et al. 2019); bounds from the non-central chi-square"
_WORST = "equal-mass bins; exact ends in all bins at once (Bonferroni)"


@dataclass(frozen=True)
class _Scored:
    """Scores in [0, 1], whether what they speak of happened, and what that is in words."""

    scores: npt.NDArray[np.float64]
    happened: npt.NDArray[np.bool_]
    of: str


@audit(NAME, suite="robustness", ignores_weights=True)
def _calibration(context: AuditContext) -> AuditOutput:
    bins = whole_number(context.options, "calibration_bins", DEFAULT_BINS, at_least=2)
    rows = context.predictions[context.predictions["split"].astype(str) == context.eval_split]
    if len(rows) < MIN_BIN_ROWS:
        reason = f"{len(rows)} rows in split {context.eval_split!r}, and a bin needs {MIN_BIN_ROWS}"
        return AuditOutput(measurements=tuple(_gaps(context, reason, len(rows))))
    scored = _scored(context, rows)
    if scored is None:
        reason = "the predictions have no scores"
        return AuditOutput(measurements=tuple(_gaps(context, reason, len(rows))))
    table = reliability(scored.scores, scored.happened, bins)
    return AuditOutput(
        measurements=tuple(_measurements(context, table)),
        artifacts={"reliability": context.artifacts.put_table("reliability", _table(table, context.confidence))},
        facts=_facts(table, scored, bins, weighted="weight" in rows),
    )


AUDIT = _calibration


def _scored(context: AuditContext, rows: pd.DataFrame) -> _Scored | None:
    task = context.task
    label = rows["label"].astype(str).to_numpy()
    if task.binary and task.positive is not None:
        if "score" not in rows:
            return None
        score = rows["score"].to_numpy(dtype=np.float64)
        _check(score, rows, "score")
        return _Scored(score, label == task.positive, f"probability of {task.positive!r}")
    names = [f"score:{name}" for name in task.classes]
    if any(name not in rows for name in names):
        return None
    decided = rows["prediction"].astype(str).to_numpy()
    score = np.full(len(rows), np.nan)
    for name in task.classes:
        score = np.where(decided == name, rows[f"score:{name}"].to_numpy(dtype=np.float64), score)
    _check(score, rows, "score of the decided class")
    return _Scored(score, label == decided, "probability of the decided class, which is right")


def _check(score: npt.NDArray[np.float64], rows: pd.DataFrame, name: str) -> None:
    wrong = np.flatnonzero(~((score >= 0) & (score <= 1)))
    if wrong.size:
        row = rows["row_id"].iloc[int(wrong[0])]
        raise UsageError(f"predictions: {name} of row {row!r} is {score[wrong[0]]}, not a probability")


def _measurements(context: AuditContext, table: Reliability) -> Iterator[Measurement]:
    values: tuple[tuple[str, float, Callable[[float, Side], Ends], str], ...] = (
        ("calibration_in_the_large", table.in_the_large(), table.in_the_large_ends, _LARGE),
        ("expected_calibration_error", table.debiased_error(), table.error_ends, _ERROR),
        ("maximum_calibration_error", table.largest_gap(), table.largest_gap_ends, _WORST),
    )
    n, happened = int(table.rows.sum()), int(table.happened.sum())
    for metric, point, ends, method in values:
        yield measured(
            context, Estimate(point, _plain(ends), method), audit=NAME, metric=metric, n=n, n_pos=happened,
            n_neg=n - happened, **_where(context),
        )  # fmt: skip


def _plain(ends: Callable[[float, Side], Ends]) -> Callable[[float, Side], tuple[float, float]]:
    def both(alpha: float, side: Side) -> tuple[float, float]:
        found = ends(alpha, side)
        return found.low, found.high

    return both


def _gaps(context: AuditContext, reason: str, n: int) -> Iterator[Measurement]:
    for metric, method in (
        ("calibration_in_the_large", _LARGE),
        ("expected_calibration_error", _ERROR),
        ("maximum_calibration_error", _WORST),
    ):
        yield measured(context, Gap(reason, method), audit=NAME, metric=metric, n=n, **_where(context))


def _where(context: AuditContext) -> dict[str, Any]:
    return {"split": context.eval_split, "positive": context.task.positive if context.task.binary else None}


def _table(table: Reliability, confidence: float) -> pd.DataFrame:
    ends = wilson(table.happened, table.rows, alpha=1 - confidence)
    return pd.DataFrame(
        {
            "rows": table.rows.astype(np.int64),
            "mean_score": table.mean_score,
            "observed_rate": table.rate,
            "low": ends.low,
            "high": ends.high,
        }
    )


def _facts(table: Reliability, scored: _Scored, asked: int, *, weighted: bool) -> dict[str, Any]:
    notes = ["Row weights are not used: calibration is measured over rows."] if weighted else []
    return {
        "score": scored.of,
        "bins": int(table.rows.size),
        "bins_asked": asked,
        "smallest_bin": int(table.rows.min()),
        "plug_in_expected_calibration_error": table.error(),
        "notes": notes,
    }
