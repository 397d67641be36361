"""Markdown in which text from data stays text: everything that a data set, a recipe or a person wrote is escaped here. Internal.

``literal`` is for one line, ``quoted`` for a person's statement of several lines. Punctuation that Markdown reads is escaped with a
backslash, ``<``, ``>`` and ``&`` become entities, and a space is put into what renderers turn into links by themselves.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rai_tune.reporting.text import MAX_SENTENCE, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKS = re.compile(r"[\\`*_{}\[\]#|~$!]")
_LEADING = re.compile(r"^(?:[-+](?=\s|$)|-+$|=+$|\d{1,9}[.)](?=\s|$))")
_LINKS = ((re.compile(r"://"), ":// "), (re.compile(r"(?i)\bwww\."), "www ."), (re.compile(r"@(?=\w)"), "@ "))
MAX_LINES = 400


def literal(value: object, limit: int = MAX_SENTENCE) -> str:
    """``value`` as one line of Markdown that shows exactly its characters (but for the space in a link)."""
    text = clean(value, limit)
    for pattern, apart in _LINKS:
        text = pattern.sub(apart, text)
    text = _MARKS.sub(lambda match: "\\" + match[0], text)
    text = "".join(_ENTITIES.get(character, character) for character in text)
    return _LEADING.sub(lambda match: match[0][:-1] + "\\" + match[0][-1], text)


def quoted(text: str) -> str:
    """A person's statement as a block quote, line by line, every line literal."""
    lines = text.splitlines()
    more = [f"({len(lines) - MAX_LINES} more lines are in the ledger)"] if len(lines) > MAX_LINES else []
    return "\n".join(f"> {literal(line)}".rstrip() for line in [*lines[:MAX_LINES], *more])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of finished cells; an empty cell shows a dash."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell or "–" for cell in line) + " |" for line in lines)


def code(digest: str) -> str:
    """A digest or id of ours in a code span. Whatever could end the span is taken out."""
    return f"`{clean(digest, 140).replace('`', '').replace('|', '')}`"
