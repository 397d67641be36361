"""The kinds of check that read dates, signatures and stated facts: what passes, and everything that must not."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from rai_tune.gate import evaluate, policy_digest
from rai_tune.gate.decision import SignOff

FROZEN, BEGAN = "2026-11-26T09:00:00+00:00", "2026-11-26T09:30:00+00:00"
NOW = "digest-of-statement"


def limit(value, origin="organisation"):
    return {"value": value, "origin": origin, "source": "set for a test"}


def signoff(role, person, statement=NOW):
    return SignOff(role=role, person=person, key_id=f"key of {person}", at=BEGAN, statement=statement)


# --------------------------------------------------------------------------------------------------------- ordering


def ordered(make, as_of=None, **fields):
    pack = make.policy(make.control({"kind": "ordering"}))
    filled = {"frozen_policies": {"trial": policy_digest(pack)}, "frozen_at": FROZEN, "evaluation_started_at": BEGAN}
    seen = make.evidence(**{**filled, **fields})
    return evaluate((pack, policy_digest(pack)), seen, as_of).controls[0]


def test_a_pack_frozen_before_the_evaluation_is_in_order(make):
    found = ordered(make)
    assert (found.outcome, found.kind) == ("pass", "ordering")
    assert FROZEN in found.reason and BEGAN in found.reason


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"frozen_policies": {}}, "the pack was not frozen when the run began"),
        ({"frozen_policies": {"trial": "0" * 64}}, "another text of the pack was frozen"),
        ({"frozen_policies": {"other": "0" * 64}}, "the pack was not frozen"),
        ({"frozen_at": BEGAN}, "not before the evaluation began"),
        ({"frozen_at": "2026-11-26T10:31:00+01:00"}, "not before the evaluation began"),
        ({"frozen_at": "2026-11-27"}, "not before the evaluation began"),
        ({"frozen_at": ""}, "not recorded when the pack was frozen"),
        ({"frozen_at": "yesterday"}, "not recorded when the pack was frozen"),
        ({"evaluation_started_at": ""}, "not recorded when the evaluation began"),
        ({"reaudited": ("group_rates",)}, "audits were run again after the first decision: group_rates"),
    ],
)
def test_what_is_out_of_order_is_insufficient_and_says_why(make, fields, cause):
    found = ordered(make, **fields)
    assert found.outcome == "insufficient_evidence"
    assert cause in found.reason
    assert "a new run" in found.settle


def test_moments_are_compared_across_time_zones(make):
    assert ordered(make, frozen_at="2026-11-26T10:29:00+01:00").outcome == "pass"


# -------------------------------------------------------------------------------------------------------- signature


def signed(make, *signoffs, role="reviewer", people=1, **fields):
    check = {"kind": "signature", "role": role, "people": limit(people)}
    return make.one(check, make.evidence(**{"signoffs": signoffs, "statement": NOW, "author": "Ada", **fields}))


def test_enough_different_people_in_the_role_pass_and_are_named(make):
    found = signed(make, signoff("reviewer", "Bo"), signoff("reviewer", "Cy"), people=2)
    assert (found.outcome, found.reason) == ("pass", "signed as reviewer by Bo, Cy")
    assert (found.threshold.value, found.direction) == (2, "at_least")
    assert signed(make, signoff("author", "Ada"), role="author").outcome == "pass"


@pytest.mark.parametrize(
    ("signoffs", "fields", "cause"),
    [
        ((), {}, "0 of 1 person signed as reviewer"),
        ((signoff("approver", "Bo"),), {}, "0 of 1 person signed as reviewer"),
        ((signoff("reviewer", "Ada"),), {}, "Ada is the author and does not count"),
        ((signoff("reviewer", " ada "),), {}, "ada  is the author and does not count"),
        ((signoff("reviewer", "Bo", "earlier"),), {}, "the signature of Bo is for an earlier statement"),
        ((signoff("reviewer", "Bo", ""),), {"statement": ""}, "0 of 1 person signed"),
        ((signoff("reviewer", "Bo"),), {"author": None}, "nobody is recorded as the author"),
        ((signoff("reviewer", "Bo"),), {"author": "  "}, "nobody is recorded as the author"),
        ((signoff("author", "Bo"), signoff("reviewer", "Bo")), {}, "Bo is the author and does not count"),
        ((signoff("reviewer", "Bo"), signoff("reviewer", "bo")), {"people": 2}, "1 of 2 people signed as reviewer"),
    ],
)
def test_other_signatures_leave_it_waiting(make, signoffs, fields, cause):
    found = signed(make, *signoffs, **fields)
    assert found.outcome == "awaiting_signoff"
    assert cause in found.reason
    assert "more signature" in found.settle


def test_a_run_whose_author_only_signed_it_knows_its_author(make):
    found = signed(make, signoff("author", "Ada"), signoff("reviewer", "Bo"), author=None)
    assert found.outcome == "pass"


@pytest.mark.parametrize("value", [0, 1.5, -1])
def test_people_are_counted_in_whole_numbers_from_one(make, value):
    with pytest.raises(ValidationError, match=r"people\.value of a signature check is a number of people"):
        make.policy(make.control({"kind": "signature", "role": "reviewer", "people": limit(value)}))


# -------------------------------------------------------------------------------------------------------- retention


def kept(make, days, direction="at_least", asked=184):
    check = {"kind": "retention", "of": "logs", "direction": direction, "threshold": limit(asked, "law")}
    facts = {} if days is None else {"retention": {"logs_days": days}}
    return make.one(check, make.evidence(facts=facts))


@pytest.mark.parametrize(
    ("days", "direction", "outcome"),
    [
        (184, "at_least", "pass"),
        (183, "at_least", "fail"),
        (184, "at_most", "pass"),
        (185, "at_most", "fail"),
        (None, "at_least", "insufficient_evidence"),
        (None, "at_most", "insufficient_evidence"),
        (-1, "at_most", "insufficient_evidence"),
        ("184", "at_least", "insufficient_evidence"),
        (True, "at_most", "insufficient_evidence"),
        (float("nan"), "at_most", "insufficient_evidence"),
        (float("inf"), "at_least", "insufficient_evidence"),
    ],
)
def test_days_kept_are_held_against_the_threshold_and_never_guessed(make, days, direction, outcome):
    found = kept(make, days, direction)
    assert found.outcome == outcome
    assert (found.direction, found.threshold.origin) == (direction, "law")
    if outcome == "insufficient_evidence":
        assert found.settle == "state system.retention.logs_days in the recipe"


# -------------------------------------------------------------------------------------------------------- freshness


def fresh(make, as_of, began=BEGAN, days=30):
    check = {"kind": "freshness", "of": "evaluation", "threshold": limit(days)}
    return make.decide(check, make.evidence(evaluation_started_at=began), as_of=as_of).controls[0]


@pytest.mark.parametrize(
    ("as_of", "outcome", "words"),
    [
        (date(2026, 11, 26), "pass", "is 0 days old"),
        (date(2026, 12, 26), "pass", "is 30 days old"),
        (date(2026, 12, 27), "insufficient_evidence", "is 31 days old on 2026-12-27; at most 30 are asked"),
        (date(2026, 11, 25), "insufficient_evidence", "after the day of the decision"),
        (None, "insufficient_evidence", "the decision has no date"),
    ],
)
def test_an_evaluation_is_fresh_until_its_day_and_never_from_the_future(make, as_of, outcome, words):
    found = fresh(make, as_of)
    assert found.outcome == outcome
    assert words in found.reason


def test_the_day_of_an_evaluation_is_that_of_utc(make):
    assert "2026-11-25" in fresh(make, date(2026, 11, 26), began="2026-11-26T00:30:00+01:00").reason


@pytest.mark.parametrize("began", ["", "soon", "2026-13-01"])
def test_an_evaluation_without_a_date_is_not_fresh(make, began):
    found = fresh(make, date(2026, 11, 26), began=began)
    assert (found.outcome, found.reason) == ("insufficient_evidence", "it is not recorded when the evaluation began")


# ------------------------------------------------------------------------------------------ information, expression


def test_information_decides_nothing_and_may_not_block(make):
    found = make.decide(make.policy(make.control({"kind": "information"}, severity="info")), make.evidence())
    assert found.controls[0].outcome == "not_applicable"
    assert (found.outcome, found.promotable) == ("insufficient_evidence", False)
    for fields in ({"severity": "warn"}, {"severity": "block"}, {"severity": "info", "mode": "hybrid"}):
        with pytest.raises(ValidationError, match="decides nothing: severity info and mode automated"):
            make.policy(make.control({"kind": "information"}, **fields))


@pytest.mark.parametrize(
    ("training", "outcome"),
    [(3.3e24, "pass"), (3.4e24, "fail"), (None, "insufficient_evidence"), ("1", "insufficient_evidence")],
)
def test_an_expression_holds_facts_against_a_threshold_with_an_origin(make, training, outcome):
    check = {
        "kind": "expression",
        "expression": "run.training_flops <= limit * system.base_training_flops",
        "threshold": limit(1 / 3, "guidance"),
    }
    facts = {"system": {"base_training_flops": 1e25}, "run": {} if training is None else {"training_flops": training}}
    found = make.one(check, make.evidence(facts=facts))
    assert found.outcome == outcome
    assert found.threshold.origin == "guidance"
    if outcome == "insufficient_evidence":
        assert "run.training_flops is not stated" in found.reason


def test_an_expression_reads_other_controls_whatever_their_order(make):
    first = make.control({"kind": "expression", "expression": 'outcomes["C-2"] == "pass"'})
    second = make.control({"kind": "retention", "of": "logs", "threshold": limit(184)}, id="C-2")

    def outcome(facts):
        return make.decide(make.policy(first, second), make.evidence(facts=facts)).controls[0].outcome

    assert outcome({"retention": {"logs_days": 184}}) == "pass"
    assert outcome({"retention": {"logs_days": 1}}) == "fail"
    assert outcome({}) == "insufficient_evidence"
