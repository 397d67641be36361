"""Base models that may be chosen by name: the built-in one, and folders of a folder that whoever runs the server named. Stable API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BUILT_IN = "minilm"
_MOST = 200


def listed_bases(folder: Path) -> tuple[str, ...]:
    """Names of model folders that lie in ``folder`` itself, sorted; nothing that a link leads out of it to."""
    if not folder.is_dir():
        return ()
    home = folder.resolve()
    found = [path.name for path in home.iterdir() if (path / "config.json").is_file() and path.resolve().parent == home]
    return tuple(sorted(found)[:_MOST])
