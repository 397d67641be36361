from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rai_tune.core.safe_yaml import MAX_INTEGER, load_yaml
from rai_tune.recipe.export import recipe_json_schema, recipe_yaml
from rai_tune.recipe.load import parse_recipe
from rai_tune.recipe.schema import Recipe

TEXT = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.sampled_from(
        ["yes", "NO", "~", "<<", "1", "1.10", "1e3", "true", "2020-01-01", "- a", "a: b", "# x", "a #b", "", " a "]
    ),
    st.lists(
        st.sampled_from(["word", "a", "  ", " ", "\\", '"', "\n", "#", "---", "{{ x }}", "é", "😀"]), max_size=30
    ).map(" ".join),
)
SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-MAX_INTEGER, MAX_INTEGER),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
)
KEY = st.one_of(
    TEXT,
    st.sampled_from(["data", "groups", "column", "training", "policies"]),
    st.sampled_from(["k" * 1100, "é: " * 400]),
)
TREE = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEY, inner, max_size=4), max_leaves=6
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEY, TREE, max_size=4), st.booleans())
def test_any_mapping_reads_back_the_same(mapping: dict[str, Any], comments: bool) -> None:
    written = recipe_yaml(mapping, comments)
    again = load_yaml(written, "recipe.yaml", 1 << 22)
    assert again == mapping
    assert repr(again) == repr(mapping)  # 1 and 1.0 and true are different values


@given(TEXT, TEXT)
def test_notes_cannot_break_out_of_their_comment(note: str, header: str) -> None:
    mapping = {"data": {"label": "y"}}
    written = recipe_yaml(mapping, True, {"data.label": [f"CHECK: {note}"]}, [header])
    assert load_yaml(written, "recipe.yaml") == mapping
    assert "CHECK:" in written


def full_recipe() -> dict[str, Any]:
    return Recipe.model_validate(
        {
            "purpose": "decides who is called for an interview, and " + "a long sentence " * 12,
            "data": {
                "source": {"path": "people.csv"},
                "template": "Income: {{ income }}. " * 12,
                "label": "deny",
                "label_names": {"yes": "denied", "no": "approved"},
                "positive": "denied",
                "favourable": "approved",
                "groups": [{"column": "sex"}, {"column": "age", "bins": [30, 50], "expected": []}],
                "intersections": [["sex", "age"]],
            },
        }
    ).model_dump(mode="json")


def test_every_field_has_its_sentence_and_no_line_is_wider_than_80_columns() -> None:
    written = recipe_yaml(full_recipe())
    lines = written.splitlines()
    assert max(map(len, lines)) <= 80
    place = lines.index("  epochs: 3")
    assert lines[place - 1] == "  # Passes over the training rows."
    # The fields of a list's items are explained at the first item only.
    assert written.count("Column that holds the group of each row.") == 1
    assert parse_recipe(load_yaml(written, "r"), "r", Path()).recipe.model_dump(mode="json") == full_recipe()


def test_long_texts_of_many_words_are_written_in_no_time() -> None:
    text = "word " * 50_000 + "{"
    assert load_yaml(recipe_yaml({"purpose": text}), "r", 1 << 20) == {"purpose": text}


def test_comments_can_be_left_out() -> None:
    assert "#" not in recipe_yaml(full_recipe(), comments=False)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, object(), "\ud800", {1: "a"}])
def test_values_that_would_not_read_back_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"cannot hold|keys are text"):
        recipe_yaml({"a": value})


def test_json_schema_describes_fields_under_the_names_of_the_file() -> None:
    schema = recipe_json_schema()
    assert "schema" in schema["properties"]
    assert "schema_" not in schema["properties"]
    assert schema["additionalProperties"] is False
    parts = [schema, *schema["$defs"].values()]
    undescribed = [
        name
        for part in parts
        for name, field in part["properties"].items()
        if not {**schema["$defs"].get(field.get("$ref", "").rpartition("/")[2], {}), **field}.get("description")
    ]
    assert undescribed == []
