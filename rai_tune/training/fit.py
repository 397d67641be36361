"""From prepared rows to a saved model: the training stage of an audited run.

Stable API: ``fit`` and ``Fitted``. Everything that a killed process needs to go on is in the run's folder and the
workspace before the next step begins.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.tasks import load_task
from rai_tune.training.adapters import apply_adapter, is_adapter
from rai_tune.training.few_shot import learned_from
from rai_tune.training.hardware import Hardware, choose_hardware, describe_environment
from rai_tune.training.mitigation.composing import Applied, apply_mitigation
from rai_tune.training.predicting import predict_logits
from rai_tune.training.saved_model import DecisionFacts, manifest_digest, save_model
from rai_tune.training.threshold import Threshold, choose_threshold
from rai_tune.training.tokens import Tokens, load_tokenizer, token_limit, tokenize
from rai_tune.training.trainer import Examples, Recorder, TrainRequest, TrainResult, train

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from rai_tune.data import PreparedData
    from rai_tune.recipe.schema import Recipe
    from rai_tune.training.base_model import BaseModel
    from rai_tune.training.checkpoints import CheckpointLog
    from rai_tune.training.postprocessing import PostProcessing

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
    mitigation: Applied | None = None


def set_up(recipe: Recipe, data: PreparedData, base: BaseModel) -> Prepared:
    """Load base and tokenizer, attach the adapter, tokenise every split. Same seed, same initial weights."""
    from transformers import set_seed

    hardware = choose_hardware(recipe.training)
    tokenizer = load_tokenizer(str(base.path))
    set_seed(recipe.seed % 2**31)
    loaded = load_task(recipe.task).load_base(str(base.path), data.classes, recipe.model.layers)
    model = apply_adapter(loaded, recipe.model.adapter)
    limit = token_limit(tokenizer, model, recipe.model.max_tokens)
    mitigation = apply_mitigation(recipe, data)
    texts = {name: _rows(data, name)["text"].tolist() for name in SPLITS}
    if mitigation:
        texts["train"] = mitigation.rows.frame["text"].tolist()
    tokens = {name: tokenize(tokenizer, texts[name], limit) for name in SPLITS}
    return Prepared(model, tokenizer, tokens, limit, hardware, mitigation)


def fit(
    recipe: Recipe,
    data: PreparedData,
    base: BaseModel,
    *,
    folder: Path,
    checkpoints: CheckpointLog,
    recorder: Recorder,
    resume: bool,
    on_evaluate: Callable[[NDArray[np.float64]], Mapping[str, float]] | None = None,
) -> Fitted:
    """Train, choose the threshold on validation rows, and save. Raises ``DivergedError`` on a non-finite loss.

    ``on_evaluate`` turns class probabilities of the validation rows, of shape (rows, classes), into further measures of an evaluation.
    """
    given, data = data, learned_from(recipe, data)
    ready = set_up(recipe, data, base)
    result = (
        _fitted_head(recipe, ready, recorder)
        or _few_shot(recipe, given, data, base, ready, recorder, folder)
        or train(
            TrainRequest(
                model=ready.model,
                tokenizer=ready.tokenizer,
                train=_learned_from(data, ready),
                validation=_validation(data, ready),
                classes=data.classes,
                positive=data.positive,
                spec=recipe.training,
                hardware=ready.hardware,
                seed=recipe.seed,
                folder=folder / "checkpoints",
                checkpoints=checkpoints,
                recorder=recorder,
                resume=resume,
                mitigation=ready.mitigation,
                on_evaluate=on_evaluate,
            )
        )
    )
    scores = _validation_scores(recipe, data, ready, result)
    threshold = _threshold(recipe, data, scores)
    post = _post(ready, scores, threshold)
    facts = _decision_facts(recipe, data, threshold, ready.limit)
    if result.head is not None:
        facts = replace(facts, head=result.head, adapter=False)
    manifest = save_model(result.model, ready.tokenizer, facts, base, folder / "model", post)
    return Fitted(
        manifest=manifest,
        digest=manifest_digest(manifest),
        facts=_training_facts(ready, result, threshold, base, manifest, post),
        environment=describe_environment(ready.hardware),
    )


def _fitted_head(recipe: Recipe, ready: Prepared, recorder: Recorder) -> TrainResult | None:
    """A head fitted in place of the Trainer, None where no method of the mitigation does so."""
    if ready.mitigation is None or not ready.mitigation.fits_head:
        return None
    from rai_tune.training.head_fitting import fit_mitigated_head

    return fit_mitigated_head(
        ready.model,
        ready.mitigation,
        ready.tokens,
        pad_id=ready.tokenizer.pad_token_id,
        spec=recipe.training,
        hardware=ready.hardware,
        recorder=recorder,
    )


def _few_shot(
    recipe: Recipe,
    given: PreparedData,
    data: PreparedData,
    base: BaseModel,
    ready: Prepared,
    recorder: Recorder,
    folder: Path,
) -> TrainResult | None:
    """A model learned from the shots in ``data``, None where the recipe asks for none."""
    if recipe.training.few_shot is None:
        return None
    from rai_tune.training.few_shot.learning import fit_few_shot

    return fit_few_shot(recipe, given, data, base, ready, recorder, folder / "checkpoints")


def _rows(data: PreparedData, split: str) -> Any:
    return data.rows[data.rows["split"] == split]


def examples_of(rows: Any, ids: list[list[int]], classes: tuple[str, ...]) -> Examples:
    """Token ids with the class index and, where there is one, the weight of each row."""
    index = {name: place for place, name in enumerate(classes)}
    weights = rows["weight"].astype(float).tolist() if "weight" in rows else None
    return Examples(ids, [index[label] for label in rows["label"]], weights)


def _validation(data: PreparedData, ready: Prepared) -> Examples:
    examples = examples_of(_rows(data, "validation"), ready.tokens["validation"].ids, data.classes)
    return replace(examples, groups=ready.mitigation.validation.groups.tolist()) if ready.mitigation else examples


def _learned_from(data: PreparedData, ready: Prepared) -> Examples:
    """The training rows as the mitigation left them: rows added, weights multiplied, groups and counterfactuals beside them."""
    ids, mitigation = ready.tokens["train"].ids, ready.mitigation
    if mitigation is None:
        return examples_of(_rows(data, "train"), ids, data.classes)
    examples = examples_of(mitigation.rows.frame, ids, data.classes)
    weights = examples.weights
    if mitigation.weights is not None:
        own = np.ones(len(examples)) if weights is None else np.asarray(weights)
        weights = (own * mitigation.weights).tolist()
    return replace(examples, weights=weights, groups=mitigation.rows.groups.tolist(), pairs=_pairs(ready, mitigation))


def _pairs(ready: Prepared, mitigation: Applied) -> list[tuple[list[int], ...]] | None:
    if mitigation.pairs is None:
        return None
    ids = iter(tokenize(ready.tokenizer, [text for texts in mitigation.pairs for text in texts], ready.limit).ids)
    return [tuple(next(ids) for _text in texts) for texts in mitigation.pairs]


def _validation_scores(
    recipe: Recipe, data: PreparedData, ready: Prepared, result: TrainResult
) -> NDArray[np.float64] | None:
    """Scores of the positive class on validation rows, None where no threshold can be set."""
    if len(data.classes) != 2 or data.positive is None:
        return None
    logits = predict_logits(
        result.model,
        ready.tokens["validation"].ids,
        pad_id=ready.tokenizer.pad_token_id,
        batch_size=recipe.training.eval_batch_size,
        device=ready.hardware.device,
    )
    scores: NDArray[np.float64] = load_task(recipe.task).probabilities(logits)[:, data.classes.index(data.positive)]
    return scores


def _threshold(recipe: Recipe, data: PreparedData, scores: NDArray[np.float64] | None) -> Threshold | None:
    if scores is None:
        return None
    rows = _rows(data, "validation")
    weights = rows["weight"].to_numpy(dtype=float) if "weight" in rows else None
    return choose_threshold(recipe.decision, scores, np.asarray(rows["label"] == data.positive), weights)


def _post(ready: Prepared, scores: NDArray[np.float64] | None, threshold: Threshold | None) -> PostProcessing | None:
    """How scores become decisions by group; the recipe's own threshold decides for people whose group is not known."""
    if ready.mitigation is None or scores is None or threshold is None:
        return None
    post = ready.mitigation.post(scores)
    return replace(post, default=threshold.value) if post else None


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
        layers=recipe.model.layers,
    )


def _training_facts(
    ready: Prepared,
    result: TrainResult,
    threshold: Threshold | None,
    base: BaseModel,
    manifest: dict[str, str],
    post: PostProcessing | None,
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
            "trained": _trained(result),
        },
        "threshold": asdict(threshold) if threshold else None,
        "max_tokens": ready.limit,
        "tokens": {name: tokens.total for name, tokens in ready.tokens.items()},
        "truncated": {name: tokens.truncated for name, tokens in ready.tokens.items()},
        "history": list(result.history),
        **({"head": result.head} if result.head else {}),
        **_few_shot_facts(result),
        **_mitigation_facts(ready, post),
    }


def _trained(result: TrainResult) -> int:
    if result.few_shot is not None:
        return int(result.few_shot["trained_parameters"])  # an adapter is merged by now, and its own weights are gone
    return sum(weight.numel() for weight in result.model.parameters() if weight.requires_grad)


def _few_shot_facts(result: TrainResult) -> dict[str, Any]:
    return {} if result.few_shot is None else {"few_shot": result.few_shot}


def _mitigation_facts(ready: Prepared, post: PostProcessing | None) -> dict[str, Any]:
    """What each method says of itself, where there is one: a run without mitigation records what it always did."""
    if ready.mitigation is None:
        return {}
    cards = [asdict(method.card) for method in ready.mitigation.methods]
    return {
        "mitigation": {
            "methods": cards,
            "facts": ready.mitigation.facts(),
            "rows_learned_from": len(ready.mitigation.rows.frame),
            "postprocessing": post.to_json() if post else None,
        }
    }
