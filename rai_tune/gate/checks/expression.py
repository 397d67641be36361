"""The check ``expression``: a condition over stated facts, for the rare control that no typed kind fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from rai_tune.gate.checks.base import Asked, CheckKind, Gap, Part, Verdict
from rai_tune.gate.checks.find import shown
from rai_tune.gate.conditions import LONGEST, decide_condition, read_condition
from rai_tune.gate.decision import Threshold  # noqa: TC001  (pydantic reads it)

if TYPE_CHECKING:
    from rai_tune.gate.decision import Evidence


class ExpressionCheck(Part):
    """A condition in CEL holds."""

    kind: Literal["expression"]
    """``expression``."""

    expression: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    """Condition over ``system``, ``retention``, ``run``, ``data`` and ``outcomes["ID"]``; numbers come from ``limit``."""

    threshold: Threshold | None = None
    """The number that the expression reads as ``limit``, and who set it."""

    @model_validator(mode="after")
    def _readable(self) -> ExpressionCheck:
        try:
            read_condition(self.expression, limit=self.threshold is not None)
        except ValueError as error:
            raise ValueError(f"expression: {error}") from None
        if self.threshold is not None and self.threshold.value == 0 and "/" in self.expression:
            raise ValueError("expression: it divides by 'limit', and the threshold is 0")
        return self


def judge_expression(check: ExpressionCheck, evidence: Evidence, asked: Asked) -> Verdict:
    """Pass where it is true, fail where it is false, insufficient where it needs a fact that nobody stated."""
    limit = check.threshold.value if check.threshold is not None else None
    truth = decide_condition(check.expression, evidence.facts, asked.outcomes, limit)
    where = f"{check.expression}" + (f", with limit {shown(limit)}" if limit is not None else "")
    if truth.value is None:
        return Gap(f"it cannot be decided ({where}): {', '.join(truth.missing)}", truth.settle).verdict()
    return Verdict("pass" if truth.value else "fail", f"{'true' if truth.value else 'false'}: {where}")


KIND = CheckKind("expression", ExpressionCheck, judge_expression, ("pass", "fail", "insufficient_evidence"))
