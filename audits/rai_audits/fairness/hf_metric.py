"""Group metrics as an ``evaluate.Metric`` that needs no hub. Stable API: ``GroupFairness``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import datasets
import pandas as pd

from rai_audits.core import AuditContext, TaskInfo, UsageError
from rai_audits.fairness.group_rates import measure
from rai_audits.quality.metrics.base import OfflineMetric, metric_info

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_audits.core import ArtifactSink

_FEATURES = datasets.Features({"predictions": datasets.Value("string"), "references": datasets.Value("string")})


class _Nowhere:
    def put_table(self, name: str, table: pd.DataFrame) -> str:
        raise UsageError(f"table {name!r} of {len(table)} rows has no place to go in a metric")


class GroupFairness(OfflineMetric):
    """Rates, impact ratios and differences by group, as the audit ``group_rates`` measures them.

    ``compute(predictions=[...], references=[...], groups=[...], favourable="1", positive="1")`` returns
    ``{"measurements": [...]}``, each as JSON with interval, bounds and status. Classes are text.
    """

    def _info(self) -> Any:
        text = "Selection rate, true and false positive rate, impact ratios and differences by group."
        return metric_info(text, "predictions, references: classes as text; groups: one per row.", _FEATURES)

    def _compute(
        self,
        predictions: Sequence[str],
        references: Sequence[str],
        groups: Sequence[str] = (),
        favourable: str | None = None,
        positive: str | None = None,
        min_group_rows: int = 10,
    ) -> dict[str, Any]:
        if len(groups) != len(predictions):
            raise UsageError(f"groups must have one entry for each of the {len(predictions)} rows, got {len(groups)}")
        frame = pd.DataFrame(
            {"label": references, "prediction": predictions, "group:group": list(groups), "split": "test"}
        )
        classes = tuple(sorted({*map(str, references), *map(str, predictions)}))
        task = TaskInfo(classes, positive, favourable, None, {"group": ()})
        sink: ArtifactSink = _Nowhere()
        options = {"min_group_rows": min_group_rows}
        found = measure(AuditContext(predictions=frame, task=task, artifacts=sink, options=options))
        return {"measurements": [item.to_json() for item in found.measurements]}
