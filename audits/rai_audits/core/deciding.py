"""Decisions of a model whose cutoff hangs on a person's group, for audits that decide changed rows anew.

A model with one threshold needs none of this: ``cutoffs_of`` answers None and ``cutting`` its threshold. Where the model decides by group, every row
has its own cutoff (column ``cutoff`` of the predictions): an edit of the text keeps it, a change of the group takes that of the other group. An audit
that decides without cutoffs is stopped by ``cutting`` rather than answered with a wrong threshold.
Stable API: ``GroupCutoffs``, ``BY_GROUP``, ``cutoffs_of``, ``swapped_cutoffs``, ``cutting``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from rai_audits.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from rai_audits.core.plugins import TaskInfo

    Cutoffs = npt.NDArray[np.float64]

CROSS = " & "
"""Joins the attributes of a crossing, and their groups."""
BY_GROUP: Final[Literal["by group"]] = "by group"
"""Stands in place of a threshold where there is one for each group."""


@dataclass(frozen=True)
class GroupCutoffs:
    """How a model cuts scores by group. ``cutoffs`` gives one number a row from the columns ``row_id`` and ``group:<attribute>``."""

    attributes: tuple[str, ...]
    cutoffs: Callable[[pd.DataFrame], Cutoffs]


def cutoffs_of(task: TaskInfo, rows: pd.DataFrame) -> Cutoffs | None:
    """Cutoff of each row of a predictions table, None where the model has one threshold. Raises ``UsageError`` when the column is missing."""
    if task.by_group is None:
        return None
    if "cutoff" not in rows:
        raise UsageError(
            "this model decides by group, and the predictions have no column 'cutoff' to decide changed rows by"
        )
    cutoffs: Cutoffs = rows["cutoff"].to_numpy(dtype=float)
    return cutoffs


def swapped_cutoffs(task: TaskInfo, rows: pd.DataFrame, attribute: str, to: Sequence[str]) -> Cutoffs | None:
    """Cutoff of each row as if its person belonged to group ``to`` of ``attribute``; the row's own where the model does not decide by that.

    ``rows`` has ``row_id``, ``cutoff`` and the group columns. None where the model has one threshold.
    """
    if task.by_group is None or not task.decides_by(attribute):
        return cutoffs_of(task, rows)
    swapped = rows.assign(**{f"group:{attribute}": list(to)})
    for crossing in task.by_group.attributes:
        parts = crossing.split(CROSS)
        if len(parts) > 1 and attribute in parts:
            cells = zip(*(swapped[f"group:{part}"].astype(str) for part in parts), strict=True)
            swapped[f"group:{crossing}"] = [CROSS.join(groups) for groups in cells]
    return task.by_group.cutoffs(swapped)


def cutting(task: TaskInfo, cutoffs: Cutoffs | None) -> float | Cutoffs | None:
    """What scores are compared with: the rows' cutoffs, else the one threshold. Raises ``UsageError`` where cutoffs are needed and missing."""
    if task.by_group is not None and cutoffs is None:
        raise UsageError("this model decides by group, so a changed row cannot be decided without its own cutoff")
    return task.threshold if cutoffs is None else cutoffs
