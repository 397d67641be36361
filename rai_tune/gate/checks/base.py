"""What every kind of check shares: the base of its settings, its verdict, and its entry in the registry.

Stable API. A check is a function of (settings, evidence, what was asked); it never raises on evidence, it answers with an outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date  # noqa: TC003  (a field of a public value)
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field

from rai_tune.core import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rai_tune.gate.decision import Evidence, Outcome, Reading, Threshold

Name = Annotated[str, Field(min_length=1, max_length=120)]
Attributes = Literal["all", "plain"] | Annotated[tuple[Name, ...], Field(min_length=1)]


class Part(Value):
    """Base of everything in a policy pack: frozen, no unknown keys, docstrings become schema descriptions."""

    model_config = ConfigDict(use_attribute_docstrings=True)


@dataclass(frozen=True)
class Asked:
    """What a check is asked for, beside the evidence: which control of which pack, and on which day."""

    pack_id: str
    pack_digest: str
    control_id: str
    as_of: date | None = None
    """Day of the decision, None when the caller gave none."""
    divisor: int = 1
    """Number by which the policy divides alpha: runs that opened the same test rows, or 1."""
    outcomes: Mapping[str, str] = field(default_factory=dict)
    """Outcomes of the controls that this one reads."""


@dataclass(frozen=True)
class Verdict:
    """What a check says about the evidence, before severity, dates and run state are considered."""

    outcome: Outcome
    reason: str
    readings: tuple[Reading, ...] = ()
    settle: str | None = None
    attested_by: str | None = None


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
    judge: Callable[[Any, Evidence, Asked], Verdict]
    outcomes: tuple[Outcome, ...]


def whole(threshold: Threshold, what: str, least: int = 1) -> None:
    """Refuse a threshold that is not a whole number of at least ``least``. Raises ``ValueError``."""
    if threshold.value < least or not threshold.value.is_integer():
        raise ValueError(f"{what}: a whole number of at least {least}")
