"""Text from data, made safe to look at.

Every string that a data set, a recipe or a policy brings into a report passes through ``clean`` once, when the view is
built: control characters, marks that reorder text, and code points that no font may show become visible escapes such
as ``[U+202E]``; whitespace collapses; very long strings are cut. Nothing here escapes markup: each renderer shows
strings as literal text in its own way. Stable API.
"""

from __future__ import annotations

import re
import unicodedata

MAX_NAME = 80
MAX_SENTENCE = 2000

_WHITESPACE = re.compile(r"[\s\u2028\u2029]+")
_HIDDEN = frozenset("\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u3164\ufeff\uffa0\ufffe\uffff")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def escape_character(character: str) -> str:
    """A code point as visible ASCII: ``[U+202E]``."""
    return f"[U+{ord(character):04X}]"


def clean(value: object, limit: int = MAX_NAME) -> str:
    """``value`` as one line of at most ``limit`` characters in which nothing is invisible or reorders its surroundings."""
    text = value if isinstance(value, str) else str(value)
    text = unicodedata.normalize("NFC", text[: 4 * limit + 4])
    text = _WHITESPACE.sub(" ", text).strip()
    shown = "".join(escape_character(c) if _is_hidden(c) else c for c in text)
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def named(value: object) -> str:
    """The name of a group or column; an empty one is shown as ``(empty)``."""
    return clean(value) or "(empty)"


def sentence(value: object) -> str:
    """Like ``clean``, with room for a sentence or a short paragraph (2,000 characters)."""
    return clean(value, MAX_SENTENCE)


def full_sentence(value: object) -> str:
    """``sentence`` with a capital first and an end last; empty where there is nothing to say."""
    words = sentence(value)
    return words[:1].upper() + words[1:] + ("" if not words or words.endswith((".", "!", "?", "…")) else ".")


def _is_hidden(character: str) -> bool:
    return character in _HIDDEN or unicodedata.category(character) in _HIDDEN_CATEGORIES
