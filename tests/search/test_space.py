"""What a search may change: written or made, with clear refusals, and a recipe for every point."""

import optuna
import pytest

from rai_tune.core import UsageError
from rai_tune.planning import plan
from rai_tune.recipe import load_recipe
from rai_tune.recipe.search import Choice, Range
from rai_tune.search.space import Parameter, Space, space_of, trial_recipe, written_space

optuna.logging.set_verbosity(optuna.logging.WARNING)


def loaded(project, *overrides):
    return load_recipe(project / "recipe.yaml", overrides)


def points(space, count=60, seed=0):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return [space.suggest(study.ask()) for _ in range(count)]


class TestWritten:
    def test_fields_and_values_as_written(self, project):
        recipe = loaded(
            project,
            "search.space={training.epochs: {low: 1, high: 3, whole: true}, model.adapter.rank: {choices: [2, 4]}}",
        )
        space = space_of(recipe, None)
        seen = points(space)
        assert {point["training.epochs"] for point in seen} == {1, 2, 3}
        assert {point["model.adapter.rank"] for point in seen} == {2, 4}
        assert space.points == 6
        trial = trial_recipe(recipe, {"training.epochs": 3, "model.adapter.rank": 2}).recipe
        assert (trial.training.epochs, trial.model.adapter.rank, trial.search) == (3, 2, None)

    def test_a_list_is_one_value(self, project):
        recipe = loaded(project)
        space = written_space(
            recipe, {"model.adapter.target_modules": Choice(choices=("all-linear", ("query", "value")))}
        )
        assert {point["model.adapter.target_modules"] for point in points(space)} == {"all-linear", ("query", "value")}
        assert trial_recipe(
            recipe, {"model.adapter.target_modules": ("query", "value")}
        ).recipe.model.adapter.target_modules == ("query", "value")

    def test_a_strength_stands_beside_the_method_that_it_belongs_to(self, project):
        recipe = loaded(project)
        space = written_space(
            recipe,
            {
                "mitigation.method": Choice(choices=(None, "fair_loss")),
                "mitigation.fair_loss.strength": Range(low=0.5, high=2.0),
            },
        )
        assert space.points is None
        assert (
            trial_recipe(
                recipe, {"mitigation.method": "fair_loss", "mitigation.fair_loss.strength": 1.5}
            ).recipe.mitigation.fair_loss.strength
            == 1.5
        )
        assert (
            trial_recipe(recipe, {"mitigation.method": None, "mitigation.fair_loss.strength": 1.5}).recipe.mitigation
            is None
        )

    def test_it_is_asked_for_only_with_that_method(self, project):
        recipe = loaded(project)
        space = written_space(
            recipe,
            {
                "mitigation.fair_loss.strength": Range(low=0.5, high=2.0),
                "model.adapter.rank": Choice(choices=(2, 4)),
                "mitigation.method": Choice(choices=(None, "reweigh", ("reweigh", "fair_loss"))),
                "model.adapter.method": Choice(choices=("lora", "full")),
            },
        )
        seen = points(space)
        assert {len(point) for point in seen} == {2, 3, 4}
        for point in seen:
            assert ("mitigation.fair_loss.strength" in point) == ("fair_loss" in (point["mitigation.method"] or ()))
            assert ("model.adapter.rank" in point) == (point["model.adapter.method"] == "lora")

    @pytest.mark.parametrize(
        ("written", "says"),
        [
            ({"mitigation.fair_loss.strength": Range(low=0.5, high=2.0)}, "'fair_loss', which no trial would have"),
            (
                {
                    "mitigation.method": Choice(choices=(None, "fair_loss")),
                    "mitigation.fair_loss.strength": Range(low=-1.0, high=2.0),
                },
                "fair_loss.strength: .*greater than 0",
            ),
            ({"mitigation.method": Choice(choices=(None, "fair_los"))}, "fair_los"),
            ({"training.epochs": Choice(choices=(0, 3))}, "training.epochs: .*greater than or equal to 1"),
        ],
    )
    def test_a_value_that_no_trial_takes_is_refused(self, project, written, says):
        with pytest.raises(UsageError, match=says):
            written_space(loaded(project), written)

    def test_what_few_shot_learning_does_not_read_is_not_searched(self, project):
        shots = "training={threads: 1, few_shot: {shots: 6, repeats: 1}}"
        with pytest.raises(UsageError, match=r"training\.learning_rate has no meaning with"):
            written_space(loaded(project, shots), {"training.learning_rate": Range(low=0.001, high=0.01)})
        own = written_space(loaded(project, shots), {"training.few_shot.learning_rate": Range(low=0.001, high=0.01)})
        assert own.points is None

    def test_weights_of_classes_are_one_value(self, project):
        given = loaded(project, "training.class_weights={approved: 1, denied: 2}")
        space = written_space(given, {"training.class_weights": Choice(choices=("none", "balanced"))})
        assert {point["training.class_weights"] for point in points(space)} == {"none", "balanced"}

    @pytest.mark.parametrize(
        ("field", "domain", "says"),
        [
            ("training.learning_rat", Range(low=0.1, high=0.2), "learning_rat"),
            ("data.label", Choice(choices=("a", "b")), "no setting that a search may change"),
            ("seed", Choice(choices=(1, 2)), "no setting that a search may change"),
            ("model", Choice(choices=(1, 2)), "a part of the recipe with settings of its own"),
            ("model.adapter", Choice(choices=(1, 2)), "a part of the recipe with settings of its own"),
            ("training.class_weights.denied", Range(low=1, high=4), "no settings of its own"),
            ("training.epochs", Range(low=1, high=4), "training.epochs: .*valid integer"),
            ("training.epochs", Range(low=-3, high=0, whole=True), "training.epochs"),
        ],
    )
    def test_what_cannot_be_searched_is_said(self, project, field, domain, says):
        with pytest.raises(UsageError, match=says):
            written_space(loaded(project), {field: domain})

    @pytest.mark.parametrize(
        ("domain", "says"),
        [
            ("{low: 2, high: 2}", "holds no two values"),
            ("{choices: [3]}", "one value leaves no choice"),
            ("{choices: [3, 3]}", "listed twice"),
            ("{low: 0, high: 1, log: true}", "begins above 0"),
        ],
    )
    def test_a_space_of_one_point_is_refused_when_the_recipe_is_read(self, project, domain, says):
        with pytest.raises(UsageError, match=says):
            loaded(project, f"search.space={{training.epochs: {domain}}}")

    def test_settings_that_do_not_go_together_are_refused(self, project):
        with pytest.raises(UsageError, match="patience must be below epochs"):
            trial_recipe(loaded(project, "training.early_stopping.patience=1"), {"training.epochs": 1})


class TestMade:
    def test_it_suits_the_base_the_rows_and_the_groups(self, project):
        recipe = loaded(project)
        space = space_of(recipe, plan(recipe))
        told = space.to_json()
        assert told["training.learning_rate"]["low"] == 2e-4
        assert told["model.layers"] == {"field": "model.layers", "low": 1.0, "high": 2.0, "log": False, "whole": True}
        assert told["model.adapter.layer_ranks[1]"]["only_where"] == "model.layers"
        assert told["model.adapter.target_modules"]["choices"] == ["all-linear", ["query", "key", "value"]]
        methods = told["mitigation.method"]["choices"]
        assert methods[0] is None
        assert {"reweigh", "group_dro", "fair_loss", "counterfactual_augment", "threshold"} <= set(methods)

    def test_every_point_of_it_is_a_recipe_that_can_be_planned(self, project):
        recipe = loaded(project)
        space = space_of(recipe, plan(recipe))
        for settings in points(space, 25):
            made = trial_recipe(recipe, settings).recipe
            ranks = made.model.adapter.layer_ranks
            assert ranks is not None
            assert any(ranks)
            assert len(ranks) == (made.model.layers or 2)
            plan(trial_recipe(recipe, settings))

    @pytest.mark.parametrize(
        ("settings", "fields"),
        [
            (["training.early_stopping.patience=3", "training.epochs=5"], {"training.epochs": (4.0, 8.0)}),
            (
                ["training={few_shot: {shots: 4}}"],
                {"training.few_shot.epochs": (5.0, 40.0), "training.few_shot.learning_rate": (2e-4, 5e-3)},
            ),
        ],
    )
    def test_what_the_training_does_not_read_is_not_tried(self, project, settings, fields):
        recipe = loaded(project, *settings)
        space = space_of(recipe, plan(recipe))
        told = space.to_json()
        assert {name: (told[name]["low"], told[name]["high"]) for name in fields} == fields
        assert ("training.epochs" in told) == ("training.epochs" in fields)
        for point in points(space, 10):
            plan(trial_recipe(recipe, point))

    def test_a_method_that_a_policy_forbids_is_left_out(self, project):
        recipe = loaded(project, "policies=[fair-lending]")
        methods = space_of(recipe, plan(recipe)).to_json()["mitigation.method"]["choices"]
        assert "threshold" not in methods
        assert "reweigh" in methods

    def test_without_groups_nothing_is_tried_against_a_gap(self, project):
        recipe = loaded(project, "data.groups=[]")
        assert "mitigation.method" not in space_of(recipe, plan(recipe)).to_json()

    def test_what_somebody_decided_is_not_searched(self, project):
        recipe = loaded(project, "mitigation.method=reweigh", "model.layers=1", "search.structure=true")
        told = space_of(recipe, plan(recipe)).to_json()
        assert "mitigation.method" not in told
        assert "model.layers" not in told
        assert "model.adapter.layer_ranks[0]" in told
        assert "model.adapter.layer_ranks[1]" not in told
        plain = loaded(project, "search.structure=false")
        assert not any("layer" in name for name in space_of(plain, plan(plain)).to_json())


def test_ranks_that_are_all_zero_leave_something_to_train():
    ranks = [
        Parameter(f"model.adapter.layer_ranks[{place}]", f"model.adapter.layer_ranks[{place}]", Choice(choices=(0, 4)))
        for place in range(2)
    ]
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    seen = {Space(tuple(ranks)).suggest(study.ask())["model.adapter.layer_ranks"] for _ in range(40)}
    assert seen == {(0, 1), (0, 4), (4, 0), (4, 4)}
