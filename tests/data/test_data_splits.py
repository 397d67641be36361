"""Splits are decided by who a row is: order and additions do not move rows that they should not."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rai_tune.core import UsageError
from rai_tune.data import PreparedData, prepare
from rai_tune.data.splits import assign
from rai_tune.recipe.schema import DataSpec, SplitSpec

if TYPE_CHECKING:
    import random
    from pathlib import Path

SPLIT = SplitSpec()
STRATUM = st.tuples(st.sampled_from(["yes", "no"]), st.sampled_from(["a", "b", "c"]))


def prepared(folder: Path, rows: dict[str, list[Any]], seed: int = 0, **spec: Any) -> PreparedData:
    pd.DataFrame(rows).to_csv(folder / "d.csv", index=False)
    base = {"source": {"path": "d.csv"}, "text": "t", "label": "y", "favourable": "no"}
    return prepare(DataSpec.model_validate(base | spec), seed, folder)


def people(n: int) -> dict[str, list[Any]]:
    return {
        "t": [f"person {i}" for i in range(n)],
        "y": ["yes" if i % 4 == 0 else "no" for i in range(n)],
        "g": ["ab"[i % 3 == 0] for i in range(n)],
    }


@given(st.lists(STRATUM, min_size=1, max_size=120), st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_row_order_does_not_change_the_split(strata: list[tuple[str, ...]], seed: int, shuffler: random.Random):
    entities = [f"e{i}" for i in range(len(strata))]
    pairs = list(zip(entities, strata, strict=True))
    shuffler.shuffle(pairs)
    assert assign(entities, strata, SPLIT, seed) == assign([e for e, _ in pairs], [s for _, s in pairs], SPLIT, seed)


@given(st.lists(st.integers(5, 40), min_size=3, max_size=3), st.integers(1, 30), st.integers(0, 1000))
def test_adding_rows_of_one_stratum_does_not_move_the_others(sizes: list[int], added: int, seed: int):
    strata: list[tuple[str, ...]] = [("yes", "abc"[k]) for k, size in enumerate(sizes) for _ in range(size)]
    entities = [f"e{i}" for i in range(len(strata))]
    before = assign(entities, strata, SPLIT, seed)
    more = [f"new{i}" for i in range(added)]
    after = assign(entities + more, strata + [("yes", "a")] * added, SPLIT, seed)
    assert all(after[e] == before[e] for e, stratum in zip(entities, strata, strict=True) if stratum != ("yes", "a"))


@given(st.integers(5, 200), st.integers(0, 1000))
def test_one_more_row_moves_only_the_rows_at_the_cuts(size: int, seed: int):
    entities = [f"e{i}" for i in range(size)]
    stratum: tuple[str, ...] = ("yes",)
    before = assign(entities, [stratum] * size, SPLIT, seed)
    after = assign([*entities, "new"], [stratum] * (size + 1), SPLIT, seed)
    assert sum(after[e] != before[e] for e in entities) <= 3


@given(st.lists(st.tuples(st.integers(0, 12), STRATUM), min_size=1, max_size=80), st.randoms(use_true_random=False))
def test_entities_are_one_thing_whatever_the_order_of_their_rows(
    rows: list[tuple[int, tuple[str, ...]]], shuffler: random.Random
):
    entities, strata = [f"e{k}" for k, _ in rows], [stratum for _, stratum in rows]
    first = assign(entities, strata, SPLIT, 1)
    shuffler.shuffle(rows)
    assert first == assign([f"e{k}" for k, _ in rows], [stratum for _, stratum in rows], SPLIT, 1)
    assert set(first) == set(entities)


@given(st.dictionaries(STRATUM, st.integers(5, 60), min_size=1))
def test_each_stratum_keeps_the_shares(sizes: dict[tuple[str, ...], int]):
    strata = [stratum for stratum, size in sizes.items() for _ in range(size)]
    entities = [f"e{i}" for i in range(len(strata))]
    result = assign(entities, strata, SPLIT, 3)
    for stratum, size in sizes.items():
        got = Counter(result[e] for e, s in zip(entities, strata, strict=True) if s == stratum)
        for split, share in (("train", 0.6), ("validation", 0.2), ("test", 0.2)):
            assert abs(got[split] - share * size) < 1
            assert got[split] >= 1


def test_small_strata_join_the_rest_of_their_label():
    strata: list[tuple[str, ...]] = [("yes", f"g{i % 25}") for i in range(100)]
    result = assign([f"e{i}" for i in range(100)], strata, SPLIT, 0)
    assert Counter(result.values()) == {"train": 60, "validation": 20, "test": 20}


def test_a_small_share_is_not_starved_by_rounding():
    strata: list[tuple[str, ...]] = [("yes", f"g{i % 20}") for i in range(100)]
    spec = SplitSpec(train=0.9, validation=0.05, test=0.05)
    result = assign([f"e{i}" for i in range(100)], strata, spec, 0)
    assert Counter(result.values()) == {"train": 90, "validation": 5, "test": 5}


def test_the_seed_matters():
    strata: list[tuple[str, ...]] = [("yes",)] * 50
    entities = [f"e{i}" for i in range(50)]
    assert assign(entities, strata, SPLIT, 0) != assign(entities, strata, SPLIT, 1)


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(40)), seed=st.integers(0, 3))
def test_whole_files_in_any_order_prepare_alike(tmp_path_factory: pytest.TempPathFactory, order: list[int], seed: int):
    folder = tmp_path_factory.mktemp("order")
    rows = people(38)
    rows = {name: [*cells, cells[0], cells[0]] for name, cells in rows.items()}  # exact repeats
    spec = {"groups": [{"column": "g"}], "template": "{{ t }}", "text": None}
    first = prepared(folder, rows, seed, **spec)
    second = prepared(folder, {name: [cells[i] for i in order] for name, cells in rows.items()}, seed, **spec)
    assert first.data_digest == second.data_digest
    assert first.test_digest == second.test_digest
    key = ["row_id", "split", "label", "text"]
    assert sorted(map(tuple, first.rows[key].values.tolist())) == sorted(map(tuple, second.rows[key].values.tolist()))


def test_digests_change_with_what_they_cover(tmp_path: Path):
    rows = people(60)
    first = prepared(tmp_path, rows)
    test_row = first.rows.index[first.rows["split"] == "test"][0]
    train_row = first.rows.index[first.rows["split"] == "train"][0]
    keyed = {**rows, "id": [str(i) for i in range(60)]}
    base = prepared(tmp_path, keyed, id="id")
    assert prepared(tmp_path, keyed, 1, id="id").test_digest != base.test_digest
    in_test = base.rows.index[base.rows["split"] == "test"][0]
    in_train = base.rows.index[base.rows["split"] == "train"][0]
    for row, test_changes in ((in_train, False), (in_test, True)):
        changed = {name: list(cells) for name, cells in keyed.items()}
        changed["t"][row] = "somebody else"
        again = prepared(tmp_path, changed, id="id")
        assert again.rows["split"].tolist() == base.rows["split"].tolist()
        assert again.data_digest != base.data_digest
        assert (again.test_digest != base.test_digest) is test_changes
    assert test_row != train_row


def test_default_ids_name_content_and_count_repeats(tmp_path: Path):
    rows = people(40)
    rows = {name: [*cells, cells[5], cells[5]] for name, cells in rows.items()}
    ids = prepared(tmp_path, rows).rows["row_id"].tolist()
    assert ids[40:] == [f"{ids[5]}-2", f"{ids[5]}-3"]
    assert len(set(ids)) == 42
    swapped = prepared(tmp_path, {name: rows[name] for name in ("g", "y", "t")}).rows["row_id"].tolist()
    assert swapped == ids


def test_households_stay_together_and_a_gap_stands_alone(tmp_path: Path):
    rows = people(120)
    rows["house"] = [f"h{i // 3}" if i < 90 else "" for i in range(120)]
    data = prepared(tmp_path, rows, entity="house")
    by_house = data.rows[:90].groupby("col:house")["split"].nunique()
    assert by_house.max() == 1
    assert data.rows[90:]["split"].nunique() == 3


def test_a_split_column_is_taken_at_its_word(tmp_path: Path):
    rows = people(40)
    rows["part"] = [["Train", "VAL", "test", "dev"][i % 4] if i else "train" for i in range(40)]
    rows["y"] = ["yes" if i % 3 else "no" for i in range(40)]
    data = prepared(tmp_path, rows, split={"column": "part"})
    assert data.rows["split"].tolist()[:5] == ["train", "validation", "test", "validation", "train"]
    rows["part"][7] = "tset"
    with pytest.raises(UsageError, match=r"row 8: the split column 'part' says 'tset'; .*Did you mean 'test'"):
        prepared(tmp_path, rows, split={"column": "part"})
    rows["part"][7] = ""
    with pytest.raises(UsageError, match="row 8: the split column 'part' is empty"):
        prepared(tmp_path, rows, split={"column": "part"})
    rows["part"] = ["train", "test"] * 20
    with pytest.raises(UsageError, match="the validation split has no rows"):
        prepared(tmp_path, rows, split={"column": "part"})


def test_a_split_column_may_not_divide_an_entity(tmp_path: Path):
    rows = people(40)
    rows["part"] = [["train", "validation", "test"][i % 3] for i in range(40)]
    rows["house"] = [f"h{i}" for i in range(39)] + ["h0"]
    assert prepared(tmp_path, rows, split={"column": "part"}, entity="house").rows["split"][39] == "train"
    rows["house"][4] = "h0"
    with pytest.raises(UsageError, match=r"house 'h0' is in train and in validation \(rows 1, 5\)"):
        prepared(tmp_path, rows, split={"column": "part"}, entity="house")


def test_a_train_split_of_one_class_is_refused_and_a_test_split_is_a_note(tmp_path: Path):
    rows = people(30)
    rows["part"] = [["train", "validation", "test"][i // 10] for i in range(30)]
    rows["y"] = ["yes" if 10 <= i < 20 and i % 2 else "no" for i in range(30)]
    with pytest.raises(UsageError, match="the train split has only the label 'no'"):
        prepared(tmp_path, rows, split={"column": "part"})
    rows["y"][0] = "yes"
    notes = prepared(tmp_path, rows, split={"column": "part"}).notes
    assert "The test split has only the label 'no'; rates of other labels are undefined there." in notes


def test_too_few_rows_for_three_splits(tmp_path: Path):
    with pytest.raises(UsageError, match=r"d\.csv: the .* split has no rows \(of 2\)"):
        prepared(tmp_path, {"t": ["a", "b"], "y": ["yes", "no"]}, split={"stratify": False})


def test_what_is_only_worth_knowing_is_said(tmp_path: Path):
    rows = people(60)
    rows["part"] = [["train", "validation", "test"][i % 3] for i in range(60)]
    rows["y"] = ["yes" if i % 2 else "no" for i in range(60)]
    rows["g"] = ["a"] * 60
    for i in (2, 8, 14):
        rows["g"][i] = "rare"  # in test, labelled no
    rows["g"][0] = "gone"
    rows["t"][5], rows["t"][8], rows["t"][4] = "person 0", "PERSON  0!", "person 3"
    data = prepared(tmp_path, rows, split={"column": "part"}, groups=[{"column": "g"}])
    assert "g: only in the test split, so the model never learned from it: 'rare'." in data.notes
    assert "g: no row in the test split, so nothing can be measured: 'gone'." in data.notes
    assert "g: fewer than 10 rows in the test split: 'rare (3)'." in data.notes
    assert "g: no row labelled 'yes' in the test split, so rates among those are undefined: 'rare'." in data.notes
    assert data.counts["overlaps"]["exact_test"] == 1
    assert data.counts["overlaps"]["normalised_test"] == 2
    assert data.counts["overlaps"]["exact_validation"] == 1
    assert any(
        note.startswith("2 test rows have a text that is also in train or validation (1 letter") for note in data.notes
    )
    assert data.counts["groups"]["g"]["test"] == {"a": 17, "rare": 3}
    assert data.counts["splits"] == {"train": 20, "validation": 20, "test": 20}
