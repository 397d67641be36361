"""Controls of the recipe's policies that a search can look at before the test rows are opened.

Stable API: ``Constraint``, ``constraints_of``, ``judged_by``, ``missed``.

A blocking control that holds a metric of quality or of groups against a threshold can be judged on validation rows as on test rows. A trial that misses it
there would miss it later, so the sampler is told by how much the deciding bound is on the wrong side. It steers and decides nothing: the verdict is the gate's, on test rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rai_audits.core import load_audit, run_audit
from rai_tune.gate import Evidence
from rai_tune.gate.checks import Asked, BoundCheck, judge
from rai_tune.search.objectives import ValidationView, context_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.core import AuditResult
    from rai_tune.gate.decision import Reading
    from rai_tune.planning import Plan

AUDITS = ("task_quality", "group_rates")
"""Audits that read predictions alone and take no longer than a trial can spare."""
_TRIAL = "trial"
_LEAST = 1e-9


@dataclass(frozen=True)
class Constraint:
    """One blocking control. ``name`` is ``policy:control``."""

    name: str
    policy: str
    digest: str
    check: BoundCheck


def constraints_of(planned: Plan) -> tuple[Constraint, ...]:
    """The blocking controls of the recipe's policies that validation rows can speak to."""
    return tuple(
        Constraint(f"{pack.policy.id}:{control.id}", pack.policy.id, pack.digest, control.check)
        for pack in planned.policies
        for control in pack.policy.controls
        if control.severity == "block" and isinstance(control.check, BoundCheck)
        if control.check.audit in AUDITS and control.check.split == "test"
    )


def judged_by(planned: Plan, views: Sequence[ValidationView]) -> tuple[str, ...]:
    """Names of the constraints that these rows can judge, which is judged on one of these ``views`` of made-up decisions at least.

    One that no trial can be judged by steers nothing: told as missed by all alike it would hide from the sampler what differs.
    """
    found = constraints_of(planned)
    judged = {name for view in views for name, by in missed(found, view).items() if by is not None}
    return tuple(item.name for item in found if item.name in judged)


def missed(constraints: Sequence[Constraint], view: ValidationView) -> dict[str, float | None]:
    """By how much each is missed on the validation rows of a trial: at most 0 where it is met, None where these rows cannot judge it.

    What cannot be judged is not met: a model that refuses everybody has no ratio of rates. A control that does not apply to the data is left out.
    """
    if not constraints:
        return {}
    evidence = _evidence(constraints, view)
    found: dict[str, float | None] = {}
    for item in constraints:
        asked = Asked(item.policy, item.digest, item.name.partition(":")[2])
        verdict = judge(item.check, evidence, asked)
        by = [value for reading in verdict.readings if (value := _by(reading, item.check)) is not None]
        if by:
            # Tables hold two-sided ends, the gate reads one-sided bounds: where it passes, nothing is missed.
            found[item.name] = min(max(by), 0.0) if verdict.outcome == "pass" else max(*by, _LEAST)
        elif verdict.outcome != "not_applicable":
            found[item.name] = None
    return found


def _by(reading: Reading, check: BoundCheck) -> float | None:
    """How far the end that has to clear the threshold is on the wrong side; it grows with every worsening, past fail too."""
    end = reading.low if check.direction == "at_least" else reading.high
    if not isinstance(end, float) or reading.status != "ok" or reading.outcome == "not_applicable":
        return None
    return check.threshold.value - end if check.direction == "at_least" else end - check.threshold.value


def _evidence(constraints: Sequence[Constraint], view: ValidationView) -> Evidence:
    """Validation rows measured as if they were the test rows, at the levels that the controls read."""
    table = view.predictions[view.predictions["split"] == "validation"].assign(split="test")
    alphas = tuple(sorted({item.check.alpha for item in constraints}))
    context = replace(context_of(view), predictions=table, alphas=alphas)
    results: dict[str, AuditResult] = {
        name: run_audit(load_audit(name), context, {"predictions": _TRIAL})
        for name in {item.check.audit for item in constraints}
    }
    return Evidence(
        run_id=_TRIAL,
        state="completed",
        results=tuple(results.values()),
        groups=dict(view.task.groups),
        model_digest="",
        predictions_digest=_TRIAL,
        frozen_policies={},
        test_openings=0,
    )
