"""Punctuation and white space: the last full stop, typographic quotes, doubled spaces. Marks inside numbers and links stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

_QUOTES = str.maketrans({"'": "\N{RIGHT SINGLE QUOTATION MARK}", "\N{RIGHT SINGLE QUOTATION MARK}": "'"})
_GAP = re.compile(r"(?<=\S) (?=\S)")
_ONE_IN = 8


def change_punctuation(text: str, _protected: frozenset[str], draw: random.Random) -> str:
    """Drop or add the final full stop, swap the form of apostrophes, double one space in eight."""
    if not text.strip():
        return text
    body = text.rstrip()
    changed = (body[:-1] if body.endswith(".") and not body.endswith("..") else body + ".").translate(_QUOTES)
    gaps = [found.start() for found in _GAP.finditer(changed)]
    for place in sorted(draw.sample(gaps, max(1, len(gaps) // _ONE_IN)) if gaps else [], reverse=True):
        changed = changed[:place] + " " + changed[place:]
    return changed
