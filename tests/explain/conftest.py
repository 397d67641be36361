"""Tiny models with random weights and a WordPiece tokenizer of a few words, built here so that no download is needed."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from rai_audits.core import AuditContext, TaskInfo
from rai_audits.explain import TextModel

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film", "##s", "##ly", "the", "a", "loan", "for", "is", ","]
WORDS += [".", "black", "white", "applicant", "income", "high", "low"]
GROUPS = ("black", "white")


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tokenizer():
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    core = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer()
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )


def tiny_bert(labels: int = 2, spread: float = 0.3) -> BertForSequenceClassification:
    """Two layers, width 32. ``spread`` makes the output bend, so that completeness needs more than a few steps."""
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        num_labels=labels,
        initializer_range=spread,
    )
    return BertForSequenceClassification(config)


class BagOfEmbeddings(nn.Module):
    """Logits are a sum over tokens of embedding times weights: attributions then have a closed form."""

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.words = nn.Embedding(len(WORDS), 8)
        self.out = nn.Linear(8, classes)

    def get_input_embeddings(self) -> nn.Module:
        return self.words

    def forward(self, input_ids, attention_mask):
        summed = (self.words(input_ids) * attention_mask.unsqueeze(-1)).sum(dim=1)
        return SimpleNamespace(logits=self.out(summed))


@pytest.fixture
def bert_model(tokenizer):
    return TextModel(tiny_bert(), tokenizer, ("approved", "denied"), max_tokens=64)


@pytest.fixture
def bag_model(tokenizer):
    return TextModel(BagOfEmbeddings(), tokenizer, ("approved", "denied"), max_tokens=64)


class Tables(dict):
    """Keeps tables as Parquet bytes would: by name."""

    def put_table(self, name: str, table: pd.DataFrame) -> str:
        self[name] = table
        return f"digest-of-{name}"


def template_row(race: str, income: str) -> tuple[str, list[tuple[int, int, str | None]]]:
    """A text and the spans its columns fill."""
    text, spans = "", []
    for piece, column in (("the ", None), (race, "afam"), (" applicant, income is ", None), (income, "income")):
        spans.append((len(text), len(text) + len(piece), column))
        text += piece
    return text, spans


def make_context(model, count: int = 24, *, templated: bool = True, seen: bool = True, **options) -> AuditContext:
    """Test rows of two groups and two labels, with texts and (if templated) segments."""
    rows, predictions = [], []
    for index in range(count):
        race, income = GROUPS[index % 2], ("high", "low", "good", "bad")[index // 2 % 4]
        text, spans = template_row(race, income)
        rows.append({"row_id": f"r{index:03}", "split": "test", "text": text, "segments": spans, "afam": race})
        predictions.append(
            {
                "row_id": f"r{index:03}",
                "split": "test",
                "label": "denied" if index // 2 % 2 else "approved",
                "prediction": "approved",
                "score": 0.5,
                "score:approved": 0.5,
                "score:denied": 0.5,
                "group:race": race,
            }
        )
    frame = pd.DataFrame(rows)
    return AuditContext(
        predictions=pd.DataFrame(predictions),
        task=TaskInfo(
            classes=("approved", "denied"),
            positive="denied",
            favourable="approved",
            threshold=0.5,
            groups={"race": GROUPS},
            seen_by_model={"race": seen},
        ),
        artifacts=Tables(),
        rows=frame if templated else frame.drop(columns="segments"),
        model=model,
        options={"group_columns": {"race": "afam"}, **options},
        seed=5,
        alphas=(0.05, 0.01),
    )


@pytest.fixture
def context_of():
    return make_context


@pytest.fixture
def bert_of():
    return tiny_bert


@pytest.fixture
def bag_of():
    return BagOfEmbeddings
