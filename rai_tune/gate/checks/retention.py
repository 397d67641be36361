"""The check ``retention``: something is kept for at least, or at most, so many days. It reads what the recipe states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from rai_tune.gate.checks.base import Asked, CheckKind, Gap, Part, Verdict, whole
from rai_tune.gate.checks.find import shown
from rai_tune.gate.decision import Threshold  # noqa: TC001  (pydantic reads it)
from rai_tune.gate.facts import how_to_state, stated

if TYPE_CHECKING:
    from rai_tune.gate.decision import Evidence


class RetentionCheck(Part):
    """The days that something is kept are on the right side of a threshold."""

    kind: Literal["retention"]
    """``retention``."""

    of: Literal["logs", "documentation", "records", "posting", "texts"]
    """What is kept; the check reads the fact ``retention.<of>_days``."""

    direction: Literal["at_least", "at_most"] = "at_least"
    """Which side of the threshold is right; the threshold itself is right on both."""

    threshold: Threshold
    """Days, and who set them."""

    @model_validator(mode="after")
    def _whole_days(self) -> RetentionCheck:
        whole(self.threshold, "threshold.value of a retention check is a number of days", least=0)
        return self


def judge_retention(check: RetentionCheck, evidence: Evidence, asked: Asked) -> Verdict:  # noqa: ARG001  (it needs no day)
    """Pass or fail by what is stated; insufficient when nobody stated it."""
    name = f"retention.{check.of}_days"
    days = stated(evidence.facts, name)
    if not isinstance(days, float) or days < 0:
        return Gap(f"nobody stated for how many days {check.of} are kept", how_to_state(name)).verdict()
    limit = check.threshold.value
    right = days >= limit if check.direction == "at_least" else days <= limit
    words = check.direction.replace("_", " ")
    return Verdict(
        "pass" if right else "fail", f"{check.of} are kept {shown(days, limit)} days; asked: {words} {shown(limit)}"
    )


KIND = CheckKind("retention", RetentionCheck, judge_retention, ("pass", "fail", "insufficient_evidence"))
