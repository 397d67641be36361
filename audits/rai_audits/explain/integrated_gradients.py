"""Integrated gradients on the word embedding layer, with as many steps as completeness asks for.

Attributions of the tokens of a text sum to the change of the explained number between the baseline and the text
(completeness; Sundararajan, Taly and Yan 2017). The integral is Captum's Gauss-Legendre rule: it begins with few points
and doubles for each text by itself, until the sum is close enough or the limit is reached; the text then counts as
failed. A text whose output does not change has nothing to divide: it is undefined, not passed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rai_audits.core import UsageError
from rai_audits.explain.baseline import baseline_ids, padding_id
from rai_audits.explain.budget import CPU_TOKENS, DEVICE_TOKENS, TokenBudget
from rai_audits.explain.embedding import frozen, input_embedding, substituted
from rai_audits.explain.target import Target, class_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch

    from rai_audits.explain.encoding import EncodedText
    from rai_audits.explain.model import TextModel

MAX_STEPS = 256
ABSOLUTE_TOLERANCE = 0.01
_FLOAT_NOISE = 1e-6

Status = Literal["ok", "failed", "undefined"]


@dataclass(frozen=True)
class Settings:
    """How exact and how large.

    ``steps`` is the first number of path points; it doubles up to ``max_steps``. A text is ``ok`` when its completeness
    error is at most ``tolerance`` times the output change, or 0.01 logit where that is larger. ``tokens_per_pass``
    bounds memory; None takes 2,048 on a CPU and 32,768 elsewhere.
    """

    steps: int = 32
    tolerance: float = 0.01
    max_steps: int = MAX_STEPS
    tokens_per_pass: int | None = None

    def __post_init__(self) -> None:
        if self.steps < 2:
            raise UsageError(f"steps must be at least 2, got {self.steps}")
        if not 0.0 < self.tolerance <= 1.0:
            raise UsageError(f"tolerance must be above 0 and at most 1, got {self.tolerance}")
        if self.tokens_per_pass is not None and self.tokens_per_pass < 1:
            raise UsageError(f"tokens_per_pass must be at least 1, got {self.tokens_per_pass}")

    def ladder(self) -> tuple[int, ...]:
        """Numbers of steps to try, in order: 32, 64, 128, 256 by default."""
        rungs = [self.steps]
        while rungs[-1] * 2 <= self.max_steps:
            rungs.append(rungs[-1] * 2)
        return tuple(rungs)


@dataclass(frozen=True)
class TokenAttribution:
    """The result for one text; ``attributions`` has one number (in logits) per token, all 0 unless it was integrated.

    ``logits`` are the model's at the text. ``change`` is the explained number at the text minus at the baseline, and
    ``error`` the distance of the attributions' sum from it (absolute, in logits); all three are None, or empty, where
    the model could not be run or the error has no meaning. ``steps`` is 0 when nothing was integrated.
    """

    attributions: tuple[float, ...]
    status: Status
    reason: str
    target: Target | None = None
    logits: tuple[float, ...] = ()
    change: float | None = None
    error: float | None = None
    steps: int = 0

    @property
    def relative_error(self) -> float | None:
        """Completeness error as a share of the output change."""
        return None if self.error is None or not self.change else self.error / abs(self.change)


@dataclass(frozen=True)
class _Job:
    """One text on its way: where it stands in the request, and what its two end points gave."""

    place: int
    encoded: EncodedText
    target: Target | None
    logits: tuple[float, ...] = ()
    change: float = math.nan
    scale: float = 1.0


@dataclass(frozen=True)
class _Engine:
    """The parts of one model that every pass needs."""

    model: TextModel
    layer: torch.nn.Module
    pad: int
    budget: TokenBudget[_Job]
    settings: Settings
    captum: Any = field(repr=False)


def integrate(
    model: TextModel,
    texts: Sequence[EncodedText],
    targets: Sequence[Target | None],
    settings: Settings,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[TokenAttribution, ...]:
    """Token attributions of each text, in the given order. A target of None is the logit of the predicted class.

    A result does not depend on the other texts (relative 1e-4, at equal steps). Raises ``UsageError`` for a model
    whose word embedding cannot be found or is not used exactly once, and ``OutOfMemoryError`` when one row is too much.
    """
    import torch

    results: dict[int, TokenAttribution] = {}
    jobs = [_Job(place, text, target) for place, (text, target) in enumerate(zip(texts, targets, strict=True))]
    runnable = [job for job in jobs if len(job.encoded)]
    for job in jobs:
        if not len(job.encoded):
            results[job.place] = _undefined(job, "the text is empty: there is no token to attribute to")
    with frozen(model.model), torch.enable_grad():
        engine = _engine(model, settings)
        pending: list[_Job] = []
        for job in _measure_ends(engine, runnable):
            settled = _settled_by_ends(job)
            if settled:
                results[job.place] = settled
            else:
                pending.append(job)
        progress(len(results), len(texts))
        for steps in settings.ladder():
            repeat = []
            for job, outcome in _round(engine, pending, steps):
                if outcome.status == "failed" and steps != settings.ladder()[-1]:
                    repeat.append(job)
                    continue
                results[job.place] = outcome
                progress(len(results), len(texts))
            pending = repeat
    return tuple(results[place] for place in range(len(texts)))


def _engine(model: TextModel, settings: Settings) -> _Engine:
    from captum.attr import LayerIntegratedGradients

    layer = input_embedding(model.model)
    default = CPU_TOKENS if model.device == "cpu" else DEVICE_TOKENS
    budget: TokenBudget[_Job] = TokenBudget(settings.tokens_per_pass or default, lambda job: len(job.encoded))

    def explained(ids: torch.Tensor, mask: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return (_logits(model, ids, mask) * weights).sum(dim=-1)

    captum = LayerIntegratedGradients(explained, layer)
    return _Engine(model, layer, padding_id(model.tokenizer), budget, settings, captum)


def _logits(model: TextModel, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    logits: torch.Tensor = model.model(input_ids=ids, attention_mask=mask).logits
    if logits.ndim != 2 or logits.shape[1] != len(model.classes):
        raise UsageError(
            f"the model answers logits of shape {tuple(logits.shape)}, but {len(model.classes)} classes are named"
        )
    return logits


def _measure_ends(engine: _Engine, jobs: Sequence[_Job]) -> list[_Job]:
    """The jobs with their target, their logits and the change of the explained number."""
    return [measured for _, measured in engine.budget.run(jobs, 1, lambda batch: _ends(engine, batch))]


def _ends(engine: _Engine, batch: Sequence[_Job]) -> list[_Job]:
    import torch

    ids, mask, blank = _tensors(engine, batch)
    with torch.no_grad():
        at_text = _logits(engine.model, ids, mask).double().cpu().numpy()
        with substituted(engine.layer, engine.layer(blank)) as calls:
            at_baseline = _logits(engine.model, ids, mask).double().cpu().numpy()
    if calls.count != 1:
        raise UsageError(
            f"{type(engine.model.model).__name__} uses its word embedding {calls.count} times in one pass; "
            "attributions on it are defined for exactly one"
        )
    return [
        _with_ends(job, engine.model.classes, text, base)
        for job, text, base in zip(batch, at_text, at_baseline, strict=True)
    ]


def _with_ends(job: _Job, classes: Sequence[str], at_text: np.ndarray, at_baseline: np.ndarray) -> _Job:
    target = job.target or class_target(classes, classes[int(np.argmax(at_text))])
    weights = np.asarray(target.weights)
    start, end = float(at_baseline @ weights), float(at_text @ weights)
    return _Job(
        place=job.place,
        encoded=job.encoded,
        target=target,
        logits=tuple(at_text.tolist()),
        change=end - start,
        scale=max(1.0, abs(start), abs(end)),
    )


def _settled_by_ends(job: _Job) -> TokenAttribution | None:
    """The result of a text that has nothing to integrate, else None."""
    if not math.isfinite(job.change):
        return TokenAttribution(
            attributions=(0.0,) * len(job.encoded),
            status="failed",
            reason="the model's output is not a finite number",
            target=job.target,
        )
    if not job.encoded.content_tokens:
        return _undefined(job, "the text has no content tokens: it is its own baseline")
    if abs(job.change) <= _FLOAT_NOISE * job.scale:
        return _undefined(job, "the output does not change between baseline and text, so completeness is undefined")
    return None


def _round(engine: _Engine, jobs: Sequence[_Job], steps: int) -> Iterator[tuple[_Job, TokenAttribution]]:
    """Each job with its attribution at this number of steps, as batches finish."""

    def work(batch: Sequence[_Job]) -> list[np.ndarray]:
        return _path_integral(engine, batch, steps)

    for job, attributions in engine.budget.run(jobs, steps, work):
        yield job, _judge(job, attributions, steps, engine.settings.tolerance)


def _path_integral(engine: _Engine, batch: Sequence[_Job], steps: int) -> list[np.ndarray]:
    """Captum's integral for one batch: token attributions per text, padding removed."""
    import torch

    ids, mask, blank = _tensors(engine, batch)
    weights = torch.tensor([job.target.weights for job in batch if job.target], device=ids.device)
    values = engine.captum.attribute(
        ids,
        baselines=blank,
        additional_forward_args=(mask, weights),
        n_steps=steps,
        method="gausslegendre",
        internal_batch_size=engine.budget.rows_per_pass(batch),
    )
    totals = values.detach().double().sum(dim=-1).cpu().numpy()
    return [row[: len(job.encoded)] for row, job in zip(totals, batch, strict=True)]


def _tensors(engine: _Engine, batch: Sequence[_Job]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids, attention mask and baseline ids, each (texts, longest), padded on the right."""
    import torch

    width = max(len(job.encoded) for job in batch)

    def padded(rows: list[tuple[int, ...]], filler: int) -> torch.Tensor:
        table = [[*row, *[filler] * (width - len(row))] for row in rows]
        return torch.tensor(table, dtype=torch.long, device=engine.model.device)

    return (
        padded([job.encoded.ids for job in batch], engine.pad),
        padded([(1,) * len(job.encoded) for job in batch], 0),
        padded([baseline_ids(job.encoded, engine.pad) for job in batch], engine.pad),
    )


def _judge(job: _Job, attributions: np.ndarray, steps: int, tolerance: float) -> TokenAttribution:
    total = math.fsum(attributions.tolist())
    if not math.isfinite(total):
        return TokenAttribution(
            attributions=(0.0,) * len(job.encoded),
            status="failed",
            reason="a gradient of the model is not a finite number",
            target=job.target,
            logits=job.logits,
            change=job.change,
            steps=steps,
        )
    error = abs(total - job.change)
    allowed = max(tolerance * abs(job.change), ABSOLUTE_TOLERANCE)
    kept = error <= allowed
    return TokenAttribution(
        attributions=tuple(attributions.tolist()),
        status="ok" if kept else "failed",
        reason="" if kept else f"completeness error {error:.4f} above {allowed:.4f} logit at {steps} steps",
        target=job.target,
        logits=job.logits,
        change=job.change,
        error=error,
        steps=steps,
    )


def _undefined(job: _Job, reason: str) -> TokenAttribution:
    known = math.isfinite(job.change)
    return TokenAttribution(
        attributions=(0.0,) * len(job.encoded),
        status="undefined",
        reason=reason,
        target=job.target,
        logits=job.logits,
        change=job.change if known else None,
    )
