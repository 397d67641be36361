"""What validation rows can measure of a model at all: too few rows of a group, no positive class or three classes leave gaps without a number.

It is found before the first trial, on the decisions of two made-up models: one is always right, the other is wrong about a third of the rows of every group and
label. What has no number for either, such as a ratio of error rates for the first, has none for a real one. Stable API: ``unmeasurable``, ``made_up``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.search.objectives import ValidationView, measure
from rai_tune.search.trial import task_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from rai_tune.planning import Plan
    from rai_tune.search.objectives import Objective


def unmeasurable(objectives: Sequence[Objective], planned: Plan) -> dict[str, str]:
    """The reason by name of each objective that has no number for any made-up model. Costs of training always have one."""
    measured = [item for item in objectives if item.wanted is not None]
    right, wrong = (measure(measured, view) for view in made_up(planned))
    return {name: value.reason for name, value in right.items() if value.status != "ok" and wrong[name].status != "ok"}


def made_up(planned: Plan) -> tuple[ValidationView, ValidationView]:
    """The validation rows with the decisions of a model that is always right, and of one that is wrong about every third row."""
    data = planned.data
    rows = data.rows[data.rows["split"] == "validation"].reset_index(drop=True)
    cells = ["label", *(f"group:{name}" for name in data.groups)]
    wrong = rows.groupby(cells, observed=True, dropna=False).cumcount() % 3 == 2
    following = dict(zip(data.classes, (*data.classes[1:], data.classes[0]), strict=True))
    return _decided(planned, rows, rows["label"]), _decided(
        planned, rows, rows["label"].where(~wrong, rows["label"].map(following))
    )


def _decided(planned: Plan, rows: pd.DataFrame, decisions: pd.Series) -> ValidationView:
    data = planned.data
    scores = {f"score:{name}": (decisions == name).astype(float) for name in data.classes}
    if data.positive is not None:
        scores["score"] = scores[f"score:{data.positive}"]
    return ValidationView(rows.assign(prediction=decisions, **scores), task_of(planned), {}, planned.recipe)
