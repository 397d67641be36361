"""The draw is even over strata, decided by seed and row id, and blind to the order of rows."""

import random
from collections import Counter

import pandas as pd
import pytest

from rai_audits.core import UsageError
from rai_audits.explain.sampling import draw_documents, stratified_sample

IDS = [f"r{i}" for i in range(200)]
STRATA = [("denied" if i % 10 == 0 else "approved", "b" if i % 4 == 0 else "w") for i in range(200)]


def drawn(documents, seed=1, ids=IDS, strata=STRATA):
    return [ids[position] for position in stratified_sample(ids, strata, documents, seed)]


def test_even_over_strata_and_small_strata_whole():
    sizes = Counter(STRATA)
    assert sizes[("denied", "b")] == 10
    found = Counter(STRATA[int(row_id[1:])] for row_id in drawn(60))
    assert found == {("approved", "b"): 20, ("approved", "w"): 20, ("denied", "b"): 10, ("denied", "w"): 10}


def test_order_of_rows_does_not_matter_and_seed_does():
    order = list(range(200))
    random.Random(0).shuffle(order)
    assert drawn(40, ids=[IDS[i] for i in order], strata=[STRATA[i] for i in order]) == drawn(40)
    assert drawn(40, seed=2) != drawn(40)
    assert drawn(40) == sorted(drawn(40))


def test_larger_draw_contains_the_smaller_and_all_rows_at_most():
    assert set(drawn(20)) < set(drawn(60))
    assert sorted(drawn(1000)) == sorted(IDS)


def test_documents_come_from_the_split_with_their_text():
    predictions = pd.DataFrame(
        {"row_id": [1, 2, 3], "split": ["test", "train", "test"], "label": "a", "group:g": ["x", "x", "y"]}
    )
    rows = pd.DataFrame({"row_id": [3, 2, 1], "text": ["three", "two", "one"]}, index=[0, 0, 0])
    found = draw_documents(predictions, rows, attribute="g", split="test", documents=9, seed=0)
    assert [(item["row_id"], item["text"]) for item in found] == [("1", "one"), ("3", "three")]


def test_missing_text_and_repeated_ids_are_named():
    predictions = pd.DataFrame({"row_id": ["a", "b"], "split": "test", "label": "x"})
    rows = pd.DataFrame({"row_id": ["a"], "text": ["one"]})
    with pytest.raises(UsageError, match="row 'b' has a prediction but no text"):
        draw_documents(predictions, rows, attribute=None, split="test", documents=9, seed=0)
    twice = pd.concat([predictions, predictions])
    with pytest.raises(UsageError, match="row_id occurs twice"):
        draw_documents(twice, rows, attribute=None, split="test", documents=9, seed=0)
    with pytest.raises(UsageError, match="no column 'text'"):
        draw_documents(predictions, rows.drop(columns="text"), attribute=None, split="test", documents=9, seed=0)
