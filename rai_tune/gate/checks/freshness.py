"""The check ``freshness``: the evaluation is not older than so many days on the day of the decision.

Old evidence is not wrong, it is evidence no more, so it is never a fail. Without a day of decision nothing is fresh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from rai_tune.gate.checks.base import Asked, CheckKind, Gap, Part, Verdict, whole
from rai_tune.gate.checks.days import day_of
from rai_tune.gate.checks.find import shown
from rai_tune.gate.decision import Threshold  # noqa: TC001  (pydantic reads it)

if TYPE_CHECKING:
    from rai_tune.gate.decision import Evidence

_AGAIN = "run the evaluation again, so that its evidence is of these days"


class FreshnessCheck(Part):
    """The evaluation began at most ``threshold.value`` days before the decision."""

    kind: Literal["freshness"]
    """``freshness``."""

    of: Literal["evaluation"]
    """What must be fresh."""

    threshold: Threshold
    """Greatest age in days, and who set it."""

    @model_validator(mode="after")
    def _whole_days(self) -> FreshnessCheck:
        whole(self.threshold, "threshold.value of a freshness check is a number of days", least=0)
        return self


def judge_freshness(check: FreshnessCheck, evidence: Evidence, asked: Asked) -> Verdict:
    """Pass while young enough; insufficient when stale, from the future, or without a date."""
    began = day_of(evidence.evaluation_started_at)
    if began is None:
        return Gap("it is not recorded when the evaluation began", _AGAIN).verdict()
    if asked.as_of is None:
        return Gap("the decision has no date, so the age of the evaluation is not known", "a dated decision").verdict()
    age, limit = (asked.as_of - began).days, shown(check.threshold.value)
    if age < 0:
        return Gap(f"the evaluation began on {began}, after the day of the decision {asked.as_of}", _AGAIN).verdict()
    days = f"{age} day{'' if age == 1 else 's'}"
    if age > check.threshold.value:
        return Gap(
            f"the evaluation of {began} is {days} old on {asked.as_of}; at most {limit} are asked", _AGAIN
        ).verdict()
    return Verdict("pass", f"the evaluation of {began} is {days} old on {asked.as_of}; at most {limit} are asked")


KIND = CheckKind("freshness", FreshnessCheck, judge_freshness, ("pass", "insufficient_evidence"))
