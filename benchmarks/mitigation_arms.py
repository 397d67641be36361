"""What ``mitigation.py`` compares: our methods by recipe, and Fairlearn's two used directly on the same scores or features. Two settings each.

The settings were written down before the methods were there, from their papers' and libraries' usual values; a method without settings of its own gets two learning rates, as plain training does.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]


def ours(rate: float) -> dict[str, tuple[list[str], list[str]]]:
    """Overrides of the two settings of each method of this tool, at this learning rate."""
    frozen = ["mitigation.method=exponentiated_gradient", "model.adapter={method: frozen}"]
    slow = f"training.learning_rate={rate / 3:g}"

    def method(name: str, *settings: str) -> tuple[list[str], list[str]]:
        first, second = ([f"mitigation.method={name}", f"mitigation.{name}.{setting}"] for setting in settings)
        return first, second

    return {
        "plain": ([], [slow]),
        "balance": (["mitigation.method=balance"], ["mitigation.method=balance", slow]),
        "reweigh": (["mitigation.method=reweigh"], ["mitigation.method=reweigh", slow]),
        "group_dro": method("group_dro", "step_size=0.01", "step_size=0.1"),
        "counterfactual_augment": method("counterfactual_augment", "share=0.5", "share=1.0"),
        "logit_pairing": method("logit_pairing", "strength=1.0", "strength=5.0"),
        "fair_loss": method("fair_loss", "strength=1.0", "strength=5.0"),
        "threshold": method("threshold", "randomised=false", "randomised=true"),
        "exponentiated_gradient": (
            ["mitigation.exponentiated_gradient.eps=0.01", *frozen],
            ["mitigation.exponentiated_gradient.eps=0.05", *frozen],
        ),
    }


THEIRS = ("fairlearn_threshold", "fairlearn_exponentiated", "frozen_logistic")
"""Fairlearn's ``ThresholdOptimizer`` on plain training's scores (objective accuracy; balanced accuracy), its ``ExponentiatedGradient`` over logistic regression on
the frozen encoder's mean-pooled features (eps 0.01; 0.05), and that regression without it (C 1; 0.1)."""


@dataclass(frozen=True)
class Judged:
    """Decisions and scores of the validation and test rows, for one arm and setting. ``positive``: whether the label is the positive class."""

    score: Floats
    decided: npt.NDArray[np.bool_]
    positive: npt.NDArray[np.bool_]
    group: npt.NDArray[np.object_]


def judged(table: pd.DataFrame, positive: str, attribute: str) -> Judged:
    """From a predictions table."""
    return Judged(
        table["score"].to_numpy(dtype=float),
        (table["prediction"] == positive).to_numpy(dtype=bool),
        (table["label"] == positive).to_numpy(dtype=bool),
        table[f"group:{attribute}"].to_numpy(dtype=object),
    )


def measured(one: Judged) -> dict[str, float]:
    """AUC, accuracies and gaps of one split. The gap of equalized odds is the larger of the two rates' (Fairlearn)."""
    from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

    return {
        "auc": float(roc_auc_score(one.positive, one.score)),
        "accuracy": float(accuracy_score(one.positive, one.decided)),
        "balanced_accuracy": float(balanced_accuracy_score(one.positive, one.decided)),
        "odds": float(equalized_odds_difference(one.positive, one.decided, sensitive_features=one.group)),
        "selection": float(demographic_parity_difference(one.positive, one.decided, sensitive_features=one.group)),
    }


def _given() -> Any:
    """An estimator whose scores are its input: ``ThresholdOptimizer`` wants one."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def fit(self, _rows: Any, _labels: Any) -> Any:
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict_proba(self, rows: Any) -> Floats:
            score = np.asarray(rows, dtype=float)[:, 0]
            return np.column_stack([1 - score, score])

    return Given()


def fairlearn_threshold(validation: Judged, test: Judged, setting: int, seed: int) -> tuple[Judged, Judged]:
    """``ThresholdOptimizer`` fitted on validation scores. The scores, and so the AUC, stay those of plain training."""
    from fairlearn.postprocessing import ThresholdOptimizer

    optimiser = ThresholdOptimizer(
        estimator=_given(),
        constraints="equalized_odds",
        objective=("accuracy_score", "balanced_accuracy_score")[setting],
        prefit=True,
        predict_method="predict_proba",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimiser.fit(validation.score[:, None], validation.positive.astype(int), sensitive_features=validation.group)

    def decided(one: Judged) -> Judged:
        choice = optimiser.predict(one.score[:, None], sensitive_features=one.group, random_state=seed)
        return Judged(one.score, np.asarray(choice, dtype=bool), one.positive, one.group)

    return decided(validation), decided(test)


@dataclass(frozen=True)
class Features:
    """Standardised, mean-pooled outputs of the frozen encoder by split, with whether a label is positive, and groups."""

    rows: dict[str, Floats]
    positive: dict[str, npt.NDArray[np.bool_]]
    group: dict[str, npt.NDArray[np.object_]]


def features(plan: Any, attribute: str) -> Features:
    """Of every row of a plan; mean and spread are those of the training rows."""
    splits = {name: plan.data.rows[plan.data.rows["split"] == name] for name in ("train", "validation", "test")}
    raw = {
        name: embedded(plan.base.path, rows["text"].tolist(), plan.recipe.model.max_tokens)
        for name, rows in splits.items()
    }
    middle, width = raw["train"].mean(axis=0), raw["train"].std(axis=0) + 1e-9
    return Features(
        {name: (values - middle) / width for name, values in raw.items()},
        {name: (rows["label"] == plan.data.positive).to_numpy(dtype=bool) for name, rows in splits.items()},
        {name: rows[f"group:{attribute}"].to_numpy(dtype=object) for name, rows in splits.items()},
    )


def embedded(base: Any, texts: list[str], limit: int, batch: int = 64) -> Floats:
    """Mean-pooled last hidden states of texts, shape (texts, width)."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(str(base)), AutoModel.from_pretrained(str(base)).eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(texts), batch):
            read = tokenizer(
                texts[start : start + batch], padding=True, truncation=True, max_length=limit, return_tensors="pt"
            )
            hidden, mask = model(**read).last_hidden_state, read["attention_mask"][:, :, None]
            found.append(((hidden * mask).sum(1) / mask.sum(1)).numpy())
    return np.concatenate(found).astype(float)


def fairlearn_exponentiated(given: Features, setting: int, seed: int) -> tuple[Judged, Judged]:
    """``ExponentiatedGradient`` on the training rows. Decisions are drawn; the score is the chance of a positive one."""
    from fairlearn.reductions import EqualizedOdds, ExponentiatedGradient
    from sklearn.linear_model import LogisticRegression

    eps = (0.01, 0.05)[setting]
    reduction = ExponentiatedGradient(LogisticRegression(max_iter=2_000), EqualizedOdds(), eps=eps, max_iter=50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reduction.fit(given.rows["train"], given.positive["train"].astype(int), sensitive_features=given.group["train"])

    def decided(split: str) -> Judged:
        choice = reduction.predict(given.rows[split], random_state=seed)
        chance = reduction._pmf_predict(given.rows[split])[:, 1]  # the public call only draws from it
        return Judged(np.asarray(chance), np.asarray(choice, dtype=bool), given.positive[split], given.group[split])

    return decided("validation"), decided("test")


def frozen_logistic(given: Features, setting: int) -> tuple[Judged, Judged]:
    """Logistic regression on the same features, decided at the threshold that matches the base rate of validation rows."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=2_000, C=(1.0, 0.1)[setting])
    model.fit(given.rows["train"], given.positive["train"])
    score = {name: model.predict_proba(given.rows[name])[:, 1] for name in ("validation", "test")}
    threshold = float(np.quantile(score["validation"], 1 - given.positive["validation"].mean()))
    first, second = (
        Judged(score[name], score[name] >= threshold, given.positive[name], given.group[name]) for name in score
    )
    return first, second
