"""Single sign-on through OpenID Connect: whether it is configured, whether soundly, and whom it names. Fails closed.

Streamlit's ``st.login`` does the protocol; its settings are the section ``[auth]`` of ``secrets.toml``. The person is a claim of the
identity token: the e-mail address, which must be verified, unless ``person_claim`` in that section names another. ``admit`` lists who may
read, as names or as ``@example.org``; without it everybody whom the provider signs in may.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import streamlit as st

from rai_tune.core import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

SHORTEST_SECRET = 32
"""Characters of the secret that signs the identity cookie: who guesses it signs in as anybody."""
_NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def configured() -> bool:
    """Whether this server has a section ``[auth]``, sound or not."""
    return settings() is not None


def settings() -> Mapping[str, Any] | None:
    """The section ``[auth]`` of the secrets; None when there is none. ``UsageError`` when the secrets cannot be read."""
    from streamlit import config
    from streamlit.runtime.secrets import secrets_singleton

    if secrets_singleton.load_if_toml_exists():
        found: Mapping[str, Any] | None = secrets_singleton.get("auth")
        return found
    # Streamlit says the same of secrets that are not there and of secrets that it cannot read.
    there = [path for path in map(Path, config.get_option("secrets.files")) if path.exists()]
    if there:
        raise UsageError(f"{there[0].name} of this server cannot be read, so it is not known who may sign in")
    return None


def problem() -> str | None:
    """What is wrong with the settings, in words; None when they are sound."""
    found = settings() or {}
    missing = [name for name in _NEEDED if not found.get(name)]
    if missing:
        return f"[auth] in secrets.toml lacks {', '.join(missing)}"
    if len(str(found["cookie_secret"])) < SHORTEST_SECRET:
        return f"cookie_secret in secrets.toml must have at least {SHORTEST_SECRET} characters"
    for name in ("server_metadata_url", "redirect_uri"):
        address = urlsplit(str(found[name]))
        if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _LOOPBACK):
            return f"{name} in secrets.toml must begin with https://"
    if str(found["client_secret"]) == str(found["cookie_secret"]):
        return "cookie_secret and client_secret in secrets.toml must differ"
    from streamlit.auth_util import is_authlib_installed

    return None if is_authlib_installed() else "signing in needs the extra sso: pip install 'rai-tune[sso]'"


def signed_in() -> bool:
    """Whether somebody is signed in, by whatever name."""
    return bool(st.user.get("is_logged_in", False))


def person() -> str:
    """The name of whoever is signed in. Raises ``UsageError`` when the claim is missing, or an e-mail address that nobody verified."""
    claim = str((settings() or {}).get("person_claim", "email"))
    name = st.user.get(claim)
    if not isinstance(name, str) or not name.strip():
        raise UsageError(f"the sign-in names nobody: its claim {claim[:40]!r} is empty")
    if claim == "email" and st.user.get("email_verified") is not True:
        raise UsageError("the sign-in gives an e-mail address that it does not call verified, so it names nobody")
    if not _admitted(name.strip()):
        raise UsageError("whoever runs this server has not admitted this account ('admit' in its settings)")
    return name.strip()


def _admitted(name: str) -> bool:
    """Whether the settings let this person read. Letters' case makes no other person; a list of another form admits nobody."""
    listed = (settings() or {}).get("admit")
    if listed is None:
        return True
    if isinstance(listed, str) or not isinstance(listed, Iterable):
        return False
    wanted = [str(entry).casefold() for entry in listed]
    return any(
        name.casefold() == entry or (entry.startswith("@") and name.casefold().endswith(entry)) for entry in wanted
    )
