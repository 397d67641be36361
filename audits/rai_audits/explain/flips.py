"""The smallest set of changes that flips a decision: columns of a template given other values, or words taken away.

Sizes one and two are searched in full while the budget of texts lasts, then changes are added one by one, the best first. A set is ``minimal`` only
where every smaller set was tried. All texts of one size are pooled into full batches. Stable within this library: ``smallest_flip``, ``Change``, ``Flip``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

Key = TypeVar("Key")
PAIRED = 12
"""Single changes, the strongest first, of which pairs are made when not all pairs can be tried."""


@dataclass(frozen=True)
class Change(Generic[Key]):
    """One change: what it applies to (two changes of one ``part`` exclude each other), and what to do there."""

    part: str
    what: Key


@dataclass(frozen=True)
class Flip(Generic[Key]):
    """The changes that flip the decision, none where nothing tried does. ``evaluations`` counts texts that were scored."""

    changes: tuple[Change[Key], ...]
    minimal: bool
    evaluations: int


def smallest_flip(
    changes: Sequence[Change[Key]],
    margins: Callable[[Sequence[tuple[Change[Key], ...]]], npt.NDArray[np.float64]],
    evaluations: int,
) -> Flip[Key]:
    """Search for the smallest set whose margin is below 0.

    ``margins`` scores sets of changes: how far the decision stays on its side, below 0 once it has flipped, infinite for a text that cannot be made.
    """
    singles = [(change,) for change in changes[:evaluations]]
    if not singles:
        return Flip((), minimal=False, evaluations=0)
    found = margins(singles)
    spent = len(singles)
    all_singles = len(singles) == len(changes)
    best = int(np.argmin(found))
    if found[best] < 0:
        return Flip(singles[best], minimal=True, evaluations=spent)
    order = [singles[place][0] for place in np.argsort(found, kind="stable")]
    pairs = _pairs(order, evaluations - spent)
    if pairs:
        values = margins(pairs)
        spent += len(pairs)
        best = int(np.argmin(values))
        if values[best] < 0:
            return Flip(pairs[best], minimal=all_singles, evaluations=spent)
    return _greedy(order, margins, evaluations, spent)


def _pairs(order: Sequence[Change[Key]], room: int) -> list[tuple[Change[Key], ...]]:
    """Pairs of changes of different parts: all of them where there is room, else those of the strongest."""
    every = [pair for pair in combinations(order, 2) if pair[0].part != pair[1].part]
    if len(every) > room:
        every = [pair for pair in combinations(order[:PAIRED], 2) if pair[0].part != pair[1].part]
    return list(every[: max(room, 0)])


def _greedy(
    order: Sequence[Change[Key]],
    margins: Callable[[Sequence[tuple[Change[Key], ...]]], npt.NDArray[np.float64]],
    evaluations: int,
    spent: int,
) -> Flip[Key]:
    """The strongest change of each part, added in turn; the first set that flips, less whatever it can do without."""
    own = list({change.part: change for change in reversed(order)}.values())[::-1]
    own.sort(key=order.index)
    sets = [tuple(own[:size]) for size in range(3, len(own) + 1)][: max(0, evaluations - spent)]
    if not sets:
        return Flip((), minimal=False, evaluations=spent)
    values = margins(sets)
    spent += len(sets)
    flipped = np.flatnonzero(values < 0)
    if not flipped.size:
        return Flip((), minimal=False, evaluations=spent)
    kept = sets[int(flipped[0])]
    while len(kept) > 3 and evaluations - spent >= len(kept):
        smaller = [kept[:place] + kept[place + 1 :] for place in range(len(kept))]
        values = margins(smaller)
        spent += len(smaller)
        best = int(np.argmin(values))
        if not values[best] < 0:
            break
        kept = smaller[best]
    return Flip(kept, minimal=False, evaluations=spent)
