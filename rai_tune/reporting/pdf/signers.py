"""Who is asked to sign a report, each with a field of their own. Stable API: ``SignatureField``, ``signature_fields``.

Three things ask for people: the author signs first; controls and quorums of the run's policies name a number of people; an approver
promotes. Whoever signed the evidence in the ledger already has a field with their name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rai_tune.gate.checks.signature import same_name
from rai_tune.reporting.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.gate.decision import SignOff
    from rai_tune.reporting.inputs import ReportInputs

ROLES = ("author", "reviewer", "approver")
QUORUM = "quorum"
"""Key of ``ReportInputs.signers`` for the number of people besides the author; the other keys are roles."""


@dataclass(frozen=True)
class SignatureField:
    """One place for one signature.

    ``name`` is the field's own, ``person`` the registered name where the ledger already holds the signature, else empty. ``heading``,
    ``lines`` and ``label`` are printed; ``label`` is also what a screen reader says for the field.
    """

    name: str
    role: str
    person: str
    heading: str
    label: str
    lines: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        return {"heading": self.heading, "label": self.label, "lines": list(self.lines)}


def signature_fields(inputs: ReportInputs) -> tuple[SignatureField, ...]:
    """A field for the author, then for reviewers and approvers; none where there is no statement that could be signed."""
    if not inputs.statement:
        return ()
    signed = {role: list(_signed(inputs, role)) for role in ROLES}
    wanted = {role: max(inputs.signers.get(role, 0), len(signed[role])) for role in ROLES}
    wanted["author"] = max(1, wanted["author"])
    # Promotion takes an approver, whatever the policies say.
    wanted["approver"] = max(1, wanted["approver"])
    wanted["reviewer"] = max(wanted["reviewer"], inputs.signers.get(QUORUM, 1) - wanted["approver"])
    return tuple(
        _field(role, place, wanted[role], signed[role][place - 1] if place <= len(signed[role]) else None)
        for role in ROLES
        for place in range(1, wanted[role] + 1)
    )


def _signed(inputs: ReportInputs, role: str) -> Iterator[tuple[SignOff, int | None]]:
    """Sign-offs of the evidence as it stands in a role, each person once, with their ledger entries."""
    seqs = inputs.entries.get("signoff", ())
    known: set[str] = set()
    for place, item in enumerate(inputs.signoffs):
        if item.role == role and item.statement == inputs.statement and same_name(item.person) not in known:
            known.add(same_name(item.person))
            yield item, seqs[place] if len(seqs) == len(inputs.signoffs) else None


def _field(role: str, place: int, of: int, signed: tuple[SignOff, int | None] | None) -> SignatureField:
    name = f"{role} {place}"
    heading = role.capitalize() if of == 1 else f"{role.capitalize()} {place} of {of}"
    if signed is None:
        article = "an" if role[0] in "ao" else "a"
        told = "Nobody signed the evidence in this role in the ledger when this report was made."
        return SignatureField(name, role, "", heading, f"Signature of {article} {role}, {place} of {of}", (told,))
    item, seq = signed
    person = clean(item.person)
    entry = f"Ledger entry {seq}, " if seq is not None else ""
    lines = (f"{person}, as {role}", f"{entry}{'s' if entry else 'S'}igned on {_second(item.at)}", f"Key {item.key_id}")
    return SignatureField(name, role, item.person, heading, f"Signature of {person} as {role}", lines)


def _second(at: str) -> str:
    """A ledger's time as people read it; what is no time stays what it says."""
    try:
        return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d at %H:%M:%S} UTC"
    except ValueError:
        return clean(at)
