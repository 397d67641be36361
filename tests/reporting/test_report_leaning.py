"""What the view says of identity beside its swap, of the global picture, and of explanations that failed their checks."""

from __future__ import annotations

from typing import Any

import pytest

from rai_tune.reporting import build_view

RELIANCE, FLIPS = (
    {"high": (0.2, 0.15, 0.25), "low": (0.04, 0.03, 0.05), "open": (0.11, 0.08, 0.14)},
    {
        "high": (0.3, 0.2, 0.4),
        "low": (0.01, 0.0, 0.03),
        "open": (0.05, 0.02, 0.09),
    },
)


def leaning(kit: Any, reliance: str, flips: str, **verdict: Any) -> tuple[Any, Any]:
    """The audit of identity with one attribute, beside explanations."""
    found = [
        kit.number("identity_reliance", "identity_reliance", *RELIANCE[reliance], 58, attribute="race"),
        kit.number("identity_reliance", "swap_any_flip_rate", *FLIPS[flips], 58, attribute="race"),
    ]
    told = kit.explained()
    if verdict:
        told = told.model_copy(update={"facts": {**told.facts, "checks": {**told.facts["checks"], **verdict}}})
    return told, kit.result("identity_reliance", "explain", found)


@pytest.mark.parametrize(
    ("reliance", "flips", "words"),
    [
        ("high", "high", "Both say that decisions depend on it."),
        ("low", "low", "Both say that decisions depend little on it"),
        ("high", "low", "They disagree: explanations put weight on it, yet"),
        ("low", "high", "They disagree: explanations put little weight on it, yet"),
        ("open", "high", "reliance is not settled, the effect of the swap high"),
        ("low", "open", "reliance is low, the effect of the swap not settled"),
    ],
)
def test_reliance_and_swap_are_read_together(make_inputs: Any, kit: Any, reliance: str, flips: str, words: str) -> None:
    (row,) = build_view(make_inputs(results=leaning(kit, reliance, flips))).explanations.reliance
    assert words in row.sentence
    assert (row.reliance.estimate, row.flips.estimate) == (RELIANCE[reliance][0], FLIPS[flips][0])


def test_a_missing_number_is_never_read_as_low(make_inputs: Any, kit: Any) -> None:
    told, identity = leaning(kit, "low", "low")
    alone = identity.model_copy(update={"measurements": identity.measurements[:1]})
    (row,) = build_view(make_inputs(results=(told, alone))).explanations.reliance
    assert (row.flips, "depend little" in row.sentence) == (None, False)
    assert "was not measured here (not measured)" in row.sentence


def test_numbers_of_attributions_are_withheld_where_the_checks_failed(make_inputs: Any, kit: Any) -> None:
    failed = {"outcome": "not_trusted", "sentence": "One check failed."}
    view = build_view(make_inputs(results=leaning(kit, "high", "low", **failed))).explanations
    (row,) = view.reliance
    assert (row.reliance.estimate, row.flips.estimate) == (None, FLIPS["low"][0])
    assert "the swap stands alone" in row.sentence
    assert view.sentence == "One check failed. What decisions lean on is therefore not shown."
    assert {item.value.estimate for item in view.rows} == {None}
    words = kit.explained(words=True)
    facts = {**words.facts, "checks": {**words.facts["checks"], **failed}}
    assert build_view(make_inputs(results=(words.model_copy(update={"facts": facts}),))).explanations.rows == ()


def test_the_global_picture_is_the_strongest_first_and_the_surest_difference_first(make_inputs: Any, kit: Any) -> None:
    def number(metric: str, value: float, **where: Any) -> Any:
        return kit.number("global_attributions", metric, value, value - 0.1, value + 0.1, 40, **where)

    pair = {"attribute": "race", "group": "Black", "reference": "white"}
    found = [
        number("mean_absolute_attribution", 0.2, label="debt"),
        number("mean_absolute_attribution", 0.5, label="afam"),
        number("mean_attribution", -0.4, label="afam"),
        number("mean_absolute_attribution", 0.9, label="debt", attribute="race", group="Black"),
        number("attribution_difference", 0.3, label="debt", **pair),
        number("attribution_difference_p_value_adjusted", 0.4, label="debt", **pair),
        number("attribution_difference", 0.1, label="afam", **pair),
        number("attribution_difference_p_value_adjusted", 0.001, label="afam", **pair),
    ]
    picture = build_view(
        make_inputs(results=(kit.result("global_attributions", "explain", found),))
    ).explanations.picture
    assert [(row.name, row.size.estimate) for row in picture.rows] == [("afam", 0.5), ("debt", 0.2)]
    assert picture.rows[0].signed.estimate == -0.4
    assert [(row.name, row.group, row.reference) for row in picture.differences] == [
        ("afam", "Black", "white"),
        ("debt", "Black", "white"),
    ]
    assert "'afam' weighs most, 0.500 on average" in picture.sentence
    assert build_view(make_inputs(results=())).explanations.picture.rows == ()


def test_each_check_has_the_number_that_it_is_judged_by(make_inputs: Any, kit: Any) -> None:
    told = kit.explained()
    measured = (
        *told.measurements,
        kit.number("explanations", "method_agreement_rank", 0.7, 0.65, 0.75, 40),
        kit.number("explanations", "method_agreement_rank", 0.1, 0.0, 0.2, 40, label="another"),
    )
    view = build_view(make_inputs(results=(told.model_copy(update={"measurements": measured}),))).explanations
    found = {test.name: test.value for test in view.tests}
    assert found["Another method agrees"].estimate == 0.7
    assert found["It adds up"] is None


def test_counts_of_explained_texts_come_from_the_audit(make_inputs: Any, kit: Any) -> None:
    told = kit.explained()
    facts = {**told.facts, "documents": 60, "failed": 2, "undefined": 1, "truncated": 3, "steps": {"14": 40, "28": 20}}
    shown = {
        fact.name: fact.text
        for fact in build_view(make_inputs(results=(told.model_copy(update={"facts": facts}),))).explanations.facts
    }
    assert shown["Explained texts"] == "60"
    assert shown["Of these"] == "2 failed, 57 ok, 1 undefined"
    assert (shown["Path points"], shown["Cut to the model's length"]) == ("14 to 28", "3")
