"""Who may sign what: keys registered and revoked in the ledger. Stable API: ``Registry``, ``read_registry``, ``verified``.

A registration is signed by the workspace's key, so nobody becomes a reviewer without a line in the ledger that says when. A
key signs for one person; behind single sign-on the workspace's own key signs and names the person (``vouched``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

from rai_tune.core import ConflictError, IntegrityError, UsageError
from rai_tune.gate.decision import Role
from rai_tune.promotion.dsse import IN_TOTO, open_envelope
from rai_tune.promotion.keys import (
    Signer,
    check_person,
    key_id_of,
    parse_public,
    public_pem,
    same_person,
    workspace_key,
)
from rai_tune.promotion.ledger import parse_entry
from rai_tune.promotion.records import KEY, PEOPLE_KINDS, REVOCATION, WORKSPACE, predicate_type, statement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from rai_tune.promotion.ledger import Ledger, LedgerEntry

ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True)
class RegisteredKey:
    """A key and what it may sign. ``seq`` is the entry that registered it, ``revoked`` the one that revoked it."""

    person: str
    roles: frozenset[Role]
    key_id: str
    public: str
    seq: int
    at: str
    vouched: bool = False
    revoked: int | None = None
    revoked_because: str | None = None

    def may_sign(self, seq: int) -> bool:
        """Whether a statement at this place of the ledger could be signed with it."""
        return self.seq < seq and (self.revoked is None or seq < self.revoked)


@dataclass(frozen=True)
class Registry:
    """All keys that were ever registered, in the order of the ledger, and the workspace's own."""

    workspace: str | None
    """Public key of the workspace as PEM; None for an empty ledger."""
    keys: tuple[RegisteredKey, ...]

    def find(self, key_id: str, person: str | None = None) -> RegisteredKey | None:
        """The registration of a key, for that person where one key signs for several."""
        found = [key for key in self.keys if key.key_id == key_id and person in {None, key.person}]
        return found[-1] if found else None

    def known_as(self, key_id: str, person: str) -> RegisteredKey | None:
        """The registration of a key for this person under any spelling of the name."""
        found = [key for key in self.keys if key.key_id == key_id and same_person(key.person, person)]
        return found[-1] if found else None

    def named(self, text: str) -> RegisteredKey:
        """A registration by name of the person or the beginning of a key id. ``UsageError`` when none or several fit."""
        fits = [key for key in self.keys if same_person(key.person, text) or key.key_id.startswith(text.lower())]
        open_ones = [key for key in fits if key.revoked is None] or fits
        if not open_ones:
            raise UsageError(f"no key is registered for {text[:60]!r}; 'raitune keys list' shows those that are")
        if len(open_ones) > 1:
            raise UsageError(f"{text[:60]!r} has {len(open_ones)} keys; give the first digits of the key id")
        return open_ones[0]


def read_registry(ledger: Ledger) -> Registry:
    """Read and verify every registration and revocation."""
    public = ledger.workspace_public()
    if public is None:
        return Registry(None, ())
    keys: dict[tuple[str, str], RegisteredKey] = {}
    for entry in ledger.entries(PEOPLE_KINDS):
        body = _signed_by_workspace(entry, public)["predicate"]
        if entry.kind == KEY:
            found = _registered(entry, body)
            keys.setdefault((found.key_id, found.person), found)
        elif entry.kind == REVOCATION:
            _revoke(keys, entry, body)
    return Registry(public_pem(public), tuple(keys.values()))


def verified(entry: LedgerEntry, registry: Registry) -> dict[str, Any]:
    """The statement of an entry that a person signed, after checking its signature and that the key could sign then.

    Raises ``IntegrityError`` saying what does not hold.
    """
    _check_binding(entry)
    key_id = entry.key_id
    person = str(entry.predicate.get("person", ""))
    key = registry.find(key_id, person)
    if key is None or not key.may_sign(entry.seq):
        raise IntegrityError(f"ledger entry {entry.seq}: no key {key_id[:16]} of {person!r} could sign then")
    public = parse_public(key.public, f"the key of {key.person}")
    body = open_envelope(entry.envelope, IN_TOTO, public)
    if body.get("predicateType") != predicate_type(entry.kind):
        raise IntegrityError(f"ledger entry {entry.seq} says {entry.kind} and holds {body.get('predicateType')!r}")
    return body


def stated(entry: LedgerEntry) -> dict[str, Any]:
    """What an entry says, its signature not yet checked. ``IntegrityError`` when entry, columns and envelope differ."""
    _check_binding(entry)
    return entry.predicate


def signed_by_workspace(entry: LedgerEntry, registry: Registry) -> dict[str, Any]:
    """The statement of an entry that the workspace itself signed. ``IntegrityError`` when it did not."""
    if registry.workspace is None:
        raise IntegrityError("the ledger does not begin with the workspace's key")
    return _signed_by_workspace(entry, parse_public(registry.workspace, "the workspace's key"))


def check_roles(roles: Iterable[str]) -> frozenset[Role]:
    """Roles by their names; ``UsageError`` for an unknown one, or for none."""
    wanted = frozenset(roles)
    unknown = sorted(wanted - set(ROLES))
    if unknown or not wanted:
        raise UsageError(
            f"role {unknown[0][:40]!r} is not one of {', '.join(ROLES)}" if unknown else "give at least one role"
        )
    return cast("frozenset[Role]", wanted)


def register(
    ledger: Ledger, person: str, roles: Iterable[str], public: Ed25519PublicKey, *, vouched: bool = False
) -> RegisteredKey:
    """Register a key for a person.

    Raises ``UsageError`` for an unknown role, ``ConflictError`` when the key was registered before, also when it was revoked since.
    """
    wanted = check_roles(roles)
    name, key_id = check_person(person), key_id_of(public)
    registry = read_registry(ledger)
    own = workspace_key(ledger.workspace.root, create=False)
    if not vouched and own is not None and key_id == key_id_of(own.public_key()):
        raise UsageError("this is the workspace's own key; it is no person's")
    before = registry.known_as(key_id, name) if vouched else registry.find(key_id)
    if before is not None:
        state = "and was revoked" if before.revoked is not None else "already"
        raise ConflictError(f"key {key_id[:16]} is registered for {before.person} {state}; use a new key")
    pem = public_pem(public)
    body = {"person": name, "roles": sorted(wanted), "public": pem, "vouched": vouched}
    entry = _append(ledger, KEY, f"key/{name}", key_id, body)
    return RegisteredKey(name, wanted, key_id, pem, entry.seq, entry.at, vouched)


def vouch(ledger: Ledger, person: str, roles: Iterable[str]) -> RegisteredKey:
    """Register a person whom single sign-on identifies: the workspace's key will sign for them and name them.

    What such a signature shows is that this workspace says who was signed in. Errors as for ``register``.
    """
    own = workspace_key(ledger.workspace.root, create=True)
    if own is None:
        raise UsageError("the key of this workspace is not here; name its file in RAITUNE_WORKSPACE_KEY")
    return register(ledger, person, roles, own.public_key(), vouched=True)


def vouched_signer(ledger: Ledger, person: str) -> Signer:
    """The signer for somebody whom single sign-on has just identified. ``UsageError`` for anybody who was not vouched for here."""
    own = workspace_key(ledger.workspace.root, create=False)
    found = None
    for key in read_registry(ledger).keys:
        if key.vouched and same_person(key.person, person):
            found = key
    if own is None or found is None:
        raise UsageError(f"{person[:60]!r} is not registered here; 'raitune keys vouch' registers who signs in")
    if found.revoked is not None:
        raise UsageError(f"{found.person} may no longer sign here: {found.revoked_because}")
    return Signer(found.person, found.roles, found.key_id, own)


def revoke(ledger: Ledger, key: RegisteredKey, reason: str) -> LedgerEntry:
    """Revoke a key from now on. What it signed no longer counts toward a promotion; promotions made before stay on record."""
    if key.revoked is not None:
        raise ConflictError(f"key {key.key_id[:16]} of {key.person} was revoked already (ledger entry {key.revoked})")
    if not reason.strip():
        raise UsageError("say why the key is revoked: --reason")
    body = {"person": key.person, "key_id": key.key_id, "reason": reason.strip()}
    return _append(ledger, REVOCATION, f"key/{key.person}", key.key_id, body)


def signer_for(ledger: Ledger, private: Ed25519PrivateKey) -> Signer:
    """The registered person behind an unlocked key. ``UsageError`` when it is not registered here or was revoked."""
    key_id = key_id_of(private.public_key())
    found = read_registry(ledger).find(key_id)
    if found is None or found.vouched:
        raise UsageError(f"key {key_id[:16]} is not registered in this workspace; 'raitune keys add' registers it")
    if found.revoked is not None:
        raise UsageError(f"key {key_id[:16]} of {found.person} was revoked: {found.revoked_because}")
    return Signer(found.person, found.roles, key_id, private)


def _append(ledger: Ledger, kind: str, name: str, key_id: str, body: dict[str, Any]) -> LedgerEntry:
    from rai_tune.workspace.runs import now

    return ledger.append(kind, statement(kind, [(name, key_id)], {**body, "at": now()}), None)


def _registered(entry: LedgerEntry, body: dict[str, Any]) -> RegisteredKey:
    public = parse_public(str(body["public"]), f"entry {entry.seq} of the ledger")
    return RegisteredKey(
        person=str(body["person"]),
        roles=frozenset(role for role in ROLES if role in body["roles"]),
        key_id=key_id_of(public),
        public=str(body["public"]),
        seq=entry.seq,
        at=entry.at,
        vouched=bool(body["vouched"]),
    )


def _revoke(keys: dict[tuple[str, str], RegisteredKey], entry: LedgerEntry, body: dict[str, Any]) -> None:
    place = (str(body["key_id"]), str(body["person"]))
    key = keys.get(place)
    if key is not None and key.revoked is None:
        keys[place] = RegisteredKey(**{**vars(key), "revoked": entry.seq, "revoked_because": str(body["reason"])})


def _signed_by_workspace(entry: LedgerEntry, public: Ed25519PublicKey) -> dict[str, Any]:
    _check_binding(entry)
    body = open_envelope(entry.envelope, IN_TOTO, public)
    if body.get("predicateType") != predicate_type(entry.kind):
        raise IntegrityError(f"ledger entry {entry.seq} says {entry.kind} and holds {body.get('predicateType')!r}")
    if entry.kind == WORKSPACE and entry.seq != 0:
        raise IntegrityError("the ledger names a workspace key in another place than its first")
    return body


def _check_binding(entry: LedgerEntry) -> None:
    """The columns beside an entry must be those that the tree was made of."""
    fields = parse_entry(entry.entry)
    envelope = hashlib.sha256(entry.envelope.encode()).hexdigest()
    if (fields["seq"], fields["kind"], fields["at"], fields["envelope"]) != (entry.seq, entry.kind, entry.at, envelope):
        raise IntegrityError(f"entry {entry.seq} of the ledger and its envelope do not belong together")
