"""The order of training rows, decided by seed and epoch alone.

The Trainer's own length-grouped sampler draws from the global random state when an epoch begins; a run that resumes in the
middle of an epoch then sees other batches than the run that was never stopped. Here the order is a function of (seed,
epoch), so a resumed run is bit-identical wherever it was cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_EPOCHS_APART = 1_000_003


class EpochSampler(Sampler[int]):
    """Indices of rows, shuffled for each epoch; rows of like length side by side when ``group_by_length``."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int, *, group_by_length: bool) -> None:
        self._lengths = list(lengths)
        self._batch_size = batch_size
        self._seed = seed
        self._group = group_by_length
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next; the Trainer calls this as each epoch begins."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed * _EPOCHS_APART + self._epoch)
        if self._group:
            return iter(get_length_grouped_indices(self._lengths, self._batch_size, generator=generator))  # type: ignore[no-untyped-call]
        return iter(torch.randperm(len(self._lengths), generator=generator).tolist())
