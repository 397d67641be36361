"""The check ``mitigation``: a policy vetoes methods by name, or all that need a person's group at a decision."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from rai_tune.core import UsageError
from rai_tune.gate import load_policy
from rai_tune.gate.checks.mitigation import BUILT_IN_METHODS


def facts(**run):
    return {"run": run}


BY_NAME = {"kind": "mitigation", "forbids": ["threshold", "their_cutoffs"]}
AT_USE = {"kind": "mitigation", "forbids_groups_at_use": True}


@pytest.mark.parametrize(
    ("check", "run", "outcome", "reason"),
    [
        (BY_NAME, {"mitigation": []}, "pass", "it used none"),
        (BY_NAME, {"mitigation": ["reweigh"]}, "pass", "it used 'reweigh'"),
        (BY_NAME, {"mitigation": ["reweigh", "threshold"]}, "fail", "used 'threshold', which this policy forbids"),
        (BY_NAME, {"mitigation": ["their_cutoffs", "threshold"]}, "fail", "used 'threshold', 'their_cutoffs'"),
        (BY_NAME, {}, "insufficient_evidence", "'run.mitigation' is not stated"),
        (BY_NAME, {"mitigation": "threshold"}, "insufficient_evidence", "not stated"),
        (BY_NAME, {"mitigation": [1]}, "insufficient_evidence", "not stated"),
        (AT_USE, {"groups_at_use": False}, "pass", "none needs a group"),
        (AT_USE, {"groups_at_use": True, "mitigation": ["x"]}, "fail", "needs the group of a person"),
        (AT_USE, {"mitigation": ["x"]}, "insufficient_evidence", "'run.groups_at_use' is not stated"),
        (AT_USE, {"groups_at_use": 0}, "insufficient_evidence", "not stated"),
        # What is known to be forbidden fails, whatever else is not known.
        ({**BY_NAME, **AT_USE}, {"mitigation": ["threshold"]}, "fail", "'threshold'"),
        ({**BY_NAME, **AT_USE}, {"groups_at_use": True}, "fail", "group of a person"),
        ({**BY_NAME, **AT_USE}, {"groups_at_use": False}, "insufficient_evidence", "run.mitigation"),
        ({**BY_NAME, **AT_USE}, {"mitigation": []}, "insufficient_evidence", "run.groups_at_use"),
    ],
)
def test_a_veto_passes_fails_or_waits_for_what_is_not_stated(make, check, run, outcome, reason):
    found = make.one(check, make.evidence(facts=facts(**run)))
    assert found.outcome == outcome
    assert reason in found.reason


def test_the_gate_knows_the_methods_by_name_though_it_loads_none():
    from rai_tune.training.mitigation.registry import _BUILT_IN

    assert tuple(sorted(_BUILT_IN)) == BUILT_IN_METHODS


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ({"forbids": ["treshold"]}, "'treshold' is not a method of this tool.*Did you mean 'threshold'"),
        ({"forbids": ["group-dro"]}, "Did you mean 'group_dro'"),
        ({"forbids": ["threshold", "threshold"]}, "named twice"),
        ({}, "forbids something"),
        ({"forbids": []}, "forbids something"),
        ({"forbid": ["threshold"]}, "forbid"),
    ],
)
def test_a_veto_that_would_miss_is_refused(make, check, message):
    with pytest.raises(ValidationError, match=message):
        make.policy(make.control({"kind": "mitigation", **check}))


def test_a_slip_in_a_file_is_refused_with_its_place(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        "id: own\nversion: 1.0.0\ntitle: T\nissuer: I\nsummary: S.\nstatus: organisation\nverified_on: 2026-11-26\nsources: [us]\n"
        "controls:\n  - {id: V-1, reference: '1', title: T, asks: A., mode: automated, severity: block, "
        "check: {kind: mitigation, forbids: [rewiegh]}}\n",
        encoding="utf-8",
    )
    with pytest.raises(UsageError, match=r"controls\[0\] \(V-1\).*forbids.*Did you mean 'reweigh'"):
        load_policy(path)


def test_a_condition_can_read_what_was_done(make):
    check = {"kind": "expression", "expression": '!("threshold" in run.mitigation) || !run.groups_at_use'}
    seen = make.evidence(facts=facts(mitigation=["threshold"], groups_at_use=True))
    assert make.one(check, seen).outcome == "fail"
    assert make.one(check, make.evidence(facts=facts(mitigation=[], groups_at_use=False))).outcome == "pass"
    assert make.one(check, make.evidence()).outcome == "insufficient_evidence"


@pytest.mark.parametrize(("pack", "control"), [("fair-lending", "REGB-4a-methods"), ("eeoc-four-fifths", "T7-703l")])
def test_the_packs_veto_thresholds_by_group_as_binding_law(pack, control):
    found = next(item for item in load_policy(pack).policy.controls if item.id == control)
    assert (found.severity, found.binding, found.check.forbids) == ("block", True, ("threshold",))
    assert found.check.forbids_groups_at_use
    # How far its words were read is said.
    assert any("read through" in source for source in found.sources)
