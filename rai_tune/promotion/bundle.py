"""Evidence bundles: everything about one run in one file that anybody can check offline.

Stable API: ``pack``, ``unpack``, ``ledger_files``, ``Contents``. A bundle is a zip file of one possible form for its files (stored, sorted, dated 1980-01-01), so that the same contents give the
same bytes and a changed byte shows. The form itself lives in ``verify``, the file that checks a bundle without this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.core import IntegrityError, UsageError, canonical_json, sha256_bytes
from rai_tune.promotion import merkle, verify
from rai_tune.promotion.dsse import seal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from rai_tune.promotion.ledger import Head, LedgerEntry

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Contents:
    """An unpacked bundle. ``manifest`` is what the workspace signed; nothing but the form was checked."""

    run_id: str
    manifest: dict[str, Any]
    files: dict[str, bytes]

    def json(self, name: str) -> Any:
        """A JSON file of the bundle. Raises ``IntegrityError`` when it is not there or not in canonical form."""
        if name not in self.files:
            raise IntegrityError(f"{name} is not in the bundle")
        try:
            return verify.parse(self.files[name], name)
        except verify.Refused as refused:
            raise IntegrityError(str(refused)) from None

    def names(self, folder: str) -> tuple[str, ...]:
        """Names of the files in a folder, such as ``decisions/``, sorted."""
        return tuple(sorted(name for name in self.files if name.startswith(folder)))


def pack(run_id: str, files: Mapping[str, bytes], head: Head, key: Ed25519PrivateKey) -> bytes:
    """The bundle of these files: the manifest lists their digests and the ledger head, signed by the workspace's key.

    Raises ``UsageError`` for a name that a bundle may not hold, more than 10,000 files or more than 256 MiB.
    """
    manifest = {
        "schema": verify.BUNDLE_SCHEMA,
        "run": run_id,
        "files": {name: sha256_bytes(content) for name, content in files.items()},
        "head": {"size": head.size, "root": head.root},
    }
    try:
        return verify.write_zip({**files, MANIFEST: seal(manifest, verify.BUNDLE_TYPE, key).encode()})
    except verify.Refused as refused:
        raise UsageError(f"the bundle cannot be written: {refused}") from None


def unpack(data: bytes) -> Contents:
    """The files of a bundle by name.

    Raises ``UsageError`` when it is no bundle or one of a newer format, ``IntegrityError`` for an archive of another form: names
    that climb out, duplicates, compression, encryption, zip64, comments, or a single byte more or less. Digests and signatures
    are not looked at; ``verify.verify`` does that.
    """
    seen = verify.Seen(data, None, None)
    try:
        verify.check_archive(seen)
        verify.check_schema(seen)
        manifest = verify.open_envelope(verify.parse(seen.files[MANIFEST], MANIFEST), MANIFEST).payload
    except verify.NotABundle as error:
        raise UsageError(f"this cannot be opened as a bundle: {error}") from None
    except verify.Refused as refused:
        raise IntegrityError(f"the bundle is damaged: {refused}") from None
    return Contents(seen.run, manifest, seen.files)


def ledger_files(texts: Sequence[str], entries: Iterable[LedgerEntry], head: Head) -> dict[str, bytes]:
    """The ledger's part of a bundle.

    ``texts`` are all entries up to ``head``, in order; of them ``entries`` are given with what they sign. The index shows the kind
    and time of every entry, so that a key or a revocation cannot be left out unseen.
    """
    if len(texts) != head.size:
        raise IntegrityError(f"the ledger has {len(texts)} entries and a head of size {head.size}")
    lines = [text.encode() for text in texts]
    found = {f"ledger/entries/{entry.seq}.json": _entry_file(entry) for entry in entries if entry.seq < head.size}
    return {
        "ledger/leaves.txt": "".join(f"{merkle.leaf_hash(line).hex()}\n" for line in lines).encode(),
        "ledger/index.jsonl": b"".join(line + b"\n" for line in lines),
        "ledger/head.json": head.envelope.encode(),
        **found,
    }


def _entry_file(entry: LedgerEntry) -> bytes:
    import json

    return canonical_json({"entry": json.loads(entry.entry), "envelope": json.loads(entry.envelope)})
