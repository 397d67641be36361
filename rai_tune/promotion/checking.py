"""Checking a whole ledger: every entry, every signature, every head. Stable API: ``check_ledger``, ``check_entry``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from rai_tune.core import IntegrityError, UsageError
from rai_tune.promotion.dsse import open_envelope
from rai_tune.promotion.keys import parse_public
from rai_tune.promotion.ledger import HEAD_TYPE
from rai_tune.promotion.people import Registry, read_registry, signed_by_workspace, verified
from rai_tune.promotion.records import DELETION, EVIDENCE, PEOPLE_KINDS
from rai_tune.promotion.serving import promotions

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from rai_tune.promotion.ledger import Ledger, LedgerEntry

_BY_WORKSPACE = frozenset({*PEOPLE_KINDS, EVIDENCE})
_HEAD = re.compile(r"(?:(?P<size>\d{1,12}):)?(?P<root>[0-9a-f]{64})")


@dataclass(frozen=True)
class LedgerCheck:
    """What was checked. ``known_size`` is the number of entries that the head kept elsewhere speaks of, or None."""

    entries: int
    signatures: int
    root: str
    known_size: int | None = None


def check_ledger(ledger: Ledger, known: str | None = None) -> LedgerCheck:
    """Check everything that a ledger holds; ``known`` is a head kept elsewhere, ``HEX`` or ``SIZE:HEX``.

    Raises ``IntegrityError`` naming the first thing that does not hold, ``UsageError`` for a head that is none.
    """
    wanted = _parse_head(known) if known is not None else None
    head = ledger.head()
    roots = [root.hex() for root in ledger.roots()]
    entries = ledger.entries()
    _times_in_order(entries)
    registry = read_registry(ledger)
    for entry in entries:
        check_entry(entry, registry)
    promotions(ledger)
    if registry.workspace is not None:
        _check_heads(ledger, parse_public(registry.workspace, "the workspace's key"), roots)
    size = _known_size(wanted, roots) if wanted else None
    return LedgerCheck(len(entries), 2 * len(entries), head.root, size)


def check_entry(entry: LedgerEntry, registry: Registry) -> None:
    """Check one entry by itself: its columns, its signature and its signer. Raises ``IntegrityError`` saying what does not hold.

    What only its place in the tree tells, such as an entry that is missing, ``check_ledger`` finds.
    """
    _check_signature(entry, registry)
    _check_run(entry)


def _check_signature(entry: LedgerEntry, registry: Registry) -> None:
    """What the workspace states, it signs; everything else is signed by a person who was registered then."""
    if entry.kind in _BY_WORKSPACE or (entry.kind == DELETION and not entry.predicate.get("person")):
        signed_by_workspace(entry, registry)
    else:
        verified(entry, registry)


def _check_run(entry: LedgerEntry) -> None:
    """The column by which entries of a run are found says what was signed."""
    about = entry.predicate.get("run")
    signed = about.get("id") if isinstance(about, dict) else about
    if entry.run_id != signed:
        raise IntegrityError(
            f"entry {entry.seq} of the ledger was re-labelled: it is about run {signed}, not {entry.run_id}"
        )


def _check_heads(ledger: Ledger, public: Ed25519PublicKey, roots: list[str]) -> None:
    """Every size has its head, signed over the entries that are there."""
    heads = ledger.workspace.chain_heads()[: len(roots) - 1]  # others may have come since the entries were read
    if [head.size for head in heads] != list(range(1, len(roots))):
        raise IntegrityError("a signed head of the ledger is missing")
    for head in heads:
        value = open_envelope(head.envelope, HEAD_TYPE, public)
        root = roots[head.size]
        if (value["size"], value["root"], head.root) != (head.size, root, root):
            raise IntegrityError(
                f"the first {head.size} entries of the ledger are not those that its head was signed over"
            )


def _times_in_order(entries: tuple[LedgerEntry, ...]) -> None:
    for before, after in pairwise(entries):
        if after.at < before.at:
            raise IntegrityError(f"ledger entry {after.seq} says that it is older than entry {before.seq}")


def _parse_head(text: str) -> tuple[int | None, str]:
    found = _HEAD.fullmatch(text.strip().lower())
    if not found:
        raise UsageError(f"{text[:80]!r} is no head of a ledger: 64 hex digits, or SIZE:HEX")
    return (int(found["size"]) if found["size"] else None), found["root"]


def _known_size(wanted: tuple[int | None, str], roots: list[str]) -> int:
    size, root = wanted
    if size is not None and size >= len(roots):
        raise IntegrityError(
            f"the ledger has {len(roots) - 1} entries, and the known head speaks of {size}: it was cut"
        )
    if size is None and root in roots[1:]:  # the head of an empty ledger would fit any
        return roots.index(root)
    if size and roots[size] == root:
        return size
    raise IntegrityError("the ledger never had that head: it was rewritten or cut, or the head is of another ledger")
