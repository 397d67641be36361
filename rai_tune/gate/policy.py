"""A policy pack as a typed value: what it asks, on whose authority, and how each control is checked.

Stable API: ``Policy``, ``Control``, ``LoadedPolicy``, ``policy_digest``, ``alphas_of``. A pack is data: it names checks, metrics and
numbers, and can bring no code.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date  # noqa: TC003  (pydantic reads it)
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from rai_tune.core import sha256_json
from rai_tune.gate.checks import BoundCheck, Check
from rai_tune.gate.checks.base import Part

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

POLICY_SCHEMA: Literal["rai-tune/policy/v1"] = "rai-tune/policy/v1"
POLICY_ID = r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"
_SEMVER = r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$"

Standing = Literal["in_force", "future", "superseded", "guidance", "voluntary", "organisation"]
Sentence = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]
Source = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class Control(Part):
    """One thing that a policy asks, and how the evidence for it is checked."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
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

    status: Standing | None = None
    """Standing of the clause; the pack's own when left out."""

    applies_from: date | None = None
    """First day on which the clause applies; the pack's own when left out."""

    binding: bool = False
    """Whether the clause is binding law, as opposed to guidance or an organisation's own rule."""

    verified_on: date | None = None
    """Day on which a person last checked the clause against its source; the pack's own when left out."""

    sources: tuple[Source, ...] = ()
    """Where the clause can be read; the pack's own when left out."""

    @model_validator(mode="after")
    def _check_fits_mode(self) -> Control:
        if self.mode == "attestation" and self.check is not None:
            raise ValueError("an attestation is decided by a person and has no check; use mode hybrid for both")
        if self.mode != "attestation" and self.check is None:
            raise ValueError(f"mode {self.mode} needs a check")
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

    controls: Annotated[tuple[Control, ...], Field(max_length=500)]
    """What is asked."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

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
        return self


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy with the digest that decisions record and the file it came from."""

    policy: Policy
    digest: str
    path: Path


def alphas_of(policies: Iterable[Policy]) -> tuple[float, ...]:
    """Every level at which the checks of these policies read bounds, sorted: what the audits must be asked to measure."""
    checks = (control.check for policy in policies for control in policy.controls)
    return tuple(sorted({check.alpha for check in checks if isinstance(check, BoundCheck)}))


def policy_digest(policy: Policy) -> str:
    """SHA-256 of the canonical JSON of the parsed pack: comments, order of keys and layout of the file do not count.

    Defaults are written out, so a change of a default changes the digest with the meaning; fields that are None are left
    out, so a later field that is optional does not change the digest of packs that do not use it.
    """
    body: dict[str, Any] = policy.model_dump(mode="json", exclude_none=True)
    return sha256_json(body)
