"""Integrated gradients: ours, Captum as in its tutorials, Captum at the fewest steps that do, and the bare passes. See attribution.py."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rai_audits.explain import TextModel
from rai_audits.explain.attributing import attribute_tokens
from rai_audits.explain.attribution import Settings
from rai_audits.explain.baseline import baseline_ids
from rai_audits.explain.embedding import frozen
from rai_audits.explain.encoding import encode_text
from rai_audits.explain.engine import PathRow, opened
from rai_audits.explain.jobs import allowed_error
from rai_audits.explain.target import contrast_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

TUTORIAL_STEPS = 50


def load(folder: Path) -> TextModel:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder)
    classes = tuple(model.config.id2label[place] for place in range(model.config.num_labels))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return TextModel(model.eval().to(device), AutoTokenizer.from_pretrained(folder), classes, 128, device)


@dataclass
class Timed:
    """Seconds of every repeat, and the last result."""

    run: Callable[[], Any]
    seconds: list[float] = field(default_factory=list)
    result: Any = None

    def once(self) -> None:
        start = time.perf_counter()
        self.result = self.run()
        self.seconds.append(time.perf_counter() - start)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def compare(folder: Path, texts: Sequence[str], repeats: int) -> None:
    model = load(folder)
    target = contrast_target(model.classes, model.classes[1])
    encoded = [encode_text(model, text) for text in texts]
    changes = _changes(model, encoded, target)
    fewest = {kind: _fewest_even_steps(model, encoded, target, changes, kind) for kind in ("the same tolerance", "1 %")}
    ours = Timed(lambda: attribute_tokens(model, encoded, [target] * len(encoded), Settings()))
    contestants = {
        "ours": ours,
        f"Captum, tutorial ({TUTORIAL_STEPS} steps, one text at a time)": Timed(
            lambda: _captum(model, encoded, target, TUTORIAL_STEPS)
        ),
        **{
            f"Captum, {steps} steps: 99 % of texts to {kind}": Timed(
                lambda steps=steps: _captum(model, encoded, target, steps)
            )
            for kind, steps in fewest.items()
        },
        "bare forward and backward of our rows": Timed(
            lambda: _bare(model, encoded, [r.evaluations for r in ours.result])
        ),
    }
    for _ in range(repeats):
        for contestant in contestants.values():
            contestant.once()
    _print(contestants, encoded, changes)


def _print(contestants: dict[str, Timed], encoded: Sequence[Any], changes: np.ndarray) -> None:
    ours = contestants["ours"]
    tokens = sum(map(len, encoded))
    steps = [result.steps for result in ours.result]
    spent = sum(result.evaluations for result in ours.result) / len(encoded)
    failed = sum(result.status != "ok" for result in ours.result)
    print(f"integrated gradients, {len(encoded)} texts, {tokens:,} tokens, {torch.get_num_threads()} threads")
    print(
        f"ours: {failed} texts outside the tolerance; {min(steps)} to {max(steps)} points, {spent:.1f} passes a text with repeats"
    )
    print(f"{'':58} {'seconds':>8} {'ratio':>6} {'median error':>13} {'99th':>7} {'within':>7}")
    for name, found in contestants.items():
        line = f"{name:58} {found.median:8.2f} {found.median / ours.median:6.2f}"
        if name.startswith("bare"):
            print(line, f"   ours / bare = {ours.median / found.median:.2f}")
            continue
        sums = [float(sum(r.attributions)) for r in found.result] if name == "ours" else found.result
        error = np.abs(np.asarray(sums) - changes)
        within = np.mean([e <= allowed_error(c, 0.01) * 1.001 for e, c in zip(error, changes, strict=True)])
        relative = error / np.abs(changes)
        print(line, f"{np.median(relative):12.2%} {np.percentile(relative, 99):8.2%} {within:7.0%}")


def _changes(model: TextModel, encoded: Sequence[Any], target: Any) -> np.ndarray:
    results = attribute_tokens(model, encoded, [target] * len(encoded), Settings(steps=2, max_steps=2))
    return np.array([result.change for result in results])


def _fewest_even_steps(model: TextModel, encoded: Sequence[Any], target: Any, changes: np.ndarray, kind: str) -> int:
    """Smallest even count of plain Gauss-Legendre points, the same for every text, that brings 99 % of texts within the tolerance."""
    allowed = np.abs(changes) * 0.01 if kind == "1 %" else np.array([allowed_error(c, 0.01) for c in changes])

    def enough(steps: int) -> bool:
        error = np.abs(_even_sums(model, encoded, target, steps) - changes)
        return bool(np.mean(error <= allowed) >= 0.99)

    high = 16
    while not enough(high) and high < 256:
        high *= 2
    low = high // 2
    while high - low > 2:
        middle = (low + high) // 4 * 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _even_sums(model: TextModel, encoded: Sequence[Any], target: Any, steps: int) -> np.ndarray:
    places, weights = np.polynomial.legendre.leggauss(steps)
    points = dict(zip(((places + 1) / 2).tolist(), (weights / 2).tolist(), strict=True))
    sums = {text.ids: 0.0 for text in encoded}
    with opened(model) as engine:
        wanted = [
            PathRow(ids, baseline_ids(text, engine.pad), alpha, target.weights)
            for ids, text in {text.ids: text for text in encoded}.items()
            for alpha in points
        ]
        for row, products in engine.path_products(wanted):
            sums[row.ids] += points[row.alpha] * float(products.sum())
    return np.array([sums[text.ids] for text in encoded])


def _captum(model: TextModel, encoded: Sequence[Any], target: Any, steps: int) -> list[float]:
    """As in Captum's tutorial on question answering with BERT: one text at a time, weights not frozen."""
    from captum.attr import LayerIntegratedGradients

    weights = torch.tensor(target.weights, device=model.device)

    def explained(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return (model.model(input_ids=ids, attention_mask=mask).logits * weights).sum(dim=-1)

    engine = LayerIntegratedGradients(explained, model.model.get_input_embeddings())
    sums = []
    for text in encoded:
        ids = torch.tensor([text.ids], device=model.device)
        blank = torch.tensor([baseline_ids(text, model.tokenizer.pad_token_id)], device=model.device)
        values = engine.attribute(
            ids, baselines=blank, additional_forward_args=(torch.ones_like(ids),), n_steps=steps, method="gausslegendre"
        )
        sums.append(float(values.double().sum()))
    return sums


def _bare(model: TextModel, encoded: Sequence[Any], passes: Sequence[int]) -> None:
    """Forward and backward through activations, as many rows and tokens as ours, in batches of like length, and nothing else."""
    rows = sorted((text.ids for text, count in zip(encoded, passes, strict=True) for _ in range(count)), key=len)
    layer = model.model.get_input_embeddings()
    with frozen(model.model):
        start = 0
        while start < len(rows):
            size = 1
            while start + size < len(rows) and (size + 1) * len(rows[start + size]) <= 2_048:
                size += 1
            batch = rows[start : start + size]
            width = len(batch[-1])
            ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in batch], device=model.device)
            mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in batch], device=model.device)
            vectors = layer(ids).detach().requires_grad_()
            logits = model.model(inputs_embeds=vectors, attention_mask=mask).logits
            torch.autograd.grad(logits.sum(), vectors)
            start += size
