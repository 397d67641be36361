"""Training throughput: ours against the HF Trainer as it comes and as tuned by hand.

Real (unpadded) tokens for each CPU second of one epoch of LoRA on MiniLM, batch 32, on short texts (ToxiGen) and on texts of very
uneven length (the fuzzed comments). The three are interleaved; medians of the repeats are printed, and each one's final
loss on the same held-out rows, so that speed is not bought with a worse model.

    python benchmarks/training_throughput.py [--repeats 3] [--rows 768] [--comments 384]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

DATA = Path(os.environ.get("RAITUNE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
CLASSES = ("no", "yes")
SEED, BATCH, LIMIT, RATE = 0, 32, 512, 1e-3


def toxigen() -> tuple[list[str], list[int]]:
    rows = json.loads((DATA / "toxigen" / "toxiGen.json").read_text(encoding="utf-8"))
    return [row["text"] for row in rows], [int(row["label"] == "hate") for row in rows]


def comments() -> tuple[list[str], list[int]]:
    with (DATA / "madlibs" / "toxicity_fuzzed_testset.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return [row["comment"] for row in rows], [int(row["toxic"] == "True") for row in rows]


class _Silent:
    def add(self, step: int, manifest: dict[str, str]) -> None: ...
    def recorded(self) -> dict[int, dict[str, str]]:
        return {}

    def metrics(self, step: int, epoch: float, values: Any) -> None: ...
    def progress(self, what: str, done: int, total: int) -> None: ...


def model_and_tokenizer() -> tuple[Any, Any]:
    from transformers import set_seed

    from rai_tune.recipe.schema import AdapterSpec
    from rai_tune.tasks import load_task
    from rai_tune.training.adapters import apply_adapter
    from rai_tune.training.base_model import find_base
    from rai_tune.training.tokens import load_tokenizer

    base = find_base("minilm", None, Path())
    set_seed(SEED)
    model = apply_adapter(load_task("text_classification").load_base(str(base.path), CLASSES), AdapterSpec())
    return model, load_tokenizer(str(base.path))


def ours(train: Any, held_out: Any, folder: Path) -> tuple[float, Any]:
    from rai_tune.recipe.schema import TrainingSpec
    from rai_tune.training.hardware import choose_hardware
    from rai_tune.training.hf import build_trainer
    from rai_tune.training.trainer import TrainRequest

    spec = TrainingSpec(epochs=1, batch_size=BATCH, learning_rate=RATE, schedule="linear", warmup=0.0, weight_decay=0.0)
    model, tokenizer = model_and_tokenizer()
    silent = _Silent()
    request = TrainRequest(
        model, tokenizer, train, held_out, CLASSES, "yes", spec, choose_hardware(spec), SEED, folder, silent, silent
    )
    trainer = build_trainer(request)
    trainer.args.eval_strategy = trainer.args.save_strategy = "no"
    trainer.args.load_best_model_at_end = False
    return _timed(trainer), trainer.model


def hf(train: Any, folder: Path, sampling: str) -> tuple[float, Any]:
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments
    from transformers.trainer_callback import PrinterCallback

    model, tokenizer = model_and_tokenizer()
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1,
        per_device_train_batch_size=BATCH,
        learning_rate=RATE,
        train_sampling_strategy=sampling,
        save_strategy="no",
        disable_tqdm=True,
        seed=SEED,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(
        model,
        arguments,
        train_dataset=train,
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
    )
    trainer.remove_callback(PrinterCallback)
    return _timed(trainer), trainer.model


def _timed(trainer: Any) -> float:
    started = time.process_time()
    trainer.train()
    return time.process_time() - started


def loss_on(model: Any, rows: Any) -> float:
    import torch

    from rai_tune.training.predicting import predict_logits

    logits = predict_logits(model, rows.ids, pad_id=0, batch_size=64, device="cpu")
    return float(torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(rows.labels)))


def compare(name: str, texts: list[str], labels: list[int], rows: int, repeats: int) -> dict[str, float]:
    import random

    from rai_tune.training.tokens import tokenize
    from rai_tune.training.trainer import Examples

    order = random.Random(SEED).sample(range(len(texts)), min(len(texts), rows + 256))
    _, tokenizer = model_and_tokenizer()
    ids = tokenize(tokenizer, [texts[place] for place in order], LIMIT).ids
    marks = [labels[place] for place in order]
    cut = len(ids) - 256
    train, held_out = Examples(ids[:cut], marks[:cut]), Examples(ids[cut:], marks[cut:])
    real = sum(len(row) for row in train.ids)
    speeds: dict[str, list[float]] = {"ours": [], "HF defaults": [], "HF group_by_length": []}
    losses: dict[str, float] = {}
    for _ in range(repeats):
        for label in tuple(speeds):
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch)
                if label == "ours":
                    seconds, model = ours(train, held_out, folder)
                else:
                    seconds, model = hf(train, folder, "random" if label == "HF defaults" else "group_by_length")
            speeds[label].append(real / seconds)
            losses[label] = loss_on(model, held_out)
    medians = {label: statistics.median(values) for label, values in speeds.items()}
    print(f"\n{name}: {len(train)} rows, {real} real tokens, {repeats} interleaved repeats, seed {SEED}")
    for label, speed in medians.items():
        print(f"  {label:<20} {speed:7.0f} real tokens a CPU second   held-out loss {losses[label]:.3f}")
    print(f"  ours / HF defaults         {medians['ours'] / medians['HF defaults']:.2f}")
    print(f"  ours / HF group_by_length  {medians['ours'] / medians['HF group_by_length']:.2f}", flush=True)
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=768)
    parser.add_argument("--comments", type=int, default=384)
    options = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"no test data at {DATA}; set RAITUNE_TEST_DATA")
    compare("ToxiGen", *toxigen(), options.rows, options.repeats)
    compare("fuzzed comments", *comments(), options.comments, options.repeats)


if __name__ == "__main__":
    main()
