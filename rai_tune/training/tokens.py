"""Texts to token ids, with truncation counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHUNK = 1024


@dataclass(frozen=True)
class Tokens:
    """Token ids of texts, in order; ``truncated`` counts texts that were cut at the limit."""

    ids: list[list[int]]
    truncated: int

    @property
    def total(self) -> int:
        return sum(len(row) for row in self.ids)


def load_tokenizer(path: str) -> Any:
    """Load a fast tokenizer from a folder; attributions need its character offsets."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(path, use_fast=True, trust_remote_code=False)


def token_limit(tokenizer: Any, model: Any, max_tokens: int) -> int:
    """Return the tightest of the recipe's limit, the tokenizer's and the model's position table."""
    positions = getattr(model.config, "max_position_embeddings", None) or max_tokens
    return int(min(max_tokens, positions, tokenizer.model_max_length))


def tokenize(tokenizer: Any, texts: Sequence[str], limit: int) -> Tokens:
    """Tokenise with truncation at ``limit``; a text that lost tokens counts as truncated."""
    ids: list[list[int]] = []
    truncated = 0
    for start in range(0, len(texts), _CHUNK):
        batch = tokenizer(
            list(texts[start : start + _CHUNK]),
            truncation=True,
            max_length=limit,
            padding=False,
            return_overflowing_tokens=False,
            return_token_type_ids=False,
            return_attention_mask=False,
        )
        ids.extend(batch["input_ids"])
        truncated += sum(bool(encoding.overflowing) for encoding in batch.encodings)
    return Tokens(ids=ids, truncated=truncated)
