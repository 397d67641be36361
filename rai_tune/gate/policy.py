"""A policy pack as a typed value: what it asks, on whose authority, and how each control is checked.

Stable API: ``Policy``, ``Control``, ``LoadedPolicy``, ``policy_digest``, ``alphas_of``. A pack is data: it names checks, metrics and
numbers, and can bring no code.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date  # noqa: TC003  (pydantic reads it)
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from rai_tune.core import did_you_mean, sha256_json
from rai_tune.gate.checks import BoundCheck, Check, ExpressionCheck
from rai_tune.gate.checks.base import Part, whole
from rai_tune.gate.conditions import LONGEST, read_condition
from rai_tune.gate.content import plain_heading
from rai_tune.gate.decision import Threshold  # noqa: TC001  (pydantic reads it)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

POLICY_SCHEMA: Literal["rai-tune/policy/v1"] = "rai-tune/policy/v1"
POLICY_ID = r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"
_SEMVER = r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$"

Standing = Literal["in_force", "future", "superseded", "guidance", "voluntary", "organisation"]
Sentence = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]
Source = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
Words = Annotated[str, Field(min_length=1, max_length=120, pattern=r"[^\W\d_]")]
ControlId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Control(Part):
    """One thing that a policy asks, and how the evidence for it is checked."""

    id: ControlId
    """Short name, unique in the pack, such as ``BASE-04``."""

    reference: Sentence
    """Clause that the control speaks to, as a reader would cite it."""

    title: Sentence
    """A few words."""

    asks: Sentence
    """What is asked, in a sentence that needs no statistics to be understood."""

    mode: Literal["automated", "hybrid", "attestation"]
    """Decided by evidence, by evidence and a person, or by a person alone."""

    severity: Literal["block", "warn", "info"]
    """Whether the control can refuse a model, only warns, or only informs."""

    check: Check | None = None
    """How the evidence is checked; an attestation has none."""

    when: Annotated[str, Field(min_length=1, max_length=LONGEST)] | None = None
    """Condition in CEL under which the clause applies; it always does when left out."""

    sections: Annotated[tuple[Words, ...], Field(max_length=50)] | None = None
    """Headings that a person's statement must hold, each with content of its own: for attestation and hybrid."""

    also_known_as: Annotated[tuple[Words, ...], Field(max_length=20)] | None = None
    """Older or other labels of the clause, so that a reader who knows those finds it."""

    status: Standing | None = None
    """Standing of the clause; the pack's own when left out."""

    applies_from: date | None = None
    """First day on which the clause applies; the pack's own when left out."""

    applies_until: date | None = None
    """First day on which the clause no longer applies; from then on it is shown and does not block."""

    binding: bool = False
    """Whether the clause is binding law, as opposed to guidance or an organisation's own rule."""

    verified_on: date | None = None
    """Day on which a person last checked the clause against its source; the pack's own when left out."""

    sources: tuple[Source, ...] = ()
    """Where the clause can be read; the pack's own when left out."""

    @field_validator("sections", "also_known_as")
    @classmethod
    def _none_for_an_empty_list(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        # Left out and written empty mean the same, so they must give one digest.
        return value or None

    @model_validator(mode="after")
    def _check_fits_mode(self) -> Control:
        if self.mode == "attestation" and self.check is not None:
            raise ValueError("an attestation is decided by a person and has no check; use mode hybrid for both")
        if self.mode != "attestation" and self.check is None:
            raise ValueError(f"mode {self.mode} needs a check")
        if self.check is not None and self.check.kind == "information":
            if self.severity != "info" or self.mode != "automated":
                raise ValueError("a check of kind information decides nothing: severity info and mode automated")
        elif self.mode == "automated" and self.sections:
            raise ValueError("sections are what a person's statement must hold; mode automated has none")
        plain = [plain_heading(name) for name in self.sections or ()]
        if len(set(plain)) < len(plain) or "" in plain:
            raise ValueError(
                "sections: two headings are the same, or one has no words, once numbers and marks are left out"
            )
        if self.applies_from and self.applies_until and self.applies_until <= self.applies_from:
            raise ValueError("applies_until is the first day after the clause; it must lie after applies_from")
        return self

    @model_validator(mode="after")
    def _condition_is_readable(self) -> Control:
        if self.when is not None:
            try:
                reads = read_condition(self.when)
            except ValueError as error:
                raise ValueError(f"when: {error}") from None
            if self.id in reads.outcomes:
                raise ValueError(f"when: it reads the outcome of {self.id} itself")
        if isinstance(self.check, ExpressionCheck) and self.id in self.reads:
            raise ValueError(f"check.expression: it reads the outcome of {self.id} itself")
        return self

    @property
    def reads(self) -> frozenset[str]:
        """Ids of the controls whose outcomes this one reads."""
        found: frozenset[str] = read_condition(self.when).outcomes if self.when is not None else frozenset()
        if isinstance(self.check, ExpressionCheck):
            found |= read_condition(self.check.expression, limit=self.check.threshold is not None).outcomes
        return found


class RetentionRule(Part):
    """How long the tool keeps what it stores of a run."""

    texts_days: Threshold
    """Days after which texts and tables of a run are deleted, and who set them; digests and decisions stay."""

    @model_validator(mode="after")
    def _whole_days(self) -> RetentionRule:
        whole(self.texts_days, "texts_days.value is a number of days")
        return self


class Policy(Part):
    """A policy pack."""

    schema_: Literal["rai-tune/policy/v1"] = Field(default=POLICY_SCHEMA, alias="schema")
    """Version of this format."""

    id: Annotated[str, Field(pattern=rf"^{POLICY_ID}$")]
    """Name of the pack and of its file: lower-case letters, digits and hyphens."""

    version: Annotated[str, Field(pattern=_SEMVER)]
    """Semantic version of the pack, such as 1.0.0."""

    title: Sentence
    """Title as shown on reports."""

    issuer: Sentence
    """Who set the rules in the pack."""

    summary: Sentence
    """What the pack is for and what it does not say."""

    jurisdiction: Sentence | None = None
    """Where it applies; none for an organisation's own rules."""

    status: Standing
    """Standing of the instrument behind the pack."""

    applies_from: date | None = None
    """First day on which it applies; left out when it always does."""

    verified_on: date
    """Day on which a person last checked the pack against its sources."""

    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    """Where the instrument can be read."""

    quorum: Annotated[int, Field(ge=1, le=20)] | None = None
    """How many different people besides the author must sign as reviewer or approver before promotion; one when left out."""

    divide_alpha_by_openings: bool | None = None
    """Read bounds at alpha divided by the number of runs that opened the same test rows; not divided when left out."""

    retention: RetentionRule | None = None
    """How long texts and tables of a run are kept; for ever when left out."""

    controls: Annotated[tuple[Control, ...], Field(max_length=500)]
    """What is asked."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @field_validator("divide_alpha_by_openings")
    @classmethod
    def _none_for_false(cls, value: bool | None) -> bool | None:
        return value or None

    @model_validator(mode="after")
    def _consistent(self) -> Policy:
        if not self.controls:
            raise ValueError("controls: a policy needs at least one")
        twice = sorted(name for name, count in Counter(control.id for control in self.controls).items() if count > 1)
        if twice:
            raise ValueError(f"two controls have the id {twice[0]!r}")
        for control in self.controls:
            if (control.status or self.status) == "future" and (control.applies_from or self.applies_from) is None:
                raise ValueError(f"control {control.id!r} is future and needs applies_from")
        self._conditions_end()
        return self

    def _conditions_end(self) -> None:
        known = {control.id for control in self.controls}
        for control in self.controls:
            for name in sorted(control.reads - known):
                raise ValueError(f"control {control.id!r} reads the outcome of {name!r}.{did_you_mean(name, known)}")
        circle = sorted(known - {control.id for control in in_order(self.controls)})
        if circle:
            raise ValueError(f"the conditions of {', '.join(circle)} read each other's outcomes in a circle")


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy with the digest that decisions record and the file it came from."""

    policy: Policy
    digest: str
    path: Path


def in_order(controls: Iterable[Control]) -> Iterator[Control]:
    """Controls so that each comes after those whose outcomes it reads; those that read in a circle are left out."""
    waiting, done = list(controls), set[str]()
    while ready := [control for control in waiting if control.reads <= done]:
        yield from ready
        done |= {control.id for control in ready}
        waiting = [control for control in waiting if control.id not in done]


def alphas_of(policies: Iterable[Policy], openings: int = 1) -> tuple[float, ...]:
    """Every level at which the checks of these policies read bounds, sorted: what the audits must be asked to measure.

    ``openings`` is the number of runs that will have opened the test rows; policies that divide alpha by it read both levels.
    """
    found: set[float] = set()
    for policy in policies:
        alphas = {control.check.alpha for control in policy.controls if isinstance(control.check, BoundCheck)}
        found |= alphas | {alpha / divisor_of(policy, openings) for alpha in alphas}
    return tuple(sorted(found))


def divisor_of(policy: Policy, openings: int) -> int:
    """The number by which a policy divides alpha: the runs that opened the test rows where it says so, else 1."""
    return max(1, openings) if policy.divide_alpha_by_openings else 1


def policy_digest(policy: Policy) -> str:
    """SHA-256 of the canonical JSON of the parsed pack: comments, order of keys and layout of the file do not count.

    Defaults are written out, so a change of a default changes the digest with the meaning; fields that are None are left
    out, so a later field that is optional does not change the digest of packs that do not use it.
    """
    body: dict[str, Any] = policy.model_dump(mode="json", exclude_none=True)
    return sha256_json(body)
