"""Probabilities of a text model for many texts, in batches of like length.

Use where changed texts must be scored. Stable within this library: ``probabilities``, ``decisions``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rai_audits.core.deciding import cutting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from rai_audits.core import TaskInfo
    from rai_audits.core.deciding import Cutoffs
    from rai_audits.explain.model import TextModel

TOKENS_PER_PASS = 4096


def probabilities(
    model: TextModel, texts: Sequence[str], progress: Callable[[int, int], None] = lambda _done, _total: None
) -> npt.NDArray[np.float64]:
    """Softmax probabilities, shape (texts, classes), in the order of ``texts`` and ``model.classes``."""
    import torch

    tokenizer = model.tokenizer
    encoded = tokenizer(list(texts), truncation=True, max_length=model.max_tokens)["input_ids"] if texts else []
    order = sorted(range(len(encoded)), key=lambda place: (len(encoded[place]), place))
    result = np.empty((len(texts), len(model.classes)))
    model.model.eval()
    model.model.to(model.device)
    done = 0
    with torch.inference_mode():
        while done < len(order):
            batch = _batch(order[done:], encoded)
            width = max(1, len(encoded[batch[-1]]))
            ids = torch.full((len(batch), width), tokenizer.pad_token_id or 0, dtype=torch.long)
            mask = torch.zeros((len(batch), width), dtype=torch.long)
            for place, row in enumerate(batch):
                ids[place, : len(encoded[row])] = torch.tensor(encoded[row], dtype=torch.long)
                mask[place, : len(encoded[row])] = 1
            logits = model.model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device)).logits
            result[batch] = torch.softmax(logits.double(), dim=-1).cpu().numpy()
            done += len(batch)
            progress(done, len(order))
    return result


def decisions(
    found: npt.NDArray[np.float64], classes: Sequence[str], task: TaskInfo, cutoffs: Cutoffs | None = None
) -> npt.NDArray[np.str_]:
    """Decide by the rows' cutoffs or the task's threshold where there is one, else the most probable class.

    ``cutoffs``, of shape (texts,), are needed where the task decides by group; ``UsageError`` without them.
    """
    names = np.asarray(classes)
    cut = cutting(task, cutoffs)
    if task.binary and task.positive is not None and cut is not None:
        other = next(name for name in classes if name != task.positive)
        above = found[:, list(classes).index(task.positive)] >= cut
        return np.where(above, task.positive, other)
    chosen: npt.NDArray[np.str_] = names[found.argmax(axis=1)]
    return chosen


def _batch(rows: Sequence[int], encoded: Sequence[Sequence[int]]) -> list[int]:
    """First rows whose padded size stays within ``TOKENS_PER_PASS``, at least one."""
    count = 1
    while count < len(rows) and (count + 1) * max(1, len(encoded[rows[count]])) <= TOKENS_PER_PASS:
        count += 1
    return list(rows[:count])
