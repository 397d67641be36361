"""What every attribution method returns for one text, and the settings that they share. Stable API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rai_audits.core import UsageError

if TYPE_CHECKING:
    from rai_audits.explain.target import Target

ABSOLUTE_TOLERANCE = 0.01
"""Completeness error, in logits, that is small enough whatever the output change."""

Status = Literal["ok", "failed", "undefined"]


@dataclass(frozen=True)
class Settings:
    """How attributions are made.

    ``steps`` is the first number of path points of integrated gradients; more follow for a text that needs them, up to ``max_steps``. A
    text is ``ok`` when its completeness error is at most ``tolerance`` times the output change, or 0.01 logit where that is larger.
    ``evaluations`` bounds the masked texts of partition SHAP for each text, ``samples`` are those of gradient SHAP, ``seed`` is that of
    the methods that draw. ``tokens_per_pass`` bounds memory; None takes 2,048 on a CPU and 32,768 elsewhere.
    """

    method: str = "integrated_gradients"
    steps: int = 14
    tolerance: float = 0.01
    max_steps: int = 256
    evaluations: int = 500
    samples: int = 64
    seed: int = 0
    tokens_per_pass: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("steps", 2), ("evaluations", 4), ("samples", 2)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0.0 < self.tolerance <= 1.0:
            raise UsageError(f"tolerance must be above 0 and at most 1, got {self.tolerance}")
        if self.tokens_per_pass is not None and self.tokens_per_pass < 1:
            raise UsageError(f"tokens_per_pass must be at least 1, got {self.tokens_per_pass}")


@dataclass(frozen=True)
class TokenAttribution:
    """The result for one text; ``attributions`` has one number (in logits) per token, all 0 where nothing could be attributed.

    ``logits`` are the model's at the text. ``change`` is the explained number at the text minus at the baseline. ``error`` is the distance
    of the attributions' sum from it (absolute, in logits), None for methods that do not promise such a sum. All are None, or empty, where
    the model could not be run. ``evaluations`` counts rows that were passed through the model for this text. ``resolved`` is
    the share of content tokens with a value of their own (partition SHAP gives a block that it did not divide one value for all).
    """

    attributions: tuple[float, ...]
    status: Status
    reason: str
    target: Target | None = None
    logits: tuple[float, ...] = ()
    change: float | None = None
    error: float | None = None
    steps: int = 0
    evaluations: int = 0
    resolved: float | None = None

    @property
    def relative_error(self) -> float | None:
        """Completeness error as a share of the output change."""
        return None if self.error is None or not self.change else self.error / abs(self.change)
