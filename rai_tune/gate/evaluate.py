"""The gate: (policy, evidence) -> decision. Pure: it reads no file, no clock and no random number.

Stable API: ``evaluate``. The same policy and evidence give the same decision, byte for byte, in whatever order the
evidence was stored. What is missing, broken or measured on other bytes leaves the evidence insufficient; it never passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from rai_tune.gate.checks import BoundCheck, CoverageCheck, Verdict, judge
from rai_tune.gate.decision import ControlOutcome, Decision
from rai_tune.gate.policy import LoadedPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rai_tune.gate.checks import Check
    from rai_tune.gate.decision import Evidence, Overall, Threshold
    from rai_tune.gate.policy import Control, Policy

_DECIDABLE = frozenset({"completed", "auditing", "deciding"})


@dataclass(frozen=True)
class _Force:
    """Standing of a control on the day of the decision, and why it does not block when it does not."""

    status: str
    applies_from: date | None
    idle_because: str | None


def evaluate(policy: LoadedPolicy | tuple[Policy, str], evidence: Evidence, as_of: date | None = None) -> Decision:
    """Decide every control of a policy on the evidence of one run.

    ``policy`` is a loaded policy, or a policy with its digest. ``as_of`` decides which controls are in force; without it the
    day on which the evaluation started does, and without that every control is held to be in force, the strict reading.
    """
    pack, digest = (policy.policy, policy.digest) if isinstance(policy, LoadedPolicy) else policy
    day = as_of or _day(evidence.evaluation_started_at)
    controls = tuple(_control_outcome(control, pack, evidence, day) for control in pack.controls)
    thawed = evidence.frozen_policies.get(pack.id) != digest
    return Decision(
        run_id=evidence.run_id,
        policy_id=pack.id,
        policy_version=pack.version,
        policy_title=pack.title,
        policy_digest=digest,
        redecision=thawed or bool(evidence.reaudited),
        outcome=overall(controls),
        controls=controls,
        model_digest=evidence.model_digest,
        predictions_digest=evidence.predictions_digest,
        test_openings=evidence.test_openings,
        as_of=day.isoformat() if day else None,
        notes=_notes(pack, evidence, controls, thawed=thawed),
    )


def overall(controls: Iterable[ControlOutcome]) -> Overall:
    """The worst outcome of the blocking controls: fail, insufficient evidence, awaiting sign-off, pass.

    Controls that do not apply do not count; when no blocking control is left, there is nothing to pass on and the evidence is
    insufficient.
    """
    outcomes = {control.outcome for control in controls if control.severity == "block"}
    worst_first: tuple[Overall, ...] = ("fail", "insufficient_evidence", "awaiting_signoff", "pass")
    return next((outcome for outcome in worst_first if outcome in outcomes), "insufficient_evidence")


def _control_outcome(control: Control, pack: Policy, evidence: Evidence, day: date | None) -> ControlOutcome:
    force = _force(control, pack, day)
    verdict = _verdict(control, evidence)
    threshold, direction = _limit(control.check)
    verified = control.verified_on or pack.verified_on
    return ControlOutcome(
        id=control.id,
        reference=control.reference,
        title=control.title,
        asks=control.asks,
        mode=control.mode,
        severity="info" if force.idle_because else control.severity,
        outcome=verdict.outcome,
        reason=f"{verdict.reason}. {force.idle_because}" if force.idle_because else verdict.reason,
        threshold=threshold,
        direction=direction,
        readings=verdict.readings,
        settle=verdict.settle,
        status=force.status,
        applies_from=force.applies_from.isoformat() if force.applies_from else None,
        binding=control.binding,
        verified_on=verified.isoformat(),
        sources=control.sources or pack.sources,
    )


def _verdict(control: Control, evidence: Evidence) -> Verdict:
    if evidence.state not in _DECIDABLE:
        return Verdict("insufficient_evidence", f"the run is {evidence.state}", settle="a run that completes")
    if control.check is None:
        return Verdict("awaiting_signoff", "a person must attest to this, and nobody has")
    verdict = judge(control.check, evidence)
    if control.mode == "hybrid" and verdict.outcome == "pass":
        reason = f"the measured part passes ({verdict.reason}); a person must still confirm the rest"
        return Verdict("awaiting_signoff", reason, verdict.readings)
    return verdict


def _force(control: Control, pack: Policy, day: date | None) -> _Force:
    status = control.status or pack.status
    starts = control.applies_from or pack.applies_from
    if status == "superseded":
        return _Force(status, starts, "It is superseded: shown for information, it does not block")
    if starts is not None and day is not None:
        if starts > day:
            why = f"It applies from {starts.isoformat()}: until then shown for information, it does not block"
            return _Force("future", starts, why)
        if status == "future":
            return _Force("in_force", starts, None)
    return _Force(status, starts, None)


def _limit(check: Check | None) -> tuple[Threshold | None, Literal["at_least", "at_most"] | None]:
    if isinstance(check, BoundCheck):
        return check.threshold, check.direction
    if isinstance(check, CoverageCheck):
        return check.threshold, "at_least"
    return None, None


def _day(timestamp: str) -> date | None:
    try:
        return date.fromisoformat(timestamp[:10])
    except ValueError:
        return None


def _notes(pack: Policy, evidence: Evidence, controls: Iterable[ControlOutcome], *, thawed: bool) -> tuple[str, ...]:
    notes = []
    if thawed:
        frozen = evidence.frozen_policies.get(pack.id)
        why = "was not named by the recipe" if frozen is None else f"was different then (digest {frozen[:12]})"
        notes.append(f"This is a re-decision: when the run started, the policy {pack.id} {why}.")
    if evidence.reaudited:
        again = ", ".join(evidence.reaudited)
        notes.append(f"This is a re-decision: after the first decision these audits were run again: {again}.")
    if evidence.test_openings > 1:
        notes.append(f"{evidence.test_openings} runs have opened the same test rows, this one included.")
    if all(control.severity != "block" or control.outcome == "not_applicable" for control in controls):
        notes.append("No blocking control applies, so there is nothing to pass on.")
    return tuple(notes)
