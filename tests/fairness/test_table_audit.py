"""A person's own table: formats, meanings, refusals, and results that do not depend on how the rows are laid out."""

import gzip

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rai_audits import fairness
from rai_audits.core import UsageError

ASKED = {"label": "hired", "score": "score", "threshold": 0.5, "groups": ["sex", "race"], "favourable": 1}


def table(rows=300, seed=0):
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "person": np.arange(rows),
            "hired": draw.integers(0, 2, rows),
            "score": draw.random(rows).round(3),
            "sex": draw.choice(["f", "m"], rows),
            "race": draw.choice(["a", "b", None], rows, p=[0.5, 0.4, 0.1]),
            "w": draw.integers(1, 9, rows) / 8,
        }
    )


def numbers(audited, audit="group_rates"):
    return [item.to_json() for item in audited.measurements if item.audit == audit]


def rate(audited, metric="selection_rate", attribute=None, group=None):
    [found] = [
        item
        for item in audited.measurements
        if (item.audit, item.metric, item.attribute, item.group) == ("group_rates", metric, attribute, group)
    ]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    frame = table()
    frame.to_csv(folder / "a.csv", index=False)
    frame.to_csv(folder / "a.tsv", index=False, sep="\t")
    with gzip.open(folder / "a.csv.gz", "wt") as handle:
        handle.write(frame.to_csv(index=False))
    frame.to_parquet(folder / "a.parquet")
    frame.to_json(folder / "a.jsonl", orient="records", lines=True)
    (folder / "parts").mkdir()
    for place, start in enumerate(range(0, 300, 100)):
        frame[start : start + 100].to_parquet(folder / "parts" / f"{place}.parquet")
    connection = duckdb.connect(str(folder / "a.duckdb"))
    connection.register("given", frame)
    connection.execute('CREATE SCHEMA s; CREATE TABLE s."odd name" AS SELECT * FROM given')
    connection.close()
    return folder


@pytest.fixture(scope="module")
def expected():
    return fairness.audit(table(), **ASKED)


@pytest.mark.parametrize(
    "name",
    ["a.csv", "a.tsv", "a.csv.gz", "a.parquet", "a.jsonl", "parts", "parts/*.parquet", "a.duckdb::s.odd name"],
)
def test_every_format_gives_the_same_numbers(folder, expected, name):
    found = fairness.audit(str(folder / name), **ASKED)
    assert found.rows == 300
    assert numbers(found) == numbers(expected)


@pytest.mark.slow
def test_several_paths_arrow_tables_and_long_tables(folder, expected):
    paths = sorted((folder / "parts").iterdir())
    assert numbers(fairness.audit(paths, **ASKED)) == numbers(expected)
    assert numbers(fairness.audit(pa.Table.from_pandas(table()), **ASKED)) == numbers(expected)
    counted = fairness.audit(folder / "a.csv", **ASKED, max_held_rows=10)
    assert numbers(counted) == numbers(expected)
    assert "too long to hold" in counted.not_run["task_quality"]
    assert any("counted part by part" in note for note in counted.notes)


def test_audits_that_resample_scores_leave_long_tables_alone(monkeypatch):
    from rai_audits.fairness.table import run

    monkeypatch.setitem(run._MOST_ROWS, "task_quality", 299)
    found = fairness.audit(table(), **ASKED)
    assert "takes minutes beyond 299 rows" in found.not_run["task_quality"]
    assert "task_quality" not in [result.audit for result in found.results]


def test_rates_are_those_of_pandas(expected):
    frame = table()
    decided = frame["score"] >= 0.5
    assert rate(expected, attribute="sex", group="f").value == pytest.approx(decided[frame["sex"] == "f"].mean())
    assert rate(expected, attribute="race", group="unknown").n == frame["race"].isna().sum()
    found = decided[(frame["race"] == "a") & (frame["hired"] == 1)].mean()
    assert rate(expected, "true_positive_rate", "race", "a").value == pytest.approx(found)
    assert expected.task.positive == "1"
    assert {"metric", "estimate", "low", "high", "status"} <= set(expected.to_frame().columns)
    assert "lowest impact ratio" in repr(expected)


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_order_and_partition_change_nothing(seed, parts):
    frame = table(90, seed)
    asked = {**ASKED, "weight": "w", "intersections": True}
    one = fairness.audit(frame, **asked)
    mixed = frame.sample(frac=1, random_state=seed)
    other = fairness.audit(mixed, **asked)
    assert [item.to_json() for item in one.measurements] == [item.to_json() for item in other.measurements]
    assert one.predictions_digest == other.predictions_digest
    batches = pa.Table.from_pandas(mixed, preserve_index=False).to_batches(max_chunksize=90 // parts)
    counted = fairness.audit(pa.Table.from_batches(batches), **asked, max_held_rows=1)
    assert numbers(counted) == numbers(one)


def test_intersections_and_unknown():
    frame = table()
    found = fairness.audit(frame, **ASKED, intersections=True)
    assert found.task.groups["sex & race"] == ("f & a", "f & b", "m & a", "m & b", "unknown")
    both = (frame["sex"] == "f") & (frame["race"] == "a")
    assert rate(found, "group_size", "sex & race", "f & a").value == both.sum()
    assert rate(found, "group_size", "sex & race", "unknown").value == frame["race"].isna().sum()


def test_hard_labels_many_classes_and_no_labels():
    frame = pd.DataFrame(
        {
            "truth": ["low", "mid", "high", "mid"] * 10,
            "said": ["low", "mid", "mid", "mid"] * 10,
            "g": ["x", "x", "y", "y"] * 10,
        }
    )
    found = fairness.audit(frame, label="truth", prediction="said", groups=["g"], favourable="mid")
    assert found.task.classes == ("high", "low", "mid")
    assert rate(found, attribute="g", group="x").value == 0.5
    assert rate(found, attribute="g", group="y").value == 1.0
    bare = fairness.audit(frame, prediction="said", groups=["g"], favourable="mid")
    assert "task_quality" not in [result.audit for result in bare.results]
    assert rate(bare, attribute="g", group="x").value == 0.5
    assert rate(bare, "accuracy", "g", "x").status == "not_estimable"


def test_scores_without_labels():
    found = fairness.audit(table(), score="score", threshold=0.5, groups=["sex"], favourable=1)
    assert found.task.classes == ("0", "1")
    assert rate(found, attribute="sex", group="f").status == "ok"


def test_low_scores_can_be_favourable():
    found = fairness.audit(table(), **{**ASKED, "favourable": 0})
    share = (table()["score"] < 0.5).mean()
    assert rate(found).value == pytest.approx(share)
    assert rate(found).positive == "1"


def test_numbers_that_say_the_same_are_one_class():
    frame = pd.DataFrame({"y": [1.0, 0.0, 1.0], "p": ["1", "0", "0"], "g": [True, False, True]})
    found = fairness.audit(frame, label="y", prediction="p", groups=["g"], favourable="1", audits=["group_rates"])
    assert found.task.classes == ("0", "1")
    assert found.task.groups["g"] == ("false", "true")


def test_join_brings_groups_and_counts_the_unmatched(tmp_path):
    frame = table()
    people = frame[["person", "sex"]].iloc[:250]
    people.to_csv(tmp_path / "people.csv", index=False)
    rest = frame.drop(columns=["sex"])
    found = fairness.audit(rest, **{**ASKED, "groups": ["sex"]}, join=tmp_path / "people.csv", on="person")
    assert rate(found, "group_size", "sex", "f").value == (people["sex"] == "f").sum()
    assert rate(found, "group_size", "sex", "unknown").value == 50
    assert any("50 of 300 rows have no match" in note for note in found.notes)


def test_groups_of_one_row_and_of_one_class():
    frame = pd.DataFrame({"y": [1], "p": [1], "g": ["x"]})
    found = fairness.audit(frame, label="y", prediction="p", groups=["g"], favourable=1)
    assert rate(found, attribute="g", group="x").n == 1
    assert rate(found, "false_positive_rate", "g", "x").status == "not_estimable"
    declared = fairness.audit(frame, label="y", prediction="p", groups={"g": ["x", "gone"]}, favourable=1)
    assert rate(declared, attribute="g", group="gone").status == "not_estimable"
    assert declared.task.groups["g"] == ("gone", "x")


def with_cell(column, row, value):
    frame = table().astype({column: object})
    frame.loc[row, column] = value
    return frame


REFUSED = {
    "score above 1": (with_cell("score", 6, 1.5), {}, "row 7: the score (column 'score') is 1.5, outside 0 to 1"),
    "score missing": (with_cell("score", 6, None), {}, "row 7: the score (column 'score') is missing"),
    "score is text": (with_cell("score", 6, "high"), {}, "row 7: the score (column 'score') is 'high'"),
    "label missing": (with_cell("hired", 2, None), {}, "row 3: the label (column 'hired') is missing"),
    "label NaN": (with_cell("hired", 2, "NaN"), {}, "row 3: the label (column 'hired') is missing"),
    "weight zero": (with_cell("w", 4, 0.0), {"weight": "w"}, "row 5: the weight (column 'w') is 0"),
    "repeated id": (
        with_cell("person", 9, 3),
        {"row_id": "person"},
        "row 10: the id '3' (column 'person') is used before",
    ),
    "missing id": (with_cell("person", 9, None), {"row_id": "person"}, "row 10: the id"),
    "many groups": (table(), {"groups": ["person"]}, "the group column 'person' has 300 different values"),
    "no such column": (table(), {"label": "hird"}, "no column 'hird' (label). Did you mean 'hired'?"),
    "favourable never occurs": (table(), {"favourable": "granted"}, "'granted' never occurs in 'hired'"),
    "positive never occurs": (table(), {"positive": "2"}, "'2' never occurs"),
    "no rows": (table()[:0], {}, "has no rows"),
    "one column, two parts": (table(), {"groups": ["hired"]}, "'hired' is both label and group hired"),
    "no threshold": (table(), {"threshold": None}, "score needs threshold"),
    "threshold of 2": (table(), {"threshold": 2.0}, "outside 0 to 1"),
    "no favourable": (table(), {"favourable": None}, "favourable"),
    "join without key": (table(), {"join": "x.csv"}, "join needs on"),
    "join brings nothing": (table(), {"join": table(), "on": "person"}, "join brings no group column"),
    "three classes and a threshold": (with_cell("hired", 2, 2), {}, "holds 3 (0, 1, 2)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_named(case):
    frame, changed, says = REFUSED[case]
    with pytest.raises(UsageError) as raised:
        fairness.audit(frame, **{**ASKED, **changed})
    assert says in str(raised.value)


def test_other_words_in_labels_and_predictions():
    frame = pd.DataFrame({"y": ["yes", "no"], "p": ["1", "0"], "g": ["a", "b"]})
    with pytest.raises(UsageError, match=r"row 1: the prediction .column 'p'. is '1', which no label is"):
        fairness.audit(frame, label="y", prediction="p", groups=["g"], favourable="yes")


def test_an_empty_join_is_refused():
    frame = table()
    people = pd.DataFrame({"person": ["x1", "x2"], "tribe": ["a", "b"]})
    with pytest.raises(UsageError, match="the join is empty"):
        fairness.audit(frame, **{**ASKED, "groups": ["tribe"]}, join=people, on="person")
    twice = pd.DataFrame({"person": [1, 1], "tribe": ["a", "b"]})
    with pytest.raises(UsageError, match=r"row 2: the key '1' .* is used before"):
        fairness.audit(frame, **{**ASKED, "groups": ["tribe"]}, join=twice, on="person")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.csv", b"", "is empty"),
        ("head.csv", b"hired,score,sex,race\n", "has no rows"),
        ("bytes.parquet", b"not parquet", "cannot be read"),
        ("wide.csv", b"hired,score,sex,race\n1,0.5,f,a,9\n", "a row has 5 cells where the heading has 4"),
        ("latin.csv", b"hired,score,sex,race\n1,0.5,f,\xe9\n", "not UTF-8"),
        ("twice.csv", b"hired,hired,score\n1,1,0.5\n", "used twice"),
        ("broken.jsonl", b'{"hired": 1\n', "cannot be read"),
        ("table.xyz", b"1", "cannot be read"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError) as raised:
        fairness.audit(tmp_path / name, **ASKED)
    assert says in str(raised.value)
    assert name in str(raised.value)


def test_paths_that_lead_nowhere(tmp_path):
    for path in ("gone.csv", "*.parquet", "gone.duckdb::t"):
        with pytest.raises(UsageError, match=r"no (such )?file"):
            fairness.audit(str(tmp_path / path), **ASKED)


def test_a_table_name_is_never_sql(folder):
    with pytest.raises(UsageError, match="cannot be read"):
        fairness.audit(str(folder / "a.duckdb") + '::x"; DROP SCHEMA s CASCADE; --', **ASKED)
    assert fairness.audit(str(folder / "a.duckdb") + "::s.odd name", **ASKED).rows == 300


def test_files_of_one_table_must_agree(tmp_path):
    table().to_csv(tmp_path / "a.csv", index=False)
    table().drop(columns="race").to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(UsageError, match="different columns: 'race'"):
        fairness.audit([tmp_path / "a.csv", tmp_path / "b.csv"], **ASKED)


def test_predicted_numbers_become_values_and_targets():
    from rai_audits.core import AuditOutput, AuditSpec
    from rai_audits.fairness.table import run

    seen = []

    def look(context):
        seen.append(context)
        return AuditOutput()

    frame = pd.DataFrame({"y": [1.5, 2.5, 3.0], "p": ["1", "2", "3"], "g": ["a", "b", None]})
    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        patched.setattr(run, "load_audit", lambda name: AuditSpec(name, "fairness", "1", look))
        fairness.audit(frame, label="y", value="p", groups=["g"], audits=["regression_gaps"])
    [context] = seen
    assert context.predictions[["value", "target", "group:g"]].to_numpy().tolist() == [
        [1.0, 1.5, "a"],
        [2.0, 2.5, "b"],
        [3.0, 3.0, "unknown"],
    ]
    assert context.task.classes == ()
    for wrong in ({"favourable": 1}, {"label": None}, {"prediction": "g"}):
        with pytest.raises(UsageError, match="value"):
            fairness.audit(frame, **{"label": "y", "value": "p", **wrong})
    with pytest.raises(UsageError, match=r"row 2: the value .column 'p'. is 'x', which is not a finite number"):
        fairness.audit(frame.replace("2", "x"), label="y", value="p", audits=["regression_gaps"])


def test_unknown_in_any_letters_is_unknown_and_what_may_mean_it_is_said():
    given = table()
    given["sex"] = np.where(np.arange(300) % 5 == 0, "Unknown", given["sex"])
    given["race"] = given["race"].fillna("N/A")
    found = fairness.audit(given, **ASKED, audits=["group_rates"])
    assert found.task.groups["sex"] == ("f", "m", "unknown")
    assert any("60 rows have no value in the group column 'sex'" in note for note in found.notes)
    assert any("'race' holds 'N/A', which is taken for a group" in note for note in found.notes)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_truths_and_days_are_the_same_groups_whatever_the_file(tmp_path, form):
    given = table()
    given["hired"] = given["hired"] == 1
    given["joined"] = pd.to_datetime(np.where(given["sex"] == "f", "2020-01-01", "2021-01-01"))
    path = tmp_path / f"people.{form}"
    given.to_csv(path, index=False) if form == "csv" else given.to_parquet(path)
    asked = {**ASKED, "favourable": "True", "positive": "TRUE", "groups": {"joined": ["2020-01-01", "2021-01-01"]}}
    found = fairness.audit(path, **asked, audits=["group_rates"])
    assert (found.task.favourable, found.task.groups["joined"]) == ("true", ("2020-01-01", "2021-01-01"))


def test_predicted_numbers_of_a_long_table_are_those_of_a_short_one(tmp_path):
    given = table(900, seed=5)
    given.to_parquet(tmp_path / "people.parquet")
    asked = {"label": "person", "value": "w", "groups": ["sex", "race"]}
    short = fairness.audit(given, **asked)
    long = fairness.audit(given.sample(frac=1, random_state=1), **asked, max_held_rows=50)
    assert numbers(short, "regression_gaps") == numbers(long, "regression_gaps")
    assert len(short.measurements) > 20
    stored = fairness.audit(tmp_path / "people.parquet", **asked, max_held_rows=50)
    assert numbers(short, "regression_gaps") == numbers(stored, "regression_gaps")


def test_semicolons_are_noticed_and_a_table_that_nothing_can_measure_is_refused(tmp_path):
    (tmp_path / "semi.csv").write_text("hired;score;sex\n1;0.5;f\n")
    with pytest.raises(UsageError, match="parted by ';'"):
        fairness.audit(tmp_path / "semi.csv", **{**ASKED, "groups": ["sex"]})
    with pytest.raises(UsageError, match="no audit can measure this table: none was asked for"):
        fairness.audit(table(), **ASKED, audits=[], max_held_rows=50)
    with pytest.raises(UsageError, match="row_id"):
        fairness.audit(table(), **ASKED, id="person")


@pytest.mark.parametrize("decision", [{"prediction": "job"}, {"score": "score", "threshold": 0.5}])
def test_a_long_table_is_measured_as_a_short_one_by_all_that_need_only_counts(tmp_path, decision):
    """Counted part by part, every number is the one of the table held whole; only what reads scores is missing."""
    given = table(900, seed=4)
    given["job"] = given["hired"].where(np.arange(900) % 7 > 0, 1 - given["hired"])
    given.iloc[:400].to_parquet(tmp_path / "a.parquet")
    given.iloc[400:].to_parquet(tmp_path / "b.parquet")
    asked = {"label": "hired", "groups": ["sex", "race"], "favourable": 1, **decision}
    names = ["group_rates", "four_fifths", "ll144", "intersections", "simpson", "unknown_demographics", "inequality"]
    held = fairness.audit(given, **asked, audits=names)
    long = fairness.audit([tmp_path / "a.parquet", tmp_path / "b.parquet"], **asked, audits=names, max_held_rows=500)
    assert (held.held, long.held) == (True, False)
    assert [result.status for result in long.results] == ["ok"] * len(names)
    for one, other in zip(held.results, long.results, strict=True):
        scored = {"ll144_median_score", "ll144_scoring_rate", "ll144_scoring_impact_ratio"}
        kept = [[item for item in result.measurements if item.metric not in scored] for result in (one, other)]
        assert [item.to_json() for item in kept[0]] == [item.to_json() for item in kept[1]], one.audit
    [median] = [item for item in long.measurements if item.metric == "ll144_median_score"]
    # There are scores, only too many: that is missing evidence, not a rule that does not apply.
    assert median.status == ("not_estimable" if "score" in decision else "not_applicable")
