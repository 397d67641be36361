"""What people read of a search: its trials, which of them are beaten by none, and what choosing flatters. Finished texts and numbers.

Built from the JSON of a search (schema ``rai-tune/search/v1``), as the terminal, the app and the report of a chosen run show it.
Stable API: ``search_view``, ``SearchView``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.reporting.numbers import STATUS_WORDS, digits, interval, unit_of
from rai_tune.reporting.text import clean, named, sentence

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

OBJECTIVES = {
    "roc_auc": "ROC AUC",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "average_precision": "Average precision",
    "brier_score": "Brier score",
    "equalized_odds_difference": "Equalized odds difference",
    "equal_opportunity_difference": "Equal opportunity difference",
    "demographic_parity_difference": "Demographic parity difference",
    "impact_ratio": "Impact ratio",
    "adapter_parameters": "Trained parameters",
    "cpu_seconds": "CPU seconds",
}
_STATES = {
    "complete": "complete",
    "pruned": "stopped early",
    "diverged": "diverged",
    "failed": "failed",
    "running": "at work",
    "waiting": "waits",
}
_COUNTED = ("adapter_parameters", "cpu_seconds")
MOST_SETTINGS = 12


@dataclass(frozen=True)
class ObjectiveHead:
    """One column of values: its name, whether more or less is better, and the best that any trial reached."""

    key: str
    name: str
    wanted: str
    best: str
    unit: str


@dataclass(frozen=True)
class TrialValue:
    """One value: the number and its interval as texts, and as numbers for a chart. Without a number ``text`` says why."""

    text: str
    interval: str
    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class TrialRow:
    """One trial. ``mark`` is ``chosen``, ``front`` (beaten by none) or empty; ``settings`` is what was tried, field by field."""

    number: int
    state: str
    mark: str
    values: tuple[TrialValue, ...]
    settings: tuple[tuple[str, str], ...]
    run_id: str
    missed: tuple[str, ...]
    """Controls that steered the search and that it does not meet on validation rows."""
    note: str


@dataclass(frozen=True)
class SearchView:
    """A search in words. ``rows``: the chosen first, then the front, then the others by number. ``sentence`` says what the chart shows."""

    id: str
    name: str
    basis: str
    counts: str
    objectives: tuple[ObjectiveHead, ...]
    rows: tuple[TrialRow, ...]
    sentence: str
    steered: tuple[str, ...]
    """Each control that steered the search, with how many measured trials miss it."""
    chosen: tuple[str, ...]


def search_view(found: Mapping[str, Any], front: Collection[int]) -> SearchView:
    """Every text and number of a search; ``front`` holds the numbers of the trials that none beats."""
    trials: Sequence[Mapping[str, Any]] = found["trials"]
    directions: Mapping[str, str] = found["directions"]
    chosen = set(map(str, found.get("chosen", ())))
    rows = [_row(trial, directions, front, chosen) for trial in trials]
    order = {"chosen": 0, "front": 1}
    return SearchView(
        id=clean(found["id"]),
        name=named(found["name"]),
        basis=_basis(found),
        counts=_counts(trials, int(found["asked_trials"])),
        objectives=tuple(_head(name, wanted, trials) for name, wanted in directions.items()),
        rows=tuple(sorted(rows, key=lambda row: (order.get(row.mark, 2), row.number))),
        sentence=_sentence(rows, directions, front),
        steered=tuple(_steered(name, trials) for name in found.get("constraints", ())),
        chosen=tuple(clean(run) for run in found.get("chosen", ())),
    )


def unit_of_objective(name: str) -> str:
    """The unit that an objective is shown in."""
    return "count" if name in _COUNTED else unit_of(name)


def signed(value: float, name: str) -> str:
    """A difference of an objective with its sign."""
    unit = unit_of_objective(name)
    text = digits(value, "points" if unit == "percent" else unit)
    return text if value < 0 else f"+{text}"


def objective_name(name: str) -> str:
    """An objective in words."""
    return OBJECTIVES.get(name, clean(name.replace("_", " ").capitalize()))


def settings_of(settings: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Settings as texts: the field without its room, and its value; ranks of layers stand together."""
    return tuple((_field(field), clean(_setting(value))) for field, value in settings.items())


def _field(field: str) -> str:
    """``learning_rate`` for ``training.learning_rate``, ``mitigation`` for its method, ``fair_loss.strength`` for a method's own setting."""
    if field == "mitigation.method":
        return "mitigation"
    room, _, rest = field.partition(".")
    return clean(rest or room)


def _setting(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(str, value)) + "]"
    return "none" if value is None else str(value)


def _basis(found: Mapping[str, Any]) -> str:
    samplers = {"tpe": "a Parzen estimator (TPE)", "nsga2": "a genetic algorithm (NSGA-II)", "random": "random search"}
    how = samplers.get(str(found["sampler"]), clean(found["sampler"]))
    return (
        f"Measured on validation rows with two-sided 95 % intervals; trials come from {how}, seed {int(found['seed'])}."
    )


def _counts(trials: Sequence[Mapping[str, Any]], asked: int) -> str:
    by_state: dict[str, int] = {}
    for trial in trials:
        word = _state(trial)
        by_state[word] = by_state.get(word, 0) + 1
    told = ", ".join(f"{count} {word}" for word, count in by_state.items()) or "none yet"
    return f"{len(trials)} of {asked} trials: {told}"


def _state(trial: Mapping[str, Any]) -> str:
    return "deleted" if trial.get("deleted") else _STATES.get(str(trial["state"]), clean(trial["state"]))


def _steered(name: str, trials: Sequence[Mapping[str, Any]]) -> str:
    measured = [trial.get("constraints", {}) for trial in trials if _state(trial) == "complete"]
    if not measured:
        return sentence(name)
    amounts = [each[name] for each in measured if name in each]
    unjudged, missing = amounts.count(None), sum(by is not None and by > 0 for by in amounts)
    if unjudged == len(measured):
        return sentence(f"{name} (could not be judged in any trial)")
    said = [f"missed by {missing} of {len(measured)} trials"] if missing else []
    said += [f"could not be judged in {unjudged}"] if unjudged else []
    return sentence(f"{name} ({', '.join(said) or 'met by all'})")


def _head(name: str, wanted: str, trials: Sequence[Mapping[str, Any]]) -> ObjectiveHead:
    values = [trial["values"].get(name, {}).get("estimate") for trial in trials if _state(trial) == "complete"]
    numbers = [float(value) for value in values if value is not None]
    best = (max if wanted == "maximise" else min)(numbers) if numbers else None
    unit = unit_of_objective(name)
    return ObjectiveHead(
        name,
        objective_name(name),
        "more is better" if wanted == "maximise" else "less is better",
        "none yet" if best is None else digits(best, unit),
        unit,
    )


def _row(
    trial: Mapping[str, Any], directions: Mapping[str, str], front: Collection[int], chosen: Collection[str]
) -> TrialRow:
    number, run_id = int(trial["number"]), str(trial.get("run_id") or "")
    constraints: Mapping[str, float | None] = trial.get("constraints", {})
    missed = [name for name, by in constraints.items() if by is None or by > 0]
    undefined = [
        f"{objective_name(name)} is not estimable: {value.get('reason') or 'no reason was given'}"
        for name, value in trial["values"].items()
        if value["estimate"] is None and value["status"] != "suppressed"
    ]
    said = [str(trial.get("error") or ""), *undefined]
    return TrialRow(
        number=number,
        state=_state(trial),
        mark="chosen" if run_id and run_id in chosen else "front" if number in front else "",
        values=tuple(_value(trial["values"].get(name), unit_of_objective(name)) for name in directions),
        settings=settings_of(trial["settings"]),
        run_id=clean(run_id),
        missed=tuple(clean(name) for name in missed),
        note=sentence("; ".join(part for part in said if part)),
    )


def _value(value: Mapping[str, Any] | None, unit: str) -> TrialValue:
    if value is None:
        return TrialValue("–", "", None, None, None)
    if value["estimate"] is None:
        return TrialValue(STATUS_WORDS.get(value["status"], STATUS_WORDS["not_estimable"]), "", None, None, None)
    low, high = value.get("low"), value.get("high")
    ends = "" if low is None or high is None else interval(low, high, unit)
    return TrialValue(digits(value["estimate"], unit), ends, float(value["estimate"]), low, high)


def _sentence(rows: Sequence[TrialRow], directions: Mapping[str, str], front: Collection[int]) -> str:
    names = [objective_name(name) for name in directions]
    there = [row for row in rows if row.state != "deleted"]
    measured = sum(all(value.estimate is not None for value in row.values) for row in there)
    if any(value.text == STATUS_WORDS["suppressed"] for row in rows for value in row.values):
        return "Numbers about groups are not shown, for they could be about few people, so what is traded for what is not drawn."
    if not measured:
        return "No trial has a number for every objective yet."
    told = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    count = "one is" if len(front) == 1 else f"{len(front)} are"
    return f"Of {measured} measured trials, {count} beaten by none in {told}; the intervals say how far they can be told apart."
