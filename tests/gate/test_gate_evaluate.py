"""The decision as a whole: it fails closed, looks at blocking controls only, and repeats byte for byte."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from rai_audits.core import Measurement
from rai_tune.core import sha256_json
from rai_tune.gate import LoadedPolicy, evaluate, policy_digest


def quality(make, **fields):
    return make.bound_check(metric="accuracy", over="overall", **fields)


def good(make, **fields):
    return make.result(make.measurement(0.9, metric="accuracy", lower=0.85, upper=0.95), **fields)


def poor(make):
    return make.result(make.measurement(0.5, metric="accuracy", lower=0.45, upper=0.55))


def test_nan_cannot_be_stored_as_a_measurement(make):
    for field in ("estimate", "low", "high"):
        item = make.measurement(0.5).model_dump()
        with pytest.raises(ValidationError):
            Measurement.model_validate({**item, field: float("nan")})
    with pytest.raises(ValidationError):
        make.bound("lower", float("inf"))


def test_a_number_smuggled_past_the_schema_is_still_insufficient(make):
    for changes in ({"estimate": float("nan")}, {"estimate": float("inf")}):
        broken = make.measurement(0.9, metric="accuracy", lower=0.85, upper=0.95).model_copy(update=changes)
        result = make.result().model_copy(update={"measurements": (broken,)})
        decision = make.decide(quality(make), make.evidence().model_copy(update={"results": (result,)}))
        assert decision.outcome == "insufficient_evidence"
        assert len(decision.with_digest()["digest"]) == 64
    infinite = make.bound("lower", 1.0).model_copy(update={"value": float("inf")})
    item = make.measurement(0.9, metric="accuracy").model_copy(update={"bounds": (infinite,)})
    result = make.result().model_copy(update={"measurements": (item,)})
    decision = make.decide(quality(make), make.evidence().model_copy(update={"results": (result,)}))
    assert decision.outcome == "insufficient_evidence"


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"measurements": ()}, "no measurement of accuracy"),
        ({"status": "error", "reason": "MemoryError: out of memory"}, "MemoryError: out of memory"),
        ({"inputs": {"predictions": "other", "model": "digest-of-model"}}, "measured on other predictions"),
        ({"inputs": {"predictions": "digest-of-predictions", "model": "other"}}, "measured on another model"),
        ({"inputs": {}}, "does not say which predictions"),
        ({"audit": "elsewhere"}, "the audit rates is not in the evidence"),
    ],
)
def test_evidence_that_is_missing_crashed_or_stale_never_passes_and_names_its_cause(make, change, cause):
    result = good(make).model_copy(update=change)
    for check in (quality(make), {"kind": "presence", "audits": ["rates"], "metrics": ["accuracy"]}):
        decision = make.decide(check, make.evidence(result))
        assert decision.outcome == "insufficient_evidence"
        assert decision.exit_code == 4
    found = make.one(quality(make), make.evidence(result))
    assert cause in found.reason


def test_an_audit_of_predictions_alone_needs_no_model_digest(make):
    assert (
        make.decide(quality(make), make.evidence(good(make, inputs={"predictions": make.predictions}))).exit_code == 0
    )


def test_two_results_of_one_audit_are_ambiguous(make):
    found = make.one(quality(make), make.evidence(good(make), good(make)))
    assert found.outcome == "insufficient_evidence"
    assert "2 results of the audit rates" in found.reason


@pytest.mark.parametrize("state", ["diverged", "failed", "running", "interrupted", ""])
def test_a_run_that_did_not_complete_leaves_every_control_insufficient(make, state):
    pack = make.policy(make.control(quality(make)), make.control(None, id="C-2", mode="attestation"))
    decision = make.decide(pack, make.evidence(good(make), state=state))
    assert {control.outcome for control in decision.controls} == {"insufficient_evidence"}
    assert decision.controls[0].reason == f"the run is {state}"


@pytest.mark.parametrize("state", ["completed", "auditing", "deciding"])
def test_a_run_being_decided_can_pass(make, state):
    assert make.decide(quality(make), make.evidence(good(make), state=state)).outcome == "pass"


def test_attestations_and_hybrids_wait_for_a_person(make):
    person = make.control(None, mode="attestation", id="C-2")
    hybrid = make.control(quality(make), mode="hybrid")
    decision = make.decide(make.policy(hybrid, person), make.evidence(good(make)))
    assert [control.outcome for control in decision.controls] == ["awaiting_signoff", "awaiting_signoff"]
    assert (decision.outcome, decision.exit_code) == ("awaiting_signoff", 5)
    assert make.decide(make.policy(hybrid, person), make.evidence(poor(make))).outcome == "fail"


def test_the_worst_blocking_control_decides_and_others_do_not(make):
    block, missing = make.control(quality(make)), make.control(quality(make, audit="none"), id="C-2")
    person = make.control(None, mode="attestation", id="C-3")
    warns = make.control(quality(make, direction="at_most"), id="C-4", severity="warn")

    def outcome(*controls, seen=None):
        return make.decide(make.policy(*controls), seen or make.evidence(good(make))).outcome

    assert outcome(block, warns) == "pass"
    assert outcome(block, person) == "awaiting_signoff"
    assert outcome(block, person, missing) == "insufficient_evidence"
    assert outcome(block, person, missing, seen=make.evidence(poor(make))) == "fail"
    assert outcome(warns) == "insufficient_evidence"


def test_controls_that_do_not_apply_do_not_count_but_cannot_carry_a_pass(make):
    gone = make.result(make.measurement("not_applicable", metric="accuracy"), audit="blind")
    item = gone.measurements[0].model_copy(update={"audit": "blind"})
    gone = gone.model_copy(update={"measurements": (item,)})
    blind = make.control(quality(make, audit="blind"), id="C-2")
    seen = make.evidence(good(make), gone)
    assert make.decide(make.policy(make.control(quality(make)), blind), seen).outcome == "pass"
    alone = make.decide(make.policy(blind), seen)
    assert alone.controls[0].outcome == "not_applicable"
    assert alone.outcome == "insufficient_evidence"
    assert "nothing to pass on" in alone.notes[-1]


def test_law_that_is_not_yet_in_force_or_superseded_is_shown_and_does_not_block(make):
    later = make.control(quality(make, audit="none"), id="C-2", status="future", applies_from="2027-12-02")
    old = make.control(quality(make, audit="none"), id="C-3", status="superseded")
    pack = make.policy(make.control(quality(make)), later, old)
    seen = make.evidence(good(make))
    before = make.decide(pack, seen, as_of=date(2027, 12, 1))
    assert before.outcome == "pass"
    assert before.as_of == "2027-12-01"
    shown = before.controls[1]
    assert (shown.status, shown.severity, shown.outcome) == ("future", "info", "insufficient_evidence")
    assert "applies from 2027-12-02" in shown.reason
    assert (before.controls[2].status, before.controls[2].severity) == ("superseded", "info")
    after = make.decide(pack, seen, as_of=date(2027, 12, 2))
    assert after.outcome == "insufficient_evidence"
    assert (after.controls[1].status, after.controls[1].severity) == ("in_force", "block")


def test_without_a_date_the_start_of_the_evaluation_decides_and_without_that_everything_applies(make):
    later = make.control(quality(make, audit="none"), id="C-2", status="future", applies_from="2027-12-02")
    pack = make.policy(make.control(quality(make)), later)
    dated = make.evidence(good(make), evaluation_started_at="2026-11-25T10:00:00+00:00")
    assert make.decide(pack, dated).outcome == "pass"
    assert make.decide(pack, dated).as_of == "2026-11-25"
    undated = make.decide(pack, make.evidence(good(make)))
    assert (undated.outcome, undated.as_of) == ("insufficient_evidence", None)


def test_a_policy_edited_after_the_run_started_is_a_redecision(make):
    pack = make.policy(make.control(quality(make)))
    frozen = {"trial": policy_digest(pack)}
    first = make.decide(pack, make.evidence(good(make), frozen_policies=frozen))
    assert (first.redecision, first.notes) == (False, ())
    milder = make.policy(make.control(quality(make, threshold={**make.limit, "value": 0.7})))
    again = make.decide(milder, make.evidence(good(make), frozen_policies=frozen))
    assert again.redecision
    assert "was different then" in again.notes[0]
    unnamed = make.decide(pack, make.evidence(good(make)))
    assert unnamed.redecision
    assert "was not named by the recipe" in unnamed.notes[0]


def test_repeated_use_of_the_test_rows_is_said(make):
    decision = make.decide(quality(make), make.evidence(good(make), test_openings=7))
    assert decision.test_openings == 7
    assert any("7 runs have opened the same test rows" in note for note in decision.notes)


def test_a_decision_carries_its_sources_and_repeats_byte_for_byte(make, tmp_path):
    pack = make.policy(make.control(quality(make), sources=["clause 9"], verified_on="2026-01-02", binding=True))
    loaded = LoadedPolicy(pack, policy_digest(pack), tmp_path)
    first, second = (evaluate(loaded, make.evidence(good(make))) for _ in range(2))
    assert first.with_digest() == second.with_digest()
    assert first.with_digest()["digest"] == sha256_json(first.to_json())
    control = first.controls[0]
    assert (control.sources, control.verified_on, control.binding) == (("clause 9",), "2026-01-02", True)
    assert control.threshold.origin == "organisation"
    assert type(first).model_validate(first.to_json()) == first
