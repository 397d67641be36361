"""Quality metrics by name. Stable API: ``quality_metric`` and ``known_quality_metrics``.

Light to import: a metric's class, and with it ``evaluate``, is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_audits.core import UsageError, did_you_mean

if TYPE_CHECKING:
    from rai_audits.quality.metrics import OfflineMetric

_CLASSES = {
    "accuracy": "Accuracy",
    "average_precision": "AveragePrecision",
    "balanced_accuracy": "BalancedAccuracy",
    "brier_score": "BrierScore",
    "macro_f1": "MacroF1",
    "roc_auc": "RocAuc",
}


def known_quality_metrics() -> tuple[str, ...]:
    """Names of all metrics, sorted."""
    return tuple(sorted(_CLASSES))


def quality_metric(name: str) -> OfflineMetric:
    """A fresh metric by name. Raises ``UsageError`` that names the nearest known one."""
    if name not in _CLASSES:
        raise UsageError(f"unknown quality metric {name!r}.{did_you_mean(name, _CLASSES)}")
    from rai_audits.quality import metrics

    metric: OfflineMetric = getattr(metrics, _CLASSES[name])()
    return metric
