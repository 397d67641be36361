"""The gate: (policy, evidence) -> decision. Pure: it reads no file, no clock and no random number.

Stable API: ``evaluate``. The same policy and evidence give the same decision, byte for byte, in whatever order the
evidence was stored. What is missing, broken or measured on other bytes leaves the evidence insufficient; it never passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rai_tune.gate.checks import (
    BoundCheck,
    CoverageCheck,
    ExpressionCheck,
    FreshnessCheck,
    RetentionCheck,
    SignatureCheck,
    Verdict,
    judge,
)
from rai_tune.gate.checks.base import Asked
from rai_tune.gate.checks.days import day_of
from rai_tune.gate.conditions import decide_condition
from rai_tune.gate.decision import ControlOutcome, Decision
from rai_tune.gate.force import force_of
from rai_tune.gate.people import attested, waiver_of
from rai_tune.gate.policy import LoadedPolicy, divisor_of, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from rai_tune.gate.checks import Check
    from rai_tune.gate.decision import Evidence, Overall, Threshold
    from rai_tune.gate.policy import Control, Policy

_DECIDABLE = frozenset({"completed", "auditing", "deciding"})
_NOT_WAIVED = frozenset({"pass", "not_applicable"})


def evaluate(policy: LoadedPolicy | tuple[Policy, str], evidence: Evidence, as_of: date | None = None) -> Decision:
    """Decide every control of a policy on the evidence of one run.

    ``policy`` is a loaded policy, or a policy with its digest. ``as_of``, the day of the decision, decides which controls are in
    force, which waivers hold and how old the evidence is. Without it no waiver holds and nothing is fresh, and the day on which
    the evaluation started decides what is in force; without that every control is held to be, the strict reading.
    """
    pack, digest = (policy.policy, policy.digest) if isinstance(policy, LoadedPolicy) else policy
    day = as_of or day_of(evidence.evaluation_started_at)
    case = _Case(pack, digest, evidence, as_of)
    verdicts = _verdicts(case)
    controls = tuple(_outcome(control, verdicts[control.id], case, day) for control in pack.controls)
    thawed = evidence.frozen_policies.get(pack.id) != digest
    return Decision(
        run_id=evidence.run_id,
        policy_id=pack.id,
        policy_version=pack.version,
        policy_title=pack.title,
        policy_digest=digest,
        redecision=thawed or bool(evidence.reaudited),
        outcome=overall(controls),
        promotable=case.decidable and evidence.model_digest != "" and _promotable(controls),
        controls=controls,
        model_digest=evidence.model_digest,
        predictions_digest=evidence.predictions_digest,
        test_openings=evidence.test_openings,
        as_of=day.isoformat() if day else None,
        notes=_notes(case, controls, thawed=thawed),
    )


def overall(controls: Iterable[ControlOutcome]) -> Overall:
    """The worst outcome of the blocking controls: fail, insufficient evidence, awaiting sign-off, pass.

    Controls that do not apply do not count; when no blocking control is left, there is nothing to pass on and the evidence is
    insufficient.
    """
    outcomes = {control.outcome for control in controls if control.severity == "block"}
    worst_first: tuple[Overall, ...] = ("fail", "insufficient_evidence", "awaiting_signoff", "pass")
    return next((outcome for outcome in worst_first if outcome in outcomes), "insufficient_evidence")


def _promotable(controls: Iterable[ControlOutcome]) -> bool:
    """Whether a blocking control applies, and each that does passes or is validly waived."""
    applying = [item for item in controls if item.severity == "block" and item.outcome != "not_applicable"]
    return bool(applying) and all(item.outcome == "pass" or item.waived_until is not None for item in applying)


@dataclass(frozen=True)
class _Case:
    """What is decided: a pack on the evidence of a run, on a day."""

    pack: Policy
    digest: str
    evidence: Evidence
    as_of: date | None

    @property
    def decidable(self) -> bool:
        return self.evidence.state in _DECIDABLE

    def asked(self, control: Control, found: Mapping[str, Verdict]) -> Asked:
        return Asked(
            pack_id=self.pack.id,
            pack_digest=self.digest,
            control_id=control.id,
            as_of=self.as_of,
            divisor=divisor_of(self.pack, self.evidence.test_openings),
            outcomes={name: found[name].outcome for name in control.reads if name in found},
        )


def _verdicts(case: _Case) -> dict[str, Verdict]:
    """What each control says, those first whose outcomes others read."""
    found: dict[str, Verdict] = {}
    for control in in_order(case.pack.controls):
        found[control.id] = _verdict(control, case, case.asked(control, found))
    stuck = Verdict("insufficient_evidence", "its condition reads its own outcome")
    return {control.id: found.get(control.id, stuck) for control in case.pack.controls}


def _verdict(control: Control, case: _Case, asked: Asked) -> Verdict:
    evidence = case.evidence
    if not case.decidable:
        return Verdict("insufficient_evidence", f"the run is {evidence.state}", settle="a run that completes")
    if control.when is not None:
        applies = decide_condition(control.when, evidence.facts, asked.outcomes)
        if applies.value is None:
            why = f"it cannot be told whether this applies: {', '.join(applies.missing)}"
            return Verdict("insufficient_evidence", why, settle=applies.settle)
        if not applies.value:
            told = f" ({'; '.join(applies.stated)})" if applies.stated else ""
            return Verdict("not_applicable", f"does not apply: it is not so that {control.when}{told}")
    if control.check is None:
        return attested(control, evidence, asked)
    verdict = judge(control.check, evidence, asked)
    if control.mode == "hybrid" and verdict.outcome == "pass":
        return _with_person(verdict, attested(control, evidence, asked))
    return verdict


def _with_person(measured: Verdict, person: Verdict) -> Verdict:
    """The measured part passes; the person's part decides the rest."""
    still = "a person must still confirm the rest: " if person.outcome == "awaiting_signoff" else ""
    reason = f"the measured part passes ({measured.reason}); {still}{person.reason}"
    return Verdict(person.outcome, reason, measured.readings, person.settle, person.attested_by)


def _outcome(control: Control, verdict: Verdict, case: _Case, day: date | None) -> ControlOutcome:
    pack = case.pack
    force = force_of(control, pack, day)
    threshold, direction = _limit(control.check)
    verified = control.verified_on or pack.verified_on
    open_ = case.decidable and verdict.outcome not in _NOT_WAIVED
    waived = waiver_of(case.evidence, case.asked(control, {})) if open_ else None
    return ControlOutcome(
        id=control.id,
        reference=control.reference,
        title=control.title,
        asks=control.asks,
        mode=control.mode,
        severity="info" if force.idle_because else control.severity,
        outcome=verdict.outcome,
        reason=f"{verdict.reason}. {force.idle_because}" if force.idle_because else verdict.reason,
        kind=control.check.kind if control.check is not None else None,
        threshold=threshold,
        direction=direction,
        readings=verdict.readings,
        settle=verdict.settle,
        waived_until=waived.until if waived else None,
        waived_by=waived.by if waived else None,
        attested_by=verdict.attested_by,
        condition=control.when,
        status=force.status,
        applies_from=force.applies_from.isoformat() if force.applies_from else None,
        applies_until=force.applies_until.isoformat() if force.applies_until else None,
        binding=control.binding,
        verified_on=verified.isoformat(),
        sources=control.sources or pack.sources,
    )


def _limit(check: Check | None) -> tuple[Threshold | None, Literal["at_least", "at_most"] | None]:
    match check:
        case BoundCheck() | RetentionCheck():
            return check.threshold, check.direction
        case CoverageCheck():
            return check.threshold, "at_least"
        case SignatureCheck():
            return check.people, "at_least"
        case FreshnessCheck():
            return check.threshold, "at_most"
        case ExpressionCheck():
            return check.threshold, None
        case _:
            return None, None


def _notes(case: _Case, controls: Sequence[ControlOutcome], *, thawed: bool) -> tuple[str, ...]:
    pack, evidence = case.pack, case.evidence
    notes = []
    if thawed:
        frozen = evidence.frozen_policies.get(pack.id)
        why = "was not named by the recipe" if frozen is None else f"was different then (digest {frozen[:12]})"
        notes.append(f"This is a re-decision: when the run started, the policy {pack.id} {why}.")
    if evidence.reaudited:
        again = ", ".join(evidence.reaudited)
        notes.append(f"This is a re-decision: after the first decision these audits were run again: {again}.")
    if evidence.test_openings > 1:
        divided = "; this policy divides alpha by that number" if pack.divide_alpha_by_openings else ""
        notes.append(f"{evidence.test_openings} runs have opened the same test rows, this one included{divided}.")
    idle = [
        item.id
        for item in controls
        if item.severity == "block" and item.condition is not None and item.outcome == "not_applicable"
    ]
    if idle:
        notes.append(f"By what is stated about the system, these blocking controls do not apply: {', '.join(idle)}.")
    waived = [item.id for item in controls if item.waived_until is not None and item.severity == "block"]
    if waived and _promotable(controls):
        notes.append(f"Promotion would rest on waivers of {', '.join(waived)}; they do not change the outcome.")
    if all(control.severity != "block" or control.outcome == "not_applicable" for control in controls):
        notes.append("No blocking control applies, so there is nothing to pass on.")
    return tuple(notes)
