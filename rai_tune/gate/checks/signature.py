"""The check ``signature``: enough different people signed the run's evidence, as it stands, in a role.

Signatures were verified before they came here. A reviewer or approver must be known not to be the author; a signature under an
earlier statement of the evidence is stale and does not count.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from rai_tune.gate.checks.base import Asked, CheckKind, Part, Verdict, whole
from rai_tune.gate.decision import Role, Threshold  # noqa: TC001  (pydantic reads them)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rai_tune.gate.decision import Evidence, SignOff


class SignatureCheck(Part):
    """At least ``people.value`` different people signed in this role."""

    kind: Literal["signature"]
    """``signature``."""

    role: Role
    """Role in which they signed: author, reviewer or approver. The author never counts as reviewer or approver."""

    people: Threshold
    """How many different people, and who set that number."""

    @model_validator(mode="after")
    def _whole_people(self) -> SignatureCheck:
        whole(self.people, "people.value of a signature check is a number of people")
        return self


def judge_signature(check: SignatureCheck, evidence: Evidence, asked: Asked) -> Verdict:  # noqa: ARG001  (it needs no day)
    """Pass with the names, else awaiting sign-off with who is still missing and which signatures do not count."""
    wanted = int(check.people.value)
    in_role = [item for item in evidence.signoffs if item.role == check.role]
    present = [item for item in in_role if evidence.statement and item.statement == evidence.statement]
    authors = authors_of(evidence)
    apart = check.role != "author"
    counted = [item for item in present if not (apart and (not authors or same_name(item.person) in authors))]
    names = _people(counted)
    if len(names) >= wanted:
        return Verdict("pass", f"signed as {check.role} by {', '.join(names)}")
    reasons = [f"{len(names)} of {wanted} {'person' if wanted == 1 else 'people'} signed as {check.role}"]
    if apart and present and not authors:
        reasons.append("nobody is recorded as the author, so nobody is shown to be another person")
    reasons += [
        f"{name} is the author and does not count" for name in _people(present) if apart and same_name(name) in authors
    ]
    stale = _people(item for item in in_role if item not in present)
    reasons += [
        f"the signature of {name} is for an earlier statement of the evidence" for name in stale if name not in names
    ]
    more = wanted - len(names)
    settle = f"{more} more {'signature' if more == 1 else 'signatures'} as {check.role} of the evidence as it stands"
    return Verdict("awaiting_signoff", "; ".join(reasons), settle=settle)


def authors_of(evidence: Evidence) -> frozenset[str]:
    """Everybody who made the run or signed any statement of it as author, in one spelling."""
    signed = [item.person for item in evidence.signoffs if item.role == "author"]
    return frozenset(same_name(name) for name in (evidence.author, *signed) if name and name.strip())


def same_name(person: str) -> str:
    """One spelling of a name, so that case, width and spaces of letters do not make two people of one."""
    return " ".join(unicodedata.normalize("NFKC", person).casefold().split())


def _people(signoffs: Iterable[SignOff]) -> list[str]:
    """Different people, each in the spelling that sorts first."""
    found: dict[str, str] = {}
    for item in sorted(signoffs, key=lambda signoff: signoff.person):
        found.setdefault(same_name(item.person), item.person)
    return sorted(found.values())


KIND = CheckKind("signature", SignatureCheck, judge_signature, ("pass", "awaiting_signoff"))
