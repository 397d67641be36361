"""Digests: one canonical form (RFC 8785) and one hash (SHA-256) for everything that is compared later."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import rfc8785

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 20


def canonical_json(value: Any) -> bytes:
    """Serialise to RFC 8785 canonical JSON. Non-finite numbers raise ``rfc8785.FloatDomainError``."""
    return rfc8785.dumps(value)


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of bytes, lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_json(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``."""
    return sha256_bytes(canonical_json(value))


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in 1 MiB pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
