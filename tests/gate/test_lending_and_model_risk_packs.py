"""The packs fair-lending, us-mrm-sr26-2 and iso-42001-annex-a: what they claim to be, and from which day on what counts."""

from datetime import date

import pytest

from rai_tune.gate import load_policy
from rai_tune.gate.evaluate import evaluate

UNFAIR = 0.5


def named(decision):
    return {control.id: control for control in decision.controls}


@pytest.fixture(scope="module")
def unfair(make):
    """A run whose groups are approved at clearly different rates."""
    pairs = [
        make.pair("a", "b", UNFAIR, audit="group_rates", lower=0.4, upper=0.6, holm_upper=0.65),
        make.pair("b", "a", 1 / UNFAIR, audit="group_rates", lower=1.6, upper=2.4, holm_upper=2.5),
    ]
    return make.evidence(make.result(*pairs, audit="group_rates"))


def test_the_effects_test_blocks_until_its_removal_and_informs_from_that_day(unfair):
    pack = load_policy("fair-lending")
    before = named(evaluate(pack, unfair, date(2026, 7, 20)))["REGB-6a"]
    after = named(evaluate(pack, unfair, date(2026, 7, 21)))["REGB-6a"]
    assert (before.outcome, before.severity, before.status) == ("fail", "block", "in_force")
    assert (after.outcome, after.severity, after.status) == ("fail", "info", "superseded")
    # The measurement stays, and so does the organisation's own line.
    assert after.readings == before.readings and after.readings
    own = named(evaluate(pack, unfair, date(2026, 7, 21)))["FL-ORG-ratio"]
    assert (own.outcome, own.severity, own.threshold.origin) == ("fail", "warn", "organisation")


def test_the_only_numbers_of_law_in_fair_lending_are_days():
    policy = load_policy("fair-lending").policy
    checks = {control.id: control.check for control in policy.controls if hasattr(control.check, "threshold")}
    law = {name: check.threshold.value for name, check in checks.items() if check.threshold.origin == "law"}
    assert law == {"REGB-12b1": 762}
    assert {check.threshold.origin for name, check in checks.items() if name not in law} == {"organisation"}


def test_model_risk_guidance_binds_nobody_and_names_no_number_of_its_own():
    policy = load_policy("us-mrm-sr26-2").policy
    assert policy.status == "guidance" and not any(control.binding for control in policy.controls)
    checks = {control.id: control.check for control in policy.controls if hasattr(control.check, "threshold")}
    assert {name for name, check in checks.items() if check.threshold.origin != "organisation"} == {"SR11-7-V-annual"}


def test_no_control_of_model_risk_applies_to_a_generative_model(make):
    seen = make.evidence(facts={"run": {"generative": True}})
    decision = evaluate(load_policy("us-mrm-sr26-2"), seen, date(2026, 11, 26))
    outcomes = {control.outcome for control in decision.controls if control.severity != "info"}
    assert outcomes == {"not_applicable"}
    assert (decision.outcome, decision.promotable) == ("insufficient_evidence", False)


def test_the_old_guidance_is_shown_as_superseded_from_the_day_of_the_new(make):
    pack = load_policy("us-mrm-sr26-2")
    old_day, new_day = date(2026, 4, 16), date(2026, 4, 17)
    old = {day: named(evaluate(pack, make.evidence(), day)) for day in (old_day, new_day)}
    assert (old[old_day]["SR11-7-V-annual"].status, old[old_day]["MRM-V-OA"].status) == ("guidance", "future")
    assert (old[new_day]["SR11-7-V-annual"].status, old[new_day]["MRM-V-OA"].status) == ("superseded", "guidance")
    assert (old[new_day]["SR11-7-V-annual"].severity, old[new_day]["MRM-V-OA"].severity) == ("info", "block")


def test_the_38_controls_of_the_standard_are_there_by_title_and_bind_nobody():
    policy = load_policy("iso-42001-annex-a").policy
    assert len({control.title for control in policy.controls}) == len(policy.controls) == 38
    assert policy.status == "voluntary" and not any(control.binding for control in policy.controls)
    chapters = [control.id.split(".")[1] for control in policy.controls]
    sizes = {chapter: chapters.count(chapter) for chapter in dict.fromkeys(chapters)}
    assert sizes == {"2": 3, "3": 2, "4": 5, "5": 4, "6": 9, "7": 5, "8": 4, "9": 3, "10": 3}
    numbers = [
        getattr(each.check, "threshold", None) or getattr(each.check, "people", None) for each in policy.controls
    ]
    assert {number.origin for number in numbers if number} == {"organisation"}
