"""What every kind of check shares: the base of its settings, its verdict, and its entry in the registry.

Stable API. A check is a function of (settings, evidence); it never raises on evidence, it answers with an outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field

from rai_tune.core import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.gate.decision import Evidence, Outcome, Reading

Name = Annotated[str, Field(min_length=1, max_length=120)]
Attributes = Literal["all", "plain"] | Annotated[tuple[Name, ...], Field(min_length=1)]


class Part(Value):
    """Base of everything in a policy pack: frozen, no unknown keys, docstrings become schema descriptions."""

    model_config = ConfigDict(use_attribute_docstrings=True)


@dataclass(frozen=True)
class Verdict:
    """What a check says about the evidence, before severity, dates and run state are considered."""

    outcome: Outcome
    reason: str
    readings: tuple[Reading, ...] = ()
    settle: str | None = None


@dataclass(frozen=True)
class Gap:
    """Evidence that is not there: why, and what would bring it."""

    reason: str
    settle: str | None = None

    def verdict(self) -> Verdict:
        """A gap is never a pass."""
        return Verdict("insufficient_evidence", self.reason, settle=self.settle)


@dataclass(frozen=True)
class CheckKind:
    """A kind of check: its settings, its function, and the outcomes that it can reach (fixtures must show each)."""

    name: str
    settings: type[Part]
    judge: Callable[[Any, Evidence], Verdict]
    outcomes: tuple[Outcome, ...]
