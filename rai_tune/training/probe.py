"""What the base model would decide without fine-tuning: a linear probe on its frozen embeddings.

An encoder without a trained head decides nothing. The plain way to make it decide (Alain and Bengio 2016) is a logistic regression on its
embeddings: the mean of the last hidden states over the tokens, standardised on the training rows. It learns from the training rows that
the tuned model learned from, with the same class and row weights; its penalty is the one of ``PENALTIES`` with the lowest log loss
on the validation rows, where the tuned model picked its checkpoint; its threshold is chosen there by the recipe's own rule.
Stable API: ``probe_base``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.core import UsageError
from rai_tune.tasks import load_task
from rai_tune.training.few_shot import learned_from
from rai_tune.training.predicting import mean_embeddings
from rai_tune.training.threshold import choose_threshold
from rai_tune.training.tokens import load_tokenizer, tokenize

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from rai_tune.data import PreparedData
    from rai_tune.recipe.schema import Recipe
    from rai_tune.training.base_model import BaseModel
    from rai_tune.training.threshold import Threshold

PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""Inverse strengths of the L2 penalty that are tried, strongest first."""

_MAX_STEPS = 5000


@dataclass(frozen=True)
class Probed:
    """Decisions of the probe about the test rows, in the form of the predictions table, and how they were made."""

    predictions: pd.DataFrame
    facts: dict[str, Any]


def probe_base(
    recipe: Recipe,
    data: PreparedData,
    base: BaseModel,
    *,
    max_tokens: int,
    device: str,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Probed:
    """Embed every row with the frozen base, fit the probe, and decide the test rows. Nothing of it is random.

    Raises ``UsageError`` when the training rows hold one class only.
    """
    data = learned_from(recipe, data)
    splits = {name: data.rows[data.rows["split"] == name] for name in ("train", "validation", "test")}
    if splits["train"]["label"].nunique() < 2:
        raise UsageError("the training rows hold one class only, so no probe of the base can be fitted")
    features = _features(recipe, data.rows, base, max_tokens, device, progress)
    mean, spread = _scale(features[data.rows["split"] == "train"])
    scaled = {name: (features[data.rows["split"] == name] - mean) / spread for name in splits}
    penalty, model = _fit(recipe, scaled, splits, data.classes)
    threshold = _threshold(
        recipe, data, splits["validation"], _probabilities(model, scaled["validation"], data.classes)
    )
    probabilities = _probabilities(model, scaled["test"], data.classes)
    return Probed(
        _table(recipe, data, splits["test"], probabilities, threshold),
        {
            "model": base.name,
            "digest": base.digest,
            "decides_by": "logistic regression on the mean of the frozen base's last hidden states",
            "dimensions": int(features.shape[1]),
            "train_rows": len(splits["train"]),
            "inverse_penalty": penalty,
            "penalties_tried": list(PENALTIES),
            "threshold": threshold.value if threshold else None,
            "threshold_rule": threshold.rule if threshold else "most probable class",
        },
    )


def _features(
    recipe: Recipe,
    rows: pd.DataFrame,
    base: BaseModel,
    max_tokens: int,
    device: str,
    progress: Callable[[int, int], None],
) -> NDArray[np.float64]:
    tokenizer = load_tokenizer(str(base.path))
    return mean_embeddings(
        load_task(recipe.task).load_encoder(str(base.path), recipe.model.layers),
        tokenize(tokenizer, rows["text"].tolist(), max_tokens).ids,
        pad_id=tokenizer.pad_token_id,
        batch_size=recipe.training.eval_batch_size,
        device=device,
        progress=progress,
    ).astype(np.float64)


def _scale(train: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    spread = train.std(axis=0)
    return train.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _fit(
    recipe: Recipe, scaled: dict[str, NDArray[np.float64]], splits: dict[str, pd.DataFrame], classes: tuple[str, ...]
) -> tuple[float, Any]:
    """The probe with the lowest weighted log loss on validation rows; the stronger penalty where two are equal."""
    from sklearn.linear_model import LogisticRegression

    by_class = _class_weights(recipe, splits["train"], classes)
    weights = {
        name: rows["label"].map(by_class).to_numpy(dtype=float) * _weights(rows) for name, rows in splits.items()
    }
    fitted: list[tuple[float, float, Any]] = []
    for penalty in PENALTIES:
        model = LogisticRegression(C=penalty, max_iter=_MAX_STEPS)
        model.fit(scaled["train"], splits["train"]["label"].astype(str), sample_weight=weights["train"])
        probabilities = _probabilities(model, scaled["validation"], classes)
        loss = _log_loss(probabilities, splits["validation"]["label"], weights["validation"], classes)
        fitted.append((loss, penalty, model))
    _, penalty, model = min(fitted, key=lambda each: each[:2])
    return penalty, model


def _class_weights(recipe: Recipe, train: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, float]:
    """Weight of each class in the loss, as the tuned model's."""
    given = recipe.training.class_weights
    if given == "balanced":
        counts = train["label"].value_counts()
        return {name: len(train) / (len(classes) * max(1, int(counts.get(name, 0)))) for name in classes}
    return {name: 1.0 if given == "none" else given.get(name, 1.0) for name in classes}


def _weights(rows: pd.DataFrame) -> NDArray[np.float64]:
    return rows["weight"].to_numpy(dtype=float) if "weight" in rows else np.ones(len(rows))


def _log_loss(
    probabilities: NDArray[np.float64],
    labels: pd.Series[Any],
    weights: NDArray[np.float64],
    classes: tuple[str, ...],
) -> float:
    places = labels.map({name: place for place, name in enumerate(classes)}).to_numpy(dtype=int)
    right = probabilities[np.arange(len(labels)), places]
    return float(np.average(-np.log(np.clip(right, 1e-12, 1.0)), weights=weights))


def _probabilities(model: Any, features: NDArray[np.float64], classes: tuple[str, ...]) -> NDArray[np.float64]:
    """Of shape (rows, classes) in the order of ``classes``; a class without a training row has probability 0."""
    found = model.predict_proba(features)
    result = np.zeros((len(features), len(classes)))
    for place, name in enumerate(model.classes_):
        result[:, classes.index(name)] = found[:, place]
    return result


def _threshold(
    recipe: Recipe, data: PreparedData, rows: pd.DataFrame, probabilities: NDArray[np.float64]
) -> Threshold | None:
    if len(data.classes) != 2 or data.positive is None:
        return None
    scores = probabilities[:, data.classes.index(data.positive)]
    return choose_threshold(recipe.decision, scores, np.asarray(rows["label"] == data.positive), _weights(rows))


def _table(
    recipe: Recipe,
    data: PreparedData,
    rows: pd.DataFrame,
    probabilities: NDArray[np.float64],
    threshold: Threshold | None,
) -> pd.DataFrame:
    table = rows[["row_id", "split", "label"]].reset_index(drop=True)
    cut = threshold.value if threshold else None
    table["prediction"] = load_task(recipe.task).decide(probabilities, data.classes, data.positive, cut)
    if data.positive is not None:
        table["score"] = probabilities[:, data.classes.index(data.positive)]
    for name in [name for name in map(str, rows.columns) if name.startswith("group:") or name == "weight"]:
        table[name] = rows[name].to_numpy()
    return table
