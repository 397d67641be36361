"""The data that ``mitigation.py`` compares methods on, each as a recipe for a seed: planted bias, HMDA, and Adult as text.

Adult and HMDA say the group in the text (``hide_groups: false``), so that a row about another group can be written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from by_recipe import DATA, tiny_base
from planted_bias import TEMPLATE, WORDS, planted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class World:
    """``prepare`` writes what the recipe of a seed reads into a folder and returns that recipe; ``rate`` is the learning rate of all arms."""

    name: str
    attribute: str
    rate: float
    prepare: Callable[[Path, int], dict[str, Any]]
    says: str


def _planted(folder: Path, seed: int) -> dict[str, Any]:
    planted(seed).to_csv(folder / "rows.csv", index=False)
    if not (folder / "base").is_dir():
        tiny_base(folder / "base", WORDS)
    return {
        "name": "planted",
        "data": {
            "source": {"path": "rows.csv"},
            "template": TEMPLATE,
            "label": "approved",
            "label_names": {"yes": "approved", "no": "denied"},
            "positive": "approved",
            "favourable": "approved",
            "groups": [{"column": "origin"}],
            "hide_groups": False,
            "id": "id",
            "split": {"column": "split"},
        },
        "model": {"base": "base", "adapter": {"method": "full"}},
        # At 3e-3, plain training of this encoder stayed at an AUC below 0.8 for two seeds in ten, so that no difference could be told.
        "training": {"epochs": 8, "batch_size": 32, "learning_rate": 1e-3, "select_best_by": "roc_auc", "threads": 1},
        "decision": {"rule": "match_base_rate"},
        "seed": seed,
    }


def _hmda(folder: Path, seed: int) -> dict[str, Any]:
    from rai_tune.data import lending_recipe

    del folder
    recipe = lending_recipe(blind=False)
    recipe["data"]["split"] = {"train": 0.5, "validation": 0.2, "test": 0.3}
    recipe["training"]["threads"] = 1
    return {**recipe, "seed": seed}


_ADULT_COLUMNS = (
    "age", "workclass", "fnlwgt", "education", "education_years", "marital_status", "occupation", "relationship", "race", "sex",
    "capital_gain", "capital_loss", "hours", "country", "income",
)  # fmt: skip
_ADULT_TEXT = (
    "{{ sex }} age {{ age }} {{ education }} {{ marital_status }} {{ occupation }} {{ workclass }} {{ hours }} hours"
    "{% if capital_gain|int > 0 %} gain{% endif %}{% if capital_loss|int > 0 %} loss{% endif %}"
)
_ADULT_SIZES = {"train": 1_300, "validation": 700, "test": 2_000}


def _adult(folder: Path, seed: int) -> dict[str, Any]:
    """Rows drawn by the seed, without those that lack a cell. Relationship is left out of the text: husband and wife would say the sex."""
    import numpy as np
    import pandas as pd

    rows = pd.read_csv(DATA / "adult" / "adult.data", names=list(_ADULT_COLUMNS), skipinitialspace=True, na_values="?")
    rows = rows.dropna().sample(sum(_ADULT_SIZES.values()), random_state=seed).reset_index(drop=True)
    rows["id"] = [f"a{place:05}" for place in range(len(rows))]
    rows["split"] = np.repeat(list(_ADULT_SIZES), list(_ADULT_SIZES.values()))
    for name in ("education", "marital_status", "occupation", "workclass"):
        rows[name] = rows[name].str.replace("-", " ").str.lower()
    rows["sex"] = rows["sex"].str.lower()
    rows.to_csv(folder / "rows.csv", index=False)
    return {
        "name": "adult",
        "data": {
            "source": {"path": "rows.csv"},
            "template": _ADULT_TEXT,
            "label": "income",
            "label_names": {">50K": "over 50K", "<=50K": "up to 50K"},
            "positive": "over 50K",
            "favourable": "over 50K",
            "groups": [{"column": "sex"}],
            "hide_groups": False,
            "id": "id",
            "split": {"column": "split"},
        },
        "model": {"base": "minilm", "adapter": {"method": "lora", "rank": 16, "target_modules": "all-linear"}},
        "training": {
            "epochs": 2,
            "batch_size": 32,
            "learning_rate": 1e-3,
            "class_weights": "balanced",
            "select_best_by": "roc_auc",
            "threads": 1,
        },
        "decision": {"rule": "match_base_rate"},
        "seed": seed,
    }


WORLDS = {
    world.name: world
    for world in (
        World(
            "planted",
            "origin",
            1e-3,
            _planted,
            "planted bias, untrained encoder of 2 layers, 1,500 / 1,000 / 4,000 rows, 8 epochs",
        ),
        World(
            "hmda", "race", 1e-3, _hmda, "HMDA, MiniLM with LoRA, 1,190 / 476 / 714 rows, 2 epochs; positive is denied"
        ),
        World("adult", "sex", 1e-3, _adult, "Adult as text, MiniLM with LoRA, 1,300 / 700 / 2,000 rows, 2 epochs"),
    )
}
