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


Role = Literal["author", "reviewer", "approver"]


class Attestation(Value):
    """What a person stated about one control of one model, under their signature, which was verified before it came here."""

    policy_id: str
    policy_digest: str
    """Digest of the pack that the person had before them; another digest is another question."""
    control: str
    model_digest: str
    text: str
    """The statement itself, as it was signed."""
    person: str
    key_id: str
    at: str
    """When it was signed: ISO 8601 in UTC."""


class SignOff(Value):
    """A person signed the evidence of a run in a role; the signature was verified before it came here."""

    role: Role
    person: str
    key_id: str
    at: str
    statement: str
    """SHA-256 of the evidence statement that was signed; evidence that changed since has another."""


class Waiver(Value):
    """A person accepted, for a time and a reason, that one control of one model is not met. It never changes an outcome."""

    policy_id: str
    policy_digest: str
    control: str
    model_digest: str
    reason: str
    until: str
    """Last day on which it holds: ISO 8601 date."""
    person: str
    key_id: str
    at: str


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
    facts: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Facts by section (``system``, ``retention``, ``run``, ``data``), for conditions; a fact that nobody stated is left out."""
    author: str | None = None
    """Person who made the run; an author never approves it."""
    statement: str = ""
    """SHA-256 of the evidence statement of the run as it stands; sign-offs of another statement do not count."""
    attestations: tuple[Attestation, ...] = ()
    signoffs: tuple[SignOff, ...] = ()
    waivers: tuple[Waiver, ...] = ()


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
    kind: str | None = None
    """Kind of its check, None when only a person decides."""
    threshold: Threshold | None = None
    direction: Literal["at_least", "at_most"] | None = None
    readings: tuple[Reading, ...] = ()
    settle: str | None = None
    """What would settle an insufficient outcome, such as the number of rows."""
    waived_until: str | None = None
    """Last day of a waiver that holds on the day of the decision; the outcome stays what it is."""
    waived_by: str | None = None
    attested_by: str | None = None
    """Person whose statement decided an attestation or the personal part of a hybrid control."""
    condition: str | None = None
    """The control's ``when:``, as written."""
    status: str = "in_force"
    applies_from: str | None = None
    applies_until: str | None = None
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
    promotable: bool = False
    """Whether every blocking control passes, does not apply, or is validly waived. A waiver never changes ``outcome``."""
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
