"""Where two runs differ: only what differs, under its own name, and nothing that is alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rai_tune.reporting import build_view
from rai_tune.reporting.differing import (
    Difference,
    decisions_apart,
    digest_differences,
    environment_differences,
    recipe_differences,
)
from rai_tune.reporting.model import Fact

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.reporting.inputs import ReportInputs

    Make = Callable[..., ReportInputs]


def test_settings_that_differ_are_dotted_paths_with_both_values() -> None:
    one = {
        "name": "a",
        "data": {"groups": [{"column": "race"}, {"column": "sex"}], "label_names": {"yes": "denied"}, "id": "id"},
        "policies": ["baseline"],
        "training": {"epochs": 3, "fp16": True},
    }
    two = {
        "name": "a",
        "data": {"groups": [{"column": "race"}], "label_names": {"yes": "Denied"}, "id": "id"},
        "policies": ["baseline", "nyc-ll144"],
        "training": {"epochs": 3, "fp16": False, "seed": None},
    }
    assert recipe_differences(one, two) == (
        Difference("data.groups[1].column", "sex", "(not set)"),
        Difference("data.label_names.yes", "denied", "Denied"),
        Difference("policies", "baseline", "baseline, nyc-ll144"),
        Difference("training.fp16", "yes", "no"),
    )
    assert recipe_differences(one, one) == ()


def test_one_and_true_and_one_in_words_are_told_apart() -> None:
    assert recipe_differences({"a": 1}, {"a": "1"}) == (Difference("a", "1", "1"),)
    assert recipe_differences({"a": 1}, {"a": True}) == (Difference("a", "1", "yes"),)
    assert recipe_differences({"a": []}, {"a": ""}) == (Difference("a", "(none)", "(empty)"),)


def test_hidden_marks_in_settings_become_visible() -> None:
    (found,) = recipe_differences({"x\u202e": "a\u202eb"}, {"x\u202e": "a"})
    assert found == Difference("x[U+202E]", "a[U+202E]b", "a")


def test_environment_and_digests_that_differ(make_inputs: Make) -> None:
    inputs = make_inputs()
    view = build_view(inputs)
    other = replace(view, packages=(*view.packages, Fact("newlib", "1.0")), environment=view.environment[1:])
    assert environment_differences(view, view) == ()
    assert environment_differences(view, other) == (
        Difference(view.environment[0].name, view.environment[0].text, "not recorded"),
        Difference("newlib", "not recorded", "1.0"),
    )
    changed = replace(inputs, run={**inputs.run, "data_digest": "f" * 64})
    assert [(item.path, item.other) for item in digest_differences(inputs, changed)] == [("Data", "f" * 64)]


def test_controls_that_came_out_otherwise(make_inputs: Make) -> None:
    (decision,) = build_view(make_inputs()).decisions
    first, *rest = decision.controls
    turned = replace(first, outcome="pass" if first.outcome != "pass" else "fail", word="turned")
    apart = decisions_apart((decision,), (replace(decision, controls=(turned, *rest)),))
    assert apart.sentence == f"1 of {len(decision.controls)} controls came out otherwise."
    assert [(item.title, item.other) for item in apart.controls] == [(first.title, turned)]
    assert apart.notes == ()
    assert decisions_apart((decision,), (decision,)).controls == ()


def test_a_waiver_on_one_side_is_a_difference(make_inputs: Make) -> None:
    (decision,) = build_view(make_inputs()).decisions
    first, *rest = decision.controls
    waived = replace(first, word=f"{first.outcome} (waived until 2027-01-31)")
    (found,) = decisions_apart((decision,), (replace(decision, controls=(waived, *rest)),)).controls
    assert found.other is not None and found.other.word.endswith("(waived until 2027-01-31)")


def test_other_texts_of_a_policy_and_policies_of_one_side_are_notes(make_inputs: Make) -> None:
    (decision,) = build_view(make_inputs()).decisions
    edited = replace(decision, digest="0" * 16, controls=decision.controls[1:])
    apart = decisions_apart((decision,), (edited,))
    assert "under different texts of this policy" in apart.notes[0]
    assert apart.controls[0].other is None
    alone = decisions_apart((decision,), ())
    assert alone.sentence.startswith("No policy decided on both")
    assert alone.notes == (f"{decision.title} decided on the candidate only.",)
