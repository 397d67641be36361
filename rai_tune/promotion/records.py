"""The statements that are signed, by kind: in-toto Statements v1. Stable API.

Each is a plain JSON value; ``statement`` gives it the common form, the builders below say what each kind carries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from rai_tune.core import sha256_json
from rai_tune.promotion.dsse import STATEMENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Kind = Literal[
    "workspace", "key", "revocation", "evidence", "signoff", "attestation", "waiver", "promotion", "deletion"
]
WORKSPACE: Kind = "workspace"
KEY: Kind = "key"
REVOCATION: Kind = "revocation"
EVIDENCE: Kind = "evidence"
SIGNOFF: Kind = "signoff"
ATTESTATION: Kind = "attestation"
WAIVER: Kind = "waiver"
PROMOTION: Kind = "promotion"
DELETION: Kind = "deletion"
PEOPLE_KINDS = (WORKSPACE, KEY, REVOCATION)


def predicate_type(kind: str) -> str:
    """The URI of a kind's predicate."""
    return f"urn:rai-tune:{kind}:v1"


def statement(kind: str, subject: Iterable[tuple[str, str]], predicate: Mapping[str, Any]) -> dict[str, Any]:
    """An in-toto Statement. ``subject`` is (name, sha256 in hex); ``predicate`` has ``at``, an ISO 8601 time in UTC."""
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subject],
        "predicateType": predicate_type(kind),
        "predicate": {"schema": f"rai-tune/{kind}/v1", **predicate},
    }


def subject_of(body: Mapping[str, Any]) -> dict[str, str]:
    """Name -> SHA-256 of everything that a statement is about."""
    return {item["name"]: item["digest"]["sha256"] for item in body["subject"]}


def statement_digest(body: Mapping[str, Any]) -> str:
    """SHA-256 of a statement without the time at which it was made: the same evidence has the same digest tomorrow."""
    predicate = {name: value for name, value in body["predicate"].items() if name != "at"}
    return sha256_json({**body, "predicate": predicate})
