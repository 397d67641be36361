"""Who acts in this browser session: the key unlocked in it, or whoever single sign-on named. Stable API.

Either way the ledger is asked again each time, so that a revoked key is gone at once. With single sign-on configured there are no
keys here: one session never has two identities.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import streamlit as st

from rai_tune.core import UsageError
from rai_tune.promotion.identity import key_files
from rai_tune.promotion.keys import unlock
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import signer_for, vouched_signer
from rai_tune.review import single_sign_on

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from rai_tune.gate.decision import Role
    from rai_tune.promotion.keys import Signer
    from rai_tune.workspace import Workspace

IDLE_MINUTES = 30
"""After so long without a page the key is locked again: a browser that was left open must not sign for its owner."""
_KEY = "identity-key"


@dataclass(frozen=True)
class Identity:
    """A registered person who may act in this session, and by what we know that it is they."""

    how: Literal["key", "sso"]
    signer: Signer

    @property
    def person(self) -> str:
        return self.signer.person

    @property
    def roles(self) -> frozenset[Role]:
        return self.signer.roles


@dataclass(frozen=True)
class _Unlocked:
    """A private key in this session's memory; ``used`` is the last use, in seconds of a clock that only goes forward."""

    private: Ed25519PrivateKey
    used: float


@dataclass(frozen=True)
class Standing:
    """Who acts here, or why nobody does. ``signed_in`` is the name that single sign-on gave, registered or not."""

    identity: Identity | None
    problem: str = ""
    signed_in: str = ""


def identity(workspace: Workspace) -> Identity | None:
    """The person who acts in this session, if there is one."""
    return standing(workspace).identity


def standing(workspace: Workspace) -> Standing:
    """The person who acts in this session, else the reason why nobody does."""
    if single_sign_on.configured():
        return _signed_in(workspace)
    unlocked = st.session_state.get(_KEY)
    if not isinstance(unlocked, _Unlocked):
        return Standing(None)
    if time.monotonic() - unlocked.used > 60 * IDLE_MINUTES:
        lock()
        return Standing(None, f"The key was locked again after {IDLE_MINUTES} minutes without use.")
    try:
        signer = signer_for(Ledger(workspace), unlocked.private)
    except UsageError as error:
        lock()
        return Standing(None, str(error))
    st.session_state[_KEY] = replace(unlocked, used=time.monotonic())
    return Standing(Identity("key", signer))


def unlock_here(workspace: Workspace, name: str, passphrase: str) -> Identity:
    """Unlock a key of the keys folder for this session. Only names that are listed there are taken.

    Raises ``UsageError`` for a wrong passphrase and for a key that this workspace does not know or has revoked.
    """
    if single_sign_on.configured():
        raise UsageError("people sign in here; keys are not unlocked in the browser")
    files = key_files()
    if name not in files:
        raise UsageError("there is no key file of that name in the keys folder")
    private = unlock(files[name], passphrase)
    signer = signer_for(Ledger(workspace), private)
    st.session_state[_KEY] = _Unlocked(private, time.monotonic())
    return Identity("key", signer)


def lock() -> None:
    """Forget the key of this session."""
    st.session_state.pop(_KEY, None)


def show_identity(workspace: Workspace) -> Identity | None:
    """Draw who acts in this session and how to change that."""
    from rai_tune.review.sections.identity import show_banner

    found = standing(workspace)
    show_banner(found)
    return found.identity


def require_identity(workspace: Workspace) -> Identity | None:
    """The person who acts in this session; where there is none, what to do is said in this place."""
    from rai_tune.review.sections.identity import show_missing

    found = standing(workspace)
    if found.identity is None:
        show_missing(found)
    return found.identity


def only_reads(workspace: Workspace) -> str | None:
    """Why this session starts and stops nothing and enters nothing, in a sentence; None where it may.

    Whom single sign-on names and nobody registered here may read. Without it, whoever reaches this server works with it.
    """
    if not single_sign_on.configured() or _signed_in(workspace).identity is not None:
        return None
    return "Who signs in without a role here may read. 'raitune keys vouch PERSON --role author' gives one."


def _signed_in(workspace: Workspace) -> Standing:
    person = single_sign_on.person()
    try:
        signer = vouched_signer(Ledger(workspace), person)
    except UsageError as error:
        return Standing(None, str(error), person)
    return Standing(Identity("sso", signer), signed_in=person)
