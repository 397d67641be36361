"""The baseline: what integrated gradients compares a text with. It is part of every result, so it is named.

The text of the same length whose content tokens are all the padding token, special tokens kept: "nothing was said, at
this length". Another baseline gives other attributions; none is neutral for every model (Sturmfels et al. 2020).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_audits.core import UsageError

if TYPE_CHECKING:
    from rai_audits.explain.encoding import EncodedText

BASELINE = "content tokens replaced by the padding token, special tokens kept, same length and positions"


def padding_id(tokenizer: Any) -> int:
    """Id of the padding token. Raises ``UsageError`` when the tokenizer has none, since the baseline is built of it."""
    found = getattr(tokenizer, "pad_token_id", None)
    if found is None:
        raise UsageError(
            "the tokenizer has no padding token, of which the baseline of integrated gradients is made; "
            "set tokenizer.pad_token"
        )
    return int(found)


def baseline_ids(encoded: EncodedText, pad: int) -> tuple[int, ...]:
    """Token ids of the baseline of one text, as many as the text has."""
    return tuple(token if special else pad for token, special in zip(encoded.ids, encoded.special, strict=True))
