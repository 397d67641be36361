"""What a person had before them when they decided to sign, and what of it changed since. Stable API: ``Seen``, ``ChangedError``.

Two people may look at one run at once. Whoever acts second acts on a state that is no longer there, so they are told what changed and
look again. Entries about other runs disturb nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rai_tune.core import ConflictError, IntegrityError
from rai_tune.promotion.people import ROLES
from rai_tune.promotion.records import (
    ATTESTATION,
    DELETION,
    EVIDENCE,
    PROMOTION,
    REVOCATION,
    SIGNOFF,
    WAIVER,
    statement_digest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from rai_tune.promotion.ledger import Ledger, LedgerEntry

_OTHERS: dict[str, str] = {EVIDENCE: "entered other evidence", DELETION: "deleted what the run held"}
_TRIES = 50
"""Every failed try means that somebody else's entry went in; each looks again at what they wrote."""


@dataclass(frozen=True)
class Seen:
    """The state of a run that a page showed.

    ``size`` counts the entries of the ledger, ``statement`` is the SHA-256 of the evidence statement (empty while there is none),
    ``outcomes`` is policy id -> outcome of that day.
    """

    run_id: str
    size: int
    statement: str
    outcomes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One thing that is no longer as it was seen, as a sentence. ``seq`` is the ledger entry that changed it, where one did."""

    sentence: str
    seq: int | None = None


class ChangedError(ConflictError):
    """What a person acted on is no longer the state; nothing was entered (exit 7). ``changes`` says what changed."""

    def __init__(self, changes: tuple[Change, ...]) -> None:
        said = " ".join(change.sentence for change in changes)
        super().__init__(f"this changed since you looked, and nothing was entered: {said} Look again, then decide")
        self.changes = changes


def changes_since(
    ledger: Ledger, seen: Seen, now: Seen, aliases: Collection[str] | None = None, also: Collection[str] = ()
) -> tuple[Change, ...]:
    """What of a run is no longer as it was seen, oldest entry first; nothing where only other runs went on.

    ``aliases`` are those whose promotions matter to the deed (all when left out), ``also`` further runs that do. Raises
    ``IntegrityError`` when the ledger is shorter than it was.
    """
    if now.size < seen.size:
        raise IntegrityError(f"the ledger has {now.size} entries, and had {seen.size} when you looked: it was cut")
    found = list(_entries(ledger, seen, now, aliases, also))
    if now.statement != seen.statement:
        found.append(Change(f"The evidence of run {seen.run_id} is {now.statement[:8]} now, not {seen.statement[:8]}."))
    for policy, outcome in sorted(now.outcomes.items()):
        before = seen.outcomes.get(policy)
        if before != outcome:
            was = "was not decided" if before is None else f"was {_words(before)}"
            found.append(Change(f"The policy {policy} {was}, and is {_words(outcome)} now."))
    return tuple(found)


def at_the_end(ledger: Ledger, attempt: Callable[[int], LedgerEntry]) -> LedgerEntry:
    """Enter something at the end of the ledger so that nothing comes between the look and the entry.

    ``attempt`` gets the size of the ledger, looks whether the deed may be done, and enters it at that place; when another entry took the
    place meanwhile, it is asked again.
    """
    for _ in range(_TRIES):
        size = ledger.head().size
        try:
            return attempt(size)
        except ChangedError:
            raise
        except ConflictError:
            if ledger.head().size == size:
                raise
    raise ConflictError("other processes keep writing to the ledger; repeat this")


def _entries(
    ledger: Ledger, seen: Seen, now: Seen, aliases: Collection[str] | None, also: Collection[str]
) -> Iterator[Change]:
    runs = {seen.run_id, *also}
    for entry in ledger.entries(first=seen.size):
        if entry.seq >= now.size:
            return
        said = entry.predicate.get("run")
        about = str(said.get("id") if isinstance(said, dict) else said)
        own = entry.run_id in runs or about in runs
        if entry.kind == EVIDENCE and statement_digest(entry.statement) == seen.statement:
            continue  # the same evidence, written down because somebody signs it
        if entry.kind == REVOCATION and _signs_here(ledger, entry, runs):
            yield _change(entry, f"revoked the key of {entry.predicate.get('person')}")
        elif entry.kind == PROMOTION and (own or aliases is None or entry.predicate.get("alias") in aliases):
            yield _change(entry, f"promoted run {about} to {entry.predicate.get('alias')}")
        elif own:
            yield _change(entry, _deed(entry))


def _signs_here(ledger: Ledger, revocation: LedgerEntry, runs: Collection[str]) -> bool:
    """Whether somebody signed about these runs with the key that was revoked."""
    key_id, person = revocation.predicate.get("key_id"), revocation.predicate.get("person")
    signed = ledger.entries((SIGNOFF, ATTESTATION, WAIVER, PROMOTION, DELETION))
    return any(
        entry.run_id in runs and entry.key_id == key_id and entry.predicate.get("person") == person for entry in signed
    )


def _change(entry: LedgerEntry, deed: str) -> Change:
    who = str(entry.predicate.get("person") or "the workspace")
    actor = "the workspace" if entry.kind == REVOCATION else who
    at = entry.at[:16].replace("T", " ")
    return Change(f"{actor[:1].upper()}{actor[1:]} {deed} (ledger entry {entry.seq}, {at} UTC).", entry.seq)


def _deed(entry: LedgerEntry) -> str:
    said = entry.predicate
    if entry.kind == SIGNOFF:
        return f"signed as {said.get('role') if said.get('role') in ROLES else 'somebody else'}"
    if entry.kind in {ATTESTATION, WAIVER}:
        return f"{'attested to' if entry.kind == ATTESTATION else 'waived'} {said.get('control')}"
    return _OTHERS.get(entry.kind, entry.kind)


def _words(outcome: str) -> str:
    return outcome.replace("_", " ")
