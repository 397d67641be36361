"""Answers about a table become a recipe; an answer that cannot be becomes a sentence."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from rai_tune.core import UsageError
from rai_tune.recipe import parse_recipe, propose_recipe
from rai_tune.recipe.answers import Answers, Choices, compose, guess, outcome_of, warnings, with_choices
from rai_tune.recipe.sample import read_sample

if TYPE_CHECKING:
    from pathlib import Path

    from rai_tune.recipe.sample import TableSample

ROWS = [
    {
        "id": str(number),
        "debt": ("low", "high", "fair")[number % 3],
        "zipcode": str(10_000 + number % 7),
        "age": str(20 + number % 50),
        "race": ("black", "white")[number % 2],
        "person_id": str(number // 2),
        "weight": "1.5",
        "told": ("x", "y")[number % 5 == 0],
        "deny": ("no", "yes")[number % 5 == 0],
    }
    for number in range(120)
]


def table_of(folder: Path, rows: list[dict[str, str]]) -> TableSample:
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return read_sample(folder / "rows.csv")


@pytest.fixture
def table(tmp_path: Path) -> TableSample:
    return table_of(tmp_path, ROWS)


@pytest.fixture
def answers(table: TableSample) -> Answers:
    found = guess(table, propose_recipe(table.path))
    return Answers(
        roles={column.name: column.role for column in found}, name="My Run!", positive="denied", favourable="approved"
    )


def changed(answers: Answers, **roles: Any) -> Answers:
    return replace(answers, roles={**answers.roles, **roles})


def test_guesses_are_those_of_the_proposal_with_reason_and_doubt(table: TableSample) -> None:
    found = {column.name: column for column in guess(table, propose_recipe(table.path))}
    assert {name: column.role for name, column in found.items()} == {
        "id": "id",
        "debt": "part",
        "zipcode": "part",
        "age": "group",
        "race": "group",
        "person_id": "entity",
        "weight": "out",
        "told": "out",
        "deny": "label",
    }
    assert found["told"].reason == "it tells the outcome exactly, so the model would read the answer"
    assert "stand in for a group" in found["zipcode"].doubt
    assert "cut into groups" in found["age"].doubt
    assert "one person or household" in found["person_id"].doubt
    assert found["race"].doubt == ""
    assert (found["age"].distinct, found["age"].missing) == (50, 0)
    assert found["debt"].examples == ("low", "high", "fair")


def test_guessed_roles_give_the_proposed_data(table: TableSample, answers: Answers) -> None:
    proposed = propose_recipe(table.path).mapping["data"]
    made = compose(table, "rows.csv", answers)["data"]
    assert made == {key: value for key, value in proposed.items() if value is not None}


def test_every_role_ends_in_its_place(table: TableSample, answers: Answers, tmp_path: Path) -> None:
    given = changed(answers, weight="weight", zipcode="out", told="part", entity="entity")
    loaded = parse_recipe(
        compose(table, "rows.csv", replace(given, edges={"age": "40"}, purpose=" for a test ")), "test", tmp_path
    )
    data = loaded.recipe.data
    assert (data.weight, data.id, data.entity, data.label) == ("weight", "id", "person_id", "deny")
    assert data.template == "Debt: {{ debt }}. Told: {{ told }}."
    assert [(group.column, group.bins) for group in data.groups] == [("age", (40.0,)), ("race", None)]
    assert (loaded.recipe.name, loaded.recipe.purpose) == ("my-run", "for a test")
    assert (data.label_names, data.positive, data.favourable) == (
        {"yes": "denied", "no": "approved"},
        "denied",
        "approved",
    )
    assert any("'told' is part of what the model reads" in line for line in warnings(table, given))


def test_groups_are_read_only_when_somebody_says_so(table: TableSample, answers: Answers, tmp_path: Path) -> None:
    hidden = compose(table, "rows.csv", answers)["data"]
    assert hidden["hide_groups"] is True
    assert "race" not in hidden["template"]
    shown = replace(answers, choices=Choices(hide_groups=False))
    data = parse_recipe(compose(table, "rows.csv", shown), "test", tmp_path).recipe.data
    assert data.template == "Debt: {{ debt }}. Zipcode: {{ zipcode }}. Age: {{ age }}. Race: {{ race }}."
    assert not data.hide_groups


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({"deny": "out"}, "Exactly one column is the outcome to learn; 0 are."),
        ({"told": "label"}, "Exactly one column is the outcome to learn; 2 are."),
        ({"told": "text"}, "both are chosen"),
        ({"debt": "out", "zipcode": "out"}, "The model has nothing to read"),
        ({"told": "id"}, "At most one column is the name of the row; 2 are."),
        ({"deny": "out", "weight": "label"}, "it has 1 different value; 2 to 100 are needed"),
        ({"deny": "out", "id": "label"}, "it has 120 different values; 2 to 100 are needed"),
        ({"deny": "out", "told": "label"}, "The positive class 'denied' is not one of the outcomes of 'told'."),
    ],
)
def test_roles_that_do_not_fit_are_sentences(
    table: TableSample, answers: Answers, roles: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        compose(table, "rows.csv", changed(answers, **roles))
    assert said in str(refused.value)


def test_what_nobody_said_about_the_outcome_is_asked(table: TableSample, answers: Answers) -> None:
    with pytest.raises(UsageError, match="say which outcome a person wants"):
        compose(table, "rows.csv", replace(answers, favourable=None))
    with pytest.raises(UsageError, match="Say which outcome the model should find"):
        compose(table, "rows.csv", replace(answers, positive=None))
    found = outcome_of(table, "told")
    assert found.outcome.classes == ("y", "x") or found.outcome.classes == ("x", "y")
    assert set(found.doubts) == {"data.positive", "data.favourable"}


def test_a_label_without_a_value_in_some_rows_or_in_all(tmp_path: Path, answers: Answers) -> None:
    some = table_of(tmp_path, [{**row, "deny": "" if row["id"] == "7" else row["deny"]} for row in ROWS])
    with pytest.raises(UsageError, match="The outcome is empty in 1 rows"):
        compose(some, "rows.csv", answers)
    none = table_of(tmp_path, [{**row, "deny": ""} for row in ROWS])
    with pytest.raises(UsageError, match="it has 0 different values"):
        compose(none, "rows.csv", answers)


def test_ten_thousand_groups_and_a_nested_column_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "text": [f"a text of some five words {number}" for number in range(10_000)],
            "town": [f"town {number}" for number in range(10_000)],
            "tags": [[number] for number in range(10_000)],
            "label": ["yes", "no"] * 5_000,
        }
    )
    frame.to_parquet(tmp_path / "rows.parquet")
    table = read_sample(tmp_path / "rows.parquet")
    given = Answers(
        roles={"text": "text", "town": "group", "tags": "out", "label": "label"},
        name="x",
        positive="yes",
        favourable="yes",
    )
    with pytest.raises(UsageError, match="'town' has 10,000 values, too many for groups of people; at most 50"):
        compose(table, "rows.parquet", given)
    with pytest.raises(UsageError, match="'tags' cannot be a group of people: it holds lists or objects"):
        compose(table, "rows.parquet", changed(given, town="out", tags="group"))


def test_edges_that_are_no_numbers_are_refused(table: TableSample, answers: Answers) -> None:
    with pytest.raises(UsageError, match="is not a list of numbers"):
        compose(table, "rows.csv", replace(answers, edges={"age": "young, old"}))


@pytest.mark.parametrize(("method", "rate"), [("lora", 1e-3), ("full", 2e-5), ("frozen", 1e-3)])
def test_choices_make_a_recipe_that_loads(
    table: TableSample, answers: Answers, tmp_path: Path, method: Any, rate: float
) -> None:
    choices = Choices(
        method=method, epochs=7, balance_classes=True, policies=("baseline", "fair-lending"), audits=("group_rates",)
    )
    recipe = parse_recipe(compose(table, "rows.csv", replace(answers, choices=choices)), "test", tmp_path).recipe
    assert (recipe.model.adapter.method, recipe.training.learning_rate) == (method, rate)
    assert (recipe.training.epochs, recipe.training.class_weights) == (7, "balanced")
    assert (recipe.policies, recipe.audits.include) == (("baseline", "fair-lending"), ("group_rates",))
    assert recipe.mitigation is None


@pytest.mark.parametrize("methods", [("reweigh",), ("reweigh", "threshold")])
def test_methods_against_bias_are_chosen_and_taken_back(
    table: TableSample, answers: Answers, tmp_path: Path, methods: tuple[str, ...]
) -> None:
    made = compose(table, "rows.csv", replace(answers, choices=Choices(mitigation=methods)))
    recipe = parse_recipe(made, "test", tmp_path).recipe
    assert recipe.mitigation is not None
    assert recipe.mitigation.methods == methods
    assert "mitigation" not in with_choices(made, Choices())


def test_choices_leave_the_data_of_an_example_alone() -> None:
    from rai_tune.data import hiring_recipe

    example = hiring_recipe(True)
    made = with_choices(example, Choices(method="frozen"))
    assert made["data"] == example["data"]
    assert made["audits"] == example["audits"]
    assert made["training"]["batch_size"] == example["training"]["batch_size"]
