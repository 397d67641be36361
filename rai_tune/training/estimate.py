"""What a run would take, from a few real steps: the numbers behind ``raitune run --dry-run``."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.training.few_shot import learned_from
from rai_tune.training.fit import SPLITS, set_up
from rai_tune.training.mitigation.composing import acts_on_decisions_only, mitigation_notes

if TYPE_CHECKING:
    from rai_tune.data import PreparedData
    from rai_tune.recipe.schema import Recipe
    from rai_tune.training.base_model import BaseModel
    from rai_tune.training.fit import Prepared
    from rai_tune.training.mitigation.composing import Applied
    from rai_tune.training.tokens import Tokens

_TIMED_STEPS = 3


def estimate(recipe: Recipe, data: PreparedData, base: BaseModel) -> dict[str, Any]:
    """Count rows and tokens, time ``_TIMED_STEPS`` forward and backward passes, and scale by tokens. Trains nothing."""
    data = learned_from(recipe, data)
    ready = set_up(recipe, data, base)
    spec, passes = recipe.training, _passes(recipe, ready.mitigation)
    train = ready.tokens["train"]
    seconds_per_token = _time_steps(ready, train, spec.batch_size)
    batches = math.ceil(len(train.ids) / spec.batch_size)
    weights = list(ready.model.parameters())
    return {
        "schema": "rai-tune/dry-run/v1",
        "splits": {
            name: {
                "rows": len(ready.tokens[name].ids),
                "tokens": ready.tokens[name].total,
                "truncated": ready.tokens[name].truncated,
            }
            for name in SPLITS
        },
        "steps": math.ceil(batches / spec.accumulate) * passes.epochs * passes.models,
        "batch_size": spec.batch_size,
        "device": ready.hardware.device,
        "precision": ready.hardware.precision,
        "parameters": sum(weight.numel() for weight in weights),
        "trained_parameters": sum(weight.numel() for weight in weights if weight.requires_grad),
        "training_s": seconds_per_token * passes.tokens(train.total, ready.tokens["validation"].total),
        "twin_s": seconds_per_token * _twin_tokens(recipe, data, ready),
        "timed_steps": _TIMED_STEPS,
        **_memory(ready),
        "notes": [*data.notes, *_few_shot_notes(recipe), *mitigation_notes(recipe.mitigation)],
    }


@dataclass(frozen=True)
class _Passes:
    """How often training reads its rows, and the validation rows, and how many models it makes."""

    epochs: int
    evaluations: int
    models: int = 1

    def tokens(self, train: int, validation: int) -> float:
        """Tokens to train on, those that are only read counted as a third: what a forward pass costs of forward and backward."""
        return (train * self.epochs + validation * self.evaluations / 3) * self.models


def _passes(recipe: Recipe, mitigation: Applied | None) -> _Passes:
    spec, few = recipe.training, recipe.training.few_shot
    if mitigation is not None and mitigation.fits_head:
        return _Passes(0, 1)
    if few is not None:
        return _Passes(0 if recipe.model.adapter.method == "frozen" else few.epochs, 1, few.repeats)
    return _Passes(spec.epochs, spec.epochs)


def _twin_tokens(recipe: Recipe, data: PreparedData, ready: Prepared) -> float:
    """The same for the plain twin that a run with mitigation also trains: without the rows that a method adds."""
    if recipe.mitigation is None or acts_on_decisions_only(recipe.mitigation):
        return 0.0
    train, rows = ready.tokens["train"], int((data.rows["split"] == "train").sum())
    plain = round(train.total * rows / max(len(train.ids), 1))
    return _passes(recipe, None).tokens(plain, ready.tokens["validation"].total)


def _few_shot_notes(recipe: Recipe) -> list[str]:
    few = recipe.training.few_shot
    if few is None:
        return []
    models = "one model" if few.repeats == 1 else f"{few.repeats} models, of {few.repeats} draws; the first is kept"
    return [f"few-shot: {few.shots} training rows of each class are learned from and the others are not read; {models}"]


def _memory(ready: Prepared) -> dict[str, int]:
    """Bytes that training should take and that this machine has left for it, looked at right after the timed steps.

    What is in use then holds weights, gradients and activations. AdamW adds two numbers of 4 bytes for each trained weight. In a
    process that does more than this, such as the review app, the number is that much too large.
    """
    import psutil
    import torch

    moments = 8 * sum(weight.numel() for weight in ready.model.parameters() if weight.requires_grad)
    if ready.hardware.device == "cuda":
        return {
            "memory_bytes": int(torch.cuda.max_memory_allocated()) + moments,
            "memory_free_bytes": int(torch.cuda.mem_get_info()[0]) + int(torch.cuda.memory_allocated()),
        }
    mine = psutil.Process().memory_info().rss
    return {"memory_bytes": mine + moments, "memory_free_bytes": psutil.virtual_memory().available + mine}


def _time_steps(ready: Prepared, train: Tokens, batch_size: int) -> float:
    """Seconds for each real token of a forward and backward pass, the first pass left out as warm-up."""
    import torch
    from transformers import DataCollatorWithPadding

    collate = DataCollatorWithPadding(ready.tokenizer)
    order = sorted(range(len(train.ids)), key=lambda place: len(train.ids[place]))
    middle = order[max(0, len(order) // 2 - batch_size // 2) :][:batch_size]
    rows = [train.ids[place] for place in middle]
    padded = collate([{"input_ids": row} for row in rows])
    batch = {name: values.to(ready.hardware.device) for name, values in padded.items()}
    model = ready.model.to(ready.hardware.device).train()
    seconds: list[float] = []
    for _ in range(_TIMED_STEPS + 1):
        started = time.perf_counter()
        model(**batch).logits.float().square().mean().backward()
        if ready.hardware.device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
        model.zero_grad()
    return sorted(seconds[1:])[_TIMED_STEPS // 2] / max(sum(len(row) for row in rows), 1)
