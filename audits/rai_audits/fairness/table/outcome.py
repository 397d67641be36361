"""What an audit of a table found. Stable: ``TableAudit``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from rai_audits.core import AuditResult, Measurement, TaskInfo
    from rai_audits.fairness.table.spec import TableSpec


@dataclass(frozen=True)
class TableAudit:
    """What was measured on a table.

    ``results`` has one entry for each audit that applied; ``not_run`` says why another did not. ``predictions_digest`` is the SHA-256 of
    the file (of the digests of several), or of the cells of a table in memory, whatever their order. ``tables`` are what audits
    left beside their measurements, by ``<audit>:<name>``.
    """

    origin: str
    rows: int
    task: TaskInfo
    spec: TableSpec
    results: tuple[AuditResult, ...]
    predictions_digest: str
    held: bool
    notes: tuple[str, ...] = ()
    not_run: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """All measurements, audit by audit."""
        return tuple(item for result in self.results for item in result.measurements)

    def to_frame(self) -> pd.DataFrame:
        """One row a measurement; bounds are left out. A number that does not exist is its status in words."""
        import pandas as pd

        return pd.DataFrame([{k: v for k, v in item.to_json().items() if k != "bounds"} for item in self.measurements])

    def __repr__(self) -> str:
        """Name what was audited, and the lowest impact ratio of each attribute."""
        lines = [f"Audit of {self.origin}: {self.rows:,} rows, {len(self.measurements):,} measurements"]
        for attribute in self.task.groups:
            ratios = [
                item
                for item in self.measurements
                if item.metric == "impact_ratio"
                and item.attribute == attribute
                and item.reference
                and item.status == "ok"
            ]
            if ratios:
                low = min(ratios, key=lambda item: item.value)
                ends = " to ".join(end if isinstance(end, str) else f"{end:.3f}" for end in (low.low, low.high))
                lines.append(
                    f"  {attribute}: lowest impact ratio {low.value:.3f} ({ends}), {low.group} against {low.reference}"
                )
            elif self.task.favourable is not None:
                lines.append(f"  {attribute}: no impact ratio can be estimated")
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join([*lines, "  .to_frame() has every number"])
