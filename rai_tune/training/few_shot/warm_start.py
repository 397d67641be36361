"""The contrastive warm start: rows of one class are pulled together and rows of different classes apart, before any head is fitted.

SetFit (Tunstall et al. 2022, "Efficient Few-Shot Learning Without Prompts") draws pairs of rows and learns their cosine similarity. Here every
pair of rows in a batch is compared at once by the supervised contrastive loss (Khosla et al. 2020, "Supervised Contrastive Learning"): each row is
encoded once a pass instead of once a pair. See docs/adr/0019-few-shot.md for why and what was measured.

Imports torch and transformers at the top; reached only from inside functions.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import normalize
from torch.utils.data import Sampler
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from rai_tune.core import DivergedError
from rai_tune.training.hf import WeightedCollator
from rai_tune.training.trainer import Examples, check_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rai_tune.recipe.schema import TrainingSpec
    from rai_tune.training.hardware import Hardware

TEMPERATURE = 0.1
"""Divides cosine similarities in the loss; the value of Khosla et al."""

FULL_RATE, ADAPTER_RATE = 1e-4, 1e-3
"""Peak learning rates by default: of the whole encoder, and of an adapter, whose update starts from zero."""

_EPOCHS_APART = 1_000_003


@dataclass(frozen=True)
class Warmed:
    """How a warm start went."""

    steps: int
    first_loss: float
    last_loss: float
    duration_s: float
    cpu_s: float


def warm_start(
    encoder: Any,
    tokenizer: Any,
    rows: Examples,
    spec: TrainingSpec,
    hardware: Hardware,
    *,
    seed: int,
    folder: Path,
    adapter: bool,
    progress: Callable[[int, int], None],
    metrics: Callable[[int, float, float], None] = lambda _step, _epoch, _loss: None,
) -> Warmed:
    """Train the weights of ``encoder`` that may be trained, in place. The same seed and threads give the same weights.

    ``metrics`` is told step, epoch and loss. Raises ``DivergedError`` at the first loss that is not a finite number.
    """
    few = spec.few_shot
    assert few is not None
    trainer = _WarmTrainer(
        model=encoder,
        args=_arguments(spec, hardware, seed, folder, few.learning_rate or (ADAPTER_RATE if adapter else FULL_RATE)),
        train_dataset=rows,
        data_collator=WeightedCollator(tokenizer),
        processing_class=tokenizer,
        callbacks=[_Tell(progress)],
        order=ClassSampler(rows.labels, seed % 2**31),
        metrics=metrics,
    )
    trainer.remove_callback(PrinterCallback)
    started, cpu_started = time.perf_counter(), time.process_time()
    trainer.train()
    check_finite(encoder, "training.few_shot.learning_rate")
    return Warmed(
        steps=trainer.state.global_step,
        first_loss=trainer.losses[0],
        last_loss=trainer.losses[-1],
        duration_s=time.perf_counter() - started,
        cpu_s=time.process_time() - cpu_started,
    )


def contrastive_loss(embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, equation 2) of embeddings (rows, width) and class indices (rows,).

    For each row, the mean over the other rows of its class of minus the log share of that row among all others, by ``exp(cosine / TEMPERATURE)``; rows
    alone in their class are left out. 0 where no class has two rows.
    """
    unit = normalize(embeddings.float(), dim=-1)
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    similar = (unit @ unit.T / TEMPERATURE).masked_fill(itself, float("-inf"))
    shares = (similar - similar.logsumexp(dim=1, keepdim=True)).masked_fill(itself, 0.0)
    alike = (labels[:, None] == labels[None, :]) & ~itself
    counts = alike.sum(dim=1)
    if not bool((counts > 0).any()):
        return embeddings.sum() * 0.0
    each = -(shares * alike).sum(dim=1)[counts > 0] / counts[counts > 0]
    return each.mean()


class ClassSampler(Sampler[int]):
    """Indices of rows by turns of the classes, two of a class at a time, so that every batch holds like and unlike rows. A function of (seed, epoch)."""

    def __init__(self, labels: Sequence[int], seed: int) -> None:
        self._labels = list(labels)
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next; the Trainer calls this as each epoch begins."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._labels)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed * _EPOCHS_APART + self._epoch)
        of_class: dict[int, list[int]] = {}
        for place in torch.randperm(len(self._labels), generator=generator).tolist():
            of_class.setdefault(self._labels[place], []).append(place)
        longest = max(map(len, of_class.values()), default=0)
        for start in range(0, longest, 2):
            for rows in of_class.values():
                yield from rows[start : start + 2]


class _WarmTrainer(Trainer):
    def __init__(
        self, *args: Any, order: ClassSampler, metrics: Callable[[int, float, float], None], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._order = order
        self._metrics = metrics
        self.losses: list[float] = []
        self.model_accepts_loss_kwargs = False

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        del return_outputs, num_items_in_batch
        mask = inputs["attention_mask"]
        hidden = model(input_ids=inputs["input_ids"], attention_mask=mask).last_hidden_state.float()
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        loss = contrastive_loss((hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0), inputs["labels"])
        step, value = self.state.global_step + 1, float(loss.detach())
        if not bool(torch.isfinite(loss)):
            raise DivergedError(
                f"the warm start diverged: the loss became {value} at step {step}; lower training.few_shot.learning_rate"
            )
        self.losses.append(value)
        self._metrics(step, float(self.state.epoch or 0.0), value)
        return loss

    def _get_train_sampler(self, train_dataset: Any = None) -> ClassSampler:
        del train_dataset
        return self._order


class _Tell(TrainerCallback):
    def __init__(self, progress: Callable[[int, int], None]) -> None:
        self._progress = progress

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del args, control
        self._progress(state.global_step, state.max_steps)


def _arguments(spec: TrainingSpec, hardware: Hardware, seed: int, folder: Path, rate: float) -> TrainingArguments:
    assert spec.few_shot is not None
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=spec.few_shot.epochs,
        per_device_train_batch_size=spec.batch_size,
        learning_rate=rate,
        lr_scheduler_type="constant_with_warmup" if spec.schedule == "constant" else spec.schedule,
        warmup_steps=spec.warmup,
        weight_decay=spec.weight_decay,
        max_grad_norm=spec.max_grad_norm,
        use_cpu=hardware.device == "cpu",
        bf16=hardware.precision == "bf16",
        seed=seed % 2**31,
        data_seed=seed % 2**31,
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        report_to="none",
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=hardware.device == "cuda",
    )
