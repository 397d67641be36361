"""``raitune audit --predictions`` under the hiring packs: awkward tables of applicants, each with its verdict, words and exit code."""

from __future__ import annotations

import json
import sys

import pandas as pd
import pytest

ASKED = ("--prediction", "hired", "--groups", "sex,race", "--favourable", "1")
EVEN = {("f", "B"): (50, 100), ("f", "w"): (50, 100), ("m", "B"): (50, 100), ("m", "w"): (50, 100)}


@pytest.fixture
def audit(monkeypatch, capsys, tmp_path):
    """Audit applicants in this process, {(sex, race): (hired, all)}; returns (exit code, stdout, stderr)."""
    from rai_tune.cli import main

    monkeypatch.setenv("COLUMNS", "80")

    def run(applicants, policy, *more, asked=ASKED):
        rows = [
            {"sex": sex, "race": race, "hired": int(place < hired)}
            for (sex, race), (hired, everyone) in applicants.items()
            for place in range(everyone)
        ]
        pd.DataFrame(rows).to_csv(tmp_path / "people.csv", index=False)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(
            sys, "argv", ["raitune", "audit", "--predictions", "people.csv", *asked, "--policy", policy, *more]
        )
        code = main._guarded()
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def body_of(told):
    return json.loads(told[1])


def numbers(body, audit, metric, **where):
    found = [item for item in body["measurements"] if item["audit"] == audit and item["metric"] == metric]
    return [item for item in found if all(item[key] == value for key, value in where.items())]


def controls(body):
    return {item["id"]: item for item in body["controls"]}


@pytest.mark.parametrize(("policy", "code"), [("nyc-ll144", 5), ("eeoc-four-fifths", 4)])
def test_people_of_unknown_sex_or_race_are_counted_and_in_no_ratio(audit, policy, code):
    told = audit({**EVEN, (None, "B"): (0, 30), ("m", None): (0, 12)}, policy, "--json")
    body = body_of(told)
    assert told[0] == code == body["verdict"]["exit_code"]
    assert [item["estimate"] for item in numbers(body, "ll144", "ll144_unknown_rows", attribute="sex")] == [30]
    assert [item["estimate"] for item in numbers(body, "ll144", "ll144_unknown_rows", attribute="sex x race")] == [42]
    ratios = numbers(body, "group_rates", "impact_ratio") + numbers(body, "four_fifths", "four_fifths_ratio")
    assert ratios and not any("unknown" in (item["group"], item["reference"]) for item in ratios)
    # Nobody of unknown sex was hired: were they all women, women's rate would be 100 of 230 against 100 of 212.
    [lowest] = numbers(body, "unknown_demographics", "impact_ratio_lowest", group="f", reference="m")
    assert lowest["estimate"] == pytest.approx((100 / 230) / (100 / 212))


def test_a_group_of_which_nobody_is_hired_fails_four_fifths_and_passes_no_ratio_by_dividing_by_nothing(audit):
    told = audit({**EVEN, ("f", "A"): (0, 60), ("m", "A"): (0, 60)}, "eeoc-four-fifths", "--json")
    body = body_of(told)
    assert told[0] == 3
    assert controls(body)["UGESP-4D-ratio"]["outcome"] == "fail"
    # A table has no model to promote or refuse.
    assert body["verdict"]["sentence"].endswith("not met: Selection rates reach four fifths of each other.")
    [ratio] = numbers(body, "four_fifths", "four_fifths_ratio", group="A")
    assert (ratio["estimate"], ratio["reference"]) == (0.0, "B")
    [over_nothing] = numbers(body, "group_rates", "impact_ratio", group="B", reference="A")
    assert over_nothing["status"] == "not_estimable" and "nothing can be divided" in over_nothing["reason"]


def test_a_table_in_which_everybody_or_nobody_is_hired(audit):
    everybody = {key: (everyone, everyone) for key, (_, everyone) in EVEN.items()}
    code, out, _ = audit(everybody, "eeoc-four-fifths")
    assert code == 0
    assert "UGESP-4D-ratio Selection rates reach four fifths of each other - met" in out
    nobody = {key: (0, everyone) for key, (_, everyone) in EVEN.items()}
    told = audit(nobody, "eeoc-four-fifths", "--json")
    assert told[0] == 4
    assert {item["status"] for item in numbers(body_of(told), "group_rates", "impact_ratio")} == {"not_estimable"}
    assert {item["status"] for item in numbers(body_of(told), "four_fifths", "four_fifths_ratio")} == {"not_estimable"}


def test_groups_under_two_percent_are_listed_and_never_left_out_silently(audit):
    applicants = {**EVEN, ("f", "N"): (2, 3), ("m", "N"): (2, 4)}
    body = body_of(audit(applicants, "nyc-ll144", "--json"))
    assert [item["estimate"] for item in numbers(body, "ll144", "ll144_excluded_categories")] == [0]
    [ratio] = numbers(body, "ll144", "ll144_impact_ratio", attribute="race", group="N")
    assert ratio["status"] == "ok"
    [guidance] = numbers(body, "four_fifths", "four_fifths_ratio", group="N")
    assert guidance["status"] == "not_applicable" and "under 2 %" in guidance["reason"]


def test_leaving_out_a_category_needs_the_reason_that_the_rule_wants_published(audit):
    applicants = {**EVEN, ("f", "N"): (2, 3), ("m", "N"): (2, 4)}
    cut = ("--set", "audits.fairness.ll144_exclude_below=0.02")
    code, out, err = audit(applicants, "nyc-ll144", *cut)
    assert (code, out) == (2, "")
    assert "ll144_exclusion_reason" in err and "5-301(d)" in err
    reason = ("--set", "audits.fairness.ll144_exclusion_reason=too few to compare", "--set", "audits.suppress_below=0")
    body = body_of(audit(applicants, "nyc-ll144", *cut, *reason, "--json"))
    [ratio] = numbers(body, "ll144", "ll144_impact_ratio", attribute="race", group="N")
    assert ratio["status"] == "not_applicable" and "too few to compare" in ratio["reason"]
    [rate] = numbers(body, "ll144", "ll144_selection_rate", attribute="race", group="N")
    assert (rate["n"], rate["estimate"]) == (7, pytest.approx(4 / 7))


def test_one_applicant_of_a_group_is_not_enough_evidence_and_is_not_shown(audit):
    told = audit({**EVEN, ("f", "N"): (1, 1)}, "eeoc-four-fifths", "--json")
    body = body_of(told)
    assert told[0] == 4
    assert controls(body)["UGESP-4D-ratio"]["outcome"] == "insufficient_evidence"
    [size] = numbers(body, "group_rates", "group_size", attribute="race", group="N")
    assert size["status"] == "suppressed"
    read = [item for item in controls(body)["UGESP-4D-ratio"]["readings"] if "N" in (item["group"], item["reference"])]
    assert read and {(item["status"], item["n"]) for item in read} == {("suppressed", 0)}
    assert "1 row," not in json.dumps(body)
    open_text = audit({**EVEN, ("f", "N"): (1, 1)}, "eeoc-four-fifths", "--set", "audits.suppress_below=0")[1]
    assert "group 'N' of 'race'" in open_text and "1 row" in open_text


@pytest.mark.parametrize("policy", ["nyc-ll144", "eeoc-four-fifths"])
def test_a_group_column_with_ten_thousand_values_is_refused(audit, policy):
    applicants = {("f" if place % 2 else "m", f"r{place}"): (place % 2, 1) for place in range(10_000)}
    code, out, err = audit(applicants, policy)
    assert (code, out) == (2, "")
    assert "the group column 'race' has 10,000 different values" in err


@pytest.mark.parametrize("policy", ["nyc-ll144", "eeoc-four-fifths"])
def test_a_favourable_value_that_never_occurs_is_refused_with_those_that_do(audit, policy):
    asked = ("--prediction", "hired", "--groups", "sex,race", "--favourable", "yes")
    code, out, err = audit(EVEN, policy, asked=asked)
    assert (code, out) == (2, "")
    assert "the favourable class 'yes' never occurs in 'hired'. Known: 0, 1." in err


def test_columns_with_other_names_are_named_for_the_rule(audit, tmp_path, monkeypatch):
    code, out, _ = audit(EVEN, "nyc-ll144", asked=("--prediction", "hired", "--groups", "race", "--favourable", "1"))
    assert code == 4
    assert "LL144-5-301b3" in out and "ll144_selection_sex" in out


def test_groups_and_policies_may_be_given_more_than_once(audit):
    uneven = {("f", "B"): (20, 100), ("f", "w"): (20, 100), ("m", "B"): (80, 100), ("m", "w"): (80, 100)}
    asked = ("--prediction", "hired", "--groups", "sex", "--groups", "race", "--favourable", "1")
    told = audit(uneven, "eeoc-four-fifths", "--policy", "nyc-ll144", "--json", asked=asked)
    body = body_of(told)
    assert told[0] == 3
    assert {item["attribute"] for item in numbers(body, "group_rates", "selection_rate")} >= {"sex", "race"}
    assert len(body["decisions"]) == 2
