"""The document for one policy: a public summary for Local Law 144, the Annex IV file, or the report with the controls of that policy only.

Stable API: ``paper_for``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rai_tune.core import UsageError, did_you_mean
from rai_tune.gate import known_policies
from rai_tune.reporting.controls import overall_outcome
from rai_tune.reporting.model import Fact
from rai_tune.reporting.paper.annex import annex_paper
from rai_tune.reporting.paper.full import full_paper
from rai_tune.reporting.paper.ll144 import ll144_paper
from rai_tune.reporting.text import clean
from rai_tune.reporting.view import build_view, evidence_digest
from rai_tune.reporting.wording import OUTCOMES

if TYPE_CHECKING:
    from rai_tune.reporting.inputs import ReportInputs
    from rai_tune.reporting.model import ReportView
    from rai_tune.reporting.paper.blocks import Paper

_VARIANTS = {"nyc-ll144": ll144_paper, "eu-ai-act-high-risk": annex_paper}


def paper_for(inputs: ReportInputs, policy: str | None = None) -> Paper:
    """The whole report, or the document for one policy that decided on this evidence.

    Raises ``UsageError`` for a policy that nobody knows (with the nearest that is known), for one that never decided on it, and for one whose
    document needs evidence that is not there.
    """
    if policy is None:
        return full_paper(build_view(inputs))
    decided = [decision.policy_id for decision in inputs.decisions]
    if policy not in decided:
        told = ", ".join(clean(name) for name in decided) or "none"
        known = sorted({*decided, *known_policies()})
        if policy not in known:
            near = did_you_mean(clean(policy), known)
            raise UsageError(f"unknown policy {clean(policy)!r}.{near} Decided on this evidence: {told}.")
        raise UsageError(
            f"policy {clean(policy)!r} never decided on {clean(inputs.run.get('id', 'this evidence'))} (decided: {told}); "
            "'raitune gate RUN --policy ID' decides under another"
        )
    make = _VARIANTS.get(policy)
    return make(inputs) if make is not None else full_paper(one_policy(inputs, policy))


def one_policy(inputs: ReportInputs, policy: str) -> ReportView:
    """The view with the decision under one policy; the others are named with their verdicts. The digest stays that of all evidence."""
    kept = tuple(each for each in inputs.decisions if each.policy_id == policy)
    view = build_view(replace(inputs, decisions=kept))
    others = tuple(
        Fact(clean(each.policy_title), OUTCOMES[overall_outcome("completed", [each])][0])
        for each in inputs.decisions
        if each.policy_id != policy
    )
    return replace(view, evidence_digest=evidence_digest(inputs), left_out_policies=others)
