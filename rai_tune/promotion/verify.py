#!/usr/bin/env python3
"""Check an evidence bundle of rai-tune, offline. One file: Python 3.9 or later and the package ``cryptography``.

    python verify.py evidence.zip [--head HEX | --head SIZE:HEX] [--key KEYID] [--json]

It imports nothing of rai-tune, reads one file, writes none and opens no connection. ``--head`` is a ledger head that you
kept elsewhere (every report prints one); ``--key`` is the id of the workspace's key as you learnt it elsewhere. Exit codes:
0 every check holds, 6 some check does not, 2 the file is no bundle, or one of a newer format, or an option is wrong.

Stable API for Python: ``verify``, ``first_problem``, ``Check``, ``read_zip``, ``write_zip``, ``canonical``.

Sources: JSON canonicalisation RFC 8785; Merkle tree RFC 6962, section 2.1; envelopes DSSE (secure-systems-lab/dsse); statements
in-toto Statement v1; Ed25519 RFC 8032.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import io
import json
import math
import re
import struct
import sys
import unicodedata
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

BUNDLE_SCHEMA = "rai-tune/bundle/v1"
DECISION_SCHEMA = "rai-tune/decision/v1"
BUNDLE_TYPE = "application/vnd.rai-tune.bundle+json"
HEAD_SCHEMA = "rai-tune/ledger-head/v1"
HEAD_TYPE = "application/vnd.rai-tune.head+json"
ENTRY_SCHEMA = "rai-tune/ledger-entry/v1"
IN_TOTO = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
RESULT_SCHEMA = "rai-tune/verification/v1"

MAX_BYTES = 256 * 1024 * 1024
"""Largest bundle, in bytes. Nothing in a bundle is compressed, so nothing in it can be larger."""
MAX_JSON = 32 * 1024 * 1024
"""Bytes of one JSON file: a value of small lists takes thirty times its text in memory, and is read before any signature."""
MAX_FILES = 10_000
MAX_NAME = 200

NOT_SHOWN = (
    "That the data and the measurements are true: a signature shows who stated something, not that it is so.",
    "That two keys are two people: whoever holds both keys, or the workspace's own key, can sign as both.",
    "That the gate decides as its packs say: 'raitune verify' decides again with the engine; this file checks that what was "
    "decided agrees with the packs, the measurements, the signatures and the dates. Reasons and notes are words, and no check reads them.",
    "That no later statement about this run was left out: the ledger's index shows every key and revocation, and for other "
    "entries only their kind and time.",
    "That the documents (report, model card and so on) say what the statement says: they are the files that the workspace sealed.",
)
WITHOUT_HEAD = (
    "That the ledger was not rewritten as a whole: give --head with a head that was kept elsewhere. Without it (and without "
    "--key) a whole new bundle by a new workspace key would pass."
)


class Refused(Exception):  # noqa: N818  (it is the answer of a check, not a fault of the program)
    """A check does not hold; the message is the sentence to show."""


class NotABundle(Exception):  # noqa: N818
    """There is nothing to check: no bundle, one of a newer format, or an option that cannot be read (exit 2)."""


@dataclass(frozen=True)
class Check:
    """One check: ``ok`` is None when it was not asked for."""

    name: str
    ok: bool | None
    says: str


# The archive: a zip file that has one form only


_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_VERSION, _MADE_BY = 20, 0x0314  # 2.0, written as on Unix
_DATE = 33  # 1980-01-01, the first day that a zip file knows
_MODE = 0o100644 << 16
_ZIP64 = 0xFFFFFFFF
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


def write_zip(files: Mapping[str, bytes]) -> bytes:
    """The one archive of these files: stored, sorted by name, dated 1980-01-01, without comments or extra fields."""
    if len(files) > MAX_FILES:
        raise Refused(f"it would hold {len(files):,} files; the limit is {MAX_FILES:,}")
    bodies: list[bytes] = []
    central: list[bytes] = []
    offset = 0
    for name in sorted(files):
        content, label = files[name], _checked_name(name).encode("ascii")
        sizes = (zlib.crc32(content), len(content), len(content), len(label))
        head = _LOCAL.pack(_LOCAL_MARK, _VERSION, 0, 0, 0, _DATE, *sizes, 0)
        central.append(
            _CENTRAL.pack(_CENTRAL_MARK, _MADE_BY, _VERSION, 0, 0, 0, _DATE, *sizes, 0, 0, 0, 0, _MODE, offset) + label
        )
        bodies += (head, label, content)
        offset += len(head) + len(label) + len(content)
        if offset > MAX_BYTES:
            raise Refused(f"it would be larger than {MAX_BYTES:,} bytes")
    directory = b"".join(central)
    end = _END.pack(_END_MARK, 0, 0, len(files), len(files), len(directory), offset, 0)
    return b"".join((*bodies, directory, end))


def read_zip(data: bytes) -> dict[str, bytes]:
    """Files by name. Raises ``Refused`` for any archive that ``write_zip`` would not write byte for byte."""
    if data[:4] != _LOCAL_MARK:
        raise NotABundle("it does not begin as a zip file with content does")
    if len(data) > MAX_BYTES:
        raise Refused(f"it has {len(data):,} bytes; the limit is {MAX_BYTES:,}")
    count, start = _directory(data)
    files: dict[str, bytes] = {}
    left = len(data)
    position = start
    for _ in range(count):
        name, size, offset, position = _central_entry(data, position)
        if name in files:
            raise Refused(f"the name {name!r} is in it twice")
        left -= size
        begin = offset + _LOCAL.size + len(name)
        if left < 0 or begin + size > start:
            raise Refused(f"{name}: its size does not fit into the archive")
        files[name] = data[begin : begin + size]
    if write_zip(files) != data:
        raise Refused("its bytes are not those that its files give: something was changed, added or reordered")
    return files


def _directory(data: bytes) -> tuple[int, int]:
    if len(data) < _END.size or data[-_END.size : -_END.size + 4] != _END_MARK:
        raise Refused("it does not end as a bundle does: it was cut, or something was appended")
    _, disk, first_disk, here, count, size, start, comment = _END.unpack(data[-_END.size :])
    if disk or first_disk or comment or here != count:
        raise Refused("its end names several disks or a comment")
    if count > MAX_FILES:
        raise Refused(f"it holds {count:,} files; the limit is {MAX_FILES:,}")
    if _ZIP64 in (start, size):
        raise Refused("it is in zip64 form, which no bundle needs")
    if start + size + _END.size != len(data):
        raise Refused("something stands before, between or after its parts")
    return count, start


def _central_entry(data: bytes, position: int) -> tuple[str, int, int, int]:
    if position + _CENTRAL.size > len(data):
        raise Refused("its directory is cut")
    fields = _CENTRAL.unpack(data[position : position + _CENTRAL.size])
    mark, _, version, flags, method, _, _, _, packed, size, length, extra, comment, _, _, _, offset = fields
    if mark != _CENTRAL_MARK:
        raise Refused("its directory is broken")
    end = position + _CENTRAL.size + length
    label = data[position + _CENTRAL.size : end]
    name = _checked_name(label.decode("ascii", "replace"))
    if flags & 1:
        raise Refused(f"{name} is encrypted")
    if method or packed != size:
        raise Refused(f"{name} is compressed; a bundle only stores, so that nothing in it can grow")
    if version >= 45 or _ZIP64 in (size, offset):
        raise Refused(f"{name} is in zip64 form, which no bundle needs")
    if extra or comment:
        raise Refused(f"{name} carries an extra field or a comment")
    return name, size, offset, end


def _checked_name(name: str) -> str:
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise Refused(f"{name[:80]!r} is not a file name that a bundle may hold")
    return name


# Canonical JSON (RFC 8785)


_SAFE_INTEGER = 2**53 - 1


def canonical(value: Any) -> bytes:
    """The one canonical form of a JSON value. Raises ``ValueError`` for what JSON or RFC 8785 cannot hold."""
    pieces: list[str] = []
    _write(value, pieces.append)
    return "".join(pieces).encode("utf-8")


def _write(value: Any, put: Callable[[str], None]) -> None:
    if value is None or isinstance(value, (bool, int, float, str)):
        put(_scalar(value))
    elif isinstance(value, (list, tuple)):
        put("[")
        for place, item in enumerate(value):
            if place:
                put(",")
            _write(item, put)
        put("]")
    elif isinstance(value, dict):
        put("{")
        for place, name in enumerate(sorted(value, key=_utf16)):
            put((",%s:" if place else "%s:") % json.dumps(name, ensure_ascii=False))
            _write(value[name], put)
        put("}")
    else:
        raise ValueError(f"{type(value).__name__} is not JSON")


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return _number(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if abs(value) > _SAFE_INTEGER:
        raise ValueError(f"{value} is larger than a JSON number holds exactly")
    return str(value)


def _utf16(name: Any) -> bytes:
    if not isinstance(name, str):
        raise ValueError("the name of a field is text")
    return name.encode("utf-16-be")


def _number(value: float) -> str:
    """A number as ECMAScript writes it (ECMA-262, Number::toString), from the same shortest digits as Python's repr."""
    if not math.isfinite(value):
        raise ValueError("a number is not finite")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = (
        len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    )  # the decimal point is after so many digits
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"


def _integer(digits: str) -> int | float:
    # A whole number beyond 2^53 was a floating-point number when it was written.
    return float(digits) if len(digits) > 15 and abs(float(digits)) > _SAFE_INTEGER else int(digits)


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def parse(data: bytes, where: str) -> Any:
    """Read JSON that must be in canonical form; ``Refused`` names ``where`` otherwise."""
    if len(data) > MAX_JSON:
        raise Refused(f"{where} has {len(data):,} bytes; a JSON file here has at most {MAX_JSON:,}")
    try:
        value = json.loads(data.decode("utf-8"), parse_int=_integer, parse_constant=_no_constant)
        same = canonical(value) == data
    except (ValueError, RecursionError):
        raise Refused(f"{where} is not JSON") from None
    if not same:
        raise Refused(f"{where} is not in canonical form (RFC 8785)")
    return value


def sha256(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def text_at(value: Any, *path: str) -> str:
    """Text at a place of a JSON value; ``Refused`` when it is not there."""
    return str(_at(value, str, path))


def whole_at(value: Any, *path: str) -> int:
    """A whole number of at least 0 at a place of a JSON value."""
    found = _at(value, int, path)
    if isinstance(found, bool) or found < 0:
        raise Refused(f"{'.'.join(path)} is not a whole number of at least 0")
    return int(found)


def list_at(value: Any, *path: str) -> list[Any]:
    """A list at a place of a JSON value."""
    return list(_at(value, list, path))


def dict_at(value: Any, *path: str) -> dict[str, Any]:
    """An object at a place of a JSON value."""
    return dict(_at(value, dict, path))


def _at(value: Any, kind: type, path: Sequence[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, kind):
        words = {str: "text", int: "a whole number", list: "a list", dict: "an object"}
        raise Refused(f"{'.'.join(path) or 'it'} is not there or is not {words[kind]}")
    return value


# Signatures


@dataclass(frozen=True)
class Envelope:
    """A DSSE envelope with one signature; ``text`` is its canonical form."""

    text: bytes
    payload_type: str
    payload: dict[str, Any]
    key_id: str
    signature: bytes
    signed: bytes


def open_envelope(value: Any, where: str) -> Envelope:
    """Read an envelope without looking at the signature."""
    signatures = list_at(value, "signatures")
    if set(value) != {"payload", "payloadType", "signatures"} or len(signatures) != 1:
        raise Refused(f"{where}: an envelope holds payload, payloadType and exactly one signature")
    if set(dict_at(signatures[0])) != {"keyid", "sig"}:
        raise Refused(f"{where}: a signature holds keyid and sig")
    body, kind = _base64(text_at(value, "payload"), where), text_at(value, "payloadType")
    name = kind.encode("utf-8")
    return Envelope(
        text=canonical(value),
        payload_type=kind,
        payload=dict_at(parse(body, f"what {where} signs")),
        key_id=text_at(signatures[0], "keyid"),
        signature=_base64(text_at(signatures[0], "sig"), where),
        signed=b"DSSEv1 %d %s %d %s" % (len(name), name, len(body), body),
    )


def _base64(text: str, where: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise Refused(f"{where}: not base64") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise Refused(f"{where}: base64 that is not in canonical form")
    return data


def public_key(pem: str, where: str) -> Ed25519PublicKey:
    """An Ed25519 public key from PEM; ``Refused`` for a key of another type."""
    try:
        key = serialization.load_pem_public_key(pem.encode("utf-8"))
    except (ValueError, UnsupportedAlgorithm):
        raise Refused(f"{where} holds no public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise Refused(f"{where} holds a key of another type; only Ed25519 keys sign here")
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    if key.public_bytes(serialization.Encoding.PEM, form).decode("ascii") != pem:
        raise Refused(f"{where} holds a public key in another form than it is written in")
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the DER SubjectPublicKeyInfo, in hex."""
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return sha256(key.public_bytes(encoding, form))


def check_signature(envelope: Envelope, key: Ed25519PublicKey, payload_type: str, where: str) -> None:
    """Hold an envelope against the key and the type that it must have."""
    if envelope.payload_type != payload_type:
        raise Refused(f"{where} is of the type {envelope.payload_type[:60]!r}, not {payload_type!r}")
    if envelope.key_id != key_id(key):
        raise Refused(f"{where} is signed by key {envelope.key_id[:16]}, not by {key_id(key)[:16]}")
    try:
        key.verify(envelope.signature, envelope.signed)
    except InvalidSignature:
        raise Refused(f"{where}: the signature does not fit what it signs") from None


# The tree (RFC 6962)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def roots(leaves: Iterable[bytes]) -> Iterator[bytes]:
    """Roots of the first 0, 1, 2, ... leaves."""
    peaks: list[tuple[int, bytes]] = []
    yield hashlib.sha256(b"").digest()
    for leaf in leaves:
        width, node = 1, leaf
        while peaks and peaks[-1][0] == width:
            node = _node(peaks.pop()[1], node)
            width *= 2
        peaks.append((width, node))
        top = peaks[-1][1]
        for _, left in reversed(peaks[:-1]):
            top = _node(left, top)
        yield top


# What the checks find, each building on those before it


@dataclass(frozen=True)
class Entry:
    """One ledger entry whose statement is in the bundle."""

    seq: int
    kind: str
    at: str
    envelope: Envelope

    @property
    def where(self) -> str:
        return f"ledger entry {self.seq} ({self.kind})"

    @property
    def predicate(self) -> dict[str, Any]:
        return dict_at(self.envelope.payload, "predicate")

    @property
    def subject(self) -> dict[str, str]:
        """Name -> sha256."""
        named = list_at(self.envelope.payload, "subject")
        found = {text_at(item, "name"): text_at(item, "digest", "sha256") for item in named}
        if len(found) != len(named):
            raise Refused(f"{self.where} names one subject twice")
        return found


@dataclass(frozen=True)
class Holder:
    """A person with a key and roles, as registered by one ledger entry; a revocation has no roles."""

    seq: int
    person: str
    key_id: str
    roles: frozenset[str]
    public: Ed25519PublicKey | None


@dataclass
class Seen:
    """The bundle, and what the checks so far established about it."""

    data: bytes
    head: str | None
    key: str | None
    files: dict[str, bytes] = field(default_factory=dict)
    workspace: Ed25519PublicKey | None = None
    run: str = ""
    index: list[dict[str, Any]] = field(default_factory=list)
    roots: list[str] = field(default_factory=list)
    """Roots of the ledger's first 0, 1, 2, ... entries, in hex."""
    head_at: str = ""
    """When the bundle's ledger head was signed."""
    entries: dict[int, Entry] = field(default_factory=dict)
    holders: list[Holder] = field(default_factory=list)
    revoked: list[Holder] = field(default_factory=list)
    statements: dict[str, Entry] = field(default_factory=dict)
    """Digest of an evidence statement of this run -> its entry."""
    current: str = ""
    """Digest of the statement that the bundle is about: the newest."""
    packs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Digest of a policy pack -> the pack."""

    @property
    def root(self) -> str:
        return self.roots[-1] if self.roots else ""

    def of_kind(self, kind: str) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.kind == kind]

    def evidence(self, digest: str | None = None) -> dict[str, Any]:
        """The predicate of a statement of this run, by default of the newest."""
        wanted = self.current if digest is None else digest
        if wanted not in self.statements:
            raise Refused(f"the evidence statement {wanted[:16]} is not in the bundle")
        return self.statements[wanted].predicate


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_HEX = re.compile(r"[0-9a-f]{64}")
_LAYOUT = re.compile(
    r"manifest\.json|statement\.json|(?:decisions|policies)/[a-z0-9-]+\.json"
    r"|ledger/(?:leaves\.txt|index\.jsonl|head\.json)|ledger/entries/(?:0|[1-9][0-9]*)\.json|documents/[^/]+"
)
_REQUIRED = ("manifest.json", "statement.json", "ledger/leaves.txt", "ledger/index.jsonl", "ledger/head.json")
PEOPLE_KINDS = ("workspace", "key", "revocation")
BY_WORKSPACE = (*PEOPLE_KINDS, "evidence")
ROLES = ("author", "reviewer", "approver")
ALIASES = ("staging", "production")
OUTCOMES = ("fail", "insufficient_evidence", "awaiting_signoff", "pass")
"""Overall outcomes, the worst first."""
CLOCK_TOLERANCE = timedelta(minutes=1)
"""A clock may be set back by so much between signing and placing."""
KINDS = (*BY_WORKSPACE, "signoff", "attestation", "waiver", "promotion", "deletion")


def check_archive(seen: Seen) -> str:
    """The zip file has the one form that a bundle has."""
    seen.files = read_zip(seen.data)
    missing = [name for name in _REQUIRED if name not in seen.files]
    if "manifest.json" in missing:
        raise NotABundle("it holds no manifest.json, so it is no evidence bundle")
    other = [name for name in seen.files if not _LAYOUT.fullmatch(name)]
    if missing or other:
        raise Refused(f"{missing[0]} is not in it" if missing else f"{other[0]} has no place in a bundle")
    return f"{len(seen.files)} stored files, byte for byte as a bundle writes them"


def check_schema(seen: Seen) -> str:
    """The bundle is of the format that this file knows."""
    manifest = open_envelope(parse(seen.files["manifest.json"], "manifest.json"), "manifest.json")
    schema = text_at(manifest.payload, "schema")
    if schema != BUNDLE_SCHEMA:
        newer = re.fullmatch(r"rai-tune/bundle/v[1-9][0-9]{0,3}", schema)
        more = "; a newer rai-tune wrote it, and its own verify.py can check it" if newer else ""
        raise NotABundle(f"its schema is {schema[:60]!r}, and this file checks {BUNDLE_SCHEMA!r}{more}")
    seen.run = text_at(manifest.payload, "run")
    return f"{schema}, about run {seen.run}"


def check_workspace_key(seen: Seen) -> str:
    """The ledger begins with the workspace's key, signed by itself, and it is the expected one."""
    if "ledger/entries/0.json" not in seen.files:
        raise Refused("ledger/entries/0.json, which names the workspace's key, is not in it")
    first = _entry(seen.files["ledger/entries/0.json"], 0)
    if first.kind != "workspace":
        raise Refused(f"the ledger begins with an entry of the kind {first.kind!r}, not with the workspace's key")
    key = public_key(text_at(first.predicate, "public"), first.where)
    check_signature(first.envelope, key, IN_TOTO, first.where)
    if list(first.subject.values()) != [key_id(key)]:
        raise Refused(f"{first.where} is not about the key that it holds")
    if seen.key is not None and key_id(key) != seen.key:
        raise Refused(f"the workspace's key is {key_id(key)}, not the one given with --key")
    seen.workspace = key
    return f"{key_id(key)}, {'as given with --key' if seen.key else 'as the bundle says it; compare it with --key'}"


def check_manifest(seen: Seen) -> str:
    """The manifest is signed by the workspace's key and lists exactly these files."""
    manifest = open_envelope(parse(seen.files["manifest.json"], "manifest.json"), "manifest.json")
    check_signature(manifest, _workspace(seen), BUNDLE_TYPE, "manifest.json")
    if set(manifest.payload) != {"schema", "run", "files", "head"}:
        raise Refused("manifest.json has other fields than schema, run, files and head")
    listed = dict_at(manifest.payload, "files")
    found = {name: sha256(content) for name, content in seen.files.items() if name != "manifest.json"}
    for name in sorted({*listed, *found}):
        if listed.get(name) != found.get(name):
            why = "is not in the bundle" if name not in found else "was changed" if name in listed else "was added"
            raise Refused(f"{name} {why} after the manifest was signed")
    return f"signed by the workspace's key; the digests of {len(found)} files fit"


def check_ledger(seen: Seen) -> str:
    """The ledger's entries give the root that the workspace's key signed."""
    lines = _lines(seen.files["ledger/index.jsonl"], "ledger/index.jsonl")
    leaves = [hashlib.sha256(b"\x00" + line).digest() for line in lines]
    if "".join(f"{leaf.hex()}\n" for leaf in leaves).encode("ascii") != seen.files["ledger/leaves.txt"]:
        raise Refused("ledger/leaves.txt does not hold the hashes of the entries in ledger/index.jsonl")
    seen.roots = [root.hex() for root in roots(leaves)]
    head = open_envelope(parse(seen.files["ledger/head.json"], "ledger/head.json"), "ledger/head.json")
    check_signature(head, _workspace(seen), HEAD_TYPE, "ledger/head.json")
    if text_at(head.payload, "schema") != HEAD_SCHEMA:
        raise Refused(f"ledger/head.json is not of the schema {HEAD_SCHEMA}")
    if text_at(head.payload, "origin") != key_id(_workspace(seen)):
        raise Refused("ledger/head.json names another workspace key than the one that signed it")
    if (whole_at(head.payload, "size"), text_at(head.payload, "root")) != (len(leaves), seen.root):
        raise Refused("the ledger's entries are not those that its head was signed over")
    manifest = parse(seen.files["manifest.json"], "manifest.json")
    payload = open_envelope(manifest, "manifest.json").payload
    if dict_at(payload, "head") != {"size": len(leaves), "root": seen.root}:
        raise Refused("manifest.json names another ledger head")
    seen.index = [dict_at(parse(line, f"ledger entry {seq}")) for seq, line in enumerate(lines)]
    return f"{len(leaves)} entries give the signed root {seen.root}"


def check_outside_head(seen: Seen) -> str:
    """The ledger goes on from the head that was kept elsewhere."""
    size, root = parse_head(seen.head or "")
    sizes = [number for number, known in enumerate(seen.roots) if known == root and number]
    if size is not None and size not in sizes:
        raise Refused(f"the ledger was rewritten or cut: at {size} entries it does not have the root given with --head")
    if not sizes:
        raise Refused("the ledger was rewritten or cut: at no size does it have the root given with --head")
    return f"the ledger had this root at {size or sizes[0]} entries and only grew since"


def parse_head(text: str) -> tuple[int | None, str]:
    """(size or None, root) from ``HEX`` or ``SIZE:HEX``. Raises ``NotABundle`` for anything else."""
    found = re.fullmatch(r"(?:([1-9][0-9]{0,8}):)?([0-9a-fA-F]{64})", text.strip())
    if not found:
        raise NotABundle(f"--head {text[:80]!r} is neither 64 hex digits nor SIZE:HEX")
    return int(found[1]) if found[1] else None, found[2].lower()


def check_order(seen: Seen) -> str:
    """Entries count from 0 and time does not run backwards."""
    last = ""
    for seq, entry in enumerate(seen.index):
        if set(entry) != {"schema", "seq", "kind", "at", "envelope"} or entry["schema"] != ENTRY_SCHEMA:
            raise Refused(f"ledger entry {seq} is not of the schema {ENTRY_SCHEMA}")
        if whole_at(entry, "seq") != seq:
            raise Refused(f"ledger entry {seq} says that its place is {entry['seq']}")
        if text_at(entry, "kind") not in KINDS:
            raise Refused(f"ledger entry {seq} is of the unknown kind {entry['kind']!r}")
        at = text_at(entry, "at")
        if not _TIME.fullmatch(at) or at < last:
            raise Refused(f"ledger entry {seq} was made at {at[:30]!r}, and the one before it at {last or 'no time'}")
        last = at
    head = open_envelope(parse(seen.files["ledger/head.json"], "ledger/head.json"), "ledger/head.json")
    seen.head_at = text_at(head.payload, "at")
    if not _TIME.fullmatch(seen.head_at) or seen.head_at < last:
        raise Refused("the ledger's head is older than its last entry")
    return f"from {seen.index[0]['at']} to {last}" if seen.index else "the ledger is empty"


def check_canonical(seen: Seen) -> str:
    """Every JSON file is in the one canonical form."""
    names = [name for name in seen.files if name.endswith(".json") and not name.startswith("documents/")]
    for name in names:
        parse(seen.files[name], name)
    return f"{len(names)} JSON files in canonical form (RFC 8785)"


def check_entries(seen: Seen) -> str:
    """Every entry in the bundle is the one at its place in the ledger, and no key or revocation is missing."""
    for name, content in seen.files.items():
        if name.startswith("ledger/entries/"):
            seq = int(name[len("ledger/entries/") : -len(".json")])
            if seq >= len(seen.index):
                raise Refused(f"{name}: the ledger has {len(seen.index)} entries")
            if dict_at(parse(content, name), "entry") != seen.index[seq]:
                raise Refused(f"{name} is not the entry at that place of the ledger")
            seen.entries[seq] = _entry(content, seq)
            _check_form(seen, seen.entries[seq])
    seen.entries = dict(sorted(seen.entries.items()))
    for seq, entry in enumerate(seen.index):
        if entry["kind"] in PEOPLE_KINDS and seq not in seen.entries:
            raise Refused(f"entry {seq} of the ledger ({entry['kind']}) was left out of the bundle")
    return f"{len(seen.entries)} of {len(seen.index)} entries are here with what they sign, every key and revocation among them"


def check_signatures(seen: Seen) -> str:
    """Every entry is signed by a key that was registered before it and not revoked by then."""
    for entry in seen.entries.values():
        if entry.kind == "workspace" and entry.seq:
            raise Refused(f"{entry.where}: only the first entry names the workspace's key")
        check_signature(entry.envelope, _signing_key(seen, entry), IN_TOTO, entry.where)
        if entry.kind == "key":
            seen.holders.append(_holder(seen, entry))
        elif entry.kind == "revocation":
            predicate = entry.predicate
            person, key = text_at(predicate, "person"), text_at(predicate, "key_id")
            seen.revoked.append(Holder(entry.seq, person, key, frozenset(), None))
    people = sorted({holder.person for holder in seen.holders})
    return (
        f"{len(seen.entries)} signatures; registered: {', '.join(people) or 'nobody'}; revocations: {len(seen.revoked)}"
    )


def _workspace(seen: Seen) -> Ed25519PublicKey:
    if seen.workspace is None:
        raise Refused("the workspace's key is not known")
    return seen.workspace


def _lines(content: bytes, where: str) -> list[bytes]:
    if content and not content.endswith(b"\n"):
        raise Refused(f"{where} does not end with a line break")
    return content.split(b"\n")[:-1]


def _entry(content: bytes, seq: int) -> Entry:
    where = f"ledger/entries/{seq}.json"
    value = dict_at(parse(content, where))
    if set(value) != {"entry", "envelope"}:
        raise Refused(f"{where} has other fields than entry and envelope")
    envelope = open_envelope(value["envelope"], where)
    kind = text_at(value, "entry", "kind")
    if sha256(envelope.text) != text_at(value, "entry", "envelope"):
        raise Refused(f"{where}: the envelope is not the one that the entry names")
    if (envelope.payload.get("_type"), envelope.payload.get("predicateType")) != (STATEMENT, f"urn:rai-tune:{kind}:v1"):
        raise Refused(f"{where}: what is signed is no in-toto statement of the kind {kind!r}")
    if text_at(envelope.payload, "predicate", "schema") != f"rai-tune/{kind}/v1":
        raise Refused(f"{where}: the predicate is not of the schema rai-tune/{kind}/v1")
    return Entry(seq, kind, text_at(value, "entry", "at"), envelope)


def _check_form(seen: Seen, entry: Entry) -> None:
    """What an entry of its kind says besides what other checks read: about which run, when, and of what."""
    body, where = entry.predicate, entry.where
    signed, placed = _moment(body.get("at")), _moment(entry.at)
    if signed is None or placed is None or signed > placed + CLOCK_TOLERANCE:
        raise Refused(f"{where} was signed at {str(body.get('at'))[:30]!r}, and placed at {entry.at[:30]!r}")
    if entry.kind not in PEOPLE_KINDS:
        about = text_at(body, "run", "id") if entry.kind == "evidence" else text_at(body, "run")
        if about != seen.run:
            raise Refused(f"{where} is about another run, {about[:80]!r}")
    name = {"signoff": "evidence", "attestation": "model", "waiver": "model", "workspace": "workspace"}.get(entry.kind)
    if entry.kind in ("key", "revocation"):
        name = f"key/{text_at(body, 'person')}"
    if name is not None and list(entry.subject) != [name]:
        raise Refused(f"{where} has another subject than {name!r}")
    if entry.kind == "promotion" and body.get("alias") not in ALIASES:
        raise Refused(f"{where} promotes to {str(body.get('alias'))[:40]!r}, not to {' or '.join(ALIASES)}")
    said = {"waiver": "reason", "attestation": "text"}.get(entry.kind)
    if said is not None and not text_at(body, said).strip():
        raise Refused(f"{where}: {said} is empty")


def _signing_key(seen: Seen, entry: Entry) -> Ed25519PublicKey:
    workspace = _workspace(seen)
    if entry.kind in BY_WORKSPACE:
        return workspace
    if entry.kind == "deletion":
        if entry.envelope.key_id == key_id(workspace):
            return workspace
        known = [h for h in seen.holders if h.key_id == entry.envelope.key_id and not _revoked(seen, h, entry.seq)]
        if not known or known[-1].public is None:
            raise Refused(f"{entry.where} is signed by a key that was not registered or was revoked before it")
        return known[-1].public
    holder = holder_of(seen, entry)
    if holder.public is None:
        raise Refused(f"{entry.where} is signed by a key that the ledger does not hold")
    return holder.public


def _holder(seen: Seen, entry: Entry) -> Holder:
    predicate = entry.predicate
    key = public_key(text_at(predicate, "public"), entry.where)
    person, roles = text_at(predicate, "person"), list_at(predicate, "roles")
    if list(entry.subject.values()) != [key_id(key)]:
        raise Refused(f"{entry.where} is not about the key that it holds")
    if not roles or not all(role in ROLES for role in roles):
        raise Refused(f"{entry.where}: the roles of {person} are not of {', '.join(ROLES)}")
    vouched = predicate.get("vouched")
    if vouched is not (key_id(key) == key_id(_workspace(seen))):
        raise Refused(f"{entry.where}: a person has a key of their own, or the workspace vouches for them, not both")
    for other in seen.holders:
        if other.key_id == key_id(key) and folded(other.person) != folded(person) and not vouched:
            raise Refused(f"{entry.where} gives {person} the key of {other.person}")
    return Holder(entry.seq, person, key_id(key), frozenset(str(role) for role in roles), key)


def holder_of(seen: Seen, entry: Entry, role: str | None = None) -> Holder:
    """Who signed a person's entry, with the roles held then; ``Refused`` when nobody could have."""
    person, key = text_at(entry.predicate, "person"), entry.envelope.key_id
    known = [
        holder
        for holder in seen.holders
        if holder.seq < entry.seq and holder.key_id == key and folded(holder.person) == folded(person)
    ]
    if not known:
        raise Refused(f"{entry.where}: key {key[:16]} was not registered for {person} before it")
    if _revoked(seen, known[0], entry.seq):
        raise Refused(f"{entry.where}: the key of {person} was revoked before it")
    if role is not None and role not in known[0].roles:
        raise Refused(f"{entry.where}: {person} does not hold the role {role}")
    return known[0]


def _revoked(seen: Seen, holder: Holder, before: int) -> bool:
    """Whether a key was revoked after it was registered and before a place in the ledger."""
    return any(
        revoked.key_id == holder.key_id
        and folded(revoked.person) == folded(holder.person)
        and holder.seq < revoked.seq < before
        for revoked in seen.revoked
    )


def folded(name: str) -> str:
    """A name without the letters' case and width: what makes no other person."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


# What the entries say about the run


@dataclass(frozen=True)
class Deed:
    """A sign-off, attestation or waiver about this run, and why it does not count, if it does not."""

    entry: Entry
    person: str
    out: str | None

    def field(self, name: str) -> str:
        return text_at(self.entry.predicate, name)


def check_evidence(seen: Seen) -> str:
    """The evidence statement is the newest of this run in the ledger, and its subjects are the files that it speaks of."""
    for entry in seen.of_kind("evidence"):
        digest = statement_digest(entry.envelope.payload)
        seen.statements[digest], seen.current = entry, digest
        _check_subjects(entry)
    if not seen.current:
        raise Refused(f"the ledger's entries in the bundle hold no evidence statement about run {seen.run}")
    entry = seen.statements[seen.current]
    if entry.envelope.text != seen.files["statement.json"]:
        raise Refused(f"statement.json is not the newest evidence of the run, which is ledger entry {entry.seq}")
    measured = len(list_at(entry.predicate, "measurements"))
    return f"ledger entry {entry.seq}: {measured} measurements of {len(entry.subject)} files; digest {seen.current}"


def statement_digest(statement: dict[str, Any]) -> str:
    """SHA-256 of a statement without the time at which it was made."""
    predicate = {name: value for name, value in dict_at(statement, "predicate").items() if name != "at"}
    return sha256(canonical({**statement, "predicate": predicate}))


def _check_subjects(entry: Entry) -> None:
    subject, predicate = entry.subject, entry.predicate
    model = {name[len("model/") :]: digest for name, digest in subject.items() if name.startswith("model/")}
    if not model or sha256(canonical(model)) != text_at(predicate, "model_digest"):
        raise Refused(f"{entry.where}: the model's files do not give the model digest")
    if subject.get("predictions.parquet") != text_at(predicate, "predictions_digest"):
        raise Refused(f"{entry.where}: the predictions are not those that were measured")
    odd = [name for name in subject if not name.startswith(("model/", "base/")) and name != "predictions.parquet"]
    if odd or not all(_HEX.fullmatch(digest) for digest in subject.values()):
        raise Refused(
            f"{entry.where}: {odd[0] if odd else 'a subject'} is neither of the model, of its base nor the predictions"
        )


def check_policies(seen: Seen) -> str:
    """The packs in the bundle are those that were frozen when the run began, byte for byte."""
    for name, content in seen.files.items():
        if name.startswith("policies/"):
            pack = dict_at(parse(content, name))
            if f"policies/{text_at(pack, 'id')}.json" != name:
                raise Refused(f"{name} holds the pack {pack['id']!r}")
            seen.packs[sha256(content)] = pack
    for policy, digest in dict_at(seen.evidence(), "policies").items():
        if digest not in seen.packs or seen.packs[digest]["id"] != policy:
            raise Refused(
                f"policies/{policy}.json is not the pack that was frozen when the run began ({str(digest)[:16]})"
            )
    frozen = ", ".join(f"{pack['id']} {pack.get('version', '')}" for pack in seen.packs.values())
    return f"{len(seen.packs)} packs with the recorded digests: {frozen or 'none'}"


def deeds(seen: Seen, kind: str, before: int | None = None) -> list[Deed]:
    """Everything of a kind that people signed about this run, as it counted at a place of the ledger, by default now."""
    end = len(seen.index) if before is None else before
    about = [entry for entry in seen.of_kind(kind) if entry.seq < end]
    return [Deed(entry, text_at(entry.predicate, "person"), _does_not_count(seen, entry, end)) for entry in about]


def _does_not_count(seen: Seen, entry: Entry, end: int) -> str | None:
    holder = holder_of(seen, entry)
    own = folded(holder.person) in authors(seen, end)
    role = entry.predicate.get("role") if entry.kind == "signoff" else "approver" if entry.kind == "waiver" else None
    if _revoked(seen, holder, end):
        return "the key was revoked"
    if role is not None and role not in holder.roles:
        return f"the key does not hold the role {role}"
    if own and entry.kind == "signoff" and role != "author":
        return "an author never approves their own run"
    if own and entry.kind == "waiver":
        return "an author waives nothing in their own run"
    return None


def authors(seen: Seen, end: int) -> set[str]:
    """Folded names of everybody who by then had signed evidence of this run as its author, and of whose key the run names.

    A key that was revoked since still makes an author.
    """
    signed = {
        folded(text_at(entry.predicate, "person"))
        for entry in seen.of_kind("signoff")
        if entry.seq < end and entry.predicate.get("role") == "author"
    }
    keys = {dict_at(entry.predicate, "run").get("author_key") for entry in seen.statements.values()}
    return signed | {folded(holder.person) for holder in seen.holders if holder.key_id in keys}


def check_signoffs(seen: Seen) -> str:
    """Sign-offs are of evidence that is in the bundle, and who counts as reviewer or approver is no author."""
    words = []
    for deed in deeds(seen, "signoff"):
        signed = _signed_statement(seen, deed.entry)
        if deed.field("model_digest") != text_at(seen.evidence(signed), "model_digest"):
            raise Refused(f"{deed.entry.where} names another model than the evidence that it signs")
        _check_seen_by_signer(seen.evidence(signed), deed.entry)
        stale = "of earlier evidence" if signed != seen.current else None
        why = deed.out or stale
        words.append(f"{deed.person} as {deed.field('role')}" + (f" (does not count: {why})" if why else ""))
    return "; ".join(words) or "nobody signed this evidence"


def _check_seen_by_signer(evidence: dict[str, Any], entry: Entry) -> None:
    """A sign-off names the packs that froze with the run and an outcome under each; its role is one, its comment text."""
    text_at(entry.predicate, "comment")
    outcomes = dict_at(entry.predicate, "outcomes")
    if dict_at(entry.predicate, "policies") != dict_at(evidence, "policies") or set(outcomes) != set(
        evidence["policies"]
    ):
        raise Refused(f"{entry.where} names other policies than those that froze with the run")
    if not all(outcome in OUTCOMES for outcome in outcomes.values()) or entry.predicate.get("role") not in ROLES:
        raise Refused(f"{entry.where} names an outcome or a role that there is not")


def _signed_statement(seen: Seen, entry: Entry) -> str:
    digests = list(entry.subject.values())
    if len(digests) != 1 or digests[0] not in seen.statements or seen.statements[digests[0]].seq > entry.seq:
        raise Refused(f"{entry.where} signs evidence that is not in the bundle before it")
    return digests[0]


def check_personal(seen: Seen) -> str:
    """Attestations and waivers are bound to a control of a pack in the bundle and to a model of this run."""
    words = []
    models = {text_at(entry.predicate, "model_digest") for entry in seen.statements.values()}
    for deed in (*deeds(seen, "attestation"), *deeds(seen, "waiver")):
        where = deed.entry.where
        if deed.field("model_digest") not in models or list(deed.entry.subject.values()) != [
            deed.field("model_digest")
        ]:
            raise Refused(f"{where} is about another model than this run's")
        pack = seen.packs.get(deed.field("policy_digest"))
        if pack is not None and (pack["id"] != deed.field("policy") or deed.field("control") not in _controls(pack)):
            raise Refused(f"{where} is about a control that its pack does not have")
        until = f" until {_day(deed.entry.predicate, 'until')}" if deed.entry.kind == "waiver" else ""
        out = deed.out or (None if pack is not None else "its pack is not in the bundle")
        said = f"{deed.entry.kind} of {deed.field('control')} by {deed.person}{until}"
        words.append(said + (f" (does not count: {out})" if out else ""))
    return "; ".join(words) or "none"


def _controls(pack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {text_at(control, "id"): dict_at(control) for control in list_at(pack, "controls")}


def _day(value: dict[str, Any], *path: str) -> str:
    day = text_at(value, *path)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
        raise Refused(f"{path[-1]}: {day[:30]!r} is not a day")
    return day


# Decisions


def check_decisions(seen: Seen) -> str:
    """Every decision follows from its controls, its pack, the measurements, the waivers and the dates; none is missing."""
    words = []
    left_out = [name for name in dict_at(seen.evidence(), "policies") if f"decisions/{name}.json" not in seen.files]
    if left_out:
        raise Refused(f"decisions/{left_out[0]}.json is not in the bundle, and the run froze that pack")
    for name, content in seen.files.items():
        if name.startswith("decisions/"):
            decision = dict_at(parse(content, name))
            if f"decisions/{text_at(decision, 'policy_id')}.json" != name:
                raise Refused(f"{name} is under the policy {decision['policy_id']!r}")
            check_decision(seen, decision, seen.current, len(seen.index), name)
            if _day(decision, "as_of") < min(_days_of(seen.head_at)):
                raise Refused(
                    f"{name} is as of {decision['as_of']}, older than the ledger beside it ({seen.head_at[:10]})"
                )
            words.append(f"{decision['policy_id']}: {decision['outcome']} as of {decision['as_of']}")
    return "; ".join(words) or "the run froze no pack, and none decided"


def check_decision(seen: Seen, decision: dict[str, Any], statement: str, end: int, where: str) -> None:
    """Hold one decision against the evidence statement and what counted before a place in the ledger."""
    evidence = seen.evidence(statement)
    pack = seen.packs.get(text_at(decision, "policy_digest"))
    if pack is None or pack["id"] != text_at(decision, "policy_id"):
        raise Refused(f"{where}: the pack that it was decided under is not in the bundle")
    whole_at(decision, "test_openings")
    for name, expected in (
        ("schema", DECISION_SCHEMA),
        ("policy_version", text_at(pack, "version")),
        ("policy_title", text_at(pack, "title")),
        ("run_id", seen.run),
        ("model_digest", text_at(evidence, "model_digest")),
        ("predictions_digest", text_at(evidence, "predictions_digest")),
    ):
        if text_at(decision, name) != expected:
            raise Refused(f"{where}: {name} is not that of its pack, run or evidence")
    thawed = dict_at(evidence, "policies").get(pack["id"]) != decision["policy_digest"]
    if decision.get("redecision") is not (thawed or bool(list_at(evidence, "reaudited"))):
        raise Refused(f"{where}: it does not say rightly whether it is a re-decision")
    controls = [dict_at(control) for control in list_at(decision, "controls")]
    asked = _controls(pack)
    if [text_at(control, "id") for control in controls] != list(asked):
        raise Refused(f"{where}: its controls are not those of the pack")
    known = _Known(seen, evidence, decision, statement, end)
    for control in controls:
        _check_control(known, control, asked[control["id"]], pack, f"{where}, control {control['id']}")
    if text_at(decision, "outcome") != overall(controls):
        raise Refused(f"{where}: it says {decision['outcome']}, and its controls give {overall(controls)}")
    if decision.get("promotable") is not promotable(controls):
        raise Refused(f"{where}: its controls do not give promotable {decision.get('promotable')}")
    body = {name: value for name, value in decision.items() if name != "digest"}
    if decision.get("digest", sha256(canonical(body))) != sha256(canonical(body)):
        raise Refused(f"{where}: its digest is not that of what it says")


def overall(controls: Sequence[Mapping[str, Any]]) -> str:
    """The worst outcome of the blocking controls; insufficient evidence when there is none."""
    found = {control.get("outcome") for control in controls if control.get("severity") == "block"}
    return next((outcome for outcome in OUTCOMES if outcome in found), "insufficient_evidence")


def promotable(controls: Sequence[Mapping[str, Any]]) -> bool:
    """Whether some blocking control applies and each that does passes or is waived."""
    applying = [control for control in controls if control.get("severity") == "block" and _applies(control)]
    return bool(applying) and not open_controls(controls)


def open_controls(controls: Sequence[Mapping[str, Any]]) -> list[str]:
    """Blocking controls that apply and neither pass nor are waived."""
    blocking = [control for control in controls if control.get("severity") == "block" and _applies(control)]
    return [str(c.get("id")) for c in blocking if c.get("outcome") != "pass" and c.get("waived_until") is None]


def _applies(control: Mapping[str, Any]) -> bool:
    return control.get("outcome") != "not_applicable"


@dataclass(frozen=True)
class _Known:
    seen: Seen
    evidence: dict[str, Any]
    decision: dict[str, Any]
    statement: str
    end: int

    @property
    def as_of(self) -> str:
        return str(self.decision.get("as_of") or "")


def _check_control(
    known: _Known, control: dict[str, Any], asked: dict[str, Any], pack: dict[str, Any], where: str
) -> None:
    outcome = text_at(control, "outcome")
    if outcome not in (*OUTCOMES, "not_applicable"):
        raise Refused(f"{where}: {outcome[:40]!r} is not an outcome")
    severity = text_at(asked, "severity")
    if control.get("severity") != severity and not (control.get("severity") == "info" and _idle(known, asked, pack)):
        raise Refused(f"{where}: its severity is not the pack's")
    check = asked.get("check") or {}
    for name, value in _copied(asked, check, pack).items():
        if control.get(name) != value:
            raise Refused(f"{where}: its {name.replace('_', ' ')} is not the pack's")
    for reading in list_at(control, "readings"):
        _check_reading(known, dict_at(reading), check, where)
    if outcome == "not_applicable" and not _may_not_apply(known, control, asked):
        raise Refused(f"{where}: it does not apply, and nothing in the pack or the measurements lets it not apply")
    if outcome == "pass":
        _check_pass(known, control, asked, where)
    elif control.get("attested_by") is not None and not _attested(known, control):
        raise Refused(f"{where}: it names a statement of {control['attested_by']!r} that does not count or is not here")
    if control.get("waived_until") is not None or control.get("waived_by") is not None:
        _check_waived(known, control, where)


def _copied(asked: dict[str, Any], check: dict[str, Any], pack: dict[str, Any]) -> dict[str, Any]:
    """What a decision repeats from its pack, so that it can be read alone."""
    return {
        **{name: asked.get(name) for name in ("reference", "title", "asks", "mode", "binding", "applies_until")},
        "kind": check.get("kind"),
        "condition": asked.get("when"),
        "threshold": check.get("threshold") or check.get("people"),
        "applies_from": asked.get("applies_from") or pack.get("applies_from"),
        "verified_on": asked.get("verified_on") or pack.get("verified_on"),
        "sources": asked.get("sources") or pack.get("sources"),
    }


def _may_not_apply(known: _Known, control: dict[str, Any], asked: dict[str, Any]) -> bool:
    """By a condition (which only the engine can read), as information, or because no measurement applies."""
    check = asked.get("check") or {}
    kind = check.get("kind")
    if kind == "presence":
        named = [m for m in list_at(known.evidence, "measurements") if m.get("metric") in (check.get("metrics") or ())]
        if named and all(item.get("status") == "not_applicable" for item in named):
            return True
    outcomes = {reading.get("outcome") for reading in list_at(control, "readings")}
    return bool(asked.get("when")) or kind == "information" or (kind == "bound" and outcomes == {"not_applicable"})


def _idle(known: _Known, asked: dict[str, Any], pack: dict[str, Any]) -> bool:
    """Whether a control does not block on the day of the decision, by its own dates or standing."""
    starts, ends = asked.get("applies_from") or pack.get("applies_from"), asked.get("applies_until")
    dated = bool(ends and known.as_of)
    superseded = not dated and (asked.get("status") or pack.get("status")) == "superseded"
    early = bool(starts and known.as_of and known.as_of < str(starts))
    late = bool(ends and known.as_of and known.as_of >= str(ends))
    return superseded or early or late


_SAME = ("audit", "metric", "attribute", "group", "reference", "estimate", "low", "high", "n", "status")


def _check_reading(known: _Known, reading: dict[str, Any], check: dict[str, Any], where: str) -> None:
    measured = [
        item
        for item in list_at(known.evidence, "measurements")
        if all(item.get(name) == reading.get(name) for name in _SAME)
    ]
    if not measured:
        raise Refused(f"{where}: it reads numbers of {reading.get('metric')!r} that the evidence does not hold")
    bound = reading.get("bound")
    if bound is None:
        if reading.get("outcome") == "pass" and check.get("kind") == "bound":
            raise Refused(f"{where}: a reading passes without a bound")
        return
    stored = [dict_at(item) for found in measured for item in found.get("bounds") or []]
    if not any(item.get("value") == bound for item in stored):
        raise Refused(f"{where}: it reads a bound of {reading.get('metric')!r} that the evidence does not hold")
    if reading.get("outcome") == "pass" and check.get("kind") == "bound":
        side = "lower" if check.get("direction") == "at_least" else "upper"
        limit = (check.get("threshold") or {}).get("value")
        right = [item for item in stored if item.get("value") == bound and item.get("side") == side]
        if not right or isinstance(bound, str) or (bound < limit if side == "lower" else bound > limit):
            raise Refused(f"{where}: a reading passes whose {side} bound is on the wrong side of the threshold")


def _check_pass(known: _Known, control: dict[str, Any], asked: dict[str, Any], where: str) -> None:
    """What a control that passes needs, by its mode and kind."""
    check = asked.get("check") or {}
    kind = check.get("kind")
    if asked["mode"] in ("attestation", "hybrid") and not _attested(known, control):
        raise Refused(
            f"{where}: it passes by a statement of {control.get('attested_by')!r} that does not count or is not here"
        )
    for audit in [check["audit"]] if "audit" in check else check.get("audits") or []:
        if not _sound(known.evidence, audit):
            raise Refused(f"{where}: it passes, and the evidence holds no sound result of {audit}")
    if kind in ("bound", "coverage"):
        outcomes = [reading.get("outcome") for reading in list_at(control, "readings")]
        if "pass" not in outcomes or set(outcomes) - {"pass", "not_applicable"}:
            raise Refused(f"{where}: it passes, and not all of its readings do")
    if kind == "signature":
        role, wanted = check.get("role"), (check.get("people") or {}).get("value")
        if len(signers(known.seen, known.statement, known.end, (str(role),))) < (wanted or 1):
            raise Refused(f"{where}: it passes, and fewer than {wanted} people signed as {role}")
    if kind == "ordering":
        frozen, opened = (_moment(known.evidence.get(name)) for name in ("frozen_at", "evaluation_started_at"))
        if known.decision.get("redecision") or frozen is None or opened is None or not frozen < opened:
            raise Refused(f"{where}: it passes, and the policy was not frozen before the evaluation began")


def _sound(evidence: dict[str, Any], audit: str) -> bool:
    """Whether an audit has one result, without error, on the predictions of this run."""
    found = [item for item in list_at(evidence, "results") if item.get("audit") == audit]
    digest = text_at(evidence, "predictions_digest")
    return len(found) == 1 and found[0].get("status") == "ok" and found[0]["inputs"].get("predictions") == digest


def _moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def signers(seen: Seen, statement: str, end: int, roles: Sequence[str]) -> dict[str, Deed]:
    """Folded name -> the sign-off of each different person who signed a statement in one of these roles and counts."""
    return {
        folded(deed.person): deed
        for deed in deeds(seen, "signoff", end)
        if deed.out is None and deed.field("role") in roles and list(deed.entry.subject.values()) == [statement]
    }


def _attested(known: _Known, control: dict[str, Any]) -> bool:
    person = control.get("attested_by")
    return any(deed.out is None and deed.person == person for deed in _bound_to(known, control, "attestation"))


def _check_waived(known: _Known, control: dict[str, Any], where: str) -> None:
    until = _day(control, "waived_until")
    if not known.as_of or known.as_of > until:
        raise Refused(f"{where}: its waiver ended on {until}, before the day of the decision ({known.as_of or 'none'})")
    for deed in _bound_to(known, control, "waiver"):
        named = deed.person == control.get("waived_by") and deed.field("until") == until
        if deed.out is None and named and deed.entry.at[:10] <= known.as_of:
            return
    raise Refused(f"{where}: the waiver until {until} by {control.get('waived_by')} does not count or is not here")


def _bound_to(known: _Known, control: dict[str, Any], kind: str) -> list[Deed]:
    """Attestations or waivers for exactly this pack, digest, control and model."""
    wanted = {
        "policy": known.decision["policy_id"],
        "policy_digest": known.decision["policy_digest"],
        "control": control["id"],
        "model_digest": known.decision["model_digest"],
    }
    found = deeds(known.seen, kind, known.end)
    return [deed for deed in found if all(deed.entry.predicate.get(name) == value for name, value in wanted.items())]


# Promotions


def check_promotions(seen: Seen) -> str:
    """Every promotion stood in its place, by somebody who may, on decisions that let it, for exactly the files measured."""
    words = []
    for entry in seen.of_kind("promotion"):
        _check_promotion(seen, entry)
        words.append(f"{text_at(entry.predicate, 'alias')} on {entry.at[:10]} by {entry.predicate['person']}")
    return "; ".join(words) or "the bundle holds no promotion of this run"


def _check_promotion(seen: Seen, entry: Entry) -> None:
    body, where = entry.predicate, entry.where
    if whole_at(body, "sequence") != entry.seq or text_at(body, "previous") != seen.roots[entry.seq]:
        raise Refused(f"{where} was signed for another place in the ledger: it is a copy, or the ledger was changed")
    holder = holder_of(seen, entry, "approver")
    if folded(holder.person) in authors(seen, entry.seq):
        raise Refused(f"{where}: {holder.person} is an author of the run, and an author never approves it")
    statement = text_at(body, "statement")
    evidence = seen.evidence(statement)
    if seen.statements[statement].seq > entry.seq or not _serves(entry.subject, seen.statements[statement].subject):
        raise Refused(f"{where} serves other files than those that the evidence before it speaks of")
    if text_at(body, "model_digest") != text_at(evidence, "model_digest"):
        raise Refused(f"{where} serves another model than the one measured")
    decided = [dict_at(item) for item in list_at(body, "decisions")]
    _check_quorum(seen, entry, statement, decided)
    for kind, name in (("waiver", "waivers"), ("attestation", "attestations")):
        _listed(seen, entry, kind, name)
    missing = set(dict_at(evidence, "policies")) - {text_at(item, "policy_id") for item in decided}
    if missing or not decided:
        raise Refused(f"{where} rests on no decision under {min(missing) if missing else 'any policy'}")
    for decision in decided:
        name = f"{where}, decision under {text_at(decision, 'policy_id')}"
        check_decision(seen, decision, statement, entry.seq, name)
        shut = open_controls([dict_at(control) for control in list_at(decision, "controls")])
        if shut:
            raise Refused(f"{name}: it does not let the model be promoted ({shut[0]})")
        if decision.get("as_of") not in _days_of(entry.at):
            raise Refused(f"{name}: it was made as of {decision.get('as_of')}, and the promotion on {entry.at[:10]}")
    # A pack that applies from a later day neither lets a model through nor keeps it out; one that decides must be there.
    if not any(decision["promotable"] is True for decision in decided):
        raise Refused(f"{where} rests on no decision in which a blocking control applies")


def _serves(served: dict[str, str], measured: dict[str, str]) -> bool:
    """Whether the served files are the whole model as measured, and either all of its base or, without an adapter, none."""
    model = {name: digest for name, digest in measured.items() if name.startswith("model/")}
    base = {name: digest for name, digest in measured.items() if name.startswith("base/")}
    return served in (model, {**model, **base})


def _days_of(at: str) -> tuple[str, str]:
    """The day of a promotion; just after midnight also the day on which it was decided, ten minutes before."""
    moment = datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ")
    return at[:10], (moment - timedelta(minutes=10)).strftime("%Y-%m-%d")


def _check_quorum(seen: Seen, entry: Entry, statement: str, decided: list[dict[str, Any]]) -> None:
    """The author signed this evidence, and so did enough other people, the one who promotes being one of them."""
    _listed(seen, entry, "signoff", "signoffs")
    named = set(list_at(entry.predicate, "signoffs"))
    by_role = {
        role: {name for name, deed in signers(seen, statement, entry.seq, (role,)).items() if deed.entry.seq in named}
        for role in ("author", "reviewer", "approver")
    }
    if not by_role["author"]:
        raise Refused(f"{entry.where}: no author signed the evidence that it rests on")
    people = by_role["reviewer"] | by_role["approver"] | {folded(text_at(entry.predicate, "person"))}
    packs = [seen.packs.get(text_at(item, "policy_digest"), {}) for item in decided]
    quorum = max([1, *(pack.get("quorum") or 1 for pack in packs)])
    if len(people) < quorum:
        raise Refused(f"{entry.where}: {len(people)} people besides the author stand for it, and {quorum} must")


def _listed(seen: Seen, entry: Entry, kind: str, name: str) -> None:
    """The entries that a promotion names are there before it, of the kind that it says, and counted then."""
    counted = {deed.entry.seq for deed in deeds(seen, kind, entry.seq) if deed.out is None}
    for seq in list_at(entry.predicate, name):
        if seq not in counted:
            raise Refused(
                f"{entry.where} rests on the {kind} at ledger entry {seq}, which does not count or is not here"
            )


def check_documents(seen: Seen) -> str:
    """Documents are those of the manifest (which was checked above)."""
    names = sorted(name[len("documents/") :] for name in seen.files if name.startswith("documents/"))
    return f"{len(names)} documents with the digests of the manifest: {', '.join(names) or 'none'}"


# The whole


CHECKS: tuple[tuple[str, Callable[[Seen], str]], ...] = (
    ("archive", check_archive),
    ("format", check_schema),
    ("workspace key", check_workspace_key),
    ("manifest", check_manifest),
    ("ledger root", check_ledger),
    ("outside head", check_outside_head),
    ("ledger order", check_order),
    ("canonical form", check_canonical),
    ("ledger entries", check_entries),
    ("signatures", check_signatures),
    ("evidence", check_evidence),
    ("policies", check_policies),
    ("sign-offs", check_signoffs),
    ("attestations and waivers", check_personal),
    ("decisions", check_decisions),
    ("promotions", check_promotions),
    ("documents", check_documents),
)
_STANDALONE = frozenset(
    {"outside head", "canonical form", "sign-offs", "attestations and waivers", "decisions", "promotions"}
)
"""Checks on which no later one builds: where one fails, those after it can still say something."""


def checks(seen: Seen) -> Iterator[Check]:
    """Run the checks in order. After one fails on which others build, those are reported as not possible."""
    if seen.head is not None:
        parse_head(seen.head)
    if seen.key is not None and not _HEX.fullmatch(seen.key):
        raise NotABundle(f"--key {seen.key[:80]!r} is not a key id: 64 hex digits")
    broken = ""
    for name, check in CHECKS:
        if name == "outside head" and seen.head is None:
            yield Check(name, None, "no head was given with --head, so a rewritten ledger would not show")
            continue
        if broken:
            yield Check(name, False, f"not possible while '{broken}' does not hold")
            continue
        result = _one(name, check, seen)
        if not result.ok and name not in _STANDALONE:
            broken = name
        yield result


def _one(name: str, check: Callable[[Seen], str], seen: Seen) -> Check:
    try:
        return Check(name, True, check(seen))
    except Refused as refused:
        return Check(name, False, str(refused))
    except NotABundle:
        raise
    except Exception as error:  # a form that no check foresaw is not a form that may pass
        return Check(name, False, f"it is not of the form that this check knows ({type(error).__name__}: {error})")


@dataclass(frozen=True)
class Report:
    """Every check of a bundle. ``ok`` only when none failed."""

    run: str
    checks: tuple[Check, ...]
    root: str
    size: int
    key: str
    not_shown: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok is not False for check in self.checks)


def begin(data: bytes, head: str | None = None, key: str | None = None) -> Seen:
    """A bundle's bytes before any check, with the head and the key that are known from elsewhere."""
    return Seen(data, head, key.lower() if key is not None else None)


def verify(data: bytes, head: str | None = None, key: str | None = None) -> Report:
    """Every check of a bundle's bytes. Raises ``NotABundle`` when there is nothing to check."""
    seen = begin(data, head, key)
    return report_of(seen, tuple(checks(seen)))


def report_of(seen: Seen, found: tuple[Check, ...]) -> Report:
    """What the checks found, with what they do not show."""
    return Report(
        run=seen.run,
        checks=found,
        root=seen.root,
        size=max(len(seen.roots) - 1, 0),
        key=key_id(seen.workspace) if seen.workspace is not None else "",
        not_shown=NOT_SHOWN if seen.head is not None else (WITHOUT_HEAD, *NOT_SHOWN),
    )


def first_problem(data: bytes, head: str | None = None, key: str | None = None) -> str | None:
    """The first thing that does not hold, cheap checks first, or None when everything does."""
    try:
        for check in checks(begin(data, head, key)):
            if check.ok is False:
                return f"{check.name}: {check.says}"
    except NotABundle as error:
        return str(error)
    return None


def read_bundle(path: str) -> bytes:
    """The file's bytes; ``NotABundle`` when it cannot be read or is larger than a bundle may be."""
    try:
        with open(path, "rb") as handle:  # noqa: PTH123  (a stand-alone script opens what it is given)
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise NotABundle(f"it cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise NotABundle(f"it has more than {MAX_BYTES:,} bytes, the most that a bundle may have")
    return data


def as_json(report: Report, path: str) -> dict[str, Any]:
    """The report as a JSON value."""
    return {
        "schema": RESULT_SCHEMA,
        "file": path,
        "run": report.run,
        "ok": report.ok,
        "key": report.key,
        "head": {"size": report.size, "root": report.root},
        "checks": [{"name": check.name, "ok": check.ok, "says": check.says} for check in report.checks],
        "not_shown": list(report.not_shown),
    }


def as_text(report: Report, path: str) -> str:
    """The report as lines of text."""
    words = {True: "ok      ", False: "FAILED  ", None: "not done"}
    lines = [f"{words[check.ok]}  {check.name}: {printable(check.says)}" for check in report.checks]
    failed = sum(check.ok is False for check in report.checks)
    verdict = "every check holds" if report.ok else f"{failed} of {len(report.checks)} checks do not hold"
    lines += ["", f"{printable(path)}: {verdict}.", "", "What this does not show:"]
    lines += [f"- {sentence}" for sentence in report.not_shown]
    return "\n".join(lines) + "\n"


def printable(text: str) -> str:
    """Text from a bundle without control and format characters, so that it cannot act on a terminal."""
    return "".join(c if unicodedata.category(c)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for c in text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Check an evidence bundle of rai-tune, offline.")
    parser.add_argument("bundle", help="the bundle, such as evidence.zip")
    parser.add_argument("--head", metavar="HEX", help="a ledger head kept elsewhere: root, or SIZE:ROOT")
    parser.add_argument("--key", metavar="KEYID", help="id of the workspace's key, learnt elsewhere")
    parser.add_argument("--json", action="store_true", help="print only JSON")
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot write a name still gets the answer
    try:
        report = verify(read_bundle(options.bundle), options.head, options.key)
    except NotABundle as error:
        sys.stderr.write(f"error: {printable(options.bundle)}: {printable(str(error))}\n")
        return 2
    if options.json:
        sys.stdout.write(json.dumps(as_json(report, options.bundle), ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write(as_text(report, options.bundle))
    return 0 if report.ok else 6


if __name__ == "__main__":
    sys.exit(main())
