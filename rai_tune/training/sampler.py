"""The order of training rows, decided by seed and epoch alone.

The Trainer's own length-grouped sampler has two limits. It draws from the global random state when an epoch begins, so that
a run resumed in the middle of an epoch sees other batches than one that was never stopped; here the order is a function
of (seed, epoch). And it groups only within pools of at most a quarter of the rows, which on a few hundred rows groups nothing;
here all rows are sorted by a length blurred at random, then cut into batches, and the batches are shuffled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.utils.data import Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_EPOCHS_APART = 1_000_003
_BLUR = 0.1
"""Lengths are blurred by up to this share, so that a row meets other rows in each epoch; padding grows by about as much."""


class EpochSampler(Sampler[int]):
    """Indices of rows, shuffled for each epoch; rows of like length side by side when ``group_by_length``.

    With ``chances`` (rows,), an epoch draws as many rows with replacement, each in proportion to its chance.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        seed: int,
        *,
        group_by_length: bool,
        chances: Sequence[float] | None = None,
    ) -> None:
        self._chances = None if chances is None else torch.tensor(list(chances), dtype=torch.float64)
        self._lengths = torch.tensor(list(lengths), dtype=torch.float64)
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
        order = self._drawn(generator)
        return iter((self._grouped(order, generator) if self._group else order).tolist())

    def _drawn(self, generator: torch.Generator) -> torch.Tensor:
        if self._chances is None:
            return torch.randperm(len(self._lengths), generator=generator)
        return torch.multinomial(self._chances, len(self._lengths), replacement=True, generator=generator)

    def _grouped(self, order: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        blur = 1 + _BLUR * (2 * torch.rand(len(order), generator=generator, dtype=torch.float64) - 1)
        by_length = order[torch.argsort(self._lengths[order] * blur, stable=True)]
        batches = list(torch.split(by_length, self._batch_size))
        # A short batch stays last: anywhere else it would shift the cuts of all batches after it.
        rest = [batches.pop()] if len(batches[-1]) < self._batch_size else []
        shuffled = [batches[place] for place in torch.randperm(len(batches), generator=generator).tolist()]
        return torch.cat([*shuffled, *rest])
