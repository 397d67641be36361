"""Metrics as offline ``evaluate.Metric`` classes. Importing this package imports ``evaluate``, which takes seconds."""

from rai_audits.quality.metrics.accuracy import Accuracy
from rai_audits.quality.metrics.average_precision import AveragePrecision
from rai_audits.quality.metrics.balanced_accuracy import BalancedAccuracy
from rai_audits.quality.metrics.base import OfflineMetric
from rai_audits.quality.metrics.brier_score import BrierScore
from rai_audits.quality.metrics.macro_f1 import MacroF1
from rai_audits.quality.metrics.roc_auc import RocAuc

__all__ = [
    "Accuracy",
    "AveragePrecision",
    "BalancedAccuracy",
    "BrierScore",
    "MacroF1",
    "OfflineMetric",
    "RocAuc",
]
