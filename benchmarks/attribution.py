"""Attributions of a fine-tuned MiniLM on ToxiGen texts: ours against Captum and SHAP as their tutorials use them.

Everything runs in one process, interleaved, and medians are printed. Without --model an encoder is fine-tuned first (about a minute).

    python benchmarks/attribution.py [--model FOLDER] [--texts 48] [--repeats 3] [--only ig|shap]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

DATA = Path(os.environ.get("RAITUNE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
TRAINED_ROWS = 1_500
RECIPE = """\
name: toxigen
purpose: A model to be explained by a benchmark.
data:
  source: {path: toxigen.csv}
  text: text
  label: label
  positive: hate
  favourable: neutral
  id: id
  split: {train: 0.5, validation: 0.1, test: 0.4}
model: {base: minilm, adapter: {method: lora, rank: 16, target_modules: all-linear}}
training: {epochs: 2, batch_size: 32, learning_rate: 1e-3, class_weights: balanced, schedule: cosine, warmup: 0.1}
audits: {include: [data_profile]}
policies: []
seed: 1
"""


def rows() -> list[dict[str, object]]:
    found = json.loads((DATA / "toxigen" / "toxiGen.json").read_text(encoding="utf-8"))
    random.Random(1).shuffle(found)
    return found


def unseen_texts(count: int) -> list[str]:
    return [str(row["text"]) for row in rows()[TRAINED_ROWS : TRAINED_ROWS + count]]


def fine_tuned(folder: Path) -> Path:
    """Train on the first rows as a person would, from the command line."""
    with (folder / "toxigen.csv").open("w", newline="", encoding="utf-8") as handle:
        out = csv.writer(handle)
        out.writerow(["id", "text", "label"])
        for row in rows()[:TRAINED_ROWS]:
            out.writerow([row["id"], row["text"], row["label"]])
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    command = "from rai_tune.cli.main import main; main()"
    subprocess.run(
        [sys.executable, "-c", command, "run", "recipe.yaml", "--merge", "merged"], cwd=folder, check=False, stdout=2
    )
    return folder / "merged"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of a fine-tuned two-class model")
    parser.add_argument("--texts", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=["ig", "shap"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = given.model or fine_tuned(Path(folder))
        texts = unseen_texts(given.texts)
        if given.only != "shap":
            import attribution_ig

            attribution_ig.compare(model, texts, given.repeats)
        if given.only != "ig":
            import attribution_shap

            attribution_shap.compare(model, texts, given.repeats)


if __name__ == "__main__":
    main()
