"""Texts as the model reads them: token ids, character offsets, which tokens are special, and whether the text was cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_audits.core import UsageError

if TYPE_CHECKING:
    from rai_audits.explain.model import TextModel


@dataclass(frozen=True)
class EncodedText:
    """One text after tokenisation. All tuples have one entry per token.

    ``offsets`` are half-open character spans of ``text``; ``special`` marks tokens that the tokenizer added itself
    ([CLS], [SEP]). The same symbols typed inside a text are content: they came from a person.
    """

    text: str
    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    special: tuple[bool, ...]
    truncated: bool

    @property
    def content_tokens(self) -> int:
        return sum(not item for item in self.special)

    def __len__(self) -> int:
        return len(self.ids)


def encode_text(model: TextModel, text: str) -> EncodedText:
    """Tokenise one text, cut at ``model.max_tokens``.

    Raises ``UsageError`` when the tokenizer is not a fast one: only those report character offsets.
    """
    if not getattr(model.tokenizer, "is_fast", False):
        raise UsageError(
            f"{type(model.tokenizer).__name__} is not a fast tokenizer: attributions fold into words by the character "
            "offsets that only fast tokenizers report"
        )
    batch = model.tokenizer(text, truncation=True, max_length=model.max_tokens)
    encoding = batch.encodings[0]
    return EncodedText(
        text=text,
        ids=tuple(encoding.ids),
        offsets=tuple((int(start), int(end)) for start, end in encoding.offsets),
        special=tuple(bool(item) for item in encoding.special_tokens_mask),
        truncated=bool(encoding.overflowing),
    )
