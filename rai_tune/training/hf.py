"""The HF Trainer as this project uses it: weighted loss, guard callbacks, validation measures.

Imports torch and transformers at the top; only ``rai_tune.training.trainer`` imports this module, inside a function.
"""

from __future__ import annotations

import math
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from torch.nn.functional import cross_entropy
from transformers import (
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from rai_tune.core import DivergedError
from rai_tune.tasks.text_classification import TASK
from rai_tune.training.checkpoints import PREFIX, file_manifest, flush_to_disk, save_spent, save_state
from rai_tune.training.mitigation.base import UNKNOWN_GROUP, LossBatch
from rai_tune.training.sampler import EpochSampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers.trainer_utils import PredictionOutput

    from rai_tune.training.mitigation.composing import Applied
    from rai_tune.training.trainer import TrainRequest

_BESIDE = frozenset({"labels", "weight", "group", "pair_of"})
"""What a batch carries beside the model's own inputs."""

_LARGER_IS_BETTER = {"roc_auc": True, "macro_f1": True, "accuracy": True, "loss": False}


def build_trainer(request: TrainRequest) -> AuditedTrainer:
    """Assemble the Trainer for one request."""
    callbacks: list[TrainerCallback] = [_Record(request), _RecordCheckpoint(request)]
    stopping = request.spec.early_stopping
    if stopping.patience:
        callbacks.append(EarlyStoppingCallback(stopping.patience, stopping.min_delta))
    trainer = AuditedTrainer(
        model=request.model,
        args=training_arguments(request),
        train_dataset=request.train,
        eval_dataset=request.validation,
        data_collator=WeightedCollator(request.tokenizer),
        processing_class=request.tokenizer,
        compute_metrics=_validation_measures(request),
        callbacks=callbacks,
        class_weights=class_weights(request),
        mitigation=request.mitigation,
        sampler=EpochSampler(
            [len(row) for row in request.train.ids],
            request.spec.batch_size * request.spec.accumulate,
            request.seed % 2**31,
            group_by_length=request.spec.group_by_length,
            chances=_chances(request),
        ),
    )
    # Its bare printing of log lines would mix with our progress display and with --json.
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    return trainer


def _chances(request: TrainRequest) -> list[float] | None:
    found = request.mitigation.sampling if request.mitigation else None
    return None if found is None else found.tolist()


def training_arguments(request: TrainRequest) -> TrainingArguments:
    """Translate the recipe into TrainingArguments."""
    spec = request.spec
    decay = request.mitigation.weight_decay if request.mitigation else None
    every: dict[str, Any] = {"eval_strategy": "epoch", "save_strategy": "epoch"}
    if isinstance(spec.checkpoint_every, int):
        steps = spec.checkpoint_every
        every = {"eval_strategy": "steps", "eval_steps": steps, "save_strategy": "steps", "save_steps": steps}
    return TrainingArguments(
        output_dir=str(request.folder),
        num_train_epochs=spec.epochs,
        per_device_train_batch_size=spec.batch_size,
        per_device_eval_batch_size=spec.eval_batch_size,
        gradient_accumulation_steps=spec.accumulate,
        learning_rate=spec.learning_rate,
        lr_scheduler_type="constant_with_warmup" if spec.schedule == "constant" else spec.schedule,
        warmup_steps=spec.warmup,
        weight_decay=spec.weight_decay if decay is None else decay,
        max_grad_norm=spec.max_grad_norm,
        use_cpu=request.hardware.device == "cpu",
        bf16=request.hardware.precision == "bf16",
        seed=request.seed % 2**31,
        data_seed=request.seed % 2**31,
        load_best_model_at_end=True,
        metric_for_best_model=f"eval_{spec.select_best_by}",
        greater_is_better=_LARGER_IS_BETTER[spec.select_best_by],
        save_total_limit=2,
        # The filter would hide a non-finite loss behind the mean of the finite ones.
        logging_nan_inf_filter=False,
        logging_steps=10,
        disable_tqdm=True,
        report_to="none",
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=request.hardware.device == "cuda",
        **every,
    )


def class_weights(request: TrainRequest) -> torch.Tensor | None:
    """Weight of each class in the loss, in class order, or None."""
    spec = request.spec.class_weights
    if spec == "none":
        return None
    if spec == "balanced":
        counts = np.bincount(request.train.labels, minlength=len(request.classes)).astype(float)
        chances = _chances(request)
        if chances is not None:
            # A mitigation that draws rare labels more often has balanced them already.
            drawn = np.bincount(request.train.labels, chances, minlength=len(request.classes))
            counts = drawn * len(request.train) / drawn.sum()
        counts = counts.clip(min=1)
        return torch.tensor(len(request.train) / (len(request.classes) * counts), dtype=torch.float32)
    return torch.tensor([spec.get(name, 1.0) for name in request.classes], dtype=torch.float32)


class WeightedCollator:
    """Pads a batch to its longest row and keeps row weights and groups beside it.

    Counterfactuals of the rows, where there are any, follow the rows in the same batch; ``pair_of`` says whose they are.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._pad = DataCollatorWithPadding(tokenizer)

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        pairs = [(place, ids) for place, row in enumerate(rows) for ids in row.get("pairs", ())]
        texts = [*(row["input_ids"] for row in rows), *(ids for _place, ids in pairs)]
        batch = {**self._pad([{"input_ids": ids} for ids in texts])}
        batch["labels"] = torch.tensor([row["labels"] for row in rows])
        if "pairs" in rows[0]:
            batch["pair_of"] = torch.tensor([place for place, _ids in pairs], dtype=torch.long)
        if "group" in rows[0]:
            batch["group"] = torch.tensor([row["group"] for row in rows], dtype=torch.long)
        if "weight" in rows[0]:
            batch["weight"] = torch.tensor([row["weight"] for row in rows], dtype=torch.float32)
        return batch


class AuditedTrainer(Trainer):
    """Trainer with weighted cross-entropy that stops at the first loss that is not a finite number."""

    def __init__(
        self,
        *args: Any,
        sampler: EpochSampler,
        class_weights: torch.Tensor | None,
        mitigation: Applied | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._mitigation = mitigation
        self._class_weights = class_weights
        self._sampler = sampler
        # The loss below is a mean per batch, so the Trainer has to scale it when batches are accumulated.
        self.model_accepts_loss_kwargs = False

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        del num_items_in_batch
        features = {key: value for key, value in inputs.items() if key not in _BESIDE}
        outputs = model(**features)
        loss = self._loss(outputs.logits, inputs, training=model.training)
        if model.training and not bool(torch.isfinite(loss)):
            raise DivergedError(
                f"training diverged: the loss became {loss.detach().item()} at step {self.state.global_step + 1}; "
                "lower training.learning_rate or look for broken rows"
            )
        outputs["loss"] = loss
        return (loss, outputs) if return_outputs else loss

    def _loss(self, logits: torch.Tensor, inputs: dict[str, Any], *, training: bool) -> torch.Tensor:
        labels, rows = inputs["labels"], inputs.get("weight")
        count = len(labels)
        losses, weights = row_losses(logits[:count], labels, rows, self._class_weights)
        plain = losses.mean() if rows is None and self._class_weights is None else mean_loss(losses, weights)
        if self._mitigation is None:
            return plain
        batch = LossBatch(
            logits=logits[:count],
            labels=labels,
            losses=losses,
            weights=weights,
            groups=inputs.get("group", torch.full_like(labels, UNKNOWN_GROUP)),
            pair_logits=logits[count:] if "pair_of" in inputs else None,
            pair_of=inputs.get("pair_of"),
            training=training,
            row_weights=rows,
        )
        return self._mitigation.loss(batch, plain)

    def _get_train_sampler(self, train_dataset: Any = None) -> EpochSampler:
        del train_dataset
        return self._sampler

    def prediction_step(
        self, model: Any, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: Any = None
    ) -> Any:
        del ignore_keys
        batch = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            loss, outputs = self.compute_loss(model, batch, return_outputs=True)
        logits = None if prediction_loss_only else outputs.logits.float().detach()
        return loss.mean().detach(), logits, batch["labels"]


def row_losses(
    logits: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor | None, classes: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy of each row, and row weight times class weight. Shapes: (rows, classes), (rows,), (rows,), (classes,)."""
    losses = cross_entropy(logits.float(), labels, reduction="none")
    weights = torch.ones_like(losses) if rows is None else rows.to(losses)
    return losses, weights if classes is None else weights * classes.to(losses)[labels]


def mean_loss(losses: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted mean of losses, both of shape (rows,)."""
    return (losses * weights).sum() / weights.sum()


def _validation_measures(request: TrainRequest) -> Callable[[Any], dict[str, float]]:
    def measure(output: PredictionOutput) -> dict[str, float]:
        logits, labels = np.asarray(output.predictions), np.asarray(output.label_ids)
        if not np.isfinite(logits).all():
            raise DivergedError("training diverged: the model's scores on validation rows are not finite numbers")
        probabilities = TASK.probabilities(logits)
        decided = probabilities.argmax(axis=1)
        measures = {
            "accuracy": float(accuracy_score(labels, decided)),
            "macro_f1": float(f1_score(labels, decided, average="macro", zero_division=0.0)),
        }
        further = request.on_evaluate(probabilities) if request.on_evaluate else {}
        return {**measures, **_roc_auc(probabilities, labels, request), **further}

    return measure


def _roc_auc(probabilities: Any, labels: Any, request: TrainRequest) -> dict[str, float]:
    present = np.unique(labels)
    if len(present) < 2:
        # Without both classes there is no ranking to score; the neutral value keeps checkpoint choice defined.
        return {"roc_auc": 0.5}
    if len(request.classes) == 2:
        place = request.classes.index(request.positive) if request.positive else 1
        return {"roc_auc": float(roc_auc_score(labels == place, probabilities[:, place]))}
    each = [roc_auc_score(labels == place, probabilities[:, place]) for place in present]
    return {"roc_auc": float(np.mean(each))}


class _Record(TrainerCallback):
    """Writes metrics and progress as they come, and stops on a validation loss that is not finite."""

    def __init__(self, request: TrainRequest) -> None:
        self._recorder = request.recorder

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del args, control
        self._recorder.progress("training", state.global_step, state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        del args, control
        values = {key: float(value) for key, value in (logs or {}).items() if isinstance(value, (int, float))}
        self._recorder.metrics(state.global_step, float(state.epoch or 0.0), values)
        loss = values.get("eval_loss", 0.0)
        if not math.isfinite(loss):
            raise DivergedError(f"training diverged: the validation loss became {loss} at step {state.global_step}")


class _RecordCheckpoint(TrainerCallback):
    """Hashes a finished checkpoint and records the list; until then it does not count."""

    def __init__(self, request: TrainRequest) -> None:
        self._folder = request.folder
        self._log = request.checkpoints
        self._mitigation = request.mitigation
        self._spent_s = request.spent_s
        self._started = time.process_time()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del args, state, control
        self._started = time.process_time()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del args, control
        folder = Path(self._folder) / f"{PREFIX}{state.global_step}"
        if self._mitigation:
            save_state(self._mitigation, folder)
        save_spent(self._spent_s + time.process_time() - self._started, folder)
        flush_to_disk(folder)
        self._log.add(state.global_step, file_manifest(folder))


# A CPU run has no memory to pin; torch says so on every loader.
warnings.filterwarnings("ignore", message=".*pin_memory.*", category=UserWarning)
