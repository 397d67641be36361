"""Scores for texts: batches of like length, restored to the order of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


def predict_logits(
    model: Any,
    ids: Sequence[Sequence[int]],
    *,
    pad_id: int,
    batch_size: int,
    device: str,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> NDArray[np.float32]:
    """Logits of shape (rows, classes), in the order of ``ids``.

    Rows are grouped by length, so that padding is short; a batch of padded rows gives each row the same logits as alone
    up to rounding.
    """
    import torch

    order = sorted(range(len(ids)), key=lambda place: (len(ids[place]), place))
    parts: list[Any] = []
    model.eval()
    model.to(device)
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            rows = [ids[place] for place in order[start : start + batch_size]]
            width = max(1, *(len(row) for row in rows))
            padded = torch.full((len(rows), width), pad_id, dtype=torch.long)
            mask = torch.zeros((len(rows), width), dtype=torch.long)
            for place, row in enumerate(rows):
                padded[place, : len(row)] = torch.tensor(row, dtype=torch.long)
                mask[place, : len(row)] = 1
            logits = model(input_ids=padded.to(device), attention_mask=mask.to(device)).logits
            parts.append(logits.float().cpu().numpy())
            progress(min(start + batch_size, len(order)), len(order))
    classes = parts[0].shape[1] if parts else 0
    result = np.empty((len(ids), classes), dtype=np.float32)
    if parts:
        result[order] = np.concatenate(parts)
    return result
