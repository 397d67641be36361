"""One training run: HF Trainer and PEFT with a non-finite guard, recorded checkpoints and exact resume.

Stable API: ``TrainRequest``, ``train`` and ``TrainResult``.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from rai_tune.core import DivergedError
from rai_tune.training.checkpoints import load_state, newest_sound, spent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from rai_tune.recipe.schema import TrainingSpec
    from rai_tune.training.checkpoints import CheckpointLog
    from rai_tune.training.hardware import Hardware
    from rai_tune.training.mitigation.composing import Applied


class Recorder(Protocol):
    """Where training writes what happened while it happens."""

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None: ...

    def progress(self, what: str, done: int, total: int) -> None: ...


@dataclass(frozen=True)
class Examples:
    """Token ids, class indices, row weights, group indices and the token ids of counterfactuals, in step."""

    ids: list[list[int]]
    labels: list[int]
    weights: list[float] | None = None
    groups: list[int] | None = None
    pairs: list[tuple[list[int], ...]] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row: dict[str, Any] = {"input_ids": self.ids[index], "labels": self.labels[index]}
        if self.weights is not None:
            row["weight"] = self.weights[index]
        if self.groups is not None:
            row["group"] = self.groups[index]
        if self.pairs is not None:
            row["pairs"] = self.pairs[index]
        return row


@dataclass(frozen=True)
class TrainRequest:
    """Everything one training run needs."""

    model: Any
    tokenizer: Any
    train: Examples
    validation: Examples
    classes: tuple[str, ...]
    positive: str | None
    spec: TrainingSpec
    hardware: Hardware
    seed: int
    folder: Path
    checkpoints: CheckpointLog
    recorder: Recorder
    resume: bool = False
    mitigation: Applied | None = None
    on_evaluate: Callable[[NDArray[np.float64]], Mapping[str, float]] | None = None
    spent_s: float = 0.0
    """CPU seconds that processes before this one put into the checkpoint that training goes on from."""


@dataclass(frozen=True)
class TrainResult:
    """How training went. ``model`` holds the best checkpoint's weights."""

    model: Any
    epochs_done: float
    steps: int
    best_step: int | None
    best_metric: float | None
    stopped_early: bool
    resumed_from: int | None
    duration_s: float
    cpu_s: float
    """CPU seconds of the whole training; ``duration_s`` is of this process alone."""
    real_tokens: int
    history: tuple[dict[str, float], ...] = field(default=())
    head: str | None = None
    """Kind of a head that was fitted on embeddings (see ``rai_tune.tasks.pooled``); None for one that the Trainer trained."""
    few_shot: dict[str, Any] | None = None
    """What few-shot learning records: rows, warm start, and the quality of each draw; None for a model that learned from all training rows."""

    @property
    def tokens_per_second(self) -> float:
        return self.real_tokens / self.duration_s if self.duration_s > 0 else 0.0


def train(request: TrainRequest) -> TrainResult:
    """Train, keep the best checkpoint, and return it. Raises ``DivergedError`` at the first non-finite loss."""
    from rai_tune.training.hf import build_trainer

    recorded = request.checkpoints.recorded()
    checkpoint = newest_sound(request.folder, recorded) if request.resume else None
    if checkpoint and request.mitigation:
        load_state(request.mitigation, checkpoint)
    spent_s = spent(checkpoint) if checkpoint else 0.0
    trainer = build_trainer(replace(request, spent_s=spent_s))
    started, cpu_started = time.perf_counter(), time.process_time()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    duration, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    check_finite(trainer.model)
    state = trainer.state
    resumed_from = int(checkpoint.name.rsplit("-", 1)[1]) if checkpoint else None
    return TrainResult(
        model=trainer.model,
        epochs_done=float(state.epoch or 0.0),
        steps=state.global_step,
        best_step=state.best_global_step,
        best_metric=state.best_metric,
        stopped_early=state.global_step < state.max_steps,
        resumed_from=resumed_from,
        duration_s=duration,
        cpu_s=spent_s + cpu,
        real_tokens=_tokens_seen(request, state.global_step - (resumed_from or 0), state.max_steps),
        history=tuple(_numbers(entry) for entry in state.log_history),
    )


def check_finite(model: Any, rate: str = "training.learning_rate") -> None:
    """Raise ``DivergedError`` when a trained weight is not a finite number; ``rate`` is the field of the recipe that may be too high."""
    import torch

    for name, weight in model.named_parameters():
        if weight.requires_grad and not bool(torch.isfinite(weight).all()):
            raise DivergedError(f"training diverged: weight {name} is not finite; lower {rate}")


def _tokens_seen(request: TrainRequest, steps: int, max_steps: int) -> int:
    per_epoch = sum(len(row) for row in request.train.ids)
    return round(per_epoch * request.spec.epochs * steps / max(max_steps, 1))


def _numbers(entry: Mapping[str, Any]) -> dict[str, float]:
    return {
        key: float(value) for key, value in entry.items() if isinstance(value, (int, float)) and math.isfinite(value)
    }
