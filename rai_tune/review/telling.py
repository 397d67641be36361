"""Error messages as a browser may show them: a sentence that names no folder of the server."""

from __future__ import annotations

import os
import re
from pathlib import Path

from rai_tune.reporting.text import sentence

_FOLDERS = re.compile(
    r"(?<![\w.:/\\~-])(?:/(?:[^/\s'\"(),;:]+/)+|[A-Za-z]:\\(?:[^\\\s'\"(),;:]+\\)+)(?=[^/\\\s'\",;:])"
)
"""An absolute path up to its last name. An address such as ``https://host/path`` is none."""


def without_folders(message: object) -> str:
    """The message of an error as one line; a path loses its folders, and below the workspace keeps what lies in it."""
    words = str(message)
    for folder in _own_folders():
        words = words.replace(f"{folder}{os.sep}", "")
    return sentence(_FOLDERS.sub("…/", words))


def _own_folders() -> tuple[str, ...]:
    """How the workspace's folder may be spelled in a message; longest first, because one may begin like another."""
    given = Path(os.environ.get("RAITUNE_WORKSPACE") or ".raitune")
    spelled = {str(given.expanduser()), str(given.expanduser().absolute()), str(given.expanduser().resolve())}
    return tuple(
        sorted((name for name in spelled if len(name) > 1 and Path(name).is_absolute()), key=len, reverse=True)
    )
