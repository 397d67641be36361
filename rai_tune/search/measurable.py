"""What validation rows can measure of a model at all: too few rows of a group, no positive class or three classes leave gaps without a number.

It is found before the first trial, on decisions that are as the labels. Stable API: ``unmeasurable``, ``as_labelled``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.search.objectives import ValidationView, measure
from rai_tune.search.trial import task_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.planning import Plan
    from rai_tune.search.objectives import Objective


def unmeasurable(objectives: Sequence[Objective], planned: Plan) -> dict[str, str]:
    """The reason by name of each objective that has no number even where every decision is right. Costs of training always have one."""
    measured = [item for item in objectives if item.wanted is not None]
    found = measure(measured, as_labelled(planned))
    return {name: value.reason for name, value in found.items() if value.status != "ok"}


def as_labelled(planned: Plan) -> ValidationView:
    """The validation rows with the decisions of a model that is always right."""
    data = planned.data
    rows = data.rows[data.rows["split"] == "validation"].reset_index(drop=True)
    scores = {f"score:{name}": (rows["label"] == name).astype(float) for name in data.classes}
    if data.positive is not None:
        scores["score"] = scores[f"score:{data.positive}"]
    return ValidationView(rows.assign(prediction=rows["label"], **scores), task_of(planned), {}, planned.recipe)
