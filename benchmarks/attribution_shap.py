"""Partition SHAP: ours, pooled over texts, against SHAP's explainer a text at a time, with the same masks, evaluations and values. See attribution.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from attribution_ig import Timed, load

from rai_audits.explain.attributing import attribute_tokens
from rai_audits.explain.attribution import Settings
from rai_audits.explain.encoding import encode_text
from rai_audits.explain.engine import opened
from rai_audits.explain.folding import tokens_by_word
from rai_audits.explain.jobs import Job, measured
from rai_audits.explain.methods.partition_shap import TokenMasker, content_places, masked_ids
from rai_audits.explain.methods.partition_tree import partition_tree
from rai_audits.explain.methods.seeding import text_seed
from rai_audits.explain.target import contrast_target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rai_audits.explain.model import TextModel

EVALUATIONS = 200
TEXTS = 16


def compare(folder: Path, texts: Sequence[str], repeats: int) -> None:
    model = load(folder)
    target = contrast_target(model.classes, model.classes[1])
    encoded = [encode_text(model, text) for text in texts[:TEXTS]]
    settings = Settings(method="partition_shap", evaluations=EVALUATIONS)
    ours = Timed(lambda: attribute_tokens(model, encoded, [target] * len(encoded), settings))
    theirs = Timed(lambda: _package(model, encoded, target))
    strings = [text.text for text in encoded]
    tokenised = Timed(lambda: _on_strings(model, strings, target))
    documented = Timed(lambda: _as_documented(model, strings))
    contestants = (ours, theirs, tokenised, documented)
    for contestant in contestants:
        contestant.once()  # the package compiles at its first use
        contestant.seconds.clear()
    for _ in range(repeats):
        for contestant in contestants:
            contestant.once()
    gap = max(
        float(np.abs(np.subtract(found.attributions, values)).max())
        for found, values in zip(ours.result, theirs.result, strict=True)
    )
    rows = sum(found.evaluations for found in ours.result)
    resolved = [found.resolved for found in ours.result]
    print(
        f"partition SHAP, {len(encoded)} texts, {EVALUATIONS} evaluations each, {rows:,} masked texts, {torch.get_num_threads()} threads"
    )
    print(f"ours, pooled                          {ours.median:8.2f} s")
    print(f"shap, same masks, a text at a time    {theirs.median:8.2f} s   ratio {theirs.median / ours.median:.2f}")
    for name, contestant in (
        ("shap.Explainer, strings in batches", tokenised),
        ("shap.Explainer(pipeline), documented", documented),
    ):
        print(f"{name:38}{contestant.median:8.2f} s   ratio {contestant.median / ours.median:.2f}")
    print(
        f"largest difference of a value         {gap:.1e} logit; resolved fraction {min(resolved):.2f} to {max(resolved):.2f}"
    )


def _as_documented(model: TextModel, texts: Sequence[str]) -> Any:
    """As in the package's text examples: a transformers pipeline. Its values are of other masks, another tree and probabilities."""
    import shap
    import transformers

    pipeline = transformers.pipeline("text-classification", model=model.model, tokenizer=model.tokenizer, top_k=None)
    return shap.Explainer(pipeline, silent=True)(list(texts), max_evals=EVALUATIONS)


def _on_strings(model: TextModel, texts: Sequence[str], target: Any) -> Any:
    """Strings are masked, and tokenised again in batches. Its values are of other masks and another tree."""
    import shap

    weights = torch.tensor(target.weights, device=model.device)

    def explained(strings: Any) -> np.ndarray:
        batch = model.tokenizer(list(map(str, strings)), padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            logits = model.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        return (logits * weights).sum(dim=-1).double().cpu().numpy()

    explainer = shap.Explainer(explained, shap.maskers.Text(model.tokenizer), silent=True)
    return explainer(list(texts), max_evals=EVALUATIONS)


def _package(model: TextModel, encoded: Sequence[Any], target: Any) -> list[np.ndarray]:
    """The package's explainer with its own batches; its model function pads one batch of masked ids and runs it."""
    from shap.explainers import PartitionExplainer

    layer = model.model.get_input_embeddings()
    weights = torch.tensor(target.weights, device=model.device)
    with opened(model) as engine:
        jobs = measured(engine, [Job(place, text, target) for place, text in enumerate(encoded)])
    found = []
    for job in jobs:
        places = content_places(job)

        def explained(masks: np.ndarray, job: Job = job, places: Any = places) -> np.ndarray:
            ids = torch.tensor([masked_ids(job, places, mask) for mask in masks], device=model.device)
            with torch.no_grad():
                logits = model.model(inputs_embeds=layer(ids), attention_mask=torch.ones_like(ids)).logits
            return (logits * weights).sum(dim=-1).double().cpu().numpy()

        np.random.seed(text_seed(0, job.encoded.ids))  # noqa: NPY002  # shap draws from it
        explainer = PartitionExplainer(explained, TokenMasker(partition_tree(tokens_by_word(job.encoded))))
        values = explainer(np.zeros((1, len(places))), max_evals=EVALUATIONS, silent=True).values[0]
        tokens = np.zeros(len(job.encoded))
        tokens[list(places)] = values
        found.append(tokens)
    return found
