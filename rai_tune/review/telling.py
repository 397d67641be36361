"""Error messages as a browser may show them: a sentence that names no folder of the server."""

from __future__ import annotations

import os
import re
from pathlib import Path

from rai_tune.promotion.identity import key_files
from rai_tune.reporting.text import full_sentence, sentence

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


def error_sentence(error: Exception) -> str:
    """What an error says, as a sentence that names no folder; the kind of an error that says nothing."""
    return full_sentence(without_folders(error) or type(error).__name__)


def _own_folders() -> tuple[str, ...]:
    """How the folders of the workspace and of keys may be spelled in a message; longest first, because one may begin like another."""
    given = {Path(os.environ.get("RAITUNE_WORKSPACE") or ".raitune"), *(path.parent for path in key_files().values())}
    own = [folder.expanduser() for folder in given]
    spelled = {str(each) for folder in own for each in (folder, folder.absolute(), folder.resolve())}
    return tuple(
        sorted((name for name in spelled if len(name) > 1 and Path(name).is_absolute()), key=len, reverse=True)
    )
