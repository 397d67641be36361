"""What a reader is told about a ledger: whether it holds, who signed an entry, and what it says. Stable API: ``ledger_state``, ``told``.

Texts are as they were signed; whoever shows them cleans them. A ledger that does not verify has a ``problem`` and nothing else: who
may sign and what is served is not told from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.core import IntegrityError, RaiError
from rai_tune.promotion.checking import LedgerCheck, check_entry, check_ledger
from rai_tune.promotion.people import Registry, read_registry
from rai_tune.promotion.records import (
    ATTESTATION,
    DELETION,
    EVIDENCE,
    KEY,
    PEOPLE_KINDS,
    PROMOTION,
    REVOCATION,
    SIGNOFF,
    WAIVER,
    WORKSPACE,
)
from rai_tune.promotion.serving import Promotion, promotions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rai_tune.promotion.ledger import Head, Ledger, LedgerEntry
    from rai_tune.promotion.people import RegisteredKey

KIND_WORDS: dict[str, str] = {
    WORKSPACE: "Workspace",
    KEY: "Registration",
    REVOCATION: "Revocation",
    EVIDENCE: "Evidence",
    SIGNOFF: "Sign-off",
    ATTESTATION: "Attestation",
    WAIVER: "Waiver",
    PROMOTION: "Promotion",
    DELETION: "Deletion",
}
"""Every kind of entry with its name for people."""

_ODD = (IntegrityError, KeyError, TypeError, ValueError, AttributeError)
"""What reading an entry that somebody changed can raise."""


@dataclass(frozen=True)
class Told:
    """One entry. ``by`` is who signed it, ``key`` their registration (None for the workspace), ``about`` what it says in a few words.

    ``problem`` says what does not hold, and is empty for an entry that holds by itself; ``by`` and ``about`` are then what it claims.
    """

    entry: LedgerEntry
    by: str
    key: RegisteredKey | None
    about: str
    problem: str


@dataclass(frozen=True)
class LedgerState:
    """A whole ledger after it was checked. With a ``problem``, ``check`` is None and nobody and nothing is listed."""

    check: LedgerCheck | None
    problem: str
    head: Head | None = None
    registry: Registry | None = None
    promotions: tuple[Promotion, ...] = ()

    def aliases(self) -> dict[str, tuple[Promotion, ...]]:
        """Promotions of every alias, the newest, which is what is served, first."""
        found: dict[str, list[Promotion]] = {}
        for item in self.promotions:
            found.setdefault(item.alias, []).insert(0, item)
        return {alias: tuple(history) for alias, history in sorted(found.items())}


def ledger_state(ledger: Ledger) -> LedgerState:
    """Check a whole ledger, as ``raitune ledger verify`` does, and read what it says."""
    try:
        check = check_ledger(ledger)
        return LedgerState(check, "", ledger.head(), read_registry(ledger), promotions(ledger))
    except (RaiError, *_ODD) as error:
        return LedgerState(None, str(error) or type(error).__name__)


def readable_registry(ledger: Ledger) -> Registry | None:
    """Who may sign, also in a ledger that does not hold as a whole; None when that cannot be read."""
    try:
        return read_registry(ledger)
    except (RaiError, *_ODD):
        return None


def told(entry: LedgerEntry, registry: Registry | None) -> Told:
    """What one entry says and whether it holds by itself. Without a registry, nothing can be checked, which is a problem too."""
    by, key = _signer(entry, registry)
    return Told(entry, by, key, _about(entry), _problem(entry, registry))


def _problem(entry: LedgerEntry, registry: Registry | None) -> str:
    if registry is None:
        return "who may sign cannot be read from this ledger, so its signature was not checked"
    try:
        check_entry(entry, registry)
    except _ODD as error:
        return str(error) or type(error).__name__
    return ""


def _signer(entry: LedgerEntry, registry: Registry | None) -> tuple[str, RegisteredKey | None]:
    try:
        person = entry.predicate.get("person")
        if entry.kind in {*PEOPLE_KINDS, EVIDENCE} or not person:
            return "the workspace", None
        return str(person), registry.find(entry.key_id, str(person)) if registry else None
    except _ODD:
        return "not readable", None


def _about(entry: LedgerEntry) -> str:
    try:
        told = _ABOUT.get(entry.kind)
        return told(entry.predicate) if told else ""
    except _ODD:
        return "not readable"


def _registers(body: Mapping[str, Any]) -> str:
    return f"registers {body['person']} as {', '.join(map(str, body['roles']))}"


def _waives(body: Mapping[str, Any]) -> str:
    return f"{body['control']} of {body['policy']} until {body['until']}: {body['reason']}"


def _promotes(body: Mapping[str, Any]) -> str:
    back = f", back to that of entry {body['rollback_of']}" if body["rollback_of"] is not None else ""
    return f"{body['run']} as {body['alias']}{back}"


_ABOUT: dict[str, Callable[[Mapping[str, Any]], str]] = {
    WORKSPACE: lambda _body: "begins the ledger with the workspace's key",
    KEY: _registers,
    REVOCATION: lambda body: f"revokes a key of {body['person']}: {body['reason']}",
    EVIDENCE: lambda _body: "the digests of everything that was measured",
    SIGNOFF: lambda body: f"as {body['role']}" + (f": {body['comment']}" if body.get("comment") else ""),
    ATTESTATION: lambda body: f"{body['control']} of {body['policy']}: {body['text']}",
    WAIVER: _waives,
    PROMOTION: _promotes,
    DELETION: lambda body: str(body.get("reason") or "texts and tables of the run"),
}
