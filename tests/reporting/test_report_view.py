"""The view: every number is a measurement, the verdict is the worst one, and every state of a run has a report."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from rai_tune.reporting.model import ReadingRow, Shown
from rai_tune.reporting.numbers import ref_of, show
from rai_tune.reporting.suppression import hidden_cells, hide_small_cells
from rai_tune.reporting.view import build_view

if TYPE_CHECKING:
    from collections.abc import Iterator


def shown_in(value: Any) -> Iterator[Shown]:
    if isinstance(value, Shown):
        yield value
    elif isinstance(value, ReadingRow):
        return
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from shown_in(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from shown_in(item)


def test_every_displayed_number_is_one_measurement_of_the_evidence(make_inputs: Any) -> None:
    inputs = make_inputs()
    evidence = {}
    for result in hide_small_cells(inputs.results, hidden_cells(inputs.results, 5)):
        for item in result.measurements:
            assert ref_of(item) not in evidence
            evidence[ref_of(item)] = item
    found = list(shown_in(build_view(inputs)))
    assert len(found) > 80
    for number in found:
        assert number == show(evidence[number.ref])


def test_every_reading_of_a_control_is_a_reading_of_the_decision(make_inputs: Any) -> None:
    inputs = make_inputs()
    view = build_view(inputs)
    for stored, displayed in zip(inputs.decisions[0].controls, view.decisions[0].controls, strict=True):
        assert len(stored.readings) == len(displayed.readings)
        refs = {(item.metric, item.group, item.reference): item for item in stored.readings}
        for row in displayed.readings:
            item = refs[(row.value.ref.metric, row.value.ref.group, row.value.ref.reference)]
            assert row.value.estimate in {item.estimate, None}


def test_changed_evidence_changes_the_view(make_inputs: Any, kit: Any) -> None:
    table = copy.deepcopy(kit.LENDING)
    table["race"]["Black"] = (135, 95, (22, 38), (26, 97))
    before, after = build_view(make_inputs()), build_view(make_inputs(table=table))
    assert before.groups[0].rows[0].selection_rate.text == "64.4 %"
    assert after.groups[0].rows[0].selection_rate.text == "70.4 %"
    assert before.groups[0].pairs[0].ratio.text == "0.700"
    assert after.groups[0].pairs[0].ratio.text == "0.765"
    assert before.evidence_digest != after.evidence_digest


def test_a_pair_list_begins_with_the_lowest_ratio_and_ends_with_those_without(make_inputs: Any) -> None:
    pairs = build_view(make_inputs()).groups[0].pairs
    estimates = [pair.ratio.estimate for pair in pairs]
    numbers = [value for value in estimates if value is not None]
    assert numbers == sorted(numbers)
    assert estimates == numbers + [None] * 10
    assert (pairs[0].group, pairs[0].reference) == ("Black", "white")


@pytest.mark.parametrize(
    ("outcomes", "word", "icon"),
    [
        (("pass", "pass"), "Passed", "✓"),
        (("pass", "awaiting_signoff"), "Waiting for sign-off", "…"),
        (("awaiting_signoff", "insufficient_evidence"), "Not enough evidence", "?"),
        (("insufficient_evidence", "fail"), "Refused", "✗"),
    ],
)
def test_the_headline_is_the_worst_of_all_decisions(
    make_inputs: Any, kit: Any, outcomes: tuple[str, str], word: str, icon: str
) -> None:
    decisions = tuple(
        kit.decision((kit.control("BASE-01", f"Claim {outcome}", outcome, "because"),), outcome, policy_id=f"p{index}")
        for index, outcome in enumerate(outcomes)
    )
    head = build_view(make_inputs(decisions=decisions)).headline
    assert (head.word, head.icon) == (word, icon)
    if outcomes != ("pass", "pass"):
        assert [item.title for item in head.deciding] == [f"Claim {outcomes[1]}"]
        assert f"Claim {outcomes[1]}" in head.sentence


def test_a_warning_never_decides_and_never_is_named_as_the_reason(make_inputs: Any) -> None:
    head = build_view(make_inputs()).headline
    assert head.sentence == (
        "1 of 5 blocking controls is not met: Groups receive the favourable outcome at similar rates. "
        "The model must not be promoted."
    )


@pytest.mark.parametrize(
    ("state", "error"), [("failed", "The disk is full."), ("diverged", "The loss was not a finite number at step 40")]
)
def test_a_run_that_stopped_still_reports_and_says_so(make_inputs: Any, state: str, error: str) -> None:
    view = build_view(
        make_inputs(
            run={"state": state, "error": error, "model_digest": None, "predictions_digest": None},
            results=(),
            decisions=(),
            training={},
            environment={},
            data={},
        )
    )
    assert view.headline.word == "Not enough evidence"
    assert f"The run is {state}" in view.headline.sentence
    assert error.rstrip(".") in view.headline.sentence
    assert view.groups == () and view.quality == () and view.training == ()
    assert "raitune run" in view.commands[0].line


def test_a_passing_decision_of_a_run_that_did_not_complete_is_not_a_pass(make_inputs: Any, kit: Any) -> None:
    passed = kit.decision((kit.control("BASE-01", "The audits are there", "pass", "present"),), "pass")
    view = build_view(make_inputs(run={"state": "auditing"}, decisions=(passed,)))
    assert view.headline.word == "Not enough evidence"


def test_a_redecision_and_repeated_openings_are_said(make_inputs: Any, kit: Any) -> None:
    again = kit.decision(
        (kit.control("BASE-01", "The audits are there", "pass", "present"),), "pass", redecision=True, test_openings=3
    )
    notices = " ".join(build_view(make_inputs(decisions=(again,))).headline.notices)
    assert "re-decision" in notices
    assert "3 runs have opened these test rows" in notices


def test_a_rate_with_nobody_in_its_denominator_is_not_estimable_with_its_reason(make_inputs: Any, kit: Any) -> None:
    where = {"attribute": "race", "group": "Black"}
    found = [
        kit.rate("group_rates", "selection_rate", 87, 135, **where),
        kit.rate("group_rates", "true_positive_rate", 0, 0, **where),
    ]
    view = build_view(make_inputs(results=(kit.result("group_rates", "fairness", found),)))
    row = view.groups[0].rows[0]
    assert (row.true_positive_rate.text, row.true_positive_rate.estimate) == ("not estimable", None)
    assert row.note == "no rows to compute true_positive_rate from"
    assert row.accuracy is None


def test_a_column_that_the_model_never_sees_is_not_applicable_and_not_zero(make_inputs: Any) -> None:
    rows = {row.name: row.value for row in build_view(make_inputs()).explanations.identity}
    assert rows["marital status"].text == "not applicable"
    assert rows["marital status"].reason == "the model never sees column single"
    assert rows["race: Black"].text == "21.3 %"


def test_words_stand_in_for_columns_when_the_text_is_free(make_inputs: Any, kit: Any) -> None:
    told = build_view(make_inputs(results=(kit.explained(words=True),))).explanations
    assert told.kind == "words"
    assert told.rows[0].name == "history"
    assert told.rows[0].text == "0.610 logit a use, in 30 texts"


def test_explanations_say_what_their_checks_found(make_inputs: Any, kit: Any) -> None:
    told = build_view(make_inputs()).explanations
    assert (told.verdict, told.word, told.icon) == ("trusted", "Trusted", "✓")
    assert [(test.name, test.word) for test in told.tests] == [
        ("It adds up", "passed"),
        ("Another method agrees", "passed"),
    ]
    assert "3.3 % of 60 explained texts the parts do not add up" in told.sentence
    assert told.caveat.startswith("Off-distribution masking")
    whole = build_view(make_inputs(results=(kit.explained(failed=0),))).explanations
    assert "all 60 explained texts" in whole.sentence


def test_explanations_without_a_known_verdict_are_never_called_trusted(make_inputs: Any, kit: Any) -> None:
    found = kit.explained()
    for outcome in (None, "passed", 1, "Trusted"):
        facts = {**found.facts, "checks": {**found.facts["checks"], "outcome": outcome}}
        told = build_view(make_inputs(results=(found.model_copy(update={"facts": facts}),))).explanations
        assert (told.verdict, told.icon) == ("not_checked", "?")
        assert "arithmetic" in told.sentence
    assert build_view(make_inputs(results=())).explanations.verdict == "not_checked"


def test_an_audit_that_crashed_is_named(make_inputs: Any, kit: Any) -> None:
    crashed = kit.result("group_rates", "fairness", [], status="error", reason="ValueError: no groups")
    view = build_view(make_inputs(results=(crashed,)))
    assert view.audits[0].text == "stopped with an error: ValueError: no groups"


def test_measurements_of_a_foreign_audit_are_shown(make_inputs: Any, kit: Any) -> None:
    foreign = kit.result("third_party", "other", [kit.number("third_party", "odd_score", 0.25, 0.2, 0.3, 50)])
    view = build_view(make_inputs(results=(foreign,)))
    assert [(row.name, row.value.text) for row in view.other] == [("third_party: Odd score", "0.250")]


def test_the_view_is_plain_json_and_equal_when_built_twice(make_inputs: Any) -> None:
    once, twice = build_view(make_inputs()), build_view(make_inputs())
    assert once == twice
    assert json.dumps(once.to_plain(), allow_nan=False) == json.dumps(twice.to_plain(), allow_nan=False)


def test_no_wording_promises_compliance(make_inputs: Any) -> None:
    text = json.dumps(build_view(make_inputs()).to_plain()).lower()
    assert "compliant" not in text and "compliance" not in text
