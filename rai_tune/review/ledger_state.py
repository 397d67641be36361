"""The checked state of the workspace's ledger, kept by every byte of it: a page need not check a thousand signatures at every click."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.told import LedgerState, ledger_state

if TYPE_CHECKING:
    from rai_tune.workspace import Workspace

_KEPT = 4


@dataclass(frozen=True)
class _Kept:
    state: LedgerState


def checked(workspace: Workspace) -> LedgerState:
    """The whole ledger, checked. It is checked anew as soon as anything in it, or the workspace's key, is other than before."""
    return _checked(str(workspace.root), stored_digest(workspace), workspace).state


@st.cache_resource(max_entries=_KEPT, show_spinner="Checking every entry of the ledger …")
def _checked(root: str, stored: str, _workspace: Workspace) -> _Kept:  # noqa: ARG001  (root and stored name the entry)
    return _Kept(ledger_state(Ledger(_workspace)))


def stored_digest(workspace: Workspace) -> str:
    """A digest of every byte of the ledger, signatures included, and of the workspace's public key."""
    from rai_tune.promotion.keys import key_id_of, workspace_key

    found = hashlib.sha256()
    key = workspace_key(workspace.root, create=False)
    found.update((key_id_of(key.public_key()) if key else "no key").encode())
    for row in (*workspace.chain_rows(), *workspace.chain_heads()):
        found.update(repr(vars(row)).encode())
    return found.hexdigest()
