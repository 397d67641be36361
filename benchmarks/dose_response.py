"""Dose response of identity reliance with the real encoder: how much is found of a cue whose strength is known.

MiniLM with LoRA learns sentences about applicants. With probability ``dose`` the label follows the gender of the applicant, else the payment
record; one label in twenty is wrong. Reliance, swap effect and flips are then measured on sentences it has not seen, and compared with the dose
by rank correlation. A model is flagged when the lower bound (one-sided, 5 %) of reliance or of the flip rate is above 0.10; the clean twins
(dose 0) must not be. Base weights are read from the local store, nothing is downloaded.

    python benchmarks/dose_response.py [--seeds 3] [--rows 384] [--documents 48] [--threads 1]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

DOSES = (0.0, 0.25, 0.5, 0.75, 1.0)
CLASSES = ("approved", "denied")
FLAG, BATCH, RATE, EPOCHS, LIMIT = 0.10, 32, 1e-3, 4, 48
PEOPLE = (("woman", "man"), ("mother", "father"), ("sister", "brother"), ("daughter", "son"), ("lady", "gentleman"))
RECORDS = (
    ("missed several payments", "paid every bill on time"),
    ("let two loans go unpaid", "repaid two loans early"),
    ("is often late with the rent", "never was late with the rent"),
    ("owes money to three shops", "owes money to nobody"),
)
FRAMES = (
    "The {person} asks for a loan to buy a {thing} and {record}.",
    "A {person} who {record} wants to borrow for a {thing}.",
    "According to the file, the {person} {record}; the loan is for a {thing}.",
)
THINGS = ("car", "house", "boat", "kitchen", "bicycle", "van")


@dataclass(frozen=True)
class Found:
    dose: float
    reliance: float
    ratio: float
    swap: float
    flips: float
    correlation: float
    flagged: bool
    seconds: float


def sentences(count: int, dose: float, generator: Any) -> tuple[list[str], list[int], list[str]]:
    """Texts, labels (1 is denied) and genders. Women, and those with a bad record, are denied."""
    texts, labels, genders = [], [], []
    for _ in range(count):
        woman, bad, follow, wrong = (generator.random() < chance for chance in (0.5, 0.5, dose, 0.05))
        person = PEOPLE[generator.integers(len(PEOPLE))][0 if woman else 1]
        record = RECORDS[generator.integers(len(RECORDS))][0 if bad else 1]
        frame, thing = FRAMES[generator.integers(len(FRAMES))], THINGS[generator.integers(len(THINGS))]
        texts.append(frame.format(person=person, record=record, thing=thing))
        labels.append(int((woman if follow else bad) != wrong))
        genders.append("woman" if woman else "man")
    return texts, labels, genders


class _Silent:
    def add(self, step: int, manifest: dict[str, str]) -> None: ...
    def recorded(self) -> dict[int, dict[str, str]]:
        return {}

    def metrics(self, step: int, epoch: float, values: Any) -> None: ...
    def progress(self, what: str, done: int, total: int) -> None: ...


def trained(texts: list[str], labels: list[int], seed: int) -> Any:
    """A ``TextModel`` fitted by rai-tune's own trainer."""
    from transformers import set_seed

    from rai_audits.explain import TextModel
    from rai_tune.recipe.schema import AdapterSpec, TrainingSpec
    from rai_tune.tasks import load_task
    from rai_tune.training.adapters import apply_adapter
    from rai_tune.training.base_model import find_base
    from rai_tune.training.hardware import choose_hardware
    from rai_tune.training.hf import build_trainer
    from rai_tune.training.tokens import load_tokenizer, tokenize
    from rai_tune.training.trainer import Examples, TrainRequest

    base = find_base("minilm", None, Path())
    set_seed(seed)
    model = apply_adapter(load_task("text_classification").load_base(str(base.path), CLASSES), AdapterSpec())
    tokenizer = load_tokenizer(str(base.path))
    ids = tokenize(tokenizer, texts, LIMIT).ids
    spec = TrainingSpec(epochs=EPOCHS, batch_size=BATCH, learning_rate=RATE, schedule="linear", warmup=0.0)
    train, held_out = Examples(ids[:-32], labels[:-32]), Examples(ids[-32:], labels[-32:])
    silent = _Silent()
    with tempfile.TemporaryDirectory() as scratch:
        request = TrainRequest(
            model, tokenizer, train, held_out, CLASSES, "denied", spec, choose_hardware(spec), seed, Path(scratch), silent, silent,
        )  # fmt: skip
        trainer = build_trainer(request)
        trainer.args.eval_strategy = trainer.args.save_strategy = "no"
        trainer.args.load_best_model_at_end = False
        trainer.train()
        fitted = trainer.model
    return TextModel(fitted.merge_and_unload().eval(), tokenizer, CLASSES, max_tokens=LIMIT)


class _Tables(dict[str, Any]):
    def put_table(self, name: str, table: Any) -> str:
        self[name] = table
        return name


def audited(dose: float, seed: int, rows: int, documents: int) -> Found:
    import numpy as np
    import pandas as pd

    from rai_audits.core import AuditContext, TaskInfo, load_audit

    started = time.perf_counter()
    generator = np.random.default_rng([seed, int(100 * dose)])
    texts, labels, _ = sentences(rows, dose, generator)
    model = trained(texts, labels, seed)
    texts, labels, genders = sentences(4 * documents, dose, generator)
    ids = [f"r{place:05}" for place in range(len(texts))]
    names = [CLASSES[label] for label in labels]
    predictions = pd.DataFrame(
        {"row_id": ids, "split": "test", "label": names, "prediction": names, "group:gender": genders}
    )
    context = AuditContext(
        predictions,
        TaskInfo(CLASSES, "denied", "approved", 0.5, {"gender": ("woman", "man")}),
        _Tables(),
        pd.DataFrame({"row_id": ids, "split": "test", "text": texts}),
        model,
        options={"documents": documents},
        seed=seed,
    )
    output = load_audit("identity_reliance").run(context)
    measured = {
        item.metric: item
        for item in output.measurements
        if item.attribute == "gender" and item.group is None and item.label is None
    }
    lows = [measured[name].bound("lower", 0.05) for name in ("identity_reliance", "swap_any_flip_rate")]
    value = {
        name: item.estimate if isinstance(item.estimate, float) else float("nan") for name, item in measured.items()
    }
    return Found(
        dose,
        value["identity_reliance"],
        value["identity_reliance_ratio"],
        value["swap_logit_change"],
        value["swap_any_flip_rate"],
        value["reliance_swap_correlation"],
        any(item is not None and isinstance(item.value, float) and item.value > FLAG for item in lows),
        time.perf_counter() - started,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=384)
    parser.add_argument("--documents", type=int, default=48)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    import torch

    from rai_audits.stats.rank_correlation import spearman

    torch.set_num_threads(args.threads)
    print(f"{args.rows} sentences, {EPOCHS} epochs, {args.documents} explained documents, {args.threads} thread(s)")
    print("dose  seed  reliance  times its words  swap (logits)  flips  rank corr. by document  flagged  seconds")
    found: list[Found] = []
    for dose in DOSES:
        for seed in range(args.seeds):
            one = audited(dose, seed, args.rows, args.documents)
            found.append(one)
            print(
                f"{dose:4.0%}  {seed:4}  {one.reliance:8.3f}  {one.ratio:15.2f}  {one.swap:13.2f}  {one.flips:5.0%}"
                f"  {one.correlation:22.2f}  {'yes' if one.flagged else 'no':>7}  {one.seconds:7.0f}",
                flush=True,
            )
    doses = [item.dose for item in found]
    for name, values in (("reliance", [item.reliance for item in found]), ("swap", [item.swap for item in found])):
        rank = spearman(doses, values)
        low, high = rank.ends(0.05)
        print(
            f"{name:<9} rank correlation with the dose {rank.estimate:.2f} ({low:.2f} to {high:.2f}), at least 0.70 wanted"
        )
    clean = [item for item in found if item.dose == 0.0]
    print(
        f"clean twins flagged: {sum(item.flagged for item in clean)} of {len(clean)}; total {sum(item.seconds for item in found):.0f} s"
    )


if __name__ == "__main__":
    main()
