"""The ledger: every signed statement of a workspace in one append-only Merkle tree (RFC 6962). Stable API: ``Ledger``.

An entry names its place, its time and the hash of its envelope; the tree is made of entries; its head is signed by the
workspace's key at every size. Whoever keeps one head elsewhere can find any later rewriting or truncation with it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rai_tune.core import ConflictError, IntegrityError, UsageError, canonical_json
from rai_tune.promotion import merkle
from rai_tune.promotion.dsse import IN_TOTO, open_envelope, payload_of, seal, signer_of
from rai_tune.promotion.keys import key_id_of, parse_public, public_pem, workspace_key
from rai_tune.promotion.records import WORKSPACE, statement
from rai_tune.workspace.chain import ChainHead, ChainRow
from rai_tune.workspace.runs import stamp

if TYPE_CHECKING:
    from collections.abc import Collection

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from rai_tune.gate.decision import Role
    from rai_tune.promotion.keys import Signer
    from rai_tune.workspace import Workspace
    from rai_tune.workspace.chain import ChainText

HEAD_TYPE = "application/vnd.rai-tune.head+json"
HEAD_SCHEMA = "rai-tune/ledger-head/v1"
ENTRY_SCHEMA = "rai-tune/ledger-entry/v1"
CLOCK_TOLERANCE = timedelta(seconds=60)
"""Clocks are set back a little by time services; the entry then takes the time of the one before it."""

_TRIES = 50


@dataclass(frozen=True)
class LedgerEntry:
    """One entry and its envelope, as stored. ``seq`` counts from 0; ``leaf`` is hex."""

    seq: int
    kind: str
    at: str
    run_id: str | None
    entry: str
    envelope: str
    leaf: str

    @property
    def statement(self) -> dict[str, Any]:
        """The in-toto statement that was signed; its signature is checked where a registry is at hand."""
        return payload_of(self.envelope)

    @property
    def key_id(self) -> str:
        """The key that the envelope claims to be signed with."""
        return signer_of(self.envelope)

    @property
    def predicate(self) -> dict[str, Any]:
        found = self.statement.get("predicate")
        if not isinstance(found, dict):
            raise IntegrityError(f"entry {self.seq} of the ledger holds no statement")
        return found


@dataclass(frozen=True)
class Head:
    """The ledger at one size. ``root`` is hex; an empty ledger has the hash of nothing and no envelope."""

    size: int
    root: str
    at: str
    envelope: str


EMPTY = Head(0, hashlib.sha256(b"").hexdigest(), "", "")


class Ledger:
    """The ledger of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def entries(
        self, kinds: Collection[str] | None = None, run_id: str | None = None, first: int = 0
    ) -> tuple[LedgerEntry, ...]:
        """Stored entries by place, as they are: ``check`` says whether they are sound."""
        rows = self.workspace.chain_rows(kinds=kinds, run_id=run_id, first=first)
        return tuple(LedgerEntry(**vars(row)) for row in rows)

    def leaves(self) -> list[bytes]:
        """Leaf hashes, worked out from the entries. ``IntegrityError`` names a place that is missing or was changed."""
        found = []
        for place, row in enumerate(self.workspace.chain_entries()):
            if row.seq != place:
                raise IntegrityError(f"the ledger has no entry {place}")
            hashed = merkle.leaf_hash(row.entry.encode())
            if hashed.hex() != row.leaf:
                raise IntegrityError(f"entry {place} of the ledger was changed: it hashes to {hashed.hex()[:16]}")
            # Entries are looked up by these columns: a revocation under another name would not be found.
            if not _repeats(row):
                raise IntegrityError(f"entry {place} of the ledger was re-labelled: its columns are not what it says")
            found.append(hashed)
        return found

    def head(self) -> Head:
        """The newest signed head, whose signature and root were checked against the entries."""
        return self._sound()[0]

    def append(
        self,
        kind: str,
        body: dict[str, Any],
        signer: Signer | None,
        *,
        run_id: str | None = None,
        expected: int | None = None,
    ) -> LedgerEntry:
        """Sign a statement and append it; returns the entry.

        Without a signer the workspace's key signs. ``expected`` is the place it must take: ``ConflictError`` when another
        entry has it. Raises ``IntegrityError`` when the clock stands before the last entry or what is there is not sound,
        ``UsageError`` when the signer's key is not registered or was revoked.
        """
        own = self._own_key()
        envelope = signer.sign(body, IN_TOTO) if signer else seal(body, IN_TOTO, own)
        return self._place(kind, envelope, own, run_id, expected, signer)

    def check_signer(self, signer: Signer) -> frozenset[Role]:
        """Look whether a key may sign now, and return the roles that it is registered with; ``UsageError`` if it may not.

        One revoked since it was unlocked would leave an entry that never verifies, and a signer's own word on its roles counts for nothing.
        """
        from rai_tune.promotion.people import read_registry

        key = read_registry(self).find(signer.key_id, signer.person)
        if key is None or key.revoked is not None:
            state = "is not registered in this workspace" if key is None else f"was revoked: {key.revoked_because}"
            raise UsageError(f"key {signer.key_id[:16]} of {signer.person} {state}")
        return key.roles

    def root_at(self, size: int) -> str:
        """Root of the first ``size`` entries, in hex."""
        leaves = self.leaves()
        if size > len(leaves):
            raise IntegrityError(f"the ledger has {len(leaves)} entries, not {size}: it was cut")
        return merkle.root(leaves[:size]).hex()

    def roots(self) -> tuple[bytes, ...]:
        """The root at every size from 0 to now."""
        return merkle.prefix_roots(self.leaves())

    def workspace_public(self) -> Ed25519PublicKey | None:
        """The workspace's public key, from its first entry; None for an empty ledger.

        Raises ``IntegrityError`` when the first entry is not signed by the key that it names, or that key is not the one
        that lies in this workspace.
        """
        # The head first: a ledger that another process begins between the two looks is not one without a beginning.
        begun = self.workspace.chain_head() is not None
        first = self.entries(first=0, kinds=(WORKSPACE,))
        if not first:
            if begun:
                raise IntegrityError("the ledger does not begin with the workspace's key")
            return None
        public = parse_public(str(first[0].predicate.get("public", "")), "entry 0 of the ledger")
        open_envelope(first[0].envelope, IN_TOTO, public)
        own = workspace_key(self.workspace.root, create=False)
        if first[0].seq != 0 or len(first) > 1:
            raise IntegrityError("the ledger names a workspace key in another place than its first")
        if own is not None and key_id_of(own.public_key()) != key_id_of(public):
            raise IntegrityError("the ledger begins with another workspace key than the one that lies here")
        return public

    def _own_key(self) -> Ed25519PrivateKey:
        public = self.workspace_public()
        key = workspace_key(self.workspace.root, create=public is None)
        if key is None:
            raise UsageError("the key of this workspace is not here; name its file in RAITUNE_WORKSPACE_KEY")
        if public is None:
            found = key.public_key()
            body = statement(
                WORKSPACE, [("workspace", key_id_of(found))], {"public": public_pem(found), "at": _time(EMPTY)}
            )
            try:
                self._place(WORKSPACE, seal(body, IN_TOTO, key), key, None, 0)
            except ConflictError:
                self.workspace_public()  # another process began the ledger; it must have used the same key
        return key

    def _place(
        self,
        kind: str,
        envelope: str,
        own: Ed25519PrivateKey,
        run_id: str | None,
        expected: int | None,
        signer: Signer | None = None,
    ) -> LedgerEntry:
        for _ in range(1 if expected is not None else _TRIES):
            # A new head vouches for everything below it, so that must be sound first.
            last, leaves = self._sound()
            seq = len(leaves)
            if expected is not None and seq != expected:
                raise ConflictError(
                    f"the ledger has {seq} entries, not {expected}: another entry came first; look again and repeat the command"
                )
            if signer is not None:
                self.check_signer(signer)
            at = _time(last)
            entry = canonical_json(
                {
                    "schema": ENTRY_SCHEMA,
                    "seq": seq,
                    "kind": kind,
                    "at": at,
                    "envelope": hashlib.sha256(envelope.encode()).hexdigest(),
                }
            ).decode()
            leaf = merkle.leaf_hash(entry.encode())
            row = ChainRow(seq, kind, at, run_id, entry, envelope, leaf.hex())
            root = merkle.root([*leaves, leaf]).hex()
            head = seal(
                {"schema": HEAD_SCHEMA, "origin": key_id_of(own.public_key()), "size": seq + 1, "root": root, "at": at},
                HEAD_TYPE,
                own,
            )
            try:
                self.workspace.chain_append(row, ChainHead(seq + 1, root, head))
            except ConflictError:
                if expected is not None:
                    raise
                continue
            return LedgerEntry(**vars(row))
        raise ConflictError("other processes keep writing to the ledger; repeat the command")

    def _sound(self) -> tuple[Head, list[bytes]]:
        """The newest head, checked, and the leaves it was signed over, while other processes may append."""
        leaves = self.leaves()
        stored = self.workspace.chain_head()
        if stored is None:
            if leaves:
                raise IntegrityError("the ledger has entries and no head")
            return EMPTY, []
        if stored.size > len(leaves):
            leaves = self.leaves()[: stored.size]  # entries that came between the two looks, unless it was cut
        return self._checked_head(stored, leaves), leaves

    def _checked_head(self, stored: ChainHead, leaves: list[bytes]) -> Head:
        public = self.workspace_public()
        if public is None:
            raise IntegrityError("the ledger has a head and does not begin with the workspace's key")
        value = open_envelope(stored.envelope, HEAD_TYPE, public)
        if value.get("schema") != HEAD_SCHEMA:
            raise IntegrityError(f"the ledger's head has the schema {value.get('schema')!r}, not {HEAD_SCHEMA!r}")
        if stored.size != len(leaves):
            raise IntegrityError(f"the ledger has {len(leaves)} entries and a head of size {stored.size}")
        root = merkle.root(leaves).hex()
        if (value["size"], value["root"]) != (stored.size, root) or stored.root != root:
            raise IntegrityError("the ledger's entries are not those that its head was signed over")
        return Head(stored.size, root, str(value["at"]), stored.envelope)


def _repeats(row: ChainText) -> bool:
    try:
        value = json.loads(row.entry)
        return bool((value["seq"], value["kind"], value["at"]) == (row.seq, row.kind, row.at))
    except (ValueError, KeyError, TypeError):
        return False


def _time(last: Head) -> str:
    """Now, never before the last entry. ``IntegrityError`` when the clock was set back by more than a minute."""
    now = datetime.now(UTC)
    if last.at:
        then = datetime.fromisoformat(last.at)
        if now < then - CLOCK_TOLERANCE:
            raise IntegrityError(
                f"the clock says {stamp(now)}, and the last ledger entry was made {stamp(then)}: the clock was moved back"
            )
        now = max(now, then)
    return stamp(now)


def parse_entry(text: str) -> dict[str, Any]:
    """The fields of an entry. ``IntegrityError`` when it is not one in canonical form."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise IntegrityError("an entry of the ledger is not JSON") from error
    if not isinstance(value, dict) or value.get("schema") != ENTRY_SCHEMA or canonical_json(value).decode() != text:
        raise IntegrityError(f"an entry of the ledger is not of the schema {ENTRY_SCHEMA}")
    return value
