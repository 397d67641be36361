"""How much the quality of a few-shot model hangs on which rows were drawn: measured on validation rows, summed up as median and range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.tasks import load_task
from rai_tune.training.predicting import predict_logits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rai_tune.data import PreparedData
    from rai_tune.recipe.schema import Recipe
    from rai_tune.training.fit import Prepared

MEASURES = ("roc_auc", "macro_f1", "accuracy")


def validation_measures(recipe: Recipe, data: PreparedData, ready: Prepared, model: Any) -> dict[str, float]:
    """ROC AUC (two classes), macro F1 and accuracy of the most probable class on validation rows, each row counted once.

    What cannot be measured, such as the AUC where one class is missing, is left out.
    """
    rows = data.rows[data.rows["split"] == "validation"]
    if rows.empty:
        return {}
    logits = predict_logits(
        model,
        ready.tokens["validation"].ids,
        pad_id=ready.tokenizer.pad_token_id,
        batch_size=recipe.training.eval_batch_size,
        device=ready.hardware.device,
    )
    labels = np.asarray([data.classes.index(label) for label in rows["label"]])
    return measures(load_task(recipe.task).probabilities(logits), labels, _positive(data))


def measures(probabilities: Any, labels: Any, positive: int | None) -> dict[str, float]:
    """``probabilities`` (rows, classes), ``labels`` (rows,) indices, ``positive`` the class whose ranking the AUC judges."""
    from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

    decided = probabilities.argmax(axis=1)
    found = {
        "macro_f1": float(f1_score(labels, decided, average="macro", zero_division=0.0)),
        "accuracy": float(accuracy_score(labels, decided)),
    }
    if positive is not None and len(np.unique(labels)) == 2:
        found["roc_auc"] = float(roc_auc_score(labels == positive, probabilities[:, positive]))
    return found


def spread_of(draws: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | int]]:
    """Median, lowest and highest value of each measure that every draw has, and the number of draws. Empty for one draw: it has no spread."""
    if len(draws) < 2:
        return {}
    spread: dict[str, dict[str, float | int]] = {}
    for name in MEASURES:
        values = [float(draw[name]) for draw in draws if name in draw]
        if len(values) == len(draws):
            spread[name] = {
                "median": float(np.median(values)),
                "lowest": min(values),
                "highest": max(values),
                "draws": len(values),
            }
    return spread


def _positive(data: PreparedData) -> int | None:
    if len(data.classes) != 2 or data.positive is None:
        return None
    return data.classes.index(data.positive)
