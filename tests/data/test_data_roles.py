"""Labels, groups, ids, weights and hidden columns: what each role takes and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from rai_tune.core import UsageError
from rai_tune.data import PreparedData, prepare, prepare_frame
from rai_tune.data.groups import bin_labels
from rai_tune.recipe.schema import DataSpec

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def table() -> dict[str, list[Any]]:
    n = 60
    return {
        "key": [f"k{i}" for i in range(n)],
        "t": [f"text {i}" for i in range(n)],
        "y": ["yes" if i % 3 == 0 else "no" for i in range(n)],
        "sex": ["f" if i % 2 else "m" for i in range(n)],
        "age": [str(20 + i) for i in range(n)],
        "w": ["1.5"] * n,
    }


@pytest.fixture
def run(tmp_path: Path, table: dict[str, list[Any]]):
    def go(**spec: Any) -> PreparedData:
        pd.DataFrame(table).to_csv(tmp_path / "d.csv", index=False)
        base = {"source": {"path": "d.csv"}, "label": "y"}
        if "template" not in spec:
            base["text"] = "t"
        return prepare(DataSpec.model_validate(base | spec), 7, tmp_path)

    return go


def refused(run: Any, **spec: Any) -> str:
    with pytest.raises(UsageError) as caught:
        run(**spec)
    return str(caught.value)


@pytest.mark.parametrize("values", [("1", "0"), ("TRUE", "FALSE"), ("Yes", "No")])
def test_labels_stay_as_written_and_the_usual_positive_is_found(
    run: Any, table: dict[str, list[Any]], values: tuple[str, str]
):
    table["y"] = [values[0] if y == "yes" else values[1] for y in table["y"]]
    data = run()
    assert data.classes == tuple(sorted(values))
    assert data.positive == values[0]
    assert data.rows["label"].tolist() == table["y"]
    assert data.favourable is None


def test_positive_is_asked_for_when_it_cannot_be_told(run: Any, table: dict[str, list[Any]]):
    said = refused(run, label_names={"yes": "denied", "no": "approved"})
    assert "set data.positive to one of 'approved', 'denied'" in said
    table["y"] = ["yes" if y == "yes" else "true" for y in table["y"]]
    assert "set data.positive" in refused(run)


def test_several_classes_need_no_positive(run: Any, table: dict[str, list[Any]]):
    table["y"] = ["abc"[i % 3] for i in range(60)]
    assert run().positive is None
    assert run(positive="b").positive == "b"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"positive": "maybe"}, "data.positive is 'maybe', which never occurs in column 'y'; what occurs: 'no', 'yes'"),
        ({"favourable": "maybe"}, "data.favourable is 'maybe', which never occurs"),
        (
            {"label_names": {"Yes": "denied"}},
            "data.label_names names 'Yes', which never occurs in column 'y' of d.csv; what occurs: 'no', 'yes'",
        ),
        ({"label": "yy"}, "data.label names the column 'yy', which is not there. Did you mean 'y'"),
        ({"text": "tt"}, "data.text names the column 'tt', which is not there."),
        ({"id": "kez"}, "data.id names the column 'kez', which is not there. Did you mean 'key'"),
        ({"weight": "sex"}, "row 1: the weight column 'sex' is 'm'"),
        (
            {"groups": [{"column": "sexx"}], "favourable": "no"},
            "data.groups (sexx) names the column 'sexx', which is not there. Did you mean 'sex'",
        ),
        (
            {"groups": [{"column": "sex", "bins": [1]}], "favourable": "no"},
            "row 1: the group column 'sex' has bins but holds 'm'",
        ),
        (
            {"template": "{{ t }} {{ sex }}", "groups": [{"column": "sex", "name": "gender"}], "favourable": "no"},
            "the template names 'sex', the column of the group 'gender', and data.hide_groups is true. Leave it out",
        ),
        ({"template": "{{ t }} {{ y }}"}, "the template names 'y', the label"),
        ({"template": "{{ t }} {{ sex + age }}"}, "d.csv, data.template: row 1: the template fails on this row"),
        ({"template": "{{ txt }}"}, "d.csv, data.template: the template names 'txt'"),
    ],
)
def test_bad_roles_are_named(run: Any, spec: dict[str, Any], said: str):
    assert said in refused(run, **spec)


@pytest.mark.parametrize(
    ("column", "cells", "spec", "said"),
    [
        ("y", {3: "", 8: "NA"}, {}, "the label column 'y' is empty in 2 of 60 rows (rows 4, 9)"),
        ("y", dict.fromkeys(range(60), "yes"), {}, "every row has the label 'yes'"),
        ("key", {4: "k0"}, {"id": "key"}, "the id column 'key' has 'k0' in rows 1, 5; ids must differ"),
        ("key", {4: ""}, {"id": "key"}, "the id column 'key' is empty in row 5"),
        ("w", {2: "0"}, {"weight": "w"}, "row 3: the weight column 'w' is '0'"),
        ("w", {2: "-1"}, {"weight": "w"}, "row 3: the weight column 'w' is '-1'"),
        ("w", {2: "inf"}, {"weight": "w"}, "row 3: the weight column 'w' is 'inf'"),
        ("w", {2: ""}, {"weight": "w"}, "row 3: the weight column 'w' is empty"),
        (
            "age",
            {6: "old"},
            {"groups": [{"column": "age", "bins": [30]}], "favourable": "no"},
            "d.csv, row 7: the group column 'age' has bins but holds 'old'",
        ),
    ],
)
def test_bad_cells_are_named_by_row(
    run: Any, table: dict[str, list[Any]], column: str, cells: dict[int, str], spec: dict[str, Any], said: str
):
    for row, cell in cells.items():
        table[column][row] = cell
    assert said in refused(run, **spec)


def test_too_many_classes_or_groups(run: Any, table: dict[str, list[Any]]):
    for name, cells in table.items():
        table[name] = [f"{cell}{'' if name in {'y', 'sex'} else i}" for i, cell in enumerate(cells * 20)]
    assert "more than 1,000 are not groups" in refused(run, groups=[{"column": "t"}], favourable="no", text="key")
    table["y"] = [str(i % 101) for i in range(1200)]
    assert "has 101 different values; more than 100 look like a number" in refused(run)


def test_nested_cells_are_refused_as_a_role(tmp_path: Path):
    (tmp_path / "d.jsonl").write_text('{"t": ["a"], "y": "yes"}\n{"t": ["b"], "y": "no"}\n')
    spec = DataSpec.model_validate({"source": {"path": "d.jsonl"}, "text": "t", "label": "y"})
    with pytest.raises(UsageError, match="'t', which holds lists or objects"):
        prepare(spec, 0, tmp_path)


def test_weights_are_carried(run: Any):
    assert run(weight="w").rows["weight"].tolist() == [1.5] * 60
    assert "weight" not in run().rows


@pytest.mark.parametrize(
    ("edges", "labels"),
    [
        ([30, 50], ["under 30", "30 to under 50", "50 and over"]),
        ([0.5], ["under 0.5", "0.5 and over"]),
        ([1_000_000], ["under 1000000", "1000000 and over"]),
    ],
)
def test_bin_labels(edges: list[float], labels: list[str]):
    assert bin_labels(edges) == labels


def test_groups_are_named_binned_crossed_and_unknown_is_counted(run: Any, table: dict[str, list[Any]]):
    table["age"][0], table["age"][10], table["age"][9] = "", "30", "29.5"
    table["sex"][1] = "NA"
    data = run(
        groups=[
            {"column": "sex", "name": "gender", "values": {"f": "women"}, "expected": ["other"]},
            {"column": "age", "bins": [30, 50]},
        ],
        intersections=[["gender", "age"]],
        favourable="no",
    )
    rows = data.rows
    assert rows["group:gender"].tolist()[:4] == ["m", "unknown", "m", "women"]
    assert rows["group:age"].tolist()[9:12] == ["under 30", "30 to under 50", "30 to under 50"]
    assert rows["group:gender & age"].tolist()[:3] == ["unknown", "unknown", "m & under 30"]
    assert data.groups["gender"] == ("m", "other", "unknown", "women")
    assert data.groups["age"] == ("30 to under 50", "50 and over", "under 30", "unknown")
    assert data.group_columns == {"gender": "sex", "age": "age", "gender & age": "sex+age"}
    assert data.counts["unknown"] == {"gender": 1, "age": 1, "gender & age": 2}
    assert 'gender: 1 row has no known group; they are counted as "unknown".' in data.notes
    assert "gender: expected but nowhere in the data: 'other'." in data.notes


def test_a_recipe_name_for_a_group_that_never_occurs_is_a_note(run: Any):
    data = run(groups=[{"column": "sex", "values": {"F": "women"}}], favourable="no")
    assert "sex: the recipe names values that never occur in column 'sex': 'F'." in data.notes


def test_crossings_that_read_the_same_are_refused(run: Any, table: dict[str, list[Any]]):
    table["a"] = ["x & y", "x"] * 30
    table["b"] = ["z", "y & z"] * 30
    groups = [{"column": "a"}, {"column": "b"}]
    assert "would both be called 'x & y & z'" in refused(
        run, groups=groups, intersections=[["a", "b"]], favourable="no"
    )
    groups = [{"column": "a"}, {"column": "sex"}, {"column": "b", "name": "a & sex"}]
    said = refused(run, groups=groups, intersections=[["a", "sex"]], favourable="no")
    assert "two attributes would both be called 'a & sex'" in said


def test_whether_the_model_sees_a_group(run: Any):
    groups = {
        "groups": [{"column": "sex"}, {"column": "age", "bins": [30]}],
        "intersections": [["sex", "age"]],
        "favourable": "no",
    }
    shown = run(template="{{ t }} {{ sex }}", hide_groups=False, **groups)
    assert shown.seen_by_model == {"sex": True, "age": False, "sex & age": True}
    assert shown.columns_in_text == ("t", "sex")
    assert run(**groups).seen_by_model == {"sex": False, "age": False, "sex & age": False}
    assert run(text="sex", hide_groups=False, **groups).seen_by_model["sex"] is True


def test_empty_and_missing_texts_are_counted_not_refused(run: Any, table: dict[str, list[Any]]):
    table["t"][0], table["t"][1] = "", "NA"
    data = run()
    assert data.rows["text"].tolist()[:2] == ["", "NA"]
    assert data.counts["empty_texts"] == 1
    assert "1 row has an empty text." in data.notes
    assert "segments" not in data.rows
    templated = run(template="[{{ t }}]")
    assert templated.rows["text"].tolist()[:3] == ["[unknown]", "[unknown]", "[text 2]"]
    assert "2 rows have no value in column 't'; the template prints \"unknown\" there." in templated.notes
    assert templated.rows["segments"][2] == [(0, 1, None), (1, 7, "t"), (7, 8, None)]


def test_source_columns_keep_their_kind(run: Any):
    rows = run().rows
    assert rows["col:age"].tolist() == list(range(20, 80))
    assert rows["col:w"].dtype == "float64"
    assert rows["col:sex"].tolist()[:2] == ["m", "f"]


def test_rows_render_again_from_their_source_columns(run: Any):
    from rai_tune.data import TextTemplate

    source = "{{ t }} {{ age / 4 }} {{ w }} {{ 'x' if age > 40 else sex }}"
    rows = run(template=source).rows
    columns = [name for name in rows if name.startswith("col:")]
    template = TextTemplate.from_string(source, [name.removeprefix("col:") for name in columns])
    for record, text in zip(rows[columns].to_dict("records"), rows["text"], strict=True):
        assert template.render({name.removeprefix("col:"): value for name, value in record.items()}).text == text


def test_scoring_needs_neither_label_nor_groups(run: Any, table: dict[str, list[Any]]):
    spec = DataSpec.model_validate(
        {
            "source": {"path": "d.csv"},
            "template": "{{ t }}: {{ age + 1 }}",
            "label": "y",
            "label_names": {"yes": "a", "no": "b"},
            "id": "key",
            "favourable": "b",
            "groups": [{"column": "sex"}, {"column": "race"}],
            "intersections": [["sex", "race"]],
        }
    )
    frame = pd.DataFrame({"key": ["n1", "n2"], "t": ["hello", None], "age": ["1", "2"], "sex": ["f", ""]})
    scored = prepare_frame(frame, spec, source="new.csv")
    assert scored.rows["row_id"].tolist() == ["n1", "n2"]
    assert scored.rows["text"].tolist() == ["hello: 2", "unknown: 3"]
    assert scored.rows["group:sex"].tolist() == ["f", "unknown"]
    assert not {"label", "split", "group:race", "group:sex & race"} & set(scored.rows)
    assert scored.counts["unknown"] == {"sex": 1}
    with pytest.raises(UsageError, match=r"new\.csv, data\.template: the template names 'age'"):
        prepare_frame(frame.drop(columns="age"), spec, source="new.csv")
    with pytest.raises(UsageError, match=r"new\.csv: there are no rows"):
        prepare_frame(frame[:0], spec, source="new.csv")
    assert len(prepare_frame(frame.drop(columns="key"), spec, source="n").rows["row_id"][0]) == 32
