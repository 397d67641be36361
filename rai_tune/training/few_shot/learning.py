"""One draw of the shots to one model: warm start, embeddings, head. And the spread of quality over several draws.

Stable API: ``learn_few_shot`` and ``FewShotModel``, which need no workspace.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.core import sha256_json
from rai_tune.training.few_shot.shots import draw_seed, with_shots
from rai_tune.training.few_shot.spread import spread_of, validation_measures
from rai_tune.training.few_shot.warm_start import ADAPTER_RATE, FULL_RATE, TEMPERATURE, warm_start
from rai_tune.training.fit import Prepared, examples_of, set_up
from rai_tune.training.predicting import mean_embeddings
from rai_tune.training.trainer import TrainResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from rai_tune.data import PreparedData
    from rai_tune.recipe.schema import Recipe
    from rai_tune.tasks.pooled import Head
    from rai_tune.training.base_model import BaseModel
    from rai_tune.training.few_shot.warm_start import Warmed
    from rai_tune.training.trainer import Examples, Recorder

INVERSE_PENALTY = 0.01
"""Inverse strength of the head's L2 penalty, on standardised embeddings. Fixed: choosing it would take labels beyond the shots, and a
cross-validation within the shots sees embeddings that the warm start has pulled apart already."""

_MAX_STEPS = 5000


@dataclass(frozen=True)
class FewShotModel:
    """A model learned from shots: ``model`` takes ``input_ids`` and ``attention_mask`` and answers ``logits`` (rows, classes)."""

    model: Any
    tokenizer: Any
    max_tokens: int
    classes: tuple[str, ...]


class _Silent:
    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        del step, epoch, values

    def progress(self, what: str, done: int, total: int) -> None:
        del what, done, total


def learn_few_shot(recipe: Recipe, data: PreparedData, base: BaseModel, draw: int = 0) -> FewShotModel:
    """Draw the shots from the training rows and learn one model from them. No other row is read, validation rows neither.

    Raises ``UsageError`` when a class has fewer training rows than shots, ``DivergedError`` when the loss is not finite.
    """
    own, few = _of_draw(recipe, with_shots(recipe, data, draw), draw)
    ready = set_up(own, few, base)
    model = _learn(own, few, ready, _Silent(), "", None)[0].model
    return FewShotModel(model, ready.tokenizer, ready.limit, data.classes)


def fit_few_shot(
    recipe: Recipe,
    data: PreparedData,
    few: PreparedData,
    base: BaseModel,
    ready: Prepared,
    recorder: Recorder,
    folder: Path,
) -> TrainResult:
    """The model of draw 0 (whose rows ``few`` holds and ``ready`` is set up for), with the quality of every draw on validation rows beside it.

    Nothing is chosen by that quality. A killed run starts again and ends with the same bytes.
    """
    spec = recipe.training.few_shot
    assert spec is not None
    started, cpu_started = time.perf_counter(), time.process_time()
    result, facts = _learn(recipe, few, ready, recorder, _name(0, spec.repeats), folder)
    draws = [{"draw": 0, "seed": recipe.seed, **validation_measures(recipe, few, ready, result.model)}]
    for draw in range(1, spec.repeats):
        own, rows = _of_draw(recipe, with_shots(recipe, data, draw), draw)
        other = set_up(own, rows, base)
        model = _learn(own, rows, other, recorder, _name(draw, spec.repeats), folder)[0].model
        draws.append({"draw": draw, "seed": own.seed, **validation_measures(own, rows, other, model)})
    validation = int((data.rows["split"] == "validation").sum())
    chosen = recipe.decision.rule != "fixed" and len(data.classes) == 2
    told = {
        **facts,
        "training_rows": int((data.rows["split"] == "train").sum()),
        "validation_rows": validation,
        "chosen_on_validation": ["threshold"] * (chosen or recipe.mitigation is not None),
        "draws": draws,
        "spread": spread_of(draws),
    }
    # What the run took: every draw, though one model is kept.
    return replace(
        result,
        few_shot=told,
        duration_s=time.perf_counter() - started,
        cpu_s=time.process_time() - cpu_started,
        real_tokens=result.real_tokens * spec.repeats,
    )


def _name(draw: int, of: int) -> str:
    return f"few-shot draw {draw + 1} of {of}"


def _of_draw(recipe: Recipe, few: PreparedData, draw: int) -> tuple[Recipe, PreparedData]:
    """Recipe and rows of a draw that is only scored: a seed of its own, no rules for decisions, no test rows."""
    own = recipe.model_copy(update={"seed": draw_seed(recipe.seed, draw), "mitigation": None})
    return own, replace(few, rows=few.rows[few.rows["split"] != "test"].reset_index(drop=True))


def _learn(
    recipe: Recipe, few: PreparedData, ready: Prepared, recorder: Recorder, name: str, folder: Path | None
) -> tuple[TrainResult, dict[str, Any]]:
    from rai_tune.tasks.pooled import pooled_model

    started, cpu_started = time.perf_counter(), time.process_time()
    rows = few.rows[few.rows["split"] == "train"]
    examples = examples_of(rows, ready.tokens["train"].ids, few.classes)
    warmed = _warm(recipe, ready, examples, recorder, name, folder)
    trained = sum(weight.numel() for weight in ready.model.base_model.parameters() if weight.requires_grad)
    encoder = _merged(recipe, ready.model)
    features: NDArray[np.float64] = mean_embeddings(
        encoder,
        examples.ids,
        pad_id=ready.tokenizer.pad_token_id,
        batch_size=recipe.training.eval_batch_size,
        device=ready.hardware.device,
    ).astype(np.float64)
    model = pooled_model(encoder, _head(recipe, features, examples, few.classes))
    spec = recipe.training.few_shot
    assert spec is not None
    epochs = spec.epochs if warmed else 1
    result = TrainResult(
        model=model,
        epochs_done=float(epochs),
        steps=warmed.steps if warmed else 0,
        best_step=None,
        best_metric=None,
        stopped_early=False,
        resumed_from=None,
        duration_s=time.perf_counter() - started,
        cpu_s=time.process_time() - cpu_started,
        real_tokens=ready.tokens["train"].total * epochs,
        head="linear",
    )
    facts = {
        "shots": spec.shots,
        "rows_learned_from": len(rows),
        "rows_digest": sha256_json(sorted(rows["row_id"].astype(str))),
        "warm_start": _warm_facts(recipe, warmed),
        "head": {"kind": "linear", "inverse_penalty": INVERSE_PENALTY, "standardised": True},
        "trained_parameters": trained + sum(weight.numel() for weight in model.head.parameters()),
    }
    return result, facts


def _warm(
    recipe: Recipe, ready: Prepared, examples: Examples, recorder: Recorder, name: str, folder: Path | None
) -> Warmed | None:
    """Warm the encoder up; None where it is frozen."""
    if recipe.model.adapter.method == "frozen":
        return None
    kept = name in ("", _name(0, recipe.training.few_shot.repeats)) if recipe.training.few_shot else False

    def metrics(step: int, epoch: float, loss: float) -> None:
        if kept:
            recorder.metrics(step, epoch, {"contrastive_loss": loss})

    with nullcontext(folder) if folder else tempfile.TemporaryDirectory() as place:
        return warm_start(
            _encoder(recipe, ready.model),
            ready.tokenizer,
            examples,
            recipe.training,
            ready.hardware,
            seed=recipe.seed,
            folder=Path(str(place)),
            adapter=recipe.model.adapter.method != "full",
            progress=lambda done, total: recorder.progress(f"{name}, warm start", done, total),
            metrics=metrics,
        )


def _encoder(recipe: Recipe, model: Any) -> Any:
    """The encoder inside a classifier, its adapter's layers in place."""
    return (model if recipe.model.adapter.method in {"full", "frozen"} else model.get_base_model()).base_model


def _merged(recipe: Recipe, model: Any) -> Any:
    """The encoder with its adapter folded into its weights: the saved model is one file, which needs no base beside it."""
    plain = model if recipe.model.adapter.method in {"full", "frozen"} else model.merge_and_unload()
    return plain.base_model


def _head(recipe: Recipe, features: NDArray[np.float64], examples: Examples, classes: tuple[str, ...]) -> Head:
    """Logistic regression on standardised embeddings, with row and class weights. Nothing of it is random."""
    from sklearn.linear_model import LogisticRegression

    from rai_tune.tasks.pooled import linear_head

    spread = features.std(axis=0)
    mean, spread = features.mean(axis=0), np.where(spread > 0, spread, 1.0)
    labels = np.asarray(examples.labels)
    given = recipe.training.class_weights
    # Every class has as many rows, so that "balanced" weighs them alike.
    by_class = [given.get(name, 1.0) if isinstance(given, dict) else 1.0 for name in classes]
    weights = np.asarray(by_class)[labels] * (1.0 if examples.weights is None else np.asarray(examples.weights))
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=_MAX_STEPS)
    model.fit((features - mean) / spread, labels, sample_weight=weights)
    fitted = [classes[place] for place in model.classes_]
    return linear_head(model.coef_, model.intercept_, fitted, classes, mean, spread)


def _warm_facts(recipe: Recipe, warmed: Warmed | None) -> dict[str, Any] | None:
    if warmed is None or recipe.training.few_shot is None:
        return None
    spec = recipe.training.few_shot
    default = FULL_RATE if recipe.model.adapter.method == "full" else ADAPTER_RATE
    return {
        "loss": "supervised contrastive",
        "temperature": TEMPERATURE,
        "epochs": spec.epochs,
        "steps": warmed.steps,
        "learning_rate": spec.learning_rate or default,
        "first_loss": warmed.first_loss,
        "last_loss": warmed.last_loss,
    }
