"""A small OpenID Connect provider on this machine: discovery, authorisation code, tokens signed with RS256. For tests.

It asks nobody for a password: whoever comes is the user that the test names. Everything that a client has to check is real: issuer,
audience, nonce, expiry and signature.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT, SECRET = "rai-tune", "a-secret-that-only-the-two-of-them-know"
_KEY_ID = "one"


@dataclass
class Provider:
    """Who signs in next, and what was asked so far."""

    claims: dict[str, Any]
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    issuer: str = ""

    @property
    def metadata_url(self) -> str:
        return f"{self.issuer}/.well-known/openid-configuration"

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }

    def jwks(self) -> dict[str, Any]:
        numbers = self.key.public_key().public_numbers()
        parts = {"n": _number(numbers.n), "e": _number(numbers.e)}
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": _KEY_ID, **parts}]}

    def authorise(self, query: dict[str, str]) -> str:
        """Where the browser goes next: back to the client with a code."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def tokens(self, form: dict[str, str]) -> dict[str, Any] | None:
        """The tokens for a code, once; None for a code that was not given or was used."""
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None:
            return None
        now = int(time.time())
        times = {"iat": now, "exp": now + 300}
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "someone", **times, **self.claims}
        if "nonce" in asked:
            claims["nonce"] = asked["nonce"]
        return {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "id_token": self._signed(claims)}

    def _signed(self, claims: dict[str, Any]) -> str:
        parts = [{"alg": "RS256", "typ": "JWT", "kid": _KEY_ID}, claims]
        body = ".".join(_encode(json.dumps(part).encode()) for part in parts)
        return f"{body}.{_encode(self.key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@contextmanager
def providing(provider: Provider) -> Iterator[Provider]:
    """Serve it on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorise(query))
                self.end_headers()
                return
            known = {"/.well-known/openid-configuration": provider.discovery, "/jwks": provider.jwks}
            self._answer(known[parts.path]() if parts.path in known else None)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._answer(provider.tokens({name: values[0] for name, values in parse_qs(body).items()}))

        def _answer(self, value: dict[str, Any] | None) -> None:
            body = json.dumps(value or {"error": "invalid_request"}).encode()
            self.send_response(200 if value else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def _number(value: int) -> str:
    return _encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
