"""Which training rows a few-shot run learns from: drawn by seed and row identity, so that the order of rows and other rows' numbers do not matter."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from rai_tune.core import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from rai_tune.data import PreparedData
    from rai_tune.recipe.schema import Recipe


def draw_seed(seed: int, draw: int) -> int:
    """Seed of one draw of the shots and of the model that learns from them: the recipe's for draw 0, a digest of seed and draw for the others."""
    if draw == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"few-shot draw\x00{seed}\x00{draw}".encode()).digest()[:4], "big")


def check_shots(recipe: Recipe, data: PreparedData) -> None:
    """Raise ``UsageError`` naming the class when a class has fewer training rows than the shots asked for."""
    spec = recipe.training.few_shot
    if spec is None:
        return
    counts = data.rows.loc[data.rows["split"] == "train", "label"].value_counts()
    scarce = min(data.classes, key=lambda name: int(counts.get(name, 0)))
    least = int(counts.get(scarce, 0))
    if least < spec.shots:
        instead = f"ask for {least} or fewer" if least >= 2 else "add rows of that class"
        raise UsageError(
            f"training.few_shot.shots asks for {spec.shots} training rows of each class, and class {scarce!r} has {least}: {instead}"
        )


def with_shots(recipe: Recipe, data: PreparedData, draw: int = 0) -> PreparedData:
    """The data with only the drawn rows left in the training split, in source order; the other splits are as they were.

    Raises ``UsageError`` when a class has too few rows.
    """
    spec = recipe.training.few_shot
    assert spec is not None
    check_shots(recipe, data)
    chosen = _drawn(data.rows[data.rows["split"] == "train"], spec.shots, draw_seed(recipe.seed, draw))
    kept = (data.rows["split"] != "train") | data.rows["row_id"].isin(chosen)
    return replace(data, rows=data.rows[kept].reset_index(drop=True))


def learned_from(recipe: Recipe, data: PreparedData) -> PreparedData:
    """The data with the training rows that the kept model learns from: all of them, or the first draw of a few-shot recipe."""
    return data if recipe.training.few_shot is None else with_shots(recipe, data)


def _drawn(train: pd.DataFrame, shots: int, seed: int) -> set[str]:
    """Ids of ``shots`` rows of each class: those whose digest of seed and id comes first."""
    chosen: set[str] = set()
    for _label, ids in train.groupby("label", observed=True)["row_id"]:
        chosen.update(sorted(ids.astype(str), key=lambda row: _rank(seed, row))[:shots])
    return chosen


def _rank(seed: int, row: str) -> bytes:
    return hashlib.sha256(f"few-shot row\x00{seed}\x00{row}".encode()).digest()
