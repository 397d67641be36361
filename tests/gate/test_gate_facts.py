"""Facts for conditions: where they come from, that none is guessed, and that a recipe without them keeps its digest."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from rai_tune.core import UsageError
from rai_tune.gate.facts import DOMAINS, FACTS, ROLES, stated
from rai_tune.promotion.facts import facts_of, read_back, written
from rai_tune.recipe import parse_recipe
from rai_tune.recipe.system import SystemRetention, SystemSpec

BARE = {"data": {"source": {"path": "people.csv"}, "text": "t", "label": "deny"}}


def parsed(**fields):
    return parse_recipe({**BARE, **fields}, "recipe", Path())


def test_every_fact_of_a_system_is_a_field_of_the_recipe_and_of_the_same_kind():
    system = {name.partition(".")[2] for name in FACTS if name.startswith("system.")}
    kept = {name.partition(".")[2] for name in FACTS if name.startswith("retention.")}
    assert system <= set(SystemSpec.model_fields)
    assert kept == set(SystemRetention.model_fields)
    words = {name: set(get_args(get_args(SystemSpec.model_fields[name].annotation)[0])) for name in ("domain", "role")}
    assert words == {"domain": set(DOMAINS), "role": set(ROLES)}


def test_what_a_recipe_states_reaches_conditions_and_the_rest_is_left_out():
    system = {
        "annex_iii": "5b",
        "domain": "credit",
        "role": "both",
        "workplace": False,
        "base_training_flops": 1e21,
        "oversight": "Two clerks read each refusal.",
        "retention": {"logs_days": 184},
    }
    recipe = parsed(system=system).recipe.model_dump(mode="json")
    facts = facts_of(recipe, {"groups": {"sex": ["f"], "race": ["b"], "race x sex": []}, "rows": 10}, {}, 2)
    assert facts["system"] == {
        "annex_iii": "5b",
        "domain": "credit",
        "role": "both",
        "workplace": False,
        "base_training_flops": 1e21,
    }
    assert facts["retention"] == {"logs_days": 184}
    assert facts["data"] == {"attributes": ["race", "sex"], "rows": 10}
    assert facts["run"] == {
        "task": "text_classification",
        "generative": False,
        "adapter": "lora",
        "trained": True,
        "mitigation": [],
        "groups_at_use": False,
        "test_openings": 2,
    }
    named = {f"{section}.{key}" for section, values in facts.items() for key in values}
    assert all(stated(facts, name) is not None for name in named)
    assert all(stated(facts, name) is None for name in set(FACTS) - named)


def test_nothing_is_stated_of_an_empty_run():
    assert facts_of({}, {}, {}, 0) == {}
    assert facts_of({"system": None, "model": None}, {}, {"tokens": {}, "parameters": None}, 0) == {}
    assert facts_of({"task": "something else"}, {}, {}, 0) == {"run": {"task": "something else"}}


def test_what_was_done_about_bias_is_stated_and_that_nothing_was_too():
    recipe = parsed(mitigation={"method": ["reweigh", "threshold"]}).recipe.model_dump(mode="json")
    cards = [{"name": "reweigh", "groups_at_use": False}, {"name": "threshold", "groups_at_use": True}]
    known = facts_of(recipe, {}, {"mitigation": {"methods": cards}}, 0)["run"]
    assert (known["mitigation"], known["groups_at_use"]) == (["reweigh", "threshold"], True)
    # A method whose card nobody recorded may need groups: that is not stated either way.
    for cards_known in ({}, {"mitigation": {"methods": cards[:1]}}):
        assert "groups_at_use" not in facts_of(recipe, {}, cards_known, 0)["run"]
    alone = parsed(mitigation={"method": "reweigh"}).recipe.model_dump(mode="json")
    assert facts_of(alone, {}, {"mitigation": {"methods": cards[:1]}}, 0)["run"]["groups_at_use"] is False
    # Thresholds by group that training left need the group, whatever a card says.
    left = {"mitigation": {"methods": cards[:1], "postprocessing": {"rules": {}, "default": 0.5}}}
    assert facts_of(alone, {}, left, 0)["run"]["groups_at_use"] is True


def test_a_statement_does_not_say_that_nothing_was_done_and_reads_as_if_it_did():
    bare = facts_of(parsed().recipe.model_dump(mode="json"), {}, {}, 0)
    # What a statement held before there was mitigation: signatures under it still count.
    assert written(bare) == {"run": {"task": "text_classification", "generative": False, "adapter": "lora"}}
    assert read_back(written(bare)) == bare
    recipe = parsed(mitigation={"method": "threshold"}).recipe.model_dump(mode="json")
    for training in ({}, {"mitigation": {"methods": [{"name": "threshold", "groups_at_use": True}]}}):
        facts = facts_of(recipe, {}, training, 0)
        assert written(facts)["run"]["mitigation"] == ["threshold"]
        assert read_back(written(facts)) == facts
    odd = facts_of(parsed().recipe.model_dump(mode="json"), {}, {"mitigation": {"postprocessing": {"rules": {}}}}, 0)
    assert written(odd)["run"]["groups_at_use"] is True
    assert read_back({"data": {"rows": 5}}) == {"data": {"rows": 5}}


def test_operations_of_training_are_six_for_each_parameter_and_token():
    training = {"parameters": {"total": 22_700_000}, "tokens": {"train": 50_000}, "epochs_done": 2}
    assert facts_of({}, {}, training, 0)["run"]["training_flops"] == pytest.approx(1.362e13)
    for missing in ("parameters", "tokens", "epochs_done"):
        assert facts_of({}, {}, {**training, missing: None}, 0) == {}
    assert facts_of({}, {}, {**training, "epochs_done": 0}, 0) == {}


def test_a_recipe_that_says_nothing_of_the_system_keeps_its_digest():
    # The digest of this recipe before there was a section 'system'.
    assert parsed().digest == "ee154d7cf9cea9142fd3619002333abe198b08818c3ef3c1589eb5219206ec96"
    assert "system" not in parsed().recipe.model_dump(mode="json")
    said = parsed(system={"role": "provider"})
    assert said.digest != parsed().digest
    again = parse_recipe(said.recipe.model_dump(mode="json"), "stored", Path())
    assert again.digest == said.digest


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ({"annex_iii": "9"}, r"system\.annex_iii"),
        ({"annex_iii": "5f"}, r"system\.annex_iii"),
        ({"domain": "cars"}, r"system\.domain"),
        ({"rol": "provider"}, r"system\.rol: unknown field\. Did you mean 'role'"),
        ({"workplace": "perhaps"}, r"system\.workplace"),
        ({"base_training_flops": -1}, r"system\.base_training_flops"),
        ({"oversight": "  "}, r"system\.oversight"),
        ({"retention": {"logs_days": -1}}, r"system\.retention\.logs_days"),
        ({"retention": {"logs_days": 1.5}}, r"system\.retention\.logs_days"),
    ],
)
def test_a_statement_that_cannot_be_is_refused_with_its_place(system, message):
    with pytest.raises(UsageError, match=message):
        parsed(system=system)
