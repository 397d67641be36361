"""Shared by all rooms: a tiny real encoder on disk, a small lending table, a command-line runner."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
# The same examples on every machine, so that a change is what breaks a test; HYPOTHESIS_PROFILE=explore looks further.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
WORDS = [
    "income",
    "high",
    "low",
    "fair",
    "debt",
    "loan",
    "record",
    "clean",
    "bad",
    "black",
    "white",
    "man",
    "woman",
    "applicant",
    "credit",
    "good",
    "film",
    "the",
    "a",
    "is",
    ",",
    ".",
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
]


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The optional test data; a test that needs it skips, saying so, where it is absent."""
    folder = Path(os.environ.get("RAITUNE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"test data not found at {folder}; set RAITUNE_TEST_DATA")
    return folder


def make_tiny_base(folder: Path) -> Path:
    """Write a two-layer BERT of width 32 with a word-level tokenizer: a real encoder, only small."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {word: place for place, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    core = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer()
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    )
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_base(tmp_path_factory.mktemp("base") / "tiny")


def lending_rows(rows: int = 240, seed: int = 3) -> list[dict[str, str]]:
    """Applications whose outcome follows debt and record, and (a little) race."""
    draw = random.Random(seed)
    table = []
    for number in range(rows):
        race, sex = draw.choice(["black", "white"]), draw.choice(["man", "woman"])
        debt, record = draw.choice(["low", "fair", "high"]), draw.choice(["clean", "clean", "bad"])
        risk = 0.1 + 0.35 * (debt == "high") + 0.4 * (record == "bad") + 0.1 * (race == "black")
        deny = "yes" if draw.random() < risk else "no"
        table.append({"id": str(number), "debt": debt, "record": record, "race": race, "sex": sex, "deny": deny})
    return table


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


RECIPE = """\
name: small
purpose: A test of lending decisions.
data:
  source: {{path: rows.csv}}
  template: "debt {{{{ debt }}}} record {{{{ record }}}} {{{{ race }}}}"
  label: deny
  label_names: {{"yes": denied, "no": approved}}
  positive: denied
  favourable: approved
  groups: [{{column: race}}, {{column: sex}}]
  hide_groups: false
  id: id
model: {{base: {base}, adapter: {{method: lora, rank: 4}}}}
training: {{epochs: 2, batch_size: 16, learning_rate: 0.01, select_best_by: roc_auc, threads: 1}}
decision: {{rule: match_base_rate}}
audits: {{explain: {{documents: 6}}}}
seed: 1
"""


@pytest.fixture
def project(tmp_path: Path, tiny_base: Path) -> Path:
    """A folder with rows.csv and recipe.yaml, ready to run."""
    write_csv(tmp_path / "rows.csv", lending_rows())
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(base=tiny_base), encoding="utf-8")
    return tmp_path


def raitune(*arguments: str, cwd: Path, timeout: float = 300, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person would, in its own process."""
    return subprocess.run(
        [sys.executable, "-c", "from rai_tune.cli.main import main; main()", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "COLUMNS": "80", **environment},
        check=False,
    )


@pytest.fixture
def cli():
    return raitune
