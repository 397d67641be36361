"""Signed envelopes: DSSE over canonical JSON, one Ed25519 signature each. Stable API: ``seal``, ``open_envelope``.

Source: the Dead Simple Signing Envelope protocol (secure-systems-lab/dsse), through securesystemslib. An envelope's text has
one form only, so that whoever re-encodes it can compare bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rai_tune.core import IntegrityError, canonical_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

IN_TOTO = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"


def seal(value: dict[str, Any], payload_type: str, key: Ed25519PrivateKey) -> str:
    """Sign a JSON value; returns the text of the envelope."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner, SSlibKey

    from rai_tune.promotion.keys import key_id_of

    public = SSlibKey.from_crypto(key.public_key(), keyid=key_id_of(key.public_key()))
    envelope = Envelope(canonical_json(value), payload_type, {})
    envelope.sign(CryptoSigner(key, public))
    return canonical_json(envelope.to_dict()).decode()


def signer_of(envelope: str) -> str:
    """The key id that an envelope claims. ``IntegrityError`` when it has not exactly one signature."""
    return str(_one_signature(_parsed(envelope))["keyid"])


def payload_of(envelope: str) -> dict[str, Any]:
    """The signed value, without looking at the signature."""
    from base64 import b64decode

    try:
        value = json.loads(b64decode(_parsed(envelope)["payload"], validate=True))
    except (ValueError, TypeError, KeyError) as error:
        raise IntegrityError(f"an envelope holds no JSON: {error}") from error
    if not isinstance(value, dict):
        raise IntegrityError("an envelope holds no JSON object")
    return value


def open_envelope(envelope: str, payload_type: str, key: Ed25519PublicKey) -> dict[str, Any]:
    """The value that this key signed. Raises ``IntegrityError`` for another key, another type or any change of a byte."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import SSlibKey

    from rai_tune.promotion.keys import key_id_of

    body = _parsed(envelope)
    found = signer_of(envelope)
    if found != key_id_of(key):
        raise IntegrityError(f"an envelope is signed by key {found[:16]}, not by {key_id_of(key)[:16]}")
    if body["payloadType"] != payload_type:
        raise IntegrityError(f"an envelope holds {str(body['payloadType'])[:80]!r}, not {payload_type!r}")
    try:
        sealed = Envelope.from_dict(body)
        sealed.verify([SSlibKey.from_crypto(key, keyid=found)], 1)
        # Base64 can write the same bytes in more than one way, and only one of them is this envelope.
        again = canonical_json(sealed.to_dict()).decode()
    except (VerificationError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"the signature of key {found[:16]} does not fit what it signs") from error
    value = payload_of(envelope)
    if again != envelope or canonical_json(value) != sealed.payload:
        raise IntegrityError("an envelope or what it holds is not in canonical form")
    return value


def _parsed(envelope: str) -> dict[str, Any]:
    try:
        body = json.loads(envelope)
        canonical = canonical_json(body).decode() == envelope
    except (ValueError, TypeError) as error:
        raise IntegrityError(f"an envelope is not JSON: {error}") from error
    if not isinstance(body, dict) or not canonical:
        raise IntegrityError("an envelope is not in canonical form")
    _one_signature(body)
    return body


def _one_signature(body: dict[str, Any]) -> dict[str, Any]:
    signatures = body.get("signatures")
    if set(body) != {"payload", "payloadType", "signatures"} or not isinstance(signatures, list):
        raise IntegrityError("an envelope has other fields than payload, payloadType and signatures")
    if len(signatures) != 1 or not isinstance(signatures[0], dict) or set(signatures[0]) != {"keyid", "sig"}:
        raise IntegrityError("an envelope needs exactly one signature with keyid and sig")
    return dict(signatures[0])
