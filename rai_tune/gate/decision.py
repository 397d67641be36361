"""What the gate reads and what it returns. Frozen values, stable API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from rai_tune.core import AuditResult, Value

DECISION_SCHEMA = "rai-tune/decision/v1"

Outcome = Literal["pass", "fail", "insufficient_evidence", "not_applicable", "awaiting_signoff"]
Overall = Literal["pass", "fail", "insufficient_evidence", "awaiting_signoff"]
Origin = Literal["law", "guidance", "organisation"]

EXIT_CODES: dict[str, int] = {"pass": 0, "fail": 3, "insufficient_evidence": 4, "awaiting_signoff": 5}


class Evidence(Value):
    """All that a decision may read about one run."""

    run_id: str
    state: str
    """Run state; only ``completed`` evidence can pass."""
    results: tuple[AuditResult, ...]
    groups: dict[str, tuple[str, ...]]
    """Declared attribute -> every group that was declared or seen in any split ("unknown" included)."""
    model_digest: str
    predictions_digest: str
    frozen_policies: dict[str, str]
    """Policy id -> digest recorded when the run started."""
    test_openings: int
    """How many runs in this workspace have opened the same test rows, this one included."""
    frozen_at: str = ""
    evaluation_started_at: str = ""
    reaudited: tuple[str, ...] = ()
    """Audits that were run again after the first decision; what is decided on them is a re-decision."""


class Reading(Value):
    """One measurement a control looked at, and what it said."""

    audit: str
    metric: str
    attribute: str | None = None
    group: str | None = None
    reference: str | None = None
    estimate: float | str
    low: float | str
    high: float | str
    n: int
    status: str
    bound: float | str | None = None
    """The one-sided bound that decided."""
    outcome: Outcome
    note: str = ""


class Threshold(Value):
    """A number that a control holds a measurement against, and who set it."""

    value: Annotated[float, Field(allow_inf_nan=False)]
    origin: Origin
    source: Annotated[str, Field(min_length=1, pattern=r"\S")]


class ControlOutcome(Value):
    """The outcome of one control."""

    id: str
    reference: str
    title: str
    asks: str
    mode: str
    severity: Literal["block", "warn", "info"]
    outcome: Outcome
    reason: str
    threshold: Threshold | None = None
    direction: Literal["at_least", "at_most"] | None = None
    readings: tuple[Reading, ...] = ()
    settle: str | None = None
    """What would settle an insufficient outcome, such as the number of rows."""
    status: str = "in_force"
    applies_from: str | None = None
    binding: bool = False
    verified_on: str | None = None
    sources: tuple[str, ...] = ()


class Decision(Value):
    """Outcome per control and overall, under one policy pack."""

    schema_: str = Field(default=DECISION_SCHEMA, alias="schema")
    run_id: str
    policy_id: str
    policy_version: str
    policy_title: str
    policy_digest: str
    redecision: bool
    """True when this policy (or this digest of it) was not frozen before the run began, or audits were run again after it."""
    outcome: Overall
    controls: tuple[ControlOutcome, ...]
    model_digest: str
    predictions_digest: str
    test_openings: int
    as_of: str | None = None
    """The date that decided which controls are in force, or None when every control was held to be."""
    notes: tuple[str, ...] = ()

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.outcome]

    def with_digest(self) -> dict[str, Any]:
        """JSON with the decision's own digest beside it."""
        from rai_tune.core import sha256_json

        body = self.to_json()
        return {**body, "digest": sha256_json(body)}
