"""What a search may look for, by name. Stable API: ``Objective``, ``ValidationView``, ``known_objectives``, ``load_objective``, ``measure``.

Quality and gaps are those of the audits ``task_quality`` and ``group_rates``, measured on validation rows; costs are facts of the training. A
gap is the widest over the declared attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rai_audits.core import AuditContext
from rai_audits.quality.chosen import Wanted, measure_wanted
from rai_tune.core import UsageError, did_you_mean
from rai_tune.search.result import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from rai_tune.core import TaskInfo
    from rai_tune.recipe.schema import Recipe
    from rai_tune.search.choosing import Direction

SHORT = {"auc": "roc_auc", "parameters": "adapter_parameters", "time": "cpu_seconds"}
"""Short names that are understood."""


@dataclass(frozen=True)
class Objective:
    """One objective: which way is better, its unit, what it means, and whether it speaks of groups. ``wanted`` is None for a cost of training."""

    name: str
    direction: Direction
    unit: Literal["share", "count", "seconds"]
    sentence: str
    groups: bool = False
    wanted: Wanted | None = None
    cost: Callable[[Mapping[str, Any]], float | None] | None = None


@dataclass(frozen=True)
class ValidationView:
    """What an objective may read of a trial: the predictions table of its validation rows, what they mean, and facts of its training."""

    predictions: pd.DataFrame
    task: TaskInfo
    training: Mapping[str, Any]
    recipe: Recipe


def _quality(name: str, direction: Direction, sentence: str) -> Objective:
    return Objective(name, direction, "share", sentence, wanted=Wanted("task_quality", name, direction))


def _gap(
    name: str, sentence: str, direction: Direction = "minimise", over: Literal["attributes", "pairs"] = "attributes"
) -> Objective:
    wanted = Wanted("group_rates", name, direction, over)
    return Objective(name, direction, "share", sentence, groups=True, wanted=wanted)


def _fact(*path: str) -> Callable[[Mapping[str, Any]], float | None]:
    def read(facts: Mapping[str, Any]) -> float | None:
        found: Any = facts
        for key in path:
            found = found.get(key) if hasattr(found, "get") else None
        return float(found) if isinstance(found, (int, float)) else None

    return read


_OBJECTIVES = {
    item.name: item
    for item in (
        _quality("roc_auc", "maximise", "How often a positive row scores above a negative one."),
        _quality("accuracy", "maximise", "Share of rows decided as labelled."),
        _quality("balanced_accuracy", "maximise", "Mean over classes of the share decided as labelled."),
        _quality("macro_f1", "maximise", "Mean F1 over classes."),
        _quality("average_precision", "maximise", "Area under the precision-recall curve."),
        _quality("brier_score", "minimise", "Mean squared error of the score."),
        _gap("equalized_odds_difference", "Widest gap between groups in the true or false positive rate."),
        _gap("equal_opportunity_difference", "Widest gap between groups in the true positive rate."),
        _gap("demographic_parity_difference", "Widest gap between groups in the rate of the favourable outcome."),
        _gap("impact_ratio", "Smallest ratio of two groups' rates of the favourable outcome.", "maximise", "pairs"),
        Objective(
            "adapter_parameters",
            "minimise",
            "count",
            "Trained numbers of the model.",
            cost=_fact("parameters", "trained"),
        ),
        Objective("cpu_seconds", "minimise", "seconds", "CPU time of training.", cost=_fact("cpu_s")),
    )
}


def known_objectives() -> tuple[Objective, ...]:
    """Every objective: quality, gaps, then costs."""
    return tuple(_OBJECTIVES.values())


def load_objective(name: str) -> Objective:
    """An objective by its name or short name. Raises ``UsageError`` naming near ones."""
    full = SHORT.get(name, name)
    if full not in _OBJECTIVES:
        raise UsageError(
            f"objective {name!r} is measured by nobody.{did_you_mean(name, [*_OBJECTIVES, *SHORT])} "
            "'raitune tune --list-objectives' names them all."
        )
    return _OBJECTIVES[full]


def load_objectives(names: Sequence[str], task: TaskInfo | None = None) -> tuple[Objective, ...]:
    """Several, each once. With ``task``, those that it gives no meaning to are refused (``UsageError``)."""
    found = tuple(load_objective(name) for name in names)
    if len({item.name for item in found}) != len(found):
        raise UsageError("an objective is named twice")
    for item in found if task is not None else ():
        assert task is not None
        if item.groups and not task.groups:
            raise UsageError(
                f"objective {item.name} compares groups, and the recipe declares none: name them under data.groups"
            )
        if (
            item.name in {"roc_auc", "brier_score", "average_precision"}
            and len(task.classes) == 2
            and task.positive is None
        ):
            raise UsageError(f"objective {item.name} needs to know which class is positive: set data.positive")
    return found


def measure(objectives: Sequence[Objective], view: ValidationView) -> dict[str, Value]:
    """Each objective on the validation rows of a trial; one that cannot be measured says why."""
    wanted = {item.name: item.wanted for item in objectives if item.wanted is not None}
    found = measure_wanted(wanted, context_of(view), "validation") if wanted else {}
    values: dict[str, Value] = {}
    for item in objectives:
        measured = found.get(item.name)
        values[item.name] = _cost(item, view) if item.wanted is None else _value(measured)
    return values


def context_of(view: ValidationView) -> AuditContext:
    """The predictions as audits read them; nothing is stored."""
    return AuditContext(
        predictions=view.predictions,
        task=view.task,
        artifacts=_Nowhere(),
        options=view.recipe.audits.options("fairness"),
        seed=view.recipe.seed,
        alphas=(),
    )


def _value(measured: Any) -> Value:
    if isinstance(measured, str):
        return Value(None, status="not_estimable", reason=measured)
    if measured.status != "ok":
        return Value(None, n=measured.n, status="not_estimable", reason=str(measured.reason))
    high = measured.high if isinstance(measured.high, float) else None
    low = measured.low if isinstance(measured.low, float) else None
    return Value(float(measured.value), low, high, measured.n)


def _cost(item: Objective, view: ValidationView) -> Value:
    found = item.cost(view.training) if item.cost else None
    if found is None:
        return Value(None, status="not_estimable", reason=f"the training left no {item.name}")
    return Value(found)


class _Nowhere:
    """Where tables of an audit go that nobody keeps."""

    def put_table(self, name: str, table: pd.DataFrame) -> str:
        raise UsageError(f"an objective stores no tables ({name}, {len(table)} rows)")
