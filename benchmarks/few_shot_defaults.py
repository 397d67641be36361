"""How the defaults of ``training.few_shot`` were found: loss, learning rate and head, on rows that ``few_shot.py`` never tests on.

    OMP_NUM_THREADS=1 python benchmarks/few_shot_defaults.py [--seeds 5] [--shots 8 16]

ToxiGen, MiniLM. From the pool of ``few_shot.py`` (its 600 test rows are left out) about a third is taken by a digest of the text: 400 rows to score, the rest to draw shots from.
Each arm makes 20 steps on batches of 16 rows, half of each class, with AdamW and a linear schedule; all learn from the same rows and are scored on the same 400. Losses compare every
pair of rows in a batch: ``contrastive`` as the product has it, ``cosine`` the squared distance of cosine and likeness (SetFit's loss). AUC of a logistic
regression on standardised embeddings (C = 0.01), and on normalised ones (C = 1). Statements are hateful in part: none is printed.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from few_shot import statements
from over_seeds import markdown, spread
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, normalize
from torch.nn.functional import normalize as unit

from rai_tune.recipe.schema import AdapterSpec
from rai_tune.tasks import load_task
from rai_tune.training.adapters import apply_adapter
from rai_tune.training.base_model import find_base
from rai_tune.training.few_shot.warm_start import contrastive_loss
from rai_tune.training.predicting import mean_embeddings
from rai_tune.training.tokens import load_tokenizer, tokenize

BASE = find_base("minilm", None, Path())
TOKENIZER = load_tokenizer(str(BASE.path))
STEPS, BATCH = 20, 16
ARMS: dict[str, tuple[str, float, str] | None] = {
    "frozen": None,
    "LoRA, contrastive, 1e-3": ("lora", 1e-3, "contrastive"),
    "LoRA, contrastive, 3e-4": ("lora", 3e-4, "contrastive"),
    "LoRA, cosine, 1e-3": ("lora", 1e-3, "cosine"),
    "full, contrastive, 1e-4": ("full", 1e-4, "contrastive"),
}


def development_rows() -> tuple[Any, Any]:
    """Rows to score and rows to draw from, neither among the test rows of ``few_shot.py``."""
    pool = statements().query("split == 'pool'")
    kept = pool[[hashlib.sha256(text.encode()).digest()[0] < 80 for text in pool["text"]]]
    shuffled = kept.iloc[np.random.default_rng(0).permutation(len(kept))].reset_index(drop=True)
    return shuffled[:400], shuffled[400:].reset_index(drop=True)


def encoder(arm: tuple[str, float, str] | None, seed: int) -> Any:
    torch.manual_seed(seed)
    model = load_task("text_classification").load_base(str(BASE.path), ("neutral", "hate"))
    if arm is None or arm[0] == "full":
        return model.base_model
    return apply_adapter(model, AdapterSpec(rank=16)).get_base_model().base_model


def pooled(model: Any, ids: list[list[int]]) -> torch.Tensor:
    batch = TOKENIZER.pad({"input_ids": ids}, return_tensors="pt")
    hidden = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
    weight = batch["attention_mask"].unsqueeze(-1).float()
    return (hidden * weight).sum(1) / weight.sum(1)


def cosine_loss(embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    close = unit(embeddings, dim=-1) @ unit(embeddings, dim=-1).T
    other = ~torch.eye(len(labels), dtype=torch.bool)
    return ((close - (labels[:, None] == labels[None]).float()) ** 2)[other].mean()


def warm(model: Any, ids: list[list[int]], labels: np.ndarray, rate: float, loss: str, seed: int) -> None:
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=rate, weight_decay=0.01)
    of_class = [np.flatnonzero(labels == place) for place in (0, 1)]
    queues = [list(draw.permutation(places)) for places in of_class]
    model.train()
    for step in range(STEPS):
        chosen: list[int] = []
        for places, queue in zip(of_class, queues, strict=True):
            while len(queue) < BATCH // 2:
                queue += list(draw.permutation(places))
            chosen += [queue.pop(0) for _ in range(BATCH // 2)]
        embeddings = pooled(model, [ids[place] for place in chosen])
        measure = contrastive_loss if loss == "contrastive" else cosine_loss
        value = measure(embeddings, torch.tensor(labels[chosen]))
        for group in optimiser.param_groups:
            group["lr"] = rate * min((step + 1) / (0.1 * STEPS), 1.0) * (STEPS - step) / STEPS
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()


def embedded(model: Any, ids: list[list[int]]) -> np.ndarray:
    found = mean_embeddings(model, ids, pad_id=TOKENIZER.pad_token_id, batch_size=64, device="cpu")
    return found.astype(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shots", type=int, nargs="+", default=[8, 16])
    options = parser.parse_args()
    torch.set_num_threads(1)
    scored, pool = development_rows()
    answers, of_pool = ((rows["label"] == "hate").to_numpy().astype(int) for rows in (scored, pool))
    scored_ids = tokenize(TOKENIZER, scored["text"].tolist(), 128).ids
    frozen = embedded(encoder(None, 0), scored_ids)
    for shots in options.shots:
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ARMS}
        for seed in range(options.seeds):
            draw = np.random.default_rng(1000 + seed)
            chosen = np.concatenate([draw.permutation(np.flatnonzero(of_pool == place))[:shots] for place in (0, 1)])
            ids, labels = tokenize(TOKENIZER, pool["text"].iloc[chosen].tolist(), 128).ids, of_pool[chosen]
            for name, arm in ARMS.items():
                model = encoder(arm, seed)
                if arm is not None:
                    warm(model, ids, labels, arm[1], arm[2], seed)
                own, theirs = embedded(model, ids), frozen if arm is None else embedded(model, scored_ids)
                plain = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000)).fit(own, labels)
                normed = LogisticRegression(C=1.0, max_iter=2000).fit(normalize(own), labels)
                scores = plain.decision_function(theirs), normed.decision_function(normalize(theirs))
                found[name].append((roc_auc_score(answers, scores[0]), roc_auc_score(answers, scores[1])))
                print(f"{shots} shots, seed {seed}, {name}: AUC {found[name][-1][0]:.3f}", flush=True)
        body = [[name, *(spread([pair[head] for pair in pairs]) for head in (0, 1))] for name, pairs in found.items()]
        print(f"\n{shots} examples a class, {options.seeds} seeds: AUC, mean and standard deviation\n")
        print(markdown(["arm", "standardised, C = 0.01", "normalised, C = 1"], body), "\n")


if __name__ == "__main__":
    main()
