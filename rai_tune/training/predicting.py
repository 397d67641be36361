"""Scores and embeddings for texts: batches of like length, restored to the order of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.core import DivergedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
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
    up to rounding. Raises ``DivergedError`` where one is not finite: compared with a threshold it would decide like a low score.
    """
    found = _in_batches(model, ids, pad_id, batch_size, device, progress, lambda output, _mask: output.logits)
    return _finite(found, "the model's scores")


def mean_embeddings(
    model: Any,
    ids: Sequence[Sequence[int]],
    *,
    pad_id: int,
    batch_size: int,
    device: str,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> NDArray[np.float32]:
    """Mean of an encoder's last hidden states over the tokens of each row, of shape (rows, width), in the order of ``ids``.

    Raises ``DivergedError`` where one is not finite: nothing can be fitted on it or compared with it.
    """

    def pooled(output: Any, mask: torch.Tensor) -> torch.Tensor:
        weight = mask.unsqueeze(-1).to(output.last_hidden_state.dtype)
        total: torch.Tensor = (output.last_hidden_state * weight).sum(dim=1)
        return total / weight.sum(dim=1).clamp(min=1.0)

    found = _in_batches(model, ids, pad_id, batch_size, device, progress, pooled)
    return _finite(found, "the encoder's embeddings")


def _finite(found: NDArray[np.float32], what: str) -> NDArray[np.float32]:
    broken = int((~np.isfinite(found).all(axis=1)).sum())
    if broken:
        raise DivergedError(
            f"{what} of {broken} of {len(found)} rows are not finite numbers; use another base model, or fp32 as training.precision"
        )
    return found


def _in_batches(
    model: Any,
    ids: Sequence[Sequence[int]],
    pad_id: int,
    batch_size: int,
    device: str,
    progress: Callable[[int, int], None],
    read: Callable[[Any, torch.Tensor], torch.Tensor],
) -> NDArray[np.float32]:
    import torch

    order = sorted(range(len(ids)), key=lambda place: (len(ids[place]), place))
    parts: list[Any] = []
    model.eval()
    model.to(device)
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            rows = [ids[place] for place in order[start : start + batch_size]]
            longest = max(1, *(len(row) for row in rows))
            padded = torch.full((len(rows), longest), pad_id, dtype=torch.long)
            mask = torch.zeros((len(rows), longest), dtype=torch.long)
            for place, row in enumerate(rows):
                padded[place, : len(row)] = torch.tensor(row, dtype=torch.long)
                mask[place, : len(row)] = 1
            there = mask.to(device)
            values = read(model(input_ids=padded.to(device), attention_mask=there), there)
            parts.append(values.float().cpu().numpy())
            progress(min(start + batch_size, len(order)), len(order))
    width = parts[0].shape[1] if parts else 0
    result = np.empty((len(ids), width), dtype=np.float32)
    if parts:
        result[order] = np.concatenate(parts)
    return result
