"""How well a model does its task: ``evaluate.Metric`` classes that work offline, and the audit that uses them.

Stable API: the six metric classes and ``quality_metric``. The classes are imported on first use, since ``evaluate``
brings in torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_audits.quality.registry import known_quality_metrics, quality_metric

if TYPE_CHECKING:
    from rai_audits.quality.metrics import (
        Accuracy,
        AveragePrecision,
        BalancedAccuracy,
        BrierScore,
        MacroF1,
        RocAuc,
    )

__all__ = [
    "Accuracy",
    "AveragePrecision",
    "BalancedAccuracy",
    "BrierScore",
    "MacroF1",
    "RocAuc",
    "known_quality_metrics",
    "quality_metric",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rai_audits.quality import metrics

    return getattr(metrics, name)
