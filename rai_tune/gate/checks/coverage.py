"""The check ``coverage``: every declared group is there with enough rows to say something about it.

It is about evidence, not about treatment, so too few rows leave the evidence insufficient; it never fails.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from rai_tune.gate.checks.base import Asked, Attributes, CheckKind, Gap, Name, Part, Verdict
from rai_tune.gate.checks.find import (
    UNKNOWN,
    declared_groups,
    listed,
    measurements_of,
    shown,
    sound_result,
    storable,
)
from rai_tune.gate.decision import Evidence, Reading, Threshold

if TYPE_CHECKING:
    from rai_tune.core import Measurement

GROUP_SIZE = "group_size"


class CoverageCheck(Part):
    """Every declared group has a measurement that rests on at least ``threshold.value`` rows."""

    kind: Literal["coverage"]
    """``coverage``."""

    audit: Name
    """Audit that measured the groups."""

    metric: Name
    """Metric whose rows are counted. For ``group_size`` the estimate is the count; for others it is their n."""

    attributes: Attributes = "all"
    """Group attributes to look at: all that the recipe declares, those that cross no others (plain), or these."""

    split: Name | None = "test"
    """Split that the rows belong to; null for a measurement that belongs to none."""

    threshold: Threshold
    """Smallest number of rows, a whole number of at least 1, and who set it."""

    @model_validator(mode="after")
    def _whole_rows(self) -> CoverageCheck:
        if self.threshold.value < 1 or not self.threshold.value.is_integer():
            raise ValueError("threshold.value of a coverage check is a number of rows: a whole number of at least 1")
        return self


def judge_coverage(check: CoverageCheck, evidence: Evidence, asked: Asked) -> Verdict:  # noqa: ARG001  (one signature for all)
    """Pass when every declared group has enough rows, else insufficient with each short or absent group named."""
    groups = declared_groups(evidence, check.attributes)
    if isinstance(groups, Gap):
        return groups.verdict()
    result = sound_result(evidence, check.audit)
    if isinstance(result, Gap):
        return result.verdict()
    found = [
        item
        for item in measurements_of(result, check.metric, check.split)
        if item.attribute in groups and item.group is not None and item.reference is None
    ]
    readings = [_reading(item, check) for item in found if item.group != UNKNOWN]
    seen = {(item.attribute, item.group) for item in found}
    short = [f"group {r.group!r} of {r.attribute!r} ({r.note})" for r in readings if r.outcome != "pass"]
    absent = [
        f"group {name!r} of {attribute!r} (not in the evidence)"
        for attribute, names in groups.items()
        for name in names
        if (attribute, name) not in seen
    ]
    empty = [f"attribute {attribute!r} (no known group)" for attribute, names in groups.items() if not names]
    problems = [*empty, *absent, *short]
    rows = shown(check.threshold.value)
    if problems:
        return Verdict(
            "insufficient_evidence",
            f"fewer than {rows} rows: {listed(problems)}",
            tuple(readings),
            f"at least {rows} rows in each: {listed(problems)}",
        )
    return Verdict(
        "pass",
        f"each of the {len(readings)} declared groups has at least {rows} row{'' if rows == '1' else 's'}",
        tuple(readings),
    )


def _reading(item: Measurement, check: CoverageCheck) -> Reading:
    rows = item.estimate if check.metric == GROUP_SIZE else item.n
    if item.status != "ok" or isinstance(rows, str):
        enough, note = False, f"{item.status.replace('_', ' ')}: {item.reason}"
    else:
        enough = math.isfinite(rows) and rows >= check.threshold.value
        note = f"{shown(rows)} rows"
    return Reading(
        audit=item.audit,
        metric=item.metric,
        attribute=item.attribute,
        group=item.group,
        estimate=storable(item.estimate),
        low=storable(item.low),
        high=storable(item.high),
        n=item.n,
        status=item.status,
        outcome="pass" if enough else "insufficient_evidence",
        note=note,
    )


KIND = CheckKind("coverage", CoverageCheck, judge_coverage, ("pass", "insufficient_evidence"))
