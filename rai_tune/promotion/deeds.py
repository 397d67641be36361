"""What people entered about a run, verified, and why some of it does not count. Stable API: ``Deed``, ``deeds_about``.

Every sign-off, attestation and waiver is here, also one that a revoked key or an author in another role signed, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.promotion.keys import same_person
from rai_tune.promotion.people import ROLES, Registry, read_registry, stated, verified
from rai_tune.promotion.records import ATTESTATION, SIGNOFF, WAIVER

if TYPE_CHECKING:
    from rai_tune.gate.decision import Role
    from rai_tune.promotion.ledger import Ledger, LedgerEntry

KINDS = (SIGNOFF, ATTESTATION, WAIVER)
REVIEWING: frozenset[Role] = frozenset({"reviewer", "approver"})


@dataclass(frozen=True)
class Deed:
    """One entry. ``body`` is its predicate, whose signature was checked; ``out`` says why it does not count, None when it does."""

    entry: LedgerEntry
    body: dict[str, Any]
    out: str | None


@dataclass(frozen=True)
class Deeds:
    """Everything that people entered about a run, in the order of the ledger, and who its authors are."""

    authors: tuple[str, ...] = ()
    deeds: tuple[Deed, ...] = ()


def deeds_about(ledger: Ledger, run_id: str, author_key: str | None = None) -> Deeds:
    """Everything that was entered about a run. ``author_key`` is the key that the run itself names as its author's.

    Raises ``IntegrityError`` when an entry or a signature was changed.
    """
    # By what was signed, not by the column beside it: an author's signature under another run would not be found.
    entries = [entry for entry in ledger.entries(KINDS) if run_id in {entry.run_id, stated(entry).get("run")}]
    if not entries and author_key is None:
        return Deeds()
    registry = read_registry(ledger)
    bodies = [(entry, verified(entry, registry)["predicate"]) for entry in entries]
    authors = _authors(bodies, registry, author_key)
    return Deeds(
        authors,
        tuple(Deed(entry, body, _does_not_count(entry, body, registry, authors, run_id)) for entry, body in bodies),
    )


def _authors(
    bodies: list[tuple[LedgerEntry, dict[str, Any]]], registry: Registry, author_key: str | None
) -> tuple[str, ...]:
    """Everybody who signed as author, also with a key revoked since, and the person whose key the run names."""
    found = {body["person"] for entry, body in bodies if entry.kind == SIGNOFF and body["role"] == "author"}
    named = registry.find(author_key) if author_key else None
    return tuple(sorted(found | ({named.person} if named else set())))


def _does_not_count(
    entry: LedgerEntry, body: dict[str, Any], registry: Registry, authors: tuple[str, ...], run_id: str
) -> str | None:
    key = registry.find(entry.key_id, body["person"])
    if key is None or key.revoked is not None:
        return f"the key was revoked ({key.revoked_because})" if key else "the key is not registered"
    if body["run"] != run_id:
        return f"it is about run {body['run']}"
    own = any(same_person(body["person"], author) for author in authors)
    if entry.kind == SIGNOFF:
        if body["role"] not in ROLES or body["role"] not in key.roles:
            return f"the key does not hold the role {body['role']}"
        return "an author never approves their own run" if own and body["role"] in REVIEWING else None
    if entry.kind == WAIVER:
        if "approver" not in key.roles:
            return "the key does not hold the role approver"
        return "an author waives nothing in their own run" if own else None
    return None
