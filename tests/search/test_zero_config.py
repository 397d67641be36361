"""A table becomes a search that a person can read; what only a person knows is asked for."""

import pytest

from rai_tune.core import UsageError
from rai_tune.recipe import load_recipe
from rai_tune.search.space import space_of
from rai_tune.search.zero_config import zero_config


def written(folder, rows, name="applications.csv"):
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / name


@pytest.fixture
def table(project):
    return project / "rows.csv"


def made(table, tiny_base, answers, *overrides, **more):
    return zero_config(table, answers, table.parent, [f"model.base={tiny_base}", *overrides], **more)


def test_what_is_written_is_what_is_searched(table, tiny_base):
    found = made(table, tiny_base, {"data.label": "deny"}, trials=7)
    recipe = found.loaded.recipe
    assert recipe.search.objectives == ("roc_auc", "equalized_odds_difference", "adapter_parameters")
    assert recipe.search.trials == 7
    assert recipe.data.favourable == "approved"
    assert [group.column for group in recipe.data.groups] == ["race", "sex"]
    (table.parent / "tune.yaml").write_text(found.text, encoding="utf-8")
    again = load_recipe(table.parent / "tune.yaml")
    assert again.digest == found.loaded.digest
    assert space_of(again, found.planned) == found.space


def test_the_file_says_what_was_decided_and_what_is_tried(table, tiny_base):
    text = " ".join(made(table, tiny_base, {"data.label": "deny"}).text.replace("\n", " ").replace(" # ", " ").split())
    assert "data.label: 'deny', as answered." in text
    assert "training.learning_rate: 0.0002 to 0.005, searched by factors" in text
    assert "model.adapter.layer_ranks: one of 0, 2, 4, 8, 16, for each of 2 layers that is kept" in text
    assert (
        "mitigation.fair_loss.strength: 0.1 to 10, searched by factors, only where mitigation.method is fair_loss"
        in text
    )
    assert made(table, tiny_base, {"data.label": "deny"}).text == made(table, tiny_base, {"data.label": "deny"}).text


def test_an_answer_may_be_spelt_as_the_table_has_it(table, tiny_base):
    found = made(table, tiny_base, {"data.label": "deny", "data.favourable": "no"})
    assert found.loaded.recipe.data.favourable == "approved"


def test_a_space_that_is_given_is_the_one_that_is_searched(table, tiny_base):
    found = made(table, tiny_base, {"data.label": "deny"}, "search.space={training.epochs: {choices: [1, 2]}}")
    assert list(found.space.to_json()) == ["training.epochs"]
    assert "training.epochs: one of 1, 2" in found.text


def test_an_outcome_that_the_table_does_not_tell_is_asked_for(project, tiny_base):
    rows = [
        {
            "income": str(place % 7),
            "race": "black" if place % 3 else "white",
            "outcome": "left" if place % 2 else "right",
        }
        for place in range(120)
    ]
    table = written(project, rows)
    with pytest.raises(
        UsageError, match=r"Which outcome does a person want\?.* Add --favourable with one of 'left', 'right'"
    ):
        made(table, tiny_base, {"data.label": "outcome"})
    found = made(table, tiny_base, {"data.label": "outcome", "data.favourable": "left"})
    assert found.loaded.recipe.data.favourable == "left"
    with pytest.raises(UsageError, match=r"'lef' is not possible\. Did you mean 'left'"):
        made(table, tiny_base, {"data.label": "outcome", "data.favourable": "lef"})


def test_a_label_that_could_be_several_is_asked_for(project, tiny_base):
    rows = [
        {"shape": "round" if place % 2 else "flat", "tone": "warm" if place % 3 else "cold", "size": str(place % 9)}
        for place in range(90)
    ]
    with pytest.raises(UsageError, match=r"Which column holds the outcome to learn\?.* Add --label with one of"):
        made(written(project, rows), tiny_base, {})


def test_without_groups_or_with_many_classes_other_things_are_looked_for(project, tiny_base):
    rows = [{"note": f"word{place % 5} item", "size": str(place % 9), "kind": "abc"[place % 3]} for place in range(150)]
    found = made(written(project, rows), tiny_base, {"data.label": "kind"})
    assert found.loaded.recipe.search.objectives == ("macro_f1", "adapter_parameters")
    assert "mitigation.method" not in found.space.to_json()
    full = made(written(project, rows), tiny_base, {"data.label": "kind"}, "model.adapter.method=full")
    assert full.loaded.recipe.search.objectives == ("macro_f1",)
