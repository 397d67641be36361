"""Eight or sixteen examples a class: few-shot training against plain fine-tuning and against logistic regression on frozen embeddings.

    OMP_NUM_THREADS=1 python benchmarks/few_shot.py [--seeds 10] [--shots 8 16] [--out few-shot.jsonl] [--table]

ToxiGen, MiniLM. 600 test rows (half hate, half neutral) are set aside once and never drawn from. A seed draws the shots of each class; all arms learn from the same rows and no others, and none has further labels
to choose by. Arms and settings, fixed beforehand:

* ``few_shot``: the recipe's ``training.few_shot`` with its defaults, and a threshold of 0.5;
* ``lora`` and ``full``: plain fine-tuning (learning rate 1e-3 and 2e-5), batch 8, 20 epochs; the checkpoint is the one with the least loss on the same rows, since nothing else is labelled;
* ``logistic``: mean-pooled, normalised MiniLM embeddings; the penalty by 4-fold cross-validation of the log loss on the shots (nine values of C from 1e-2 to 1e2).

AUC and accuracy on the 600 rows; intervals paired over seeds. Statements are hateful in part: none is printed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from by_recipe import DATA, planned, run_plan
from mitigation_arms import embedded
from over_seeds import Lines, by_seed, compared, markdown, spread

TEST, TEST_SEED, ARMS = 600, 2_611, ("few_shot", "lora", "full", "logistic")
CLASSES = ("neutral", "hate")


def statements() -> pd.DataFrame:
    """All statements with ``id``, ``text``, ``label`` and ``split`` (test or pool). Texts that occur twice stay on one side: only the first is kept."""
    rows = pd.DataFrame(json.loads((DATA / "toxigen" / "toxiGen.json").read_text(encoding="utf-8")))
    rows = rows[["id", "text", "label"]].drop_duplicates("text").reset_index(drop=True)
    rows["split"] = "pool"
    for label in CLASSES:
        of_class = rows.index[rows["label"] == label].to_numpy()
        rows.loc[np.random.default_rng(TEST_SEED).permutation(of_class)[: TEST // 2], "split"] = "test"
    return rows


def drawn(rows: pd.DataFrame, shots: int, seed: int) -> pd.DataFrame:
    """The test rows, and ``shots`` rows of each class drawn from the others: as training rows, and again as validation rows under other ids.

    A recipe needs validation rows; with nothing else labelled they can only be the training rows.
    """
    generator = np.random.default_rng([TEST_SEED, shots, seed])
    pool = rows[rows["split"] == "pool"]
    chosen = pd.concat(
        [
            pool[pool["label"] == label].iloc[generator.permutation((pool["label"] == label).sum())[:shots]]
            for label in CLASSES
        ]
    )
    again = chosen.assign(split="validation", id=[f"v{place}" for place in chosen["id"]])
    return pd.concat([chosen.assign(split="train"), again, rows[rows["split"] == "test"]]).reset_index(drop=True)


def recipe(shots: int, seed: int, arm: str) -> dict[str, Any]:
    training: dict[str, Any] = {
        "threads": 1,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "epochs": 20,
        "select_best_by": "loss",
    }
    if arm == "few_shot":
        training = {"threads": 1, "few_shot": {"shots": shots, "repeats": 1}}
    return {
        "name": "toxigen",
        "data": {
            "source": {"path": "rows.csv"},
            "text": "text",
            "label": "label",
            "positive": "hate",
            "id": "id",
            "split": {"column": "split"},
        },
        "model": {"base": "minilm", "max_tokens": 128, **({"adapter": {"method": "full"}} if arm == "full" else {})},
        "training": training,
        "seed": seed,
    }


def logistic(rows: pd.DataFrame, frozen: np.ndarray) -> np.ndarray:
    """Scores of the test rows. ``frozen`` holds an embedding for each row."""
    from sklearn.linear_model import LogisticRegressionCV

    train, test = (rows["split"] == "train").to_numpy(), (rows["split"] == "test").to_numpy()
    model = LogisticRegressionCV(
        Cs=np.logspace(-2, 2, 9),
        cv=4,
        scoring="neg_log_loss",
        max_iter=2_000,
        l1_ratios=(0.0,),
        use_legacy_attributes=False,
    )
    model.fit(frozen[train], (rows.loc[train, "label"] == "hate").to_numpy())
    return np.asarray(model.predict_proba(frozen[test])[:, 1])


def outcome(rows: pd.DataFrame, cache: dict[str, Any], shots: int, seed: int, arm: str) -> dict[str, float]:
    """AUC and accuracy on the test rows."""
    from sklearn.metrics import accuracy_score, roc_auc_score

    started = time.process_time()
    table = drawn(rows, shots, seed)
    if arm == "logistic":
        if not cache:
            cache |= embeddings(rows)
        scores = logistic(table, np.stack([cache[text] for text in table["text"]]))
        label, decided = (table.loc[table["split"] == "test", "label"] == "hate").to_numpy(), scores >= 0.5
    else:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            table.to_csv(folder / "rows.csv", index=False)
            plan = planned(recipe(shots, seed, arm), folder)
            test = run_plan(plan, folder).test
        scores, label = test["score"].to_numpy(), (test["label"] == "hate").to_numpy()
        decided = (test["prediction"] == "hate").to_numpy()
    return {
        "auc": float(roc_auc_score(label, scores)),
        "accuracy": float(accuracy_score(label, decided)),
        "cpu_s": time.process_time() - started,
    }


def embeddings(rows: pd.DataFrame) -> dict[str, Any]:
    """Normalised mean-pooled embedding of every statement."""
    from rai_tune.training.base_model import find_base

    texts = rows["text"].tolist()
    found = embedded(find_base("minilm", None, Path()).path, texts, 128)
    return dict(zip(texts, found / np.linalg.norm(found, axis=1, keepdims=True), strict=True))


def tables(lines: list[dict[str, Any]]) -> str:
    """One table for each number of shots: every arm, and what few_shot gains over it."""
    parts = []
    for shots in sorted({row["shots"] for row in lines}):
        of = [row for row in lines if row["shots"] == shots]
        body = []
        for arm in ARMS:
            cells = [arm]
            for value in ("auc", "accuracy"):
                own = by_seed(of, value, arm=arm)
                gain = None if arm == "few_shot" else compared(by_seed(of, value, arm="few_shot"), own)
                cells += [spread(list(own.values())) if own else "", gain.shown() if gain else ""]
            seconds = by_seed(of, "cpu_s", arm=arm)
            body.append([*cells, str(len(seconds)), f"{np.median(list(seconds.values())):.0f}" if seconds else ""])
        header = ["arm", "AUC", "few_shot minus it", "accuracy", "few_shot minus it", "seeds", "CPU s"]
        parts.append(f"{shots} examples a class\n\n{markdown(header, body)}\n")
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--shots", type=int, nargs="+", default=[8, 16])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--out", type=Path, default=Path("few-shot.jsonl"))
    parser.add_argument("--table", action="store_true", help="print the tables of what is there, and run nothing")
    options = parser.parse_args()
    lines, rows = Lines(options.out), statements()
    cache: dict[str, Any] = {}
    seeds = range(options.first, options.first + options.seeds)
    for seed in () if options.table else seeds:
        for shots in options.shots:
            for arm in options.arms:
                if not lines.has(seed=seed, shots=shots, arm=arm):
                    result = outcome(rows, cache, shots, seed, arm)
                    lines.add({"seed": seed, "shots": shots, "arm": arm, **result})
                    print(
                        f"seed {seed}, {shots} shots, {arm}: AUC {result['auc']:.3f} ({result['cpu_s']:.0f} s)",
                        flush=True,
                    )
    print(
        f"ToxiGen, {TEST} test rows; seeds {seeds[0]} to {seeds[-1]}; mean and standard deviation; paired 95 % t intervals, exact sign-flip p\n"
    )
    print(tables([row for row in lines.read() if row["seed"] in seeds]))


if __name__ == "__main__":
    main()
