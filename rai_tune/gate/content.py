"""What counts as content in a person's statement, and what is only a placeholder. Stable API: ``empty_parts``.

It cannot tell whether a statement is true or good: it only finds that nothing was said. Fewer than five words, "TODO", a prompt in
brackets that was left in, one word again and again, or a required section without text of its own are not content.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST_WORDS = 5
"""A statement or section of fewer words says nothing that can be checked."""

FEWEST_DIFFERENT = 4
"""Fewer different words are one filler repeated."""

# Scripts written without spaces: each character counts as a word.
_UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W\d_])+(?:['’-](?:(?![{_UNSPACED}])[^\W\d_])+)*")
# Every repeat below has an end, so that no text takes longer than its length.
_PROMPT = re.compile(r"\[[^\[\]\n]{0,300}\](?!\()|<[^<>\n]{0,300}>|\{\{[^{}\n]{0,300}\}\}")
_FILLER = re.compile(
    r"\b(?:to do|to be (?:done|defined|determined|completed|written|added)|tb[adcf]|n/?a|not applicable|none|nil|"
    r"see (?:above|below|elsewhere)|as above|same as above|coming soon|placeholder|insert text here|your text here|"
    r"x{3,}|fill (?:this )?in(?: later)?|test)\b",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(
    r"\b(?:TODO|FIXME|TBD)\b|\b(?i:lorem\s{1,9}ipsum)\b|^[^\w\n]{0,9}(?i:todo|tbd)[ \t]{0,9}(?::|$)", re.MULTILINE
)
_LONGEST_HEADING = 200


@dataclass(frozen=True)
class _Heading:
    """A line that begins a section, and how deep it is: 1 to 6 of Markdown, 7 for a line with a colon."""

    title: str
    depth: int


_DEEPEST = 6


def empty_parts(text: str, sections: Sequence[str] = ()) -> tuple[str, ...]:
    """What of a statement is empty, in words: the statement itself, and required sections. Nothing when all has content."""
    if not sections:
        why = why_empty(text)
        return (f"the statement {why}",) if why else ()
    found = _sections(text, sections)
    problems = []
    for name in sections:
        body = found.get(plain_heading(name))
        why = "is not there" if body is None else why_empty(body)
        if why:
            problems.append(f"the section {name!r} {why}")
    return tuple(problems) or _copies(found, sections)


def why_empty(text: str) -> str | None:
    """Why a text is not content, as the end of a sentence about it; None when it is."""
    if _UNFINISHED.search(text):
        return "is a placeholder"
    words = _words(text)
    if not words:
        return "is a placeholder" if _words(text, keep=True) else "is empty"
    if len(words) < FEWEST_WORDS:
        return f"has fewer than {FEWEST_WORDS} words of its own"
    if len(set(words)) < FEWEST_DIFFERENT:
        return "repeats the same few words"
    return None


def _words(text: str, *, keep: bool = False) -> list[str]:
    """Words of a text in lower case; headings, prompts and filler are left out unless kept."""
    if not keep:
        text = "\n".join(line for line in text.splitlines() if _heading(line) is None)
        text = _FILLER.sub(" ", _PROMPT.sub(" ", text))
    return [word.casefold() for word in _WORD.findall(text)]


def _sections(text: str, wanted: Sequence[str]) -> dict[str, str]:
    """Text under each wanted heading: a Markdown heading, or a line of its own that ends with a colon.

    A section ends at the next wanted heading, or at a Markdown heading that is not deeper. One that occurs twice is joined.
    """
    names = {plain_heading(name) for name in wanted}
    found: dict[str, list[str]] = {}
    current, level = None, 0
    for line in text.splitlines():
        heading = _heading(line) or _colon_line(line)
        if heading is not None and plain_heading(heading.title) in names:
            current, level = plain_heading(heading.title), heading.depth
            found.setdefault(current, [])
        elif heading is not None and heading.depth <= min(level, _DEEPEST):
            current = None
        elif current is not None:
            found[current].append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def _heading(line: str) -> _Heading | None:
    """A heading of Markdown: one to six ``#`` and a title."""
    text = line.strip()
    depth = len(text) - len(text.lstrip("#"))
    if not 1 <= depth <= _DEEPEST or not text[depth : depth + 1].isspace():
        return None
    return _Heading(text[depth:].strip().rstrip("#").strip(), depth)


def _colon_line(line: str) -> _Heading | None:
    """A line that ends with a colon; it is a heading only where its text is a wanted one."""
    text = line.strip()
    return _Heading(text, _DEEPEST + 1) if text.endswith((":", ":**")) else None


def _copies(found: dict[str, str], sections: Sequence[str]) -> tuple[str, ...]:
    said: dict[tuple[str, ...], str] = {}
    problems = []
    for name in sections:
        words = tuple(_words(found[plain_heading(name)]))
        if words in said:
            problems.append(f"the section {name!r} only repeats {said[words]!r}")
        said.setdefault(words, name)
    return tuple(problems)


def plain_heading(title: str) -> str:
    """A heading without its number, marks and case; empty when it is too long to be one."""
    if len(title) > _LONGEST_HEADING:
        return ""
    words = re.sub(r"^[\W\d]+|\W+$", "", unicodedata.normalize("NFKC", title))
    return " ".join(words.casefold().split())
