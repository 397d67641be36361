"""Fairlearn's ``MetricFrame`` and our measurements, one from the other.

Use ``to_metric_frame`` to run any scikit-learn style metric by group on a context of ours, ``from_metric_frame`` to keep what a MetricFrame
found as measurements, ``to_frame`` to see measurements as its ``by_group`` table, and ``metrics_audit`` to run metrics of one's own as an
audit beside ours. Stable API.

A MetricFrame has points; its bootstrap intervals are not read. Its numbers come without any (``low`` and ``high`` not estimable) and without
bounds, so no gate can pass on them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rai_audits.core import AuditContext, AuditOutput, AuditSpec, Measurement, UsageError, audit, undefined
from rai_audits.fairness.counts import GROUP_PREFIX
from rai_audits.fairness.grouped import evaluated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

AUDIT_NAME = "metric_frame"


def to_metric_frame(
    context: AuditContext, metrics: Mapping[str, Callable[..., Any]], attribute: str, *, scores: bool = False
) -> Any:
    """A ``fairlearn.metrics.MetricFrame`` of the labelled evaluated rows by one attribute; unknown groups are left out.

    Truth and decision are 1 for the positive class and 0 otherwise; ``scores`` gives the column ``score`` in place of
    decisions. Row weights go to every metric as ``sample_weight``. Raises ``UsageError`` without a positive class, for an
    unknown attribute, or for a missing column.
    """
    from fairlearn.metrics import MetricFrame

    task = context.task
    if task.positive is None:
        raise UsageError("a MetricFrame needs a positive class")
    if attribute not in task.groups:
        raise UsageError(f"{attribute!r} is none of the group attributes ({', '.join(task.groups)})")
    column = "score" if scores else "prediction"
    frame = evaluated(context, "label", column)
    group = frame[GROUP_PREFIX + attribute]
    keep = frame["label"].notna() & group.notna() & (group.astype(str) != "unknown")
    frame = frame[keep]
    said = frame["score"] if scores else (frame["prediction"].astype(str) == task.positive).astype(int)
    weights = {"sample_weight": frame["weight"]} if "weight" in frame.columns else None
    return MetricFrame(
        metrics=dict(metrics),
        y_true=(frame["label"].astype(str) == task.positive).astype(int),
        y_pred=said,
        sensitive_features=frame[GROUP_PREFIX + attribute].astype(str).rename(attribute),
        sample_params=None if weights is None else dict.fromkeys(metrics, weights),
    )


def from_metric_frame(found: Any, sizes: Mapping[str, int], *, attribute: str) -> tuple[Measurement, ...]:
    """Measurements of every metric and group of a MetricFrame with one sensitive feature and named metrics.

    ``sizes`` gives the rows of each group. NaN becomes ``not_estimable``. Raises ``UsageError`` for control features, several sensitive
    features, or a group without a size.
    """
    if found.control_levels or len(found.sensitive_levels) != 1:
        raise UsageError("only a MetricFrame with one sensitive feature and no control features can be converted")
    table = found.by_group
    table = table.to_frame("metric") if table.ndim == 1 else table
    missing = [str(group) for group in table.index if str(group) not in sizes]
    if missing:
        raise UsageError(f"no size is given for group {missing[0]!r}")
    return tuple(
        _measurement(str(metric), float(table.loc[group, metric]), attribute, str(group), sizes[str(group)])
        for metric in table.columns
        for group in table.index
    )


def to_frame(measurements: Sequence[Measurement], attribute: str) -> pd.DataFrame:
    """Estimates as a table of groups by metrics, as ``MetricFrame.by_group``; what has no number is NaN. Pairs are left out."""
    import pandas as pd

    cells: dict[str, dict[str, float]] = {}
    for item in measurements:
        if item.attribute == attribute and item.group is not None and item.reference is None:
            number = math.nan if item.status != "ok" else item.value
            cells.setdefault(item.metric, {})[item.group] = number
    return pd.DataFrame(cells).rename_axis(index=attribute)


def metrics_audit(metrics: Mapping[str, Callable[..., Any]], *, scores: bool = False) -> AuditSpec:
    """The audit ``metric_frame``: each metric, ``metric(y_true, y_pred[, sample_weight=...])``, in each group of each attribute.

    A metric that fails makes the result an error; one that gives no number is ``not_estimable`` for that group. Raises ``UsageError`` for
    a metric that cannot be called.
    """
    for name, metric in metrics.items():
        if not callable(metric):
            raise UsageError(f"metrics: {name!r} is {type(metric).__name__}, which is no function of (y_true, y_pred)")

    def measure(context: AuditContext) -> AuditOutput:
        found: list[Measurement] = []
        for attribute in context.task.groups:
            frame = to_metric_frame(context, {"n": _rows, **metrics}, attribute, scores=scores)
            sizes = {str(group): int(n) for group, n in frame.by_group["n"].items()}
            found += [item for item in from_metric_frame(frame, sizes, attribute=attribute) if item.metric != "n"]
        return AuditOutput(tuple(found))

    return audit(AUDIT_NAME, suite="fairness")(measure)


def _rows(truth: Any, _said: Any, sample_weight: Any = None) -> int:
    del sample_weight
    return len(truth)


def _measurement(metric: str, number: float, attribute: str, group: str, n: int) -> Measurement:
    where = {"audit": AUDIT_NAME, "metric": metric, "attribute": attribute, "group": group, "n": n}
    method = "fairlearn MetricFrame, point only"
    if not math.isfinite(number):
        return undefined("not_estimable", "the metric gave no number", method=method, **where)  # type: ignore[arg-type]
    return Measurement(
        estimate=number, low="not_estimable", high="not_estimable", method=method, **where
    )  # fmt: skip
