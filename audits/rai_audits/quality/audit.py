"""The task quality audit: how well the model does its task on rows that nothing was chosen on.

Registered as ``task_quality``. Metrics of the evaluated split: ``accuracy``, ``balanced_accuracy``, ``macro_f1``, ``roc_auc``,
``average_precision``, ``brier_score``, ``precision``, ``recall``; ``accuracy`` of train and validation beside it makes
overfitting visible. With a ``weight`` column every metric is the weighted one. Stable metric names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import AuditContext, AuditOutput, Measurement, audit
from rai_audits.quality import estimates
from rai_audits.quality.measure import Estimate, Gap, measured
from rai_audits.quality.rows import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from rai_audits.quality.rows import SplitRows

NAME = "task_quality"
_FITTED_SPLITS = ("train", "validation")


@dataclass(frozen=True)
class _Counts:
    """Rows behind a metric: successes and failures of a rate, positive and negative labels of a score metric."""

    n: int
    n_pos: int | None
    n_neg: int | None


@audit(NAME, suite="quality")
def _task_quality(context: AuditContext) -> AuditOutput:
    present = set(context.predictions["split"].astype(str)) if "split" in context.predictions.columns else set()
    fitted = {
        split: read_rows(context, split) for split in _FITTED_SPLITS if split in present and split != context.eval_split
    }
    rows = read_rows(context, context.eval_split)
    measurements = list(_evaluated(context, rows))
    for split, seen in fitted.items():
        measurements.append(_measure(context, seen, split, "accuracy", estimates.accuracy(seen), _hit_counts(seen)))
    facts = _facts(rows, fitted.get("train"))
    facts["effective_n"] = {
        context.eval_split: rows.effective,
        **{name: seen.effective for name, seen in fitted.items()},
    }
    facts["rows"] = {context.eval_split: len(rows), **{name: len(seen) for name, seen in fitted.items()}}
    return AuditOutput(measurements=tuple(measurements), facts=facts)


AUDIT = _task_quality


def _evaluated(context: AuditContext, rows: SplitRows) -> Iterator[Measurement]:
    seed, labels, split = context.seed, _label_counts(rows), context.eval_split
    yield _measure(context, rows, split, "accuracy", estimates.accuracy(rows), _hit_counts(rows))
    yield _measure(context, rows, split, "balanced_accuracy", estimates.balanced_accuracy(rows, seed), labels)
    yield _measure(context, rows, split, "macro_f1", estimates.macro_f1(rows, seed), labels)
    yield _measure(context, rows, split, "roc_auc", estimates.roc_auc(rows), labels)
    yield _measure(context, rows, split, "average_precision", estimates.average_precision(rows, seed), labels)
    yield _measure(context, rows, split, "brier_score", estimates.brier_score(rows), labels)
    yield _measure(context, rows, split, "precision", estimates.precision(rows), _hit_counts(rows, rows.decided))
    yield _measure(context, rows, split, "recall", estimates.recall(rows), _hit_counts(rows, rows.truth))


def _measure(
    context: AuditContext, rows: SplitRows, split: str, metric: str, value: Estimate | Gap, counts: _Counts
) -> Measurement:
    return measured(
        context,
        value,
        audit=NAME,
        metric=metric,
        n=counts.n,
        n_pos=counts.n_pos,
        n_neg=counts.n_neg,
        split=split,
        threshold=context.task.stated_threshold,
        positive=None if rows.positive is None else rows.classes[rows.positive],
    )


def _hit_counts(rows: SplitRows, of: npt.NDArray[np.int64] | None = None) -> _Counts:
    """Correct and wrong rows, among those where ``of`` is the positive class when it is given."""
    among = np.ones(len(rows), dtype=bool) if of is None else of == (-1 if rows.positive is None else rows.positive)
    hits = int((rows.truth == rows.decided)[among].sum())
    return _Counts(n=int(among.sum()), n_pos=hits, n_neg=int(among.sum()) - hits)


def _label_counts(rows: SplitRows) -> _Counts:
    if not rows.binary or rows.positive is None:
        return _Counts(n=len(rows), n_pos=None, n_neg=None)
    positives = int((rows.truth == rows.positive).sum())
    return _Counts(n=len(rows), n_pos=positives, n_neg=len(rows) - positives)


def _facts(rows: SplitRows, train: SplitRows | None) -> dict[str, Any]:
    """What a reader needs beside the metrics. A number that does not exist is the word ``not_estimable``."""
    counts = rows.counts.astype(np.int64)
    notes = [
        f"Class {name!r} has no evaluated rows; means over classes leave it out."
        for code, name in enumerate(rows.classes)
        if code not in rows.present
    ]
    facts: dict[str, Any] = {
        "classes": list(rows.classes),
        "class_counts": {name: int(counts[code].sum()) for code, name in enumerate(rows.classes)},
        "confusion_matrix": counts.tolist(),
        "confusion_matrix_axes": "rows are true labels, columns are decisions, both in the order of classes; row counts",
        "weighted": rows.weights is not None,
        "positive_rate_decided": _weighted_share(rows, rows.decided == rows.positive),
        "majority_class": "not_estimable",
        "majority_accuracy": "not_estimable",
        "notes": notes,
    }
    if rows.positive is None:
        facts["positive_rate_decided"] = "not_applicable"
    if train is None or not len(train):
        notes.append("There are no training rows, so the accuracy of guessing their most common label is not known.")
    else:
        common = int(np.bincount(train.truth, minlength=len(rows.classes)).argmax())
        facts["majority_class"] = rows.classes[common]
        facts["majority_accuracy"] = _weighted_share(rows, rows.truth == common)
    return facts


def _weighted_share(rows: SplitRows, which: npt.NDArray[np.bool_]) -> float | str:
    return float(np.average(which, weights=rows.each)) if len(rows) else "not_estimable"
