"""What a search found: its trials with the values of each objective. Frozen values; ``to_json`` is what reports read.

Stable API: ``Value``, ``TrialResult``, ``SearchResult``, ``acceptable``, ``SEARCH_SCHEMA``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

SEARCH_SCHEMA = "rai-tune/search/v1"

TrialState = Literal["complete", "pruned", "diverged", "failed", "running", "waiting"]
"""``complete`` and ``pruned`` and ``diverged`` are final; ``failed`` says why in ``error``; ``running`` and ``waiting`` go on with ``--resume``."""


@dataclass(frozen=True)
class Value:
    """An objective measured on the validation rows of a trial, with its two-sided interval. Undefined is a value: ``status`` and ``reason`` say so."""

    estimate: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    status: Literal["ok", "not_estimable"] = "ok"
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        return vars(self).copy()


@dataclass(frozen=True)
class TrialResult:
    """One trial. ``settings`` maps dotted recipe fields to what was tried; ``constraints`` maps a control to how far it is missed.

    At most 0 is met; None could not be judged on the validation rows, and is not met.
    """

    number: int
    state: TrialState
    run_id: str | None
    settings: dict[str, Any]
    values: dict[str, Value] = field(default_factory=dict)
    constraints: dict[str, float | None] = field(default_factory=dict)
    cpu_s: float | None = None
    error: str = ""
    deleted: bool = False
    """Whether its texts and model were deleted since, by a person or a period of retention."""

    @property
    def feasible(self) -> bool:
        """Whether every constraint is met."""
        return all(by is not None and by <= 0 for by in self.constraints.values())

    @property
    def measured(self) -> bool:
        """Whether it may be chosen: it is complete, every objective has a number, and its model is still there."""
        return (
            self.state == "complete"
            and not self.deleted
            and all(value.status == "ok" for value in self.values.values())
        )

    def to_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "values": {name: value.to_json() for name, value in self.values.items()},
            "feasible": self.feasible,
        }


def acceptable(trials: Sequence[TrialResult]) -> tuple[TrialResult, ...]:
    """Those that meet every control that steered the search. Empty where none does."""
    return tuple(trial for trial in trials if trial.feasible)


@dataclass(frozen=True)
class SearchResult:
    """A search as it stands. ``directions`` maps each objective to ``maximise`` or ``minimise``; trials are in the order of their numbers."""

    id: str
    name: str
    recipe_digest: str
    sampler: str
    seed: int
    asked_trials: int
    directions: dict[str, Literal["maximise", "minimise"]]
    space: dict[str, Any]
    constraints: tuple[str, ...]
    """Controls of the recipe's policies that steered it, as ``policy:control``."""
    trials: tuple[TrialResult, ...]
    chosen: tuple[str, ...] = ()
    """Runs that were chosen from it, and so have seen the test rows."""

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SEARCH_SCHEMA,
            **vars(self),
            "constraints": list(self.constraints),
            "trials": [trial.to_json() for trial in self.trials],
            "chosen": list(self.chosen),
        }
