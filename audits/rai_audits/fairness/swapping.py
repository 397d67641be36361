"""One text about another group: rendered again from its columns, or with the words of one group replaced by those of another.

The pieces of every audit that swaps identities (``paired_swaps``, ``identity_reliance``), so that they change the same words. Stable within
this library: ``Swap``, ``rendered_swaps``, ``TermSwaps``, ``swap_cutoffs``, ``decided``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core.deciding import cutoffs_of, cutting, swapped_cutoffs
from rai_audits.fairness.term_swaps import TermSwap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd

    from rai_audits.core import TaskInfo
    from rai_audits.core.deciding import Cutoffs

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
    row: Mapping[Any, Any], attribute: str, group: str, known: Sequence[str], render: Render, *, alike: bool = False
) -> Rendered:
    """The row's text rendered again for every other group of ``known``. ``row`` has ``row_id``, ``text`` and the columns of the template.

    With ``alike`` a text that reads the same is a swap too: of a model that decides by group, the group alone may turn the decision.
    """
    swaps: list[Swap] = []
    others = [name for name in known if name != group]
    for to in others:
        text = render(row, attribute, to)
        if alike and text is None:
            text = str(row["text"])
        if text is not None and (alike or text != row["text"]):
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


def swap_cutoffs(task: TaskInfo, rows: pd.DataFrame, swaps: Sequence[Swap]) -> Cutoffs | None:
    """Cutoffs of all texts before their swap, then of all after, shape (2 * swaps,); None where the model has one threshold.

    ``rows`` has ``row_id``, ``cutoff`` and the group columns. A swap of the row's own group takes the cutoff of the other group.
    """
    if task.by_group is None:
        return None
    keyed = rows.assign(row_id=rows["row_id"].astype(str)).set_index("row_id", drop=False)
    own = keyed.loc[[swap.row_id for swap in swaps]].reset_index(drop=True)
    before = cutoffs_of(task, own)
    assert before is not None  # the task decides by group
    after = before.copy()
    for attribute in dict.fromkeys(swap.attribute for swap in swaps):
        places = [
            place for place, swap in enumerate(swaps) if swap.attribute == attribute and _of_own_group(own, place, swap)
        ]
        other = swapped_cutoffs(task, own.iloc[places], attribute, [swaps[place].to for place in places])
        if places and other is not None:
            after[places] = other
    return np.concatenate([before, after])


def _of_own_group(rows: pd.DataFrame, place: int, swap: Swap) -> bool:
    column = f"group:{swap.attribute}"
    return column in rows and str(rows[column].iloc[place]) == swap.group


def decided(
    task: TaskInfo, probabilities: np.ndarray[Any, np.dtype[np.float64]], cutoffs: Cutoffs | None = None
) -> list[str]:
    """Decision of each row of class probabilities: by its cutoff or the task's threshold where there is one, else the likeliest class.

    ``cutoffs``, of shape (rows,), are needed where the task decides by group; ``UsageError`` without them.
    """
    if not len(probabilities):
        return []
    cut = cutting(task, cutoffs)
    if task.binary and task.positive is not None and cut is not None:
        other = next(name for name in task.classes if name != task.positive)
        score = probabilities[:, task.classes.index(task.positive)]
        return [task.positive if above else other for above in (score >= cut).tolist()]
    return [task.classes[place] for place in probabilities.argmax(axis=1)]
