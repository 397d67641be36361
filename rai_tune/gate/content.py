"""What counts as content in a person's statement, and what is only a placeholder. Stable API: ``empty_parts``.

It cannot tell whether a statement is true or good: it only finds that nothing was said. Fewer than five words, "TODO", a prompt in
brackets that was left in, one word again and again, or a required section without text of its own are not content.
"""

from __future__ import annotations

import re
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
_PROMPT = re.compile(r"\[[^\]\n]*\](?!\()|<[^>\n]*>|\{\{.*?\}\}")
_FILLER = re.compile(
    r"\b(?:to do|to be (?:done|defined|determined|completed|written|added)|tb[adcf]|n/?a|not applicable|none|nil|"
    r"see (?:above|below|elsewhere)|as above|same as above|coming soon|placeholder|insert text here|your text here|"
    r"x{3,}|fill (?:this )?in(?: later)?|test)\b",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(r"\b(?:TODO|FIXME|TBD|TBA|XXX)\b|\blorem\s+ipsum\b|^\W*(?:todo|tbd)\b", re.MULTILINE)
_LOREM = re.compile(r"\blorem\s+ipsum\b", re.IGNORECASE)
_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")


def empty_parts(text: str, sections: Sequence[str] = ()) -> tuple[str, ...]:
    """What of a statement is empty, in words: the statement itself, and required sections. Nothing when all has content."""
    if not sections:
        why = why_empty(text)
        return (f"the statement {why}",) if why else ()
    found = _sections(text, sections)
    problems = []
    for name in sections:
        body = found.get(_plain(name))
        why = "is not there" if body is None else why_empty(body)
        if why:
            problems.append(f"the section {name!r} {why}")
    return tuple(problems) or _copies(found, sections)


def why_empty(text: str) -> str | None:
    """Why a text is not content, as the end of a sentence about it; None when it is."""
    if _UNFINISHED.search(text) or _LOREM.search(text):
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
        text = "\n".join(line for line in text.splitlines() if not _HEADING.match(line))
        text = _FILLER.sub(" ", _PROMPT.sub(" ", text))
    return [word.casefold() for word in _WORD.findall(text)]


def _sections(text: str, wanted: Sequence[str]) -> dict[str, str]:
    """Text under each wanted heading: a Markdown heading, or a line of its own that ends with a colon.

    A section ends at the next wanted heading, or at a Markdown heading that is not deeper. One that occurs twice is joined.
    """
    names = {_plain(name) for name in wanted}
    found: dict[str, list[str]] = {}
    current, level = None, 0
    for line in text.splitlines():
        heading = _HEADING.match(line)
        title = heading.group(2) if heading else line.strip()[:-1] if line.strip().endswith((":", ":**")) else ""
        depth = len(heading.group(1)) if heading else 7
        if _plain(title) in names:
            current, level = _plain(title), depth
            found.setdefault(current, [])
        elif heading and depth <= level:
            current = None
        elif current is not None:
            found[current].append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def _copies(found: dict[str, str], sections: Sequence[str]) -> tuple[str, ...]:
    said: dict[tuple[str, ...], str] = {}
    problems = []
    for name in sections:
        words = tuple(_words(found[_plain(name)]))
        if words in said:
            problems.append(f"the section {name!r} only repeats {said[words]!r}")
        said.setdefault(words, name)
    return tuple(problems)


def _plain(title: str) -> str:
    """A heading without its number, marks and case."""
    return re.sub(r"^\W*(?:\d+[.)]?)*\W*|\W+$", "", title).casefold()
