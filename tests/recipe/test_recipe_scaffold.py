from __future__ import annotations

import csv
import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rai_tune.core import UsageError
from rai_tune.data import TextTemplate, prepare, template_name
from rai_tune.data.cells import MISSING_WORDS as DATA_MISSING_WORDS
from rai_tune.recipe import hints, load_recipe, propose_recipe
from rai_tune.recipe.sample import MISSING_WORDS
from rai_tune.recipe.scaffold import TEMPLATE

if TYPE_CHECKING:
    from rai_tune.recipe import Proposal

DATA = Path(os.environ.get("RAITUNE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
ADULT_HEADER = (
    "age,workclass,fnlwgt,education,education-num,marital-status,occupation,relationship,race,sex,capital-gain,capital-loss,"
    "hours-per-week,native-country,income"
)


def write(path: Path, columns: dict[str, list[Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def hiring(rows: int = 200) -> dict[str, list[Any]]:
    draw = random.Random(1)
    return {
        "applicant_id": [f"A-{row:05}" for row in range(rows)],
        "first_name": [draw.choice(["Ana", "Bo", "Cy", "Di"]) for _ in range(rows)],
        "gender": [draw.choice(["woman", "man"]) for _ in range(rows)],
        "age": [draw.randint(18, 66) for _ in range(rows)],
        "years_experience": [draw.randint(0, 30) for _ in range(rows)],
        "degree": [draw.choice(["BSc", "MSc", "none"]) for _ in range(rows)],
        "hired": [draw.choice([0, 0, 1]) for _ in range(rows)],
    }


def loaded(proposal: Proposal, folder: Path) -> Any:
    """Write the proposal as the command line does and read the rows by it, so that what is proposed really runs."""
    target = folder / "recipe.yaml"
    target.write_text(proposal.to_yaml(), encoding="utf-8")
    recipe = load_recipe(target)
    prepare(recipe.recipe.data, recipe.recipe.seed, recipe.base_dir)
    return recipe.recipe


def asked(proposal: Proposal) -> list[str]:
    return [question.field for question in proposal.questions]


def test_hiring(tmp_path: Path) -> None:
    proposal = propose_recipe(write(tmp_path / "hiring.csv", hiring()))
    data = loaded(proposal, tmp_path).data
    assert data.label == "hired"
    assert data.label_names == {"1": "hired", "0": "not hired"}
    assert (data.positive, data.favourable) == ("hired", "hired")
    assert [(group.column, group.bins) for group in data.groups] == [("gender", None), ("age", (30.0, 50.0))]
    assert data.template == "Years experience: {{ years_experience }}. Degree: {{ degree }}."
    assert data.hide_groups is True
    assert data.id == "applicant_id"
    assert asked(proposal) == ["data.groups.age.bins"]
    text = proposal.to_yaml()
    assert "left out 'first_name': names of people stand in for their groups." in " ".join(
        text.replace("#", "").split()
    )
    place = text.splitlines().index("      bins: [30, 50]")
    assert "# CHECK: Where should 'age' be cut" in "".join(text.splitlines()[place - 3 : place])


def test_lending_in_words_where_positive_and_favourable_differ(tmp_path: Path) -> None:
    draw = random.Random(2)
    rows = 300
    table = {
        "loan_amount": [draw.randint(1, 90) * 1000 for _ in range(rows)],
        "income": [draw.randint(10, 99) * 1000 for _ in range(rows)],
        "race": [draw.choice(["a", "b", "c", ""]) for _ in range(rows)],
        "decision": [draw.choice(["approved", "approved", "denied"]) for _ in range(rows)],
    }
    proposal = propose_recipe(write(tmp_path / "loans.csv", table))
    data = loaded(proposal, tmp_path).data
    assert (data.label, data.positive, data.favourable) == ("decision", "denied", "approved")
    assert data.label_names == {}
    assert data.template == "Loan amount: {{ loan_amount }}. Income: {{ income }}."
    assert proposal.questions == ()


def test_toxic_comments_with_identity_shares(tmp_path: Path) -> None:
    draw = random.Random(3)
    words = [
        "this",
        "that",
        "comment",
        "article",
        "reads",
        "well",
        "badly",
        "long",
        "people",
        "think",
        "about",
        "trains",
    ]
    rows = 300
    table = {
        "id": list(range(rows)),
        "comment_text": [" ".join(draw.choices(words, k=draw.randint(5, 40))) + f" {row}" for row in range(rows)],
        "toxic": [draw.choice([0, 0, 0, 1]) for _ in range(rows)],
        "severe_toxic": [draw.choice([0, 0, 0, 1]) for _ in range(rows)],
        "muslim": [round(draw.random(), 3) for _ in range(rows)],
        "female": [draw.choice([0, 1]) for _ in range(rows)],
    }
    proposal = propose_recipe(write(tmp_path / "comments.csv", table))
    data = loaded(proposal, tmp_path).data
    assert (data.text, data.template, data.label, data.id) == ("comment_text", None, "toxic", "id")
    assert (data.positive, data.favourable) == ("toxic", "not toxic")
    assert [(group.column, group.bins) for group in data.groups] == [("muslim", (0.5,)), ("female", None)]


def test_adult_needs_a_person_for_the_outcome(tmp_path: Path) -> None:
    source = DATA / "adult" / "adult.data"
    if not source.exists():
        pytest.skip("UCI Adult is not at RAITUNE_TEST_DATA/adult/adult.data")
    lines = source.read_text(encoding="utf-8").splitlines()[:4000]
    path = tmp_path / "adult.csv"
    path.write_text("\n".join([ADULT_HEADER, *filter(None, lines)]), encoding="utf-8")
    proposal = propose_recipe(path)
    data = loaded(proposal, tmp_path).data
    assert (data.label, data.positive, data.favourable) == ("income", ">50K", ">50K")
    assert [group.column for group in data.groups] == ["age", "marital-status", "race", "sex", "native-country"]
    assert data.groups[-1].values == {"?": "unknown"}
    assert "{{ hours_per_week }}" in str(data.template)
    assert "fnlwgt" not in str(data.template)
    assert data.weight is None
    assert asked(proposal) == [
        "data.label",
        "data.groups.age.bins",
        "data.groups.native-country",
        "data.positive",
        "data.favourable",
        "data.weight",
    ]
    assert "'relationship' may stand in for a group of people" in " ".join(proposal.notes["data.template"])


def test_answers_settle_questions_and_change_what_follows(tmp_path: Path) -> None:
    rows = 120
    table = {
        "x": [row % 7 for row in range(rows)],
        "sex": [("f", "m", "?")[row % 3] for row in range(rows)],
        "result": [("low", "high")[row % 2] for row in range(rows)],
        "grade": [("A", "B", "C")[row % 3] for row in range(rows)],
    }
    path = write(tmp_path / "t.csv", table)
    first = propose_recipe(path)
    assert asked(first) == ["data.label", "data.positive", "data.favourable"]
    assert first.questions[1].options == ("high", "low")
    second = first.answered("data.label", "grade")
    assert asked(second) == ["data.favourable"]  # three classes have no positive one
    assert second.questions[0].options == ("A", "B", "C")
    third = second.answered("data.favourable", "B")
    assert third.questions == ()
    data = loaded(third, tmp_path).data
    assert (data.label, data.favourable, data.positive) == ("grade", "B", None)
    assert "CHECK: Which" not in third.to_yaml()
    with pytest.raises(UsageError, match=r"data\.label: 'grad' is not possible\. Did you mean 'grade'"):
        first.answered("data.label", "grad")


def test_answers_about_groups_weights_and_households(tmp_path: Path) -> None:
    table = {
        **hiring(),
        "household_id": [row // 3 for row in range(200)],
        "sample_weight": [1 + row % 3 for row in range(200)],
    }
    table["hired"], table = (
        table["hired"],
        {key: table[key] for key in table if key != "hired"} | {"hired": table["hired"]},
    )
    path = write(tmp_path / "t.csv", table)
    first = propose_recipe(path)
    assert first.mapping["data"]["entity"] == "household_id"
    assert first.mapping["data"]["weight"] is None
    assert asked(first) == ["data.groups.age.bins", "data.entity", "data.weight"]
    answers = {"data.groups.age.bins": "25, 40.5", "data.entity": "none", "data.weight": "sample_weight"}
    second = propose_recipe(path, answers)
    assert second.questions == ()
    data = loaded(second, tmp_path).data
    assert (data.groups[1].bins, data.entity, data.weight) == ((25.0, 40.5), None, "sample_weight")
    third = propose_recipe(path, {**answers, "data.groups.age.bins": "none"})
    assert [group.column for group in loaded(third, tmp_path).data.groups] == ["gender"]
    for bad in ("young", "nan", ""):
        with pytest.raises(UsageError, match="is not a list of numbers such as 30, 50"):
            propose_recipe(path, {**answers, "data.groups.age.bins": bad})


def test_free_text_beside_many_columns_is_asked(tmp_path: Path) -> None:
    table = hiring()
    table["remark"] = [f"candidate number {row} wrote a long remark" for row in range(200)]
    table = {key: table[key] for key in table if key != "hired"} | {"hired": table["hired"], "city": ["X", "Y"] * 100}
    path = write(tmp_path / "t.csv", table)
    proposal = propose_recipe(path)
    assert proposal.mapping["data"]["text"] == "remark"
    assert "data.text" in asked(proposal)
    instead = propose_recipe(path, {"data.text": TEMPLATE})
    assert "{{ city }}" in loaded(instead, tmp_path).data.template


def test_a_column_that_tells_the_label_is_left_out(tmp_path: Path) -> None:
    table = hiring()
    table = {"status": ["offer" if hired else "no" for hired in table["hired"]], **table}
    proposal = propose_recipe(write(tmp_path / "t.csv", table))
    assert "status" not in proposal.mapping["data"]["template"]
    assert any("'status'" in note and "tells the label exactly" in note for note in proposal.notes["data.template"])


def test_a_telling_column_stays_when_there_is_no_other(tmp_path: Path) -> None:
    table = {"skill": ["high", "low"] * 40, "sex": ["f", "f", "m", "m"] * 20, "hired": [1, 0] * 40}
    proposal = propose_recipe(write(tmp_path / "t.csv", table))
    assert loaded(proposal, tmp_path).data.template == "Skill: {{ skill }}."
    assert proposal.notes["data.template"] == ("'skill' tells the label exactly; was it known before the outcome?",)


HOSTILE = [
    "{{ 7*7 }}",
    "a: b\n# x",
    "x }}{% for i in y %}",
    "#",
    "- q",
    "&anchor",
    "größe",
    "日本",
    "''\"",
    "if",
    "2nd",
    "a b",
    "a-b",
]


def test_hostile_column_names_break_neither_yaml_nor_template(tmp_path: Path) -> None:
    table: dict[str, list[Any]] = {name: [row % 5 + place for row in range(60)] for place, name in enumerate(HOSTILE)}
    table["sex\n{{ x }}: !!t"] = ["f", "m"] * 30
    table["hired"] = [int(row % 3 == 0) for row in range(60)]
    proposal = propose_recipe(write(tmp_path / "t.csv", table))
    data = loaded(proposal, tmp_path).data
    assert [group.column for group in data.groups] == ["sex\n{{ x }}: !!t"]
    template = TextTemplate.from_string(data.template, table)
    assert set(template.columns) == {"{{ 7*7 }}", "a: b\n# x", "x }}{% for i in y %}", "- q", "&anchor", "if", "2nd"}
    notes = " ".join(proposal.notes["data.template"])
    assert "'größe', '日本'" in notes
    assert "'a b', 'a-b': its name in a template, a_b, means another column too" in notes


def test_a_table_of_columns_that_no_template_can_name_says_what_to_rename(tmp_path: Path) -> None:
    table = {"größe": [1, 2] * 30, "日本": [1, 2, 3] * 20, "hired": [0, 1, 1] * 20}
    with pytest.raises(
        UsageError, match=r"no column is left for the model to read\. left out 'größe', '日本': .* rename it"
    ):
        propose_recipe(write(tmp_path / "t.csv", table))


@pytest.mark.parametrize(
    ("name", "values", "names", "positive", "favourable", "sure"),
    [
        ("deny", ["yes", "no"], {"yes": "denied", "no": "approved"}, "denied", "approved", True),
        ("loan_approved", ["True", "False"], {"True": "approved", "False": "denied"}, "approved", "approved", True),
        ("default", ["1", "0"], {"1": "default", "0": "no default"}, "default", "no default", True),
        ("not_approved", ["1", "0"], {}, "1", "1", False),
        ("label", ["toxic", "non-toxic"], {}, "toxic", "non-toxic", True),
        ("label", ["hired", "rejected"], {}, "rejected", "hired", True),
        ("target", ["good", "bad"], {}, "bad", "good", True),
        ("outcome", ["Approved", "Pending", "Denied"], {}, None, "Approved", True),
        ("y", ["yes", "no"], {}, "yes", "yes", False),
        ("y", ["2", "1"], {}, "2", "2", False),
    ],
)
def test_outcomes(
    tmp_path: Path,
    name: str,
    values: list[str],
    names: dict[str, str],
    positive: str | None,
    favourable: str,
    sure: bool,
) -> None:
    rows = 70
    labels = [values[0] if row % 7 == 0 else values[1 + row % (len(values) - 1)] for row in range(rows)]
    table = {"x": [row % 11 for row in range(rows)], "sex": [("f", "m")[row % 2] for row in range(rows)], name: labels}
    proposal = propose_recipe(write(tmp_path / "t.csv", table))
    data = loaded(proposal, tmp_path).data
    assert (data.label_names, data.positive, data.favourable) == (names, positive, favourable)
    assert ("data.favourable" not in asked(proposal)) is sure


def test_without_groups_or_a_telling_word_nothing_is_said_to_be_favourable(tmp_path: Path) -> None:
    table = {"x": [row % 11 for row in range(70)], "y": [row % 2 for row in range(70)]}
    proposal = propose_recipe(write(tmp_path / "t.csv", table))
    assert loaded(proposal, tmp_path).data.favourable is None
    assert "no column looks like an attribute of people" in " ".join(proposal.notes["data.groups"])


def test_other_formats_give_the_same_proposal(tmp_path: Path) -> None:
    import pandas as pd

    table = hiring()
    table["hired"] = [bool(value) for value in table["hired"]]
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    pd.DataFrame(table).to_parquet(tmp_path / "t.parquet")
    proposals = [propose_recipe(tmp_path / name) for name in ("t.jsonl", "t.parquet")]
    for proposal in proposals:
        assert loaded(proposal, tmp_path).data.label_names == {"true": "hired", "false": "not hired"}
    first, second = ({**p.mapping["data"], "source": None} for p in proposals)
    assert first == second


def test_only_the_first_rows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(
        "x,sex,hired\n" + "".join(f"{row % 7},{'fm'[row % 2]},{int(row % 3 == 0)}\n" for row in range(20_001))
    )
    with path.open("ab") as handle:
        handle.write(b"a,row,of,another,width\n")
    assert propose_recipe(path).rows == 20_000


def test_the_path_is_relative_to_where_the_recipe_goes(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = write(tmp_path / "data" / "hiring.csv", hiring())
    assert propose_recipe(path, base_dir=tmp_path).mapping["data"]["source"] == {"path": "data/hiring.csv"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "the file is empty"),
        ("t.csv", b"a,b\n", "there are no rows below the header"),
        ("t.csv", b"a,hired\n1,0\ncaf\xe9,1\n", r"not UTF-8 text: byte 0xe9 at offset 15, line 3"),
        ("t.csv", b"a;hired\n1;0\n", "the columns are not separated by commas"),
        ("t.csv", b"a,\n1,0\n", "column 2 has no name"),
        ("t.csv", b"a,a\n1,0\n", "the column name 'a' is used twice"),
        ("t.csv", b"a,hired\n1,0,3\n", "line 2: 3 cells where the header has 2"),
        ("t.csv", b'a,hired\n"1,0\n', "not valid CSV"),
        ("t.csv", b"a,hired\n1,1\n2,1\n", r"'hired' is named like one but has only one value"),
        ("t.csv", b"a,b\n" + b"".join(b"%d,%d\n" % (row, row) for row in range(30)), "no column could be the label"),
        ("t.csv", b"sex,hired\nf,0\nm,1\n", "no column is left for the model to read"),
        ("t.jsonl", b'{"a": 1}\nnot json\n', "line 2: not valid JSON"),
        ("t.jsonl", b"[1]\n", "line 1: a JSON object is needed"),
        ("t.jsonl", b"[" * 100_000, "line 1: not valid JSON"),
        ("t.jsonl", b'{"a": "\xff"}\n', "byte 0xff at offset 7, line 1"),
        ("t.parquet", b"PAR1 no", "not a Parquet file"),
        ("t.parquet", b"", "not a Parquet file|is empty"),
        ("t.xlsx", b"PK", "not a table this tool reads"),
    ],
)
def test_bad_input_names_the_file_and_the_reason(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        propose_recipe(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        propose_recipe(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="this is a folder"):
        propose_recipe(tmp_path)


def test_the_data_room_reads_cells_and_names_as_the_proposal_did() -> None:
    assert MISSING_WORDS == DATA_MISSING_WORDS
    for name in [*HOSTILE, "marital-status", "not", "True", "", "a.b"]:
        assert hints.template_name(name) == template_name(name)
