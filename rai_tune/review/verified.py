"""Artifacts that this server has verified: the bytes are hashed again whenever the file system says that they were written.

A page over a run of a million predictions must not hash them at every click. What is signed or promoted is hashed by the
functions that do so, every time; this memory serves reading only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from pathlib import Path

    from rai_tune.workspace import Workspace

Stamp = tuple[int, ...]


def verified_path(workspace: Workspace, digest: str) -> Path:
    """A local file whose bytes had this digest when they were last written. Raises ``IntegrityError`` when they are missing or changed."""
    seen, path = _seen(), workspace.local_path(digest)
    before = _stamp(path)
    if before is not None and seen.get(path) == before:
        return path
    found = workspace.path_of(digest)
    # The stamp from before the hashing: a write in between leaves another one behind. A remote store has just made the file.
    after = before or _stamp(found)
    if after is not None:
        seen[found] = after
    return found


@st.cache_resource(show_spinner=False)
def _seen() -> dict[Path, Stamp]:
    return {}


def _stamp(path: Path) -> Stamp | None:
    """Another after every write, also one that puts the old time back: that is what ``st_ctime`` is for."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
