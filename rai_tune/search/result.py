"""What a search found: its trials with the values of each objective. Frozen values; ``to_json`` is what reports read.

Stable API: ``Value``, ``TrialResult``, ``SearchResult``, ``SEARCH_SCHEMA``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

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
    """One trial. ``settings`` maps dotted recipe fields to what was tried; ``constraints`` maps a control to how far it is missed (at most 0: met)."""

    number: int
    state: TrialState
    run_id: str | None
    settings: dict[str, Any]
    values: dict[str, Value] = field(default_factory=dict)
    constraints: dict[str, float] = field(default_factory=dict)
    cpu_s: float | None = None
    error: str = ""

    @property
    def feasible(self) -> bool:
        """Whether every constraint that was measured is met."""
        return all(missed <= 0 for missed in self.constraints.values())

    @property
    def measured(self) -> bool:
        """Whether it may be chosen: it is complete and every objective has a number."""
        return self.state == "complete" and all(value.status == "ok" for value in self.values.values())

    def to_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "values": {name: value.to_json() for name, value in self.values.items()},
            "feasible": self.feasible,
        }


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
