"""A model made ready to be explained: its embedding layer, and the two kinds of pass that every method is made of.

``logits`` runs rows forward; ``path_products`` also runs back to the vectors of the words. Rows of all texts are pooled, sorted by length and cut
by one token budget, so a method only says which rows it wants. Stable within this library: ``Engine``, ``opened``, ``Row``, ``PathRow``.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import UsageError
from rai_audits.explain.baseline import padding_id
from rai_audits.explain.budget import CPU_TOKENS, DEVICE_TOKENS, TokenBudget
from rai_audits.explain.embedding import frozen, input_embedding, substituted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy.typing as npt
    import torch

    from rai_audits.explain.model import TextModel


@dataclass(frozen=True)
class Row:
    """One row of a forward pass: token ids, and of the same length the tokens whose vectors the model ``read``s in their place.

    None reads ``ids`` themselves. A masked text keeps its ``ids``: what a model derives from them (positions in RoBERTa, the last token in decoders) then stays as it was.
    """

    ids: tuple[int, ...]
    read: tuple[int, ...] | None = None


@dataclass(frozen=True)
class PathRow:
    """One point on the straight line from ``blank`` to ``ids`` in the space of word vectors; ``alpha`` 0 is ``blank``, 1 is the text."""

    ids: tuple[int, ...]
    blank: tuple[int, ...]
    alpha: float
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Engine:
    """A frozen model inside ``opened``."""

    model: TextModel
    layer: torch.nn.Module
    pad: int
    budget: TokenBudget[Any]

    def logits(
        self, rows: Sequence[Row], progress: Callable[[int, int], None] = lambda _done, _total: None
    ) -> npt.NDArray[np.float64]:
        """Logits of shape (rows, classes), in the given order; equal rows are run once."""
        place = {row: number for number, row in enumerate(dict.fromkeys(rows))}
        found = np.zeros((len(place), len(self.model.classes)))
        passed: Iterator[tuple[Row, npt.NDArray[np.float64]]] = self.budget.run(list(place), self._forward)
        for done, (row, values) in enumerate(passed, start=1):
            found[place[row]] = values
            progress(done, len(place))
        return found[[place[row] for row in rows]]

    def path_products(self, rows: Sequence[PathRow]) -> Iterator[tuple[PathRow, npt.NDArray[np.float64]]]:
        """Each row with (gradient of the explained number) . (vector of the text - vector of the baseline), one number a token."""
        yield from self.budget.run(rows, self._backward)

    def _forward(self, batch: Sequence[Row]) -> Iterable[npt.NDArray[np.float64]]:
        import torch

        ids, mask = self._padded([row.ids for row in batch])
        with torch.no_grad():
            if all(row.read is None for row in batch):
                return self._run(ids, mask).double().cpu().numpy()
            read, _ = self._padded([row.read or row.ids for row in batch])
            with substituted(self.layer, self.layer(read)) as calls:
                found = self._run(ids, mask).double().cpu().numpy()
        self._check_used_once(calls.count)
        return found

    def _backward(self, batch: Sequence[PathRow]) -> list[npt.NDArray[np.float64]]:
        import torch

        ids, mask = self._padded([row.ids for row in batch])
        blank, _ = self._padded([row.blank for row in batch])
        alphas = torch.tensor([row.alpha for row in batch], device=ids.device).view(-1, 1, 1)
        with torch.no_grad():
            start = self.layer(blank)
            way = self.layer(ids) - start
        vectors = (start + alphas.to(way.dtype) * way).requires_grad_()
        weights = torch.tensor([row.weights for row in batch], device=ids.device, dtype=vectors.dtype)
        with torch.enable_grad(), substituted(self.layer, vectors):
            explained = (self._run(ids, mask) * weights).sum()
            (gradient,) = torch.autograd.grad(explained, vectors)
        products = (gradient.double() * way.double()).sum(dim=-1).cpu().numpy()
        return [line[: len(row.ids)] for line, row in zip(products, batch, strict=True)]

    def _run(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model.model(input_ids=ids, attention_mask=mask).logits
        if logits.ndim != 2 or logits.shape[1] != len(self.model.classes):
            raise UsageError(
                f"the model answers logits of shape {tuple(logits.shape)}, but {len(self.model.classes)} classes are named"
            )
        return logits

    def _padded(self, rows: Sequence[tuple[int, ...]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and attention mask, each (rows, longest), padded on the right."""
        import torch

        width = max(1, *(len(row) for row in rows)) if rows else 1
        ids = np.full((len(rows), width), self.pad, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
            mask[place, : len(row)] = 1
        device = self.model.device
        return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)

    def _check_used_once(self, count: int) -> None:
        if count != 1:
            raise UsageError(
                f"{type(self.model.model).__name__} uses its word embedding {count} times in one pass; "
                "attributions on it are defined for exactly one"
            )


@contextmanager
def opened(model: TextModel, tokens_per_pass: int | None = None) -> Iterator[Engine]:
    """The model frozen and on its device inside the block.

    Raises ``UsageError`` for a model whose word embedding cannot be found, or a tokenizer without a padding token.
    """
    default = CPU_TOKENS if model.device == "cpu" else DEVICE_TOKENS
    layer = input_embedding(model.model)
    budget: TokenBudget[Any] = TokenBudget(tokens_per_pass or default, lambda row: len(row.ids))
    model.model.to(model.device)
    with frozen(model.model):
        yield Engine(model, layer, padding_id(model.tokenizer), budget)
