"""Words that an edit may touch. Stable within this package."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(r"[^\W\d_]+")


def words_of(text: str, protected: frozenset[str]) -> Iterator[re.Match[str]]:
    """Runs of letters that are not protected and do not touch a digit, ``@``, ``_`` or a link's slash."""
    for found in _WORD.finditer(text):
        before = text[found.start() - 1] if found.start() else " "
        after = text[found.end()] if found.end() < len(text) else " "
        inside = any(mark.isdigit() or mark in "@_/#" for mark in (before, after))
        if not inside and found.group().casefold() not in protected:
            yield found
