"""The check ``ordering``: the pack was frozen before the evaluation began, and nothing was measured again since.

A decision taken later can never meet it: a rule chosen after the numbers were seen is not the rule they were judged by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rai_tune.gate.checks.base import Asked, CheckKind, Part, Verdict
from rai_tune.gate.checks.days import moment

if TYPE_CHECKING:
    from rai_tune.gate.decision import Evidence

_SETTLE = "a new run whose recipe names this pack, evaluated on test rows after it began"


class OrderingCheck(Part):
    """This digest of this pack was frozen before the evaluation began, and no audit was run again."""

    kind: Literal["ordering"]
    """``ordering``."""


def judge_ordering(check: OrderingCheck, evidence: Evidence, asked: Asked) -> Verdict:  # noqa: ARG001  (it has no settings)
    """Pass, or insufficient evidence that names what is out of order."""
    why = _out_of_order(evidence, asked)
    if why:
        return Verdict("insufficient_evidence", why, settle=_SETTLE)
    return Verdict(
        "pass",
        f"the pack was frozen at {evidence.frozen_at}, before the evaluation began at {evidence.evaluation_started_at}",
    )


def _out_of_order(evidence: Evidence, asked: Asked) -> str | None:
    frozen = evidence.frozen_policies.get(asked.pack_id)
    if frozen is None:
        return "the pack was not frozen when the run began"
    if frozen != asked.pack_digest:
        return f"another text of the pack was frozen when the run began (digest {frozen[:12]})"
    before, after = moment(evidence.frozen_at), moment(evidence.evaluation_started_at)
    if before is None or after is None:
        return f"it is not recorded when {'the pack was frozen' if before is None else 'the evaluation began'}"
    if before >= after:
        return f"the pack was frozen at {evidence.frozen_at}, not before the evaluation began at {evidence.evaluation_started_at}"
    if evidence.reaudited:
        return f"audits were run again after the first decision: {', '.join(evidence.reaudited)}"
    return None


KIND = CheckKind("ordering", OrderingCheck, judge_ordering, ("pass", "insufficient_evidence"))
