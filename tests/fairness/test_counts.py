"""Counts per group: exact, mergeable in any order, and strict about what they read."""

from fractions import Fraction
from functools import reduce
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rai_audits.core import UsageError
from rai_audits.fairness.counts import EMPTY, Cell, CellKey, count_partition, merge

CLASSES = ("no", "yes")


def table(rows=400, seed=0, weighted=False):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "row_id": [f"r{place}" for place in range(rows)],
            "label": rng.choice(CLASSES, rows),
            "prediction": rng.choice(CLASSES, rows),
            "group:sex": rng.choice(["f", "m", "unknown"], rows),
            "group:race": rng.choice(["a", "b", "c"], rows),
        }
    )
    if weighted:
        frame["weight"] = rng.uniform(1e-7, 1e7, rows) ** rng.choice([-1.0, 1.0], rows)
    return frame


def count(frame, attributes=("sex", "race")):
    return count_partition(frame, attributes, CLASSES)


def test_cells_equal_a_crosstab_over_all_and_per_group():
    frame = table()
    counts = count(frame)
    expected = frame.groupby(["group:race", "label", "prediction"]).size()
    for (group, label, prediction), rows in expected.items():
        assert counts.cells[CellKey("race", group, label, prediction)] == Cell(rows, Fraction(rows), Fraction(rows))
    assert sum(cell.rows for key, cell in counts.cells.items() if key.attribute is None) == 400
    assert sum(cell.rows for key, cell in counts.cells.items() if key.attribute == "sex") == 400


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 400), max_size=5), st.randoms(), st.booleans())
def test_any_parts_in_any_order_give_the_same_counts(cuts, random, weighted):
    frame = table(weighted=weighted)
    edges = [0, *sorted(cuts), 400]
    parts = [count(frame.iloc[start:end]) for start, end in pairwise(edges)]
    random.shuffle(parts)
    whole = count(frame)
    assert reduce(merge, parts, EMPTY) == whole
    assert merge(parts[0], reduce(merge, parts[1:], EMPTY)) == whole


def test_weights_are_summed_exactly():
    frame = table(weighted=True)
    counts = count(frame)
    everyone = [cell for key, cell in counts.cells.items() if key.attribute is None]
    assert sum(cell.weight for cell in everyone) == sum(Fraction(value) for value in frame["weight"])
    assert sum(cell.square for cell in everyone) == sum(Fraction(value * value) for value in frame["weight"])


def test_missing_groups_are_unknown_and_missing_labels_are_kept_apart():
    frame = table(4)
    frame["group:sex"] = ["f", None, "unknown", np.nan]
    frame["label"] = ["yes", None, "no", "no"]
    counts = count(frame, ("sex",))
    assert sum(cell.rows for key, cell in counts.cells.items() if key.group == "unknown") == 3
    assert {key.label for key in counts.cells if key.group == "unknown"} == {None, "no"}


def test_numbers_and_categories_count_as_their_text():
    frame = table(6)
    frame["label"] = [0, 1, 1, 0, 1, 1]
    frame["prediction"] = pd.Categorical(["1", "1", "0", "0", "1", "1"])
    frame["group:sex"] = pd.Categorical(["f", "m", "f", "m", "f", "m"], categories=["m", "f", "x"])
    counts = count_partition(frame, ("sex",), ("0", "1"))
    assert counts.cells[CellKey("sex", "f", "1", "1")].rows == 1
    assert counts.cells[CellKey(None, None, "1", "1")].rows == 3
    assert {key.group for key in counts.cells} == {None, "f", "m"}


@pytest.mark.parametrize("column", ["label", "prediction", "group:race"])
def test_a_missing_column_is_named(column):
    with pytest.raises(UsageError, match=f"no column '{column}'"):
        count(table().drop(columns=column))


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("label", "maybe", "row r2 .* label 'maybe', which is none of the classes"),
        ("prediction", None, "row r2 .* no prediction"),
        ("weight", 0.0, "row r2 has .*0.0"),
        ("weight", float("nan"), "row r2"),
        ("weight", float("inf"), "row r2"),
    ],
)
def test_a_wrong_cell_is_named(column, value, sentence):
    frame = table(weighted=True)
    frame[column] = [*frame[column][:2], value, *frame[column][3:]]
    with pytest.raises(UsageError, match=sentence):
        count(frame)


def test_weighted_and_unweighted_parts_do_not_mix():
    with pytest.raises(UsageError, match="weight"):
        merge(count(table()), count(table(weighted=True)))
