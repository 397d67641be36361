"""The packs nyc-ll144 and eeoc-four-fifths: what they claim to be, and what they say of real audits of a table."""

import pandas as pd
import pytest

from rai_tune.gate import load_policy
from rai_tune.recipe.audits import AuditsSpec
from rai_tune.table_audit import TableQuestion, audit_predictions


def table(female=(300, 1000), male=(310, 1000), **more):
    rows = [
        {"sex": sex, "race": "A" if place % 2 else "B", "hired": int(place < selected), **more}
        for sex, (selected, everyone) in (("female", female), ("male", male))
        for place in range(everyone)
    ]
    return pd.DataFrame(rows)


def decided(frame, policy, groups=("sex", "race"), **asked):
    question = TableQuestion(table=frame, prediction="hired", favourable="1", groups=dict.fromkeys(groups, ()), **asked)
    [decision] = audit_predictions(question, (policy,), AuditsSpec()).decisions
    return decision, {control.id: control for control in decision.controls}


def numbers(policy):
    """Every number of a pack with who set it."""
    checks = {control.id: control.check for control in policy.controls if control.check is not None}
    return {name: check.threshold for name, check in checks.items() if hasattr(check, "threshold")}


def test_local_law_144_holds_no_ratio_against_a_number():
    policy = load_policy("nyc-ll144").policy
    assert not [control.id for control in policy.controls if control.check and control.check.kind == "bound"]
    law = {name: number.value for name, number in numbers(policy).items() if number.origin == "law"}
    assert law == {"LL144-5-301a": 365, "LL144-5-303c": 184}  # times; the law names no other number
    assert {number.origin for name, number in numbers(policy).items() if name not in law} == {"organisation"}
    assert all(control.binding for control in policy.controls)


def test_four_fifths_is_guidance_and_binds_nobody():
    policy = load_policy("eeoc-four-fifths").policy
    # Beside the guidance stand two rules of law: no cutoffs by group, and how long records are kept.
    assert policy.status == "guidance"
    assert [each.id for each in policy.controls if each.binding] == ["T7-703l", "UGESP-records"]
    ratio, records = (numbers(policy)[name] for name in ("UGESP-4D-ratio", "UGESP-records"))
    assert (ratio.value, ratio.origin) == (0.80, "guidance")
    assert (records.value, records.origin) == (366, "law")


@pytest.mark.parametrize(
    ("female", "male", "outcome"),
    [
        ((300, 1000), (310, 1000), "pass"),
        ((150, 1000), (310, 1000), "fail"),
        ((2, 10), (4, 10), "insufficient_evidence"),
    ],
)
def test_four_fifths_on_a_table(female, male, outcome):
    decision, controls = decided(table(female, male), "eeoc-four-fifths", groups=("sex",))
    assert controls["UGESP-4D-ratio"].outcome == outcome == decision.outcome
    assert controls["UGESP-4D-shown"].outcome == "pass"
    assert controls["UGESP-4D-stat"].outcome == "awaiting_signoff"
    # Nobody trained here, so there is no method that could be forbidden.
    assert controls["T7-703l"].outcome == "not_applicable"
    # Validity is asked for where there is an impact, and only there.
    validity = {"fail": "awaiting_signoff", "pass": "not_applicable"}.get(outcome, "insufficient_evidence")
    assert controls["UGESP-5"].outcome == validity


def test_local_law_144_on_a_table_waits_for_people_where_the_tables_are_there():
    decision, controls = decided(table((50, 1000), (310, 1000)), "nyc-ll144")
    made = ("LL144-5-301b1", "LL144-5-301b2", "LL144-5-301b3", "LL144-5-301b5", "LL144-5-301d")
    assert {controls[name].outcome for name in made} == {"pass"}
    assert {controls[name].outcome for name in ("LL144-5-301c1", "LL144-5-301c2")} == {"not_applicable"}
    assert decision.outcome == "awaiting_signoff"


def test_an_audit_that_did_not_run_is_named():
    decision, controls = decided(table(), "nyc-ll144", groups=("race",))
    assert controls["LL144-5-301b1"].outcome == "pass"
    assert "ll144_selection_sex_race" in controls["LL144-5-301b3"].reason
    assert decision.outcome == "insufficient_evidence"
    frame = table().rename(columns={"sex": "s", "race": "r"})
    _, controls = decided(frame, "nyc-ll144", groups=("s", "r"))
    assert controls["LL144-5-301b1"].reason.startswith("the audit ll144 is not in the evidence")


def test_crossings_are_measured_and_not_judged_by_the_guidance():
    """Sex and race pass each by itself while their crossings do not: the guidance asks for each separately."""
    rates = {("f", "A"): 700, ("f", "B"): 400, ("m", "A"): 400, ("m", "B"): 700}
    rows = [
        {"sex": sex, "race": race, "hired": int(place < hired)}
        for (sex, race), hired in rates.items()
        for place in range(1000)
    ]
    _, controls = decided(pd.DataFrame(rows), "eeoc-four-fifths", intersections=True)
    assert controls["UGESP-4D-ratio"].outcome == "pass"
    assert {reading.attribute for reading in controls["UGESP-4D-ratio"].readings} == {"sex", "race"}
    _, judged = decided(pd.DataFrame(rows), "baseline", intersections=True)
    assert judged["BASE-04"].outcome == "fail"
