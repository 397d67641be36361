"""Signing keys: Ed25519 in encrypted PEM files that only their owner may read. Stable API.

A key's id is the SHA-256 of its DER SubjectPublicKeyInfo, which anybody can work out: ``openssl pkey -pubin -outform DER |
sha256sum``. What a key may do is not in the file: roles are registered in the ledger of each workspace (``registry``).
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.core import ConflictError, IntegrityError, UsageError
from rai_tune.gate.checks.signature import same_name
from rai_tune.workspace.atomic import fsync_directory, storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from rai_tune.gate.decision import Role

SHORTEST_PASSPHRASE = 12
"""Characters; a passphrase is all that stands between a copied file and a forged signature."""

_PERSON = re.compile(r"[^\W_][\w .,'@+-]{0,118}[\w.]|[^\W_]")
_OTHERS_MAY_READ = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Signer:
    """An unlocked key and the registered person behind it."""

    person: str
    roles: frozenset[Role]
    key_id: str
    private: Ed25519PrivateKey

    def sign(self, value: dict[str, Any], payload_type: str) -> str:
        """The envelope of a JSON value."""
        from rai_tune.promotion.dsse import seal

        return seal(value, payload_type, self.private)


def key_id_of(public: Ed25519PublicKey) -> str:
    """SHA-256 of the DER SubjectPublicKeyInfo, in hex."""
    from cryptography.hazmat.primitives import serialization as s

    return hashlib.sha256(public.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def public_pem(public: Ed25519PublicKey) -> str:
    """The public key as PEM text."""
    from cryptography.hazmat.primitives import serialization as s

    return public.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def parse_public(pem: str, source: str) -> Ed25519PublicKey:
    """Read a public key. Raises ``UsageError`` for anything but an Ed25519 public key in PEM."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = s.load_pem_public_key(pem.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{source}: this is no public key in PEM form") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{source}: this is a key of another type; only Ed25519 keys sign here")
    return key


def check_person(name: str) -> str:
    """A person's name as it is registered: Unicode NFC, letters, digits and ``. , ' @ + -``, at most 120 characters."""
    name = unicodedata.normalize("NFC", name.strip())
    if not _PERSON.fullmatch(name):
        raise UsageError(f"{name[:60]!r} is not a name: letters, digits, spaces and . , ' @ + - only, at most 120")
    return name


def same_person(one: str, other: str) -> bool:
    """Whether two registered names are one person's: letters' case and width do not make another person."""
    return same_name(one) == same_name(other)


def different_people(names: Iterable[str]) -> tuple[str, ...]:
    """Each person once, in the spelling and the order in which they come first."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(same_name(name), name)
    return tuple(found.values())


def new_key(path: Path, passphrase: str) -> Ed25519PublicKey:
    """Make a key and write it to ``path``, encrypted, mode 0600. An existing file is never replaced."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise UsageError(f"the passphrase needs at least {SHORTEST_PASSPHRASE} characters")
    key = Ed25519PrivateKey.generate()
    write_private(path, key, passphrase)
    return key.public_key()


def write_private(path: Path, key: Ed25519PrivateKey, passphrase: str | None) -> None:
    """Write a private key, mode 0600, whole or not at all. Raises ``ConflictError`` when there is a file of that name."""
    from cryptography.hazmat.primitives import serialization as s

    lock = s.BestAvailableEncryption(passphrase.encode()) if passphrase else s.NoEncryption()
    pem = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, lock)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(pem)
                handle.flush()
                os.fsync(handle.fileno())
            # A link, unlike a rename, refuses to replace.
            os.link(draft, path)
            fsync_directory(path.parent)
        except FileExistsError:
            raise ConflictError(f"{path} is there already; a key is never replaced") from None
        finally:
            draft.unlink(missing_ok=True)


def unlock(path: Path, passphrase: str | None) -> Ed25519PrivateKey:
    """Read a private key.

    Raises ``UsageError`` when the file is missing, of another type or readable by others, or the passphrase is wrong.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not path.is_file():
        raise UsageError(f"{path}: there is no key file; 'raitune keys new NAME' makes one")
    if os.name != "nt" and stat.S_IMODE(path.stat().st_mode) & _OTHERS_MAY_READ:
        raise UsageError(f"{path}: others on this machine may read this key; set its mode to 0600 (chmod 600)")
    try:
        key = s.load_pem_private_key(_read(path), passphrase.encode() if passphrase else None)
    except TypeError as error:
        need = "needs its passphrase" if not passphrase else "is not encrypted, and needs no passphrase"
        raise UsageError(f"{path}: the key {need}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{path}: wrong passphrase, or no private key in PEM form") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path}: this is a key of another type; only Ed25519 keys sign here")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise UsageError(
            f"{path}: this login may not read the key; the workspace's own may be named for each login in RAITUNE_WORKSPACE_KEY"
        ) from error


def workspace_key(root: Path, *, create: bool) -> Ed25519PrivateKey | None:
    """The key of a workspace, from ``RAITUNE_WORKSPACE_KEY`` or ``keys/workspace.pem``; made on first need with ``create``.

    It signs the ledger's heads and what the tool itself states. It is encrypted where ``RAITUNE_WORKSPACE_PASSPHRASE`` is set.
    None when there is none and none may be made.
    """
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    named = os.environ.get("RAITUNE_WORKSPACE_KEY")
    path = Path(named) if named else root / "keys" / "workspace.pem"
    passphrase = os.environ.get("RAITUNE_WORKSPACE_PASSPHRASE") or None
    if not path.exists():
        if not create:
            return None
        # Another process may make it between the look and the write: theirs is the workspace's key then.
        with suppress(ConflictError):
            write_private(path, Ed25519PrivateKey.generate(), passphrase)
    return unlock(path, passphrase)


def check_key_id(text: str) -> str:
    """A key id as 64 hex digits, or ``IntegrityError``."""
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise IntegrityError(f"{text[:70]!r} is not a key id")
    return text
