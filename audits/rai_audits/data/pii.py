"""The PII audit: how many texts hold an e-mail address, a phone, card, account or social security number, or an IP address.

Registered as ``pii``. Stable metric: ``pii_rate``, the share of rows over all splits with at least one finding, per kind (as label) and for
any of them. Leaves the table ``pii_findings`` with row, kind and place; the found text itself is never stored. A rate of 0 means that
these patterns found nothing: names and postal addresses are not looked for. Without the extra ``pii`` nothing is measured and
the evidence is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rai_audits.core import AuditContext, AuditOutput, audit
from rai_audits.data.detecting import KINDS, MIN_SCORE, Detector
from rai_audits.quality.measure import Gap, measured, measured_rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_audits.core import Measurement

NAME = "pii"
METRIC = "pii_rate"
ANY = "any"
_INSTALL = "the detector is not installed: pip install 'rai-tune[pii]'"


@audit(NAME, suite="data")
def _pii(context: AuditContext) -> AuditOutput:
    if context.rows is None:
        return AuditOutput(measurements=tuple(_gaps(context, "source rows were not given")))
    try:
        detector = Detector()
    except ImportError:
        return AuditOutput(measurements=tuple(_gaps(context, _INSTALL)))
    rows = context.rows[["row_id", "text"]].merge(context.predictions[["row_id", "split"]], on="row_id", how="inner")
    rows = rows.sort_values("row_id", key=lambda ids: ids.astype(str), kind="stable", ignore_index=True)
    findings = _findings(context, detector, rows)
    facts = {
        "detector": "Presidio pattern recognisers, no language model, no network",
        "least_confidence": MIN_SCORE,
        "not_looked_for": ["names", "postal addresses", "dates of birth"],
        "findings": {kind: int(count) for kind, count in findings["kind"].value_counts().sort_index().items()},
        "rows_by_split": {
            str(split): int(count)
            for split, count in findings.drop_duplicates("row_id")["split"].value_counts().sort_index().items()
        },
    }
    kept = {"pii_findings": context.artifacts.put_table("pii_findings", findings)} if len(findings) else {}
    return AuditOutput(measurements=tuple(_rates(context, findings, len(rows))), artifacts=kept, facts=facts)


AUDIT = _pii


def _findings(context: AuditContext, detector: Detector, rows: pd.DataFrame) -> pd.DataFrame:
    lines = []
    for place, (row_id, split, text) in enumerate(zip(rows["row_id"], rows["split"], rows["text"], strict=True)):
        if place % 500 == 0:
            context.progress("looking for personal data", place, len(rows))
        lines += [
            (row_id, split, item.kind, item.start, item.end)
            for item in (detector.find(text) if isinstance(text, str) else ())
        ]
    return pd.DataFrame(lines, columns=["row_id", "split", "kind", "start", "end"])


def _rates(context: AuditContext, findings: pd.DataFrame, rows: int) -> Iterator[Measurement]:
    for kind in (*KINDS.values(), ANY):
        of_kind = findings if kind == ANY else findings[findings["kind"] == kind]
        yield measured_rate(
            context, int(of_kind["row_id"].nunique()), rows, audit=NAME, metric=METRIC, empty="there are no rows",
            label=kind,
        )  # fmt: skip


def _gaps(context: AuditContext, reason: str) -> Iterator[Measurement]:
    for kind in (*KINDS.values(), ANY):
        yield measured(context, Gap(reason, "wilson"), audit=NAME, metric=METRIC, n=0, label=kind)
