"""Class probabilities of texts under a ``TextModel``, in batches of like length. Stable within this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from rai_audits.explain import TextModel

_BATCH_TOKENS = 2_000


def class_probabilities(
    model: TextModel, texts: Sequence[str], progress: Callable[[int, int], None] = lambda _done, _total: None
) -> npt.NDArray[np.float64]:
    """Probabilities of shape (texts, classes). Texts are cut at ``model.max_tokens``; equal texts are scored once."""
    import torch

    distinct = list(dict.fromkeys(texts))
    place = {text: index for index, text in enumerate(distinct)}
    ids = model.tokenizer(distinct, truncation=True, max_length=model.max_tokens)["input_ids"] if distinct else []
    found = np.zeros((len(distinct), len(model.classes)))
    order = sorted(range(len(ids)), key=lambda index: (len(ids[index]), index))
    pad = model.tokenizer.pad_token_id or 0
    model.model.eval()
    model.model.to(model.device)
    start = 0
    with torch.inference_mode():
        while start < len(order):
            longest = len(ids[order[min(start + 31, len(order) - 1)]])
            size = max(1, min(32, _BATCH_TOKENS // max(longest, 1)))
            batch = order[start : start + size]
            width = max(len(ids[index]) for index in batch)
            padded = torch.tensor([[*ids[index], *[pad] * (width - len(ids[index]))] for index in batch])
            mask = torch.tensor([[1] * len(ids[index]) + [0] * (width - len(ids[index])) for index in batch])
            logits = model.model(input_ids=padded.to(model.device), attention_mask=mask.to(model.device)).logits
            found[batch] = torch.softmax(logits.double(), dim=-1).cpu().numpy()
            start += len(batch)
            progress(start, len(order))
    return np.asarray(found[[place[text] for text in texts]], dtype=np.float64)
