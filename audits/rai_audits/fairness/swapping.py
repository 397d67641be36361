"""One text about another group: rendered again from its columns, or with the words of one group replaced by those of another.

The pieces of every audit that swaps identities (``paired_swaps``, ``identity_reliance``), so that they change the same words. Stable within
this library: ``Swap``, ``rendered_swaps``, ``TermSwaps``, ``decided``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_audits.fairness.term_swaps import TermSwap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np

    from rai_audits.core import TaskInfo

    Render = Callable[[Mapping[Any, Any], str, str], str | None]
    Lists = Mapping[str, Sequence[str]]

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Swap:
    """One text before and after; ``group`` is whom it spoke of, ``to`` whom it speaks of now."""

    row_id: str
    attribute: str
    group: str
    to: str
    text: str
    swapped: str


@dataclass(frozen=True)
class Rendered:
    """Swaps of one templated row. ``unchanged`` counts renderings that failed or read the same."""

    swaps: tuple[Swap, ...]
    unchanged: int


def rendered_swaps(
    row: Mapping[Any, Any], attribute: str, group: str, known: Sequence[str], render: Render
) -> Rendered:
    """The row's text rendered again for every other group of ``known``. ``row`` has ``row_id``, ``text`` and the columns of the template."""
    swaps: list[Swap] = []
    others = [name for name in known if name != group]
    for to in others:
        text = render(row, attribute, to)
        if text is not None and text != row["text"]:
            swaps.append(Swap(str(row["row_id"]), attribute, group, to, str(row["text"]), text))
    return Rendered(tuple(swaps), len(others) - len(swaps))


class TermSwaps:
    """Every ordered pair of the groups of one attribute, by aligned word lists (see ``term_swaps``)."""

    def __init__(self, attribute: str, lists: Lists) -> None:
        self.attribute = attribute
        self.groups = tuple(lists)
        self._pairs = [
            (group, to, TermSwap(source, target))
            for group, source in lists.items()
            for to, target in lists.items()
            if group != to
        ]

    def of(self, row_id: str, text: str) -> Iterator[Swap]:
        """The text about every other group; none where it holds no word of the lists."""
        for group, to, swap in self._pairs:
            new = swap.apply(text)
            if new is not None and new != text:
                yield Swap(row_id, self.attribute, group, to, text, new)

    def spans(self, text: str) -> dict[str, tuple[tuple[int, int], ...]]:
        """Characters of the words that a swap would replace, by the group they name; groups that are not named are left out."""
        found: dict[str, set[tuple[int, int]]] = {}
        for group, _to, swap in self._pairs:
            places = swap.spans(text)
            if places:
                found.setdefault(group, set()).update(places)
        return {group: tuple(sorted(places)) for group, places in found.items()}


def decided(task: TaskInfo, probabilities: np.ndarray[Any, np.dtype[np.float64]]) -> list[str]:
    """Decision of each row of class probabilities: by the task's threshold where it has one, else the likeliest class."""
    if not len(probabilities):
        return []
    if task.binary and task.positive is not None and task.threshold is not None:
        other = next(name for name in task.classes if name != task.positive)
        score = probabilities[:, task.classes.index(task.positive)]
        return [task.positive if value >= task.threshold else other for value in score]
    return [task.classes[place] for place in probabilities.argmax(axis=1)]
