"""One training by the product's own functions, without a workspace: recipe in, predictions of validation and test rows out.

Used by the benchmarks of mitigation, search and few-shot learning; not run by itself. ``tiny_base`` writes an untrained encoder of two layers.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

DATA = Path(os.environ.get("RAITUNE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


class Silent:
    """A checkpoint log and a recorder in memory."""

    def __init__(self) -> None:
        self.steps: dict[int, dict[str, str]] = {}

    def add(self, step: int, manifest: dict[str, str]) -> None:
        self.steps[step] = manifest

    def recorded(self) -> dict[int, dict[str, str]]:
        return self.steps

    def metrics(self, step: int, epoch: float, values: Any) -> None: ...
    def progress(self, what: str, done: int, total: int) -> None: ...


@dataclass(frozen=True)
class Ran:
    """What a training came to: predictions of validation and test rows, CPU seconds of ``fit``, and what it recorded."""

    validation: pd.DataFrame
    test: pd.DataFrame
    positive: str
    cpu_s: float
    facts: dict[str, Any]


def planned(recipe: Mapping[str, Any], folder: Path, sets: Sequence[str] = ()) -> Any:
    """A checked plan; the policies of a recipe play no part here."""
    from rai_tune.planning import plan
    from rai_tune.recipe import parse_recipe

    return plan(parse_recipe(dict(recipe), str(recipe.get("name", "benchmark")), folder, list(sets)))


def run_recipe(recipe: Mapping[str, Any], folder: Path, sets: Sequence[str] = ()) -> Ran:
    """Train, save, load again and predict, as a run does."""
    return run_plan(planned(recipe, folder, sets), folder)


def run_plan(plan: Any, folder: Path) -> Ran:
    """The same of a plan that was made before."""
    from rai_tune.planning import device_of
    from rai_tune.training.fit import fit
    from rai_tune.training.predictions import predictions_table
    from rai_tune.training.saved_model import load_saved

    silent = Silent()
    with tempfile.TemporaryDirectory() as scratch:
        started = time.process_time()
        fitted = fit(
            plan.recipe, plan.data, plan.base, folder=Path(scratch), checkpoints=silent, recorder=silent, resume=False
        )
        cpu_s = time.process_time() - started
        loaded = load_saved(Path(scratch) / "model", fitted.manifest, folder)
        table, _ = predictions_table(
            loaded,
            plan.data.rows[plan.data.rows["split"] != "train"],
            base_digest=plan.base.digest,
            batch_size=plan.recipe.training.eval_batch_size,
            device=device_of(plan.recipe),
        )
    split = {name: table[table["split"] == name].reset_index(drop=True) for name in ("validation", "test")}
    return Ran(split["validation"], split["test"], str(plan.data.positive), cpu_s, fitted.facts)


def tiny_base(folder: Path, words: Sequence[str], *, hidden: int = 32, layers: int = 2, seed: int = 5) -> Path:
    """An untrained BERT with one token for each word, written to ``folder``."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {word: place for place, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(words)))}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer()
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast: Any = PreTrainedTokenizerFast
    tokenizer = fast(
        tokenizer_object=core,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
    )
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * hidden,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
