"""What people bring: statements with content, placeholders, and waivers that hold or do not."""

from __future__ import annotations

import time
from datetime import date

import pytest

from rai_tune.gate import evaluate, policy_digest
from rai_tune.gate.content import empty_parts, why_empty
from rai_tune.gate.decision import Attestation, SignOff, Waiver

TODAY = date(2026, 11, 26)
SAID = "Two clerks read each refusal before it is sent and may reverse it."
AT = "2026-11-26T10:00:00+00:00"


def person_pack(make, **fields):
    return make.policy(make.control(None, mode="attestation", **fields))


def statement(make, pack, text=SAID, **fields):
    filled = {
        "policy_id": "trial",
        "policy_digest": policy_digest(pack),
        "control": "C-1",
        "model_digest": make.model,
        "text": text,
        "person": "Kim",
        "key_id": "k",
        "at": AT,
        **fields,
    }
    return Attestation(**filled)


def attested(make, *statements, pack=None, **fields):
    pack = pack or person_pack(make)
    return evaluate((pack, policy_digest(pack)), make.evidence(attestations=statements, **fields)).controls[0]


# -------------------------------------------------------------------------------------------------------- statements


def test_a_statement_with_content_passes_and_names_who_made_it(make):
    pack = person_pack(make)
    found = attested(make, statement(make, pack))
    assert (found.outcome, found.attested_by, found.kind) == ("pass", "Kim", None)
    assert found.reason == "Kim stated this on 2026-11-26"
    nobody = attested(make)
    assert (nobody.outcome, nobody.attested_by) == ("awaiting_signoff", None)
    assert nobody.settle == "a statement about C-1 of this model"


@pytest.mark.parametrize(
    "change",
    [
        {"policy_id": "other"},
        {"policy_digest": "0" * 64},
        {"control": "C-2"},
        {"model_digest": "other"},
        {"model_digest": ""},
    ],
)
def test_a_statement_about_anything_else_does_not_count(make, change):
    pack = person_pack(make)
    assert attested(make, statement(make, pack, **change)).outcome == "awaiting_signoff"


def test_a_run_without_a_model_cannot_be_attested(make):
    pack = person_pack(make)
    assert attested(make, statement(make, pack, model_digest=""), model_digest="").outcome == "awaiting_signoff"


def test_a_placeholder_is_insufficient_and_a_statement_with_content_beside_it_counts(make):
    pack = person_pack(make)
    empty = statement(make, pack, "TODO", at="2026-11-26T11:00:00+00:00", person="Lee")
    found = attested(make, empty)
    assert found.outcome == "insufficient_evidence"
    assert found.reason == "Lee made a statement without content: the statement is a placeholder"
    assert attested(make, empty, statement(make, pack)).attested_by == "Kim"
    later = statement(make, pack, at="2026-11-26T12:00:00+00:00", person="Mo")
    assert attested(make, later, statement(make, pack)).attested_by == "Mo"


def test_a_hybrid_needs_both(make):
    rate = make.result(make.measurement(0.9, metric="accuracy", lower=0.85, upper=0.95))
    poor = make.result(make.measurement(0.5, metric="accuracy", lower=0.45, upper=0.55))
    pack = make.policy(make.control(make.bound_check(metric="accuracy", over="overall"), mode="hybrid"))

    def found(result, *statements):
        seen = make.evidence(result, attestations=statements)
        return evaluate((pack, policy_digest(pack)), seen).controls[0]

    both = found(rate, statement(make, pack))
    assert (both.outcome, both.attested_by, both.readings[0].outcome) == ("pass", "Kim", "pass")
    assert "the measured part passes" in both.reason and "Kim stated this" in both.reason
    assert found(rate).outcome == "awaiting_signoff"
    assert found(rate, statement(make, pack, "tbd")).outcome == "insufficient_evidence"
    assert found(poor, statement(make, pack)).outcome == "fail"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "\u200b\u200b",
        "TODO",
        "todo: describe how people oversee the system in practice",
        "TBD",
        "To be determined.",
        "n/a",
        "N/A N/A N/A N/A N/A N/A",
        "none",
        "Not applicable.",
        "see above",
        "See above. See below. As above. Coming soon.",
        "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
        "It is fine.",
        "bla bla bla bla bla bla bla bla",
        "yes yes no no yes yes no no yes",
        "1 2 3 4 5 6 7 8",
        ". . . . . . . . .",
        "[describe here how the people oversee it]",
        "<name of the person who is responsible for it>",
        "{{ oversight_of_the_system_by_natural_persons }}",
        "# A heading of many words and nothing else",
        "The oversight is described in FIXME and nowhere else at all.",
    ],
)
def test_placeholders_are_not_content(text):
    assert why_empty(text) is not None
    assert empty_parts(text) != ()


@pytest.mark.parametrize(
    "text",
    [
        SAID,
        "Kein Bescheid geht hinaus, bevor ihn jemand gelesen hat.",
        "审核员在发送前阅读每一份拒绝通知并可撤销。",
        "ผู้ตรวจสอบอ่านทุกคำปฏิเสธก่อนส่ง",
        "We test the to-do list of every clerk; none was left open in 2026.",
        "- reads every refusal\n- may reverse it\n- reports monthly",
        "todo el personal lee cada negativa antes de enviarla",
    ],
)
def test_what_people_write_is_content_in_any_language(text):
    assert why_empty(text) is None
    assert empty_parts(text) == ()


SECTIONS = ("Who oversees", "How to stop it")
WHOLE = """# Oversight

## 1. Who oversees
Two clerks read each refusal before it is sent.

### When they are away
A third clerk stands in for them every day.

## 2. How to stop it
The head of credit turns the service off at once.
"""


def test_each_required_section_holds_content_of_its_own():
    assert empty_parts(WHOLE, SECTIONS) == ()
    colons = (
        "Who oversees:\nTwo clerks read each refusal first.\n\n**How to stop it:**\nThe head of credit turns it off.\n"
    )
    assert empty_parts(colons, SECTIONS) == ()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("## 2. How to stop it\n", "", "the section 'How to stop it' is not there"),
        (
            "Two clerks read each refusal before it is sent.\n\n### When they are away\nA third clerk stands in for them every day.",
            "",
            "'Who oversees' is empty",
        ),
        ("The head of credit turns the service off at once.", "TODO", "'How to stop it' is a placeholder"),
        ("The head of credit turns the service off at once.", "See above.", "'How to stop it' is a placeholder"),
        ("The head of credit turns the service off at once.", "Anyone can.", "'How to stop it' has fewer than 5 words"),
        (
            "The head of credit turns the service off at once.",
            "stop it stop it stop it",
            "'How to stop it' repeats the same few words",
        ),
        ("The head of credit turns the service off at once.", "", "'How to stop it' is empty"),
        ("## 2. How to stop it\n", "## 2. How to go on\n", "the section 'How to stop it' is not there"),
    ],
)
def test_a_section_without_content_is_named(make, old, new, problem):
    text = WHOLE.replace(old, new)
    assert text != WHOLE
    assert any(problem in found for found in empty_parts(text, SECTIONS))
    pack = person_pack(make, sections=list(SECTIONS))
    found = attested(make, statement(make, pack, text), pack=pack)
    assert found.outcome == "insufficient_evidence"
    assert problem in found.reason
    assert attested(make, statement(make, pack, WHOLE), pack=pack).outcome == "pass"


def test_a_line_with_a_colon_inside_a_section_is_text_of_it():
    text = WHOLE.replace("Two clerks read", "The two clerks of the day:\n- Kim and Lee read")
    assert empty_parts(text, SECTIONS) == ()
    colons = "Who oversees:\nThese people do:\nKim and Lee, each on every second day.\nHow to stop it:\nThe head of credit turns it off.\n"
    assert empty_parts(colons, SECTIONS) == ()


def test_a_section_ends_where_a_heading_of_its_depth_begins():
    text = "# Who oversees\n# Something else\nTwo clerks read each refusal.\n# How to stop it\nThe head of credit turns it off.\n"
    assert empty_parts(text, SECTIONS) == ("the section 'Who oversees' is empty",)


@pytest.mark.parametrize(
    "unit",
    [
        "{{",
        "[",
        "<",
        "# ",
        "#",
        " ",
        "\n",
        "\t\n",
        "!",
        "lorem ",
        "x",
        "1.",
        "a:",
        "# a \n",
        "n/a ",
        "'",
        "a'",
        "a-",
        "todo ",
    ],
)
def test_no_text_takes_long_to_judge(unit):
    text = f"# {unit * (100_000 // len(unit))}b"
    began = time.process_time()
    empty_parts(text, SECTIONS)
    empty_parts(text)
    assert time.process_time() - began < 2


def test_two_sections_may_not_say_the_same():
    text = WHOLE.replace(
        "Two clerks read each refusal before it is sent.\n\n### When they are away\nA third clerk stands in for them every day.",
        "The head of credit turns the service off at once.",
    )
    assert empty_parts(text, SECTIONS) == ("the section 'How to stop it' only repeats 'Who oversees'",)


def test_text_before_the_first_heading_fills_no_section():
    assert empty_parts(f"{SAID}\n\n## Who oversees\n\n## How to stop it\n", SECTIONS) != ()


# ----------------------------------------------------------------------------------------------------------- waivers


def poor(make):
    return make.result(make.measurement(0.5, metric="accuracy", lower=0.45, upper=0.55))


def rate_pack(make, *more, **fields):
    return make.policy(make.control(make.bound_check(metric="accuracy", over="overall"), **fields), *more)


def waiver(make, pack, **fields):
    filled = {
        "policy_id": "trial",
        "policy_digest": policy_digest(pack),
        "control": "C-1",
        "model_digest": make.model,
        "reason": "A better model is trained by January.",
        "until": "2027-01-31",
        "person": "Bo",
        "key_id": "k",
        "at": AT,
        **fields,
    }
    return Waiver(**filled)


def waived(make, *waivers, pack=None, as_of=TODAY, **fields):
    pack = pack or rate_pack(make)
    seen = make.evidence(poor(make), **{"waivers": waivers, "author": "Ada", **fields})
    return evaluate((pack, policy_digest(pack)), seen, as_of)


def test_a_waiver_lets_a_model_on_without_changing_the_outcome(make):
    pack = rate_pack(make)
    plain, found = waived(make), waived(make, waiver(make, pack))
    assert (plain.outcome, plain.promotable) == ("fail", False)
    assert (found.outcome, found.exit_code, found.promotable) == ("fail", 3, True)
    control = found.controls[0]
    assert (control.outcome, control.waived_until, control.waived_by) == ("fail", "2027-01-31", "Bo")
    assert "Promotion would rest on waivers of C-1; they do not change the outcome." in found.notes


def test_it_holds_through_its_last_day(make):
    pack = rate_pack(make)
    item = waiver(make, pack)
    assert waived(make, item, as_of=date(2027, 1, 31)).promotable
    assert not waived(make, item, as_of=date(2027, 2, 1)).promotable
    assert waived(make, item, as_of=date(2027, 2, 1)).controls[0].waived_until is None


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"policy_id": "other"}, {}),
        ({"policy_digest": "0" * 64}, {}),
        ({"control": "C-2"}, {}),
        ({"model_digest": "other"}, {}),
        ({"model_digest": ""}, {"model_digest": ""}),
        ({"person": "Ada"}, {}),
        ({"person": "ADA "}, {}),
        ({"person": "\uff21\uff44\uff41"}, {}),
        ({"person": ""}, {}),
        ({}, {"author": None}),
        ({}, {"signoffs": (SignOff(role="author", person="Bo", key_id="k", at=AT, statement="s"),)}),
        ({"reason": " "}, {}),
        ({"until": "2026-11-25"}, {}),
        ({"until": "for ever"}, {}),
        ({"until": ""}, {}),
        ({"until": "9999-99-99"}, {}),
        ({"at": "2026-11-27T00:00:00+00:00"}, {}),
        ({"at": "whenever"}, {}),
        ({}, {"as_of": None}),
        ({}, {"state": "diverged"}),
        ({}, {"state": "running"}),
    ],
)
def test_a_waiver_that_does_not_hold_changes_nothing(make, change, fields):
    pack = rate_pack(make)
    found = waived(make, waiver(make, pack, **change), **fields)
    assert not found.promotable
    assert found.controls[0].waived_until is None
    assert not any("waiver" in note for note in found.notes)


def test_every_blocking_control_must_be_waived_and_others_need_not(make):
    second = make.control(None, id="C-2", mode="attestation")
    warns = make.control(make.bound_check(audit="none"), id="C-3", severity="warn")
    pack = rate_pack(make, second, warns)
    one, other = waiver(make, pack), waiver(make, pack, control="C-2", until="2026-12-31")
    assert not waived(make, one, pack=pack).promotable
    both = waived(make, one, other, pack=pack)
    assert both.promotable
    assert [control.waived_until for control in both.controls] == ["2027-01-31", "2026-12-31", None]
    assert both.outcome == "fail"


def test_a_control_that_passes_or_does_not_apply_is_never_shown_as_waived(make):
    good = make.result(make.measurement(0.9, metric="accuracy", lower=0.85, upper=0.95))
    pack = rate_pack(make)
    seen = make.evidence(good, waivers=(waiver(make, pack),), author="Ada")
    found = evaluate((pack, policy_digest(pack)), seen, TODAY)
    assert (found.outcome, found.promotable, found.controls[0].waived_until) == ("pass", True, None)
    off = rate_pack(make, when="system.workplace")
    facts = {"system": {"workplace": False}}
    found = waived(make, waiver(make, off), pack=off, facts=facts)
    assert (found.controls[0].outcome, found.controls[0].waived_until, found.promotable) == (
        "not_applicable",
        None,
        False,
    )


def test_where_there_is_no_model_there_is_nothing_to_promote(make):
    good = make.result(
        make.measurement(0.9, metric="accuracy", lower=0.85, upper=0.95), inputs={"predictions": make.predictions}
    )
    pack = rate_pack(make)
    found = evaluate((pack, policy_digest(pack)), make.evidence(good, model_digest=""), TODAY)
    assert (found.outcome, found.promotable) == ("pass", False)


def test_of_two_waivers_the_longer_is_shown(make):
    pack = rate_pack(make)
    short = waiver(make, pack, until="2026-12-01", person="Cy")
    for order in ((short, waiver(make, pack)), (waiver(make, pack), short)):
        assert waived(make, *order).controls[0].waived_by == "Bo"
