"""Batches of rows of like length under a bound of tokens in one pass, which shrinks when memory runs out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from rai_audits.core import RaiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

CPU_TOKENS = 2_048
"""Tokens in one pass on a CPU: throughput was flat between 400 and 4,000 and fell beyond (two cores, MiniLM)."""

DEVICE_TOKENS = 32_768
"""Tokens in one pass on an accelerator, which needs more to be busy; it halves when memory runs out."""

# The bare word "memory" also occurs in errors about memory formats, which a smaller batch does not cure.
_MEMORY_SIGNS = ("out of memory", "not enough memory", "allocate memory", "failed to allocate", "alloc_failed")

Item = TypeVar("Item")
Result = TypeVar("Result")


class OutOfMemoryError(RaiError):
    """Not even one row fits in memory (exit 1)."""


class TokenBudget(Generic[Item]):
    """Largest number of tokens in one pass. ``length`` tells the tokens of one item, which is one row of a pass."""

    def __init__(self, tokens: int, length: Callable[[Item], int]) -> None:
        self.tokens = tokens
        self._length = length

    def run(
        self, items: Sequence[Item], work: Callable[[Sequence[Item]], Iterable[Result]]
    ) -> Iterator[tuple[Item, Result]]:
        """Apply ``work`` to batches of items, shortest first, and yield each item with its result.

        A batch that runs out of memory is repeated at half the budget, which stays at that size, until one row is in a pass. Raises
        ``OutOfMemoryError`` when that does not fit either.
        """
        queue = sorted(items, key=self._length)
        start = 0
        while start < len(queue):
            batch = queue[start : start + self._rows_from(queue, start)]
            try:
                results = work(batch)
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
                self._halve(batch, error)
                continue
            yield from zip(batch, results, strict=True)
            start += len(batch)

    def _rows_from(self, queue: Sequence[Item], start: int) -> int:
        size = 1
        while start + size < len(queue) and (size + 1) * self._length(queue[start + size]) <= self.tokens:
            size += 1
        return size

    def _halve(self, batch: Sequence[Item], error: RuntimeError) -> None:
        longest = max(1, *(self._length(item) for item in batch))
        if len(batch) <= 1:
            raise OutOfMemoryError(
                f"out of memory while explaining one text of {longest} tokens, one row at a time; "
                "lower model.max_tokens or use a machine with more memory"
            ) from error
        self.tokens = max(1, len(batch) * longest // 2)
        _release_cached_memory()


def _is_out_of_memory(error: RuntimeError) -> bool:
    import torch

    said = str(error).lower()
    return isinstance(error, torch.cuda.OutOfMemoryError) or any(sign in said for sign in _MEMORY_SIGNS)


def _release_cached_memory() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
