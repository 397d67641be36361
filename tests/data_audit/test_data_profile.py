"""The data_profile audit on planted groups, gaps, duplicates and conflicts."""

import socket

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, UsageError, load_audit, run_audit
from rai_audits.core.digest import canonical_json
from rai_audits.data import profile
from rai_audits.stats.rates import wilson


class Sink:
    """Keeps tables by name, as the workspace does by digest."""

    def __init__(self):
        self.tables = {}

    def put_table(self, name, table):
        self.tables[name] = table
        return f"digest-of-{name}"


def frame(*lines):
    """Rows from (row_id, split, label, race, text)."""
    return pd.DataFrame(lines, columns=["row_id", "split", "label", "group:race", "text"])


PLANTED = frame(
    ("t1", "train", "yes", "a", "Applicant one, income high."),
    ("t2", "train", "no", "a", "Applicant two"),
    ("t3", "train", "no", "b", "Applicant three"),
    ("t4", "train", "no", "b", "applicant THREE!"),
    ("v1", "validation", "yes", "a", "Applicant four"),
    ("v2", "validation", "no", "b", "Applicant two"),
    ("e1", "test", "yes", "a", "Applicant one, income high."),
    ("e2", "test", "no", "a", "APPLICANT  FOUR"),
    ("e3", "test", "no", "unknown", "Applicant five"),
    ("e4", "test", "yes", "c", "Applicant six"),
    ("e5", "test", "no", "c", "applicant six?"),
)


def context(table, *, rows=True, groups=("a", "b"), sink=None, source=None, **more):
    task = TaskInfo(
        classes=("no", "yes"), positive="yes", favourable="no", threshold=0.5, groups={"race": tuple(groups)}
    )
    source_rows = table[["row_id", "split", "text"]].assign(**(source or {})) if rows else None
    return AuditContext(
        predictions=table.drop(columns=["text"]), task=task, artifacts=sink or Sink(), rows=source_rows, **more
    )


def run(table, **more):
    return load_audit("data_profile").run(context(table, **more))


def one(output, metric, **where):
    found = [
        item
        for item in output.measurements
        if item.metric == metric and all(getattr(item, key) == value for key, value in where.items())
    ]
    assert len(found) == 1, f"{metric} {where}: {len(found)}"
    return found[0]


def test_representation_is_the_share_of_the_splits_rows():
    item = one(run(PLANTED), "representation", group="c", split="test")
    assert (item.value, item.n, item.n_pos, item.n_neg) == (pytest.approx(0.4), 5, 2, 3)
    assert item.low == pytest.approx(float(wilson(2, 5).low))
    assert item.bound("lower", 0.05).value == pytest.approx(float(wilson(2, 5, alpha=0.05, side="lower").low))
    assert item.attribute == "race"


def test_unknown_is_counted_and_is_no_group():
    output = run(PLANTED)
    item = one(output, "unknown_share", split="test")
    assert (item.value, item.n, item.group) == (pytest.approx(0.2), 5, None)
    assert one(output, "unknown_share", split="train").value == 0.0
    assert not [item for item in output.measurements if item.group == "unknown"]
    assert output.facts["group_counts"]["race"]["test"] == {"a": 2, "b": 0, "c": 2, "unknown": 1}


def test_missing_group_values_count_as_unknown():
    table = PLANTED.copy()
    table.loc[table["row_id"].isin(["t1", "t2"]), "group:race"] = None
    assert one(run(table), "unknown_share", split="train").value == pytest.approx(0.5)


def test_categories_and_whole_number_labels_count_like_strings():
    table = PLANTED.assign(label=(PLANTED["label"] == "yes").astype(int))
    table["group:race"] = table["group:race"].where(table["row_id"] != "t1").astype("category")
    task = TaskInfo(classes=("0", "1"), positive="1", favourable="0", threshold=0.5, groups={"race": ("a", "b")})
    output = load_audit("data_profile").run(AuditContext(predictions=table, task=task, artifacts=Sink()))
    assert output.facts["class_counts"]["train"] == {"0": 3, "1": 1}
    assert output.facts["group_counts"]["race"]["train"] == {"a": 1, "b": 2, "c": 0, "unknown": 1}
    assert one(output, "label_rate", group="a", split="test").value == 0.5


def test_positive_and_favourable_rates_are_not_mixed():
    output = run(PLANTED)
    positive = one(output, "label_rate", group="a", split="train")
    favourable = one(output, "favourable_label_rate", group="b", split="train")
    assert (positive.value, positive.label, positive.n) == (0.5, "yes", 2)
    assert (favourable.value, favourable.label, favourable.n) == (1.0, "no", 2)
    assert (positive.positive, positive.favourable) == ("yes", "no")


def test_a_group_only_in_test_is_said_and_its_other_cells_are_undefined():
    output = run(PLANTED)
    for metric in ("representation", "label_rate", "favourable_label_rate"):
        cell = one(output, metric, group="c", split="train")
        assert cell.estimate == "not_estimable"
        assert "'train'" in cell.reason
    assert any("'c'" in note and "only in 'test'" in note for note in output.facts["notes"])
    assert any("'test'" in note and "'b'" in note for note in output.facts["notes"])


def test_a_declared_group_without_any_row_is_said():
    output = run(PLANTED, groups=("a", "b", "z"))
    assert "Declared group 'z' of 'race' has no rows at all." in output.facts["notes"]
    assert one(output, "representation", group="z", split="test").estimate == "not_estimable"


def test_planted_overlaps_are_counted_over_test_rows():
    output = run(PLANTED)
    exact, normal = one(output, "duplicate_overlap_share"), one(output, "normalised_overlap_share")
    assert (exact.n_pos, exact.n, exact.split) == (1, 5, "test")
    assert (normal.n_pos, normal.n) == (2, 5), (
        "e1 as it stands and e2 after normalisation; e4 and e5 are both test rows"
    )
    assert normal.high == pytest.approx(float(wilson(2, 5).high))
    assert output.facts["overlaps"]["exact_rows"] == {"validation": 1, "test": 1}


def test_conflicting_labels_count_every_row_of_the_text():
    item = one(run(PLANTED), "conflicting_label_share")
    # v1 says yes and e2 says no; e4 says yes and e5 says no.
    assert (item.n_pos, item.n, item.split) == (4, 11, None)


def test_the_table_names_rows_and_carries_no_text():
    sink = Sink()
    output = run(PLANTED, sink=sink)
    table = sink.tables["overlaps"]
    assert output.artifacts == {"overlaps": "digest-of-overlaps"}
    assert list(table.columns) == ["row_id", "split", "other_row_id", "other_split", "kind"]
    found = {(row.row_id, row.other_row_id, row.kind) for row in table.itertuples()}
    assert found == {
        ("e1", "t1", "exact"),
        ("v2", "t2", "exact"),
        ("e2", "v1", "normalised"),
        ("v1", "e2", "conflicting_label"),
        ("e2", "v1", "conflicting_label"),
        ("e4", "e5", "conflicting_label"),
        ("e5", "e4", "conflicting_label"),
    }
    assert not table.astype(str).apply(lambda column: column.str.contains("pplicant")).to_numpy().any()


def test_no_overlap_leaves_no_artifact():
    sink = Sink()
    clean = PLANTED[PLANTED["row_id"].isin(["t1", "t2", "v1", "e3"])]
    assert run(clean, sink=sink).artifacts == {}
    assert sink.tables == {}


def test_a_long_table_is_cut_and_that_is_said(monkeypatch):
    monkeypatch.setattr(profile, "PAIR_CAP", 3)
    sink = Sink()
    output = run(PLANTED, sink=sink)
    assert len(sink.tables["overlaps"]) == 3
    assert (output.facts["overlaps"]["pairs_found"], output.facts["overlaps"]["pairs_listed"]) == (7, 3)
    assert output.facts["overlaps"]["capped"] is True
    assert "The table of overlaps lists the first 3 of 7 pairs." in output.facts["notes"]


def test_a_text_repeated_a_thousand_times_gives_one_line_per_row():
    sink = Sink()
    lines = [(f"t{i:04d}", "train", "no", "a", "same") for i in range(1000)]
    lines += [(f"e{i:04d}", "test", "no", "a", "same") for i in range(1000)]
    output = run(frame(*lines), sink=sink)
    assert one(output, "duplicate_overlap_share").value == 1.0
    assert len(sink.tables["overlaps"]) == 1000
    assert set(sink.tables["overlaps"]["other_row_id"]) == {"t0000"}


def test_blank_and_missing_texts_match_nothing():
    table = PLANTED.copy()
    table.loc[table["row_id"].isin(["t1", "v1", "e4"]), "text"] = "  "
    table.loc[table["row_id"].isin(["t2", "e1", "e2"]), "text"] = None
    output = run(table)
    assert one(output, "duplicate_overlap_share").n_pos == 0
    assert one(output, "normalised_overlap_share").n == 5


def test_missing_share_per_source_column():
    income = [1.0, np.nan, 3, 4, 5, 6, 7, 8, 9, 10, np.nan]
    purpose = ["car", "", "  ", None, *["home"] * 7]
    output = run(PLANTED, source={"col:income": income, "col:purpose": purpose})
    found = {item.label: item for item in output.measurements if item.metric == "missing_share"}
    assert {name: (item.n_pos, item.n) for name, item in found.items()} == {"income": (2, 11), "purpose": (3, 11)}
    assert found["income"].attribute is None


def test_without_source_rows_leakage_is_undefined_and_groups_are_measured():
    output = run(PLANTED, rows=False)
    for metric in ("duplicate_overlap_share", "normalised_overlap_share", "conflicting_label_share"):
        assert one(output, metric).estimate == "not_estimable"
    assert one(output, "representation", group="a", split="test").value == pytest.approx(0.4)
    assert any("Source rows were not given" in note for note in output.facts["notes"])


def test_test_rows_alone_have_nothing_to_overlap_with():
    output = run(PLANTED[PLANTED["split"] == "test"])
    item = one(output, "duplicate_overlap_share")
    assert item.estimate == "not_estimable"
    assert "no split beside 'test'" in item.reason
    assert not any("only in" in note for note in output.facts["notes"])


def test_several_classes_without_a_positive_one_get_a_rate_each():
    task = TaskInfo(
        classes=("no", "yes", "later"), positive=None, favourable=None, threshold=None, groups={"race": ("a",)}
    )
    given = AuditContext(predictions=PLANTED.drop(columns=["text"]), task=task, artifacts=Sink())
    output = load_audit("data_profile").run(given)
    rates = {
        item.label: item.estimate
        for item in output.measurements
        if (item.metric, item.group, item.split) == ("label_rate", "a", "train")
    }
    assert rates == {"no": 0.5, "yes": 0.5, "later": 0.0}
    assert not [item for item in output.measurements if item.metric == "favourable_label_rate"]
    assert "No row of split 'train' has the label 'later'." in output.facts["notes"]


def test_the_order_of_rows_changes_nothing():
    def digest(table):
        sink = Sink()
        output = run(table, sink=sink)
        return canonical_json([item.to_json() for item in output.measurements]), sink.tables["overlaps"].to_csv()

    assert digest(PLANTED) == digest(PLANTED.sample(frac=1.0, random_state=1))


def test_repeated_row_ids_and_missing_columns_are_refused_by_name():
    with pytest.raises(UsageError, match="row_id 't1' occurs more than once"):
        run(pd.concat([PLANTED, PLANTED.head(1)]))
    with pytest.raises(UsageError, match="no column 'group:race'"):
        run(PLANTED.drop(columns=["group:race"]))
    with pytest.raises(UsageError, match="label 'maybe'"):
        run(PLANTED.assign(label="maybe"))


def test_the_whole_audit_works_offline_and_survives_storage(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the audit tried to reach the network")

    monkeypatch.setattr(socket, "socket", refuse)
    result = run_audit(load_audit("data_profile"), context(PLANTED), {})
    assert result.status == "ok", result.reason
    assert type(result).model_validate(result.to_json()) == result
    assert canonical_json(result.to_json())
