"""What the workspace remembers about a run, as frozen values, and which state may follow which. Stable API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

RunState = Literal[
    "created",
    "preparing",
    "training",
    "predicting",
    "auditing",
    "deciding",
    "completed",
    "diverged",
    "failed",
    "interrupted",
    "trained",
    "pruned",
]
"""``trained``: a trial of a search that is done and has not seen the test rows; it goes on when it is chosen. ``pruned``: a trial that was stopped early."""

WORKING: tuple[RunState, ...] = ("preparing", "training", "predicting", "auditing", "deciding")
UNFINISHED: tuple[RunState, ...] = ("created", *WORKING)
_STOPPED: frozenset[RunState] = frozenset({"failed", "interrupted"})
_RESUME: frozenset[RunState] = frozenset({"preparing"})

TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    "created": _RESUME | _STOPPED,
    # A resumed run skips the steps whose results it already has.
    # A model that is there already may turn out to give scores that are no numbers.
    "preparing": _RESUME | _STOPPED | {"training", "predicting", "auditing", "deciding", "diverged"},
    "training": _RESUME | _STOPPED | {"predicting", "diverged", "trained", "pruned"},
    "predicting": _RESUME | _STOPPED | {"auditing", "diverged"},
    "auditing": _RESUME | _STOPPED | {"deciding"},
    # A gate that was killed halfway over a finished run starts over from where it left the state.
    "deciding": _RESUME | _STOPPED | {"deciding", "completed"},
    "completed": frozenset({"deciding"}),
    "diverged": frozenset(),
    "failed": _RESUME,
    "interrupted": _RESUME,
    "trained": _RESUME,
    "pruned": frozenset(),
}

RUN_FACTS = ("data_digest", "base_digest", "model_digest", "predictions_digest", "test_digest", "verdict")
"""What ``Workspace.update_run`` may set, besides the state."""


@dataclass(frozen=True)
class RunRecord:
    """One run. Times are ISO 8601 in UTC; digests are SHA-256; ``policies`` maps policy id to digest."""

    id: str
    name: str
    state: RunState
    recipe: dict[str, Any]
    recipe_digest: str
    created_at: str
    updated_at: str
    policies: dict[str, str]
    policies_frozen_at: str
    data_digest: str | None
    base_digest: str | None
    model_digest: str | None
    predictions_digest: str | None
    test_digest: str | None
    verdict: str | None
    error: str | None
    parent: str | None
    host: str
    pid: int

    @property
    def resumable(self) -> bool:
        """Whether the state lets a run go back to ``preparing``. Whether somebody works on it: ``Workspace.is_alive``."""
        return "preparing" in TRANSITIONS[self.state]


@dataclass(frozen=True)
class ArtifactRef:
    """A named artifact of a run. ``size`` is in bytes; ``digest`` is the SHA-256 of the stored bytes."""

    name: str
    digest: str
    size: int
    media_type: str


@dataclass(frozen=True)
class MetricPoint:
    """All values logged at one optimiser step. Values may be NaN or infinite: that is what was seen."""

    step: int
    epoch: float
    values: dict[str, float]


@dataclass(frozen=True)
class CheckpointRecord:
    """A checkpoint: relative file name -> SHA-256 of every file in it."""

    step: int
    manifest: dict[str, str]
    created_at: str
