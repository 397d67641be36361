"""From prepared rows to a saved model: the training stage of an audited run.

Stable API: ``fit`` and ``Fitted``. Everything that a killed process needs to go on is in the run's folder and the
workspace before the next step begins.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.tasks import load_task
from rai_tune.training.adapters import apply_adapter, is_adapter
from rai_tune.training.hardware import Hardware, choose_hardware, describe_environment
from rai_tune.training.predicting import predict_logits
from rai_tune.training.saved_model import DecisionFacts, manifest_digest, save_model
from rai_tune.training.threshold import Threshold, choose_threshold
from rai_tune.training.tokens import Tokens, load_tokenizer, token_limit, tokenize
from rai_tune.training.trainer import Examples, Recorder, TrainRequest, TrainResult, train

if TYPE_CHECKING:
    from pathlib import Path

    from rai_tune.data import PreparedData
    from rai_tune.recipe.schema import Recipe
    from rai_tune.training.base_model import BaseModel
    from rai_tune.training.checkpoints import CheckpointLog

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Fitted:
    """A trained model on disk, with what was recorded about its training."""

    manifest: dict[str, str]
    digest: str
    facts: dict[str, Any]
    environment: dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """Model, tokenizer and tokens, before any training."""

    model: Any
    tokenizer: Any
    tokens: dict[str, Tokens]
    limit: int
    hardware: Hardware


def set_up(recipe: Recipe, data: PreparedData, base: BaseModel) -> Prepared:
    """Load base and tokenizer, attach the adapter, tokenise every split. Same seed, same initial weights."""
    from transformers import set_seed

    hardware = choose_hardware(recipe.training)
    tokenizer = load_tokenizer(str(base.path))
    set_seed(recipe.seed % 2**31)
    model = apply_adapter(load_task(recipe.task).load_base(str(base.path), data.classes), recipe.model.adapter)
    limit = token_limit(tokenizer, model, recipe.model.max_tokens)
    tokens = {name: tokenize(tokenizer, _rows(data, name)["text"].tolist(), limit) for name in SPLITS}
    return Prepared(model, tokenizer, tokens, limit, hardware)


def fit(
    recipe: Recipe,
    data: PreparedData,
    base: BaseModel,
    *,
    folder: Path,
    checkpoints: CheckpointLog,
    recorder: Recorder,
    resume: bool,
) -> Fitted:
    """Train, choose the threshold on validation rows, and save. Raises ``DivergedError`` on a non-finite loss."""
    ready = set_up(recipe, data, base)
    result = train(
        TrainRequest(
            model=ready.model,
            tokenizer=ready.tokenizer,
            train=_examples(data, ready, "train"),
            validation=_examples(data, ready, "validation"),
            classes=data.classes,
            positive=data.positive,
            spec=recipe.training,
            hardware=ready.hardware,
            seed=recipe.seed,
            folder=folder / "checkpoints",
            checkpoints=checkpoints,
            recorder=recorder,
            resume=resume,
        )
    )
    threshold = _threshold(recipe, data, ready, result)
    facts = _decision_facts(recipe, data, threshold, ready.limit)
    manifest = save_model(result.model, ready.tokenizer, facts, base, folder / "model")
    return Fitted(
        manifest=manifest,
        digest=manifest_digest(manifest),
        facts=_training_facts(ready, result, threshold, base, manifest),
        environment=describe_environment(ready.hardware),
    )


def _rows(data: PreparedData, split: str) -> Any:
    return data.rows[data.rows["split"] == split]


def _examples(data: PreparedData, ready: Prepared, split: str) -> Examples:
    rows = _rows(data, split)
    index = {name: place for place, name in enumerate(data.classes)}
    weights = rows["weight"].astype(float).tolist() if "weight" in rows else None
    return Examples(ready.tokens[split].ids, [index[label] for label in rows["label"]], weights)


def _threshold(recipe: Recipe, data: PreparedData, ready: Prepared, result: TrainResult) -> Threshold | None:
    if len(data.classes) != 2 or data.positive is None:
        return None
    logits = predict_logits(
        result.model,
        ready.tokens["validation"].ids,
        pad_id=ready.tokenizer.pad_token_id,
        batch_size=recipe.training.eval_batch_size,
        device=ready.hardware.device,
    )
    rows = _rows(data, "validation")
    scores = load_task(recipe.task).probabilities(logits)[:, data.classes.index(data.positive)]
    weights = rows["weight"].to_numpy(dtype=float) if "weight" in rows else None
    return choose_threshold(recipe.decision, scores, np.asarray(rows["label"] == data.positive), weights)


def _decision_facts(recipe: Recipe, data: PreparedData, threshold: Threshold | None, limit: int) -> DecisionFacts:
    return DecisionFacts(
        task=recipe.task,
        classes=data.classes,
        positive=data.positive,
        favourable=data.favourable,
        threshold=threshold.value if threshold else None,
        threshold_rule=threshold.rule if threshold else "most probable class",
        text=recipe.data.text,
        template=recipe.data.template,
        columns=data.columns_in_text,
        max_tokens=limit,
        adapter=is_adapter(recipe.model.adapter),
    )


def _training_facts(
    ready: Prepared,
    result: TrainResult,
    threshold: Threshold | None,
    base: BaseModel,
    manifest: dict[str, str],
) -> dict[str, Any]:
    weights = list(result.model.parameters())
    return {
        "schema": "rai-tune/training/v1",
        "base": {"name": base.name, "revision": base.revision, "digest": base.digest, "files": base.files},
        "files": manifest,
        "device": ready.hardware.device,
        "precision": ready.hardware.precision,
        "threads": ready.hardware.threads,
        "epochs_done": result.epochs_done,
        "steps": result.steps,
        "best_step": result.best_step,
        "best_metric": result.best_metric,
        "stopped_early": result.stopped_early,
        "resumed_from": result.resumed_from,
        "duration_s": result.duration_s,
        "cpu_s": result.cpu_s,
        "tokens_per_second": result.tokens_per_second,
        "parameters": {
            "total": sum(weight.numel() for weight in weights),
            "trained": sum(weight.numel() for weight in weights if weight.requires_grad),
        },
        "threshold": asdict(threshold) if threshold else None,
        "max_tokens": ready.limit,
        "tokens": {name: tokens.total for name, tokens in ready.tokens.items()},
        "truncated": {name: tokens.truncated for name, tokens in ready.tokens.items()},
        "history": list(result.history),
    }
