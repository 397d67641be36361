"""The one shape of model that the explain room reads: any transformers sequence classifier with a fast tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TextModel:
    """A sequence classifier to be explained.

    ``model`` takes ``input_ids`` and ``attention_mask`` (both of shape (batch, tokens)) and returns an object whose
    ``logits`` have shape (batch, classes), in the order of ``classes``. ``tokenizer`` must be a fast one: tokens are
    folded to words by its character offsets.
    """

    model: Any
    tokenizer: Any
    classes: tuple[str, ...]
    max_tokens: int = 256
    device: str = "cpu"
