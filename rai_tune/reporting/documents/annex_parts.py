"""The values that technical documentation is made of: sections, items and statements with their sources. Stable API: ``AnnexSection``.

An item is one thing that Annex IV asks for. A statement says something about it and names the SHA-256 that it comes from. An item without
a statement is empty, whatever the other items hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rai_tune.core import sha256_json
from rai_tune.gate.content import why_empty
from rai_tune.reporting.documents.markdown import literal, quoted
from rai_tune.reporting.documents.subject import Source, attestations_for, stated
from rai_tune.reporting.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rai_tune.reporting.documents.subject import Subject

Status = Literal["filled", "partly", "empty"]
Asked = str | tuple[str, str]
"""A control of the EU pack, or a control and a heading in the statement about it."""

DOCUMENTATION = "EUAIA-11-IV"
_MARKDOWN_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_LONGEST_HEADING = 100


@dataclass(frozen=True)
class Statement:
    """Finished Markdown, and what it rests on."""

    text: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class AnnexItem:
    """One thing that a section asks for. ``point`` is its letter in the Annex, empty where it has none."""

    point: str
    title: str
    statements: tuple[Statement, ...]
    why_empty: str = ""

    @property
    def empty(self) -> bool:
        return not self.statements


@dataclass(frozen=True)
class AnnexSection:
    """One of the nine sections."""

    number: int
    title: str
    items: tuple[AnnexItem, ...]

    @property
    def status(self) -> Status:
        """``filled`` when no item is empty, ``empty`` when all are, else ``partly``."""
        gaps = len(self.gaps)
        return "filled" if gaps == 0 else "empty" if gaps == len(self.items) else "partly"

    @property
    def gaps(self) -> tuple[str, ...]:
        """Titles of the items about which nobody stated anything."""
        return tuple(item.title for item in self.items if item.empty)


def item(subject: Subject, point: str, title: str, *statements: Statement | None, **more: Any) -> AnnexItem:
    """An item with the statements that are there, and what people stated about it.

    ``people`` names further controls, or a control and a heading in its statement; the item's own title is always looked for as a heading in
    the statement about the documentation as a whole. ``why`` is said beside "empty".
    """
    people: Sequence[Asked] = (*more.get("people", ()), (DOCUMENTATION, title))
    kept = (*(each for each in statements if each is not None), *from_people(subject, *people))
    return AnnexItem(point, title, kept, "" if kept else str(more.get("why", "")))


def whole_section(subject: Subject, heading: str) -> tuple[AnnexItem, ...]:
    """What a person wrote under the heading of a section before its first sub-heading; nothing, and no gap, where nobody did."""
    found = tuple(_attested(subject, ((DOCUMENTATION, heading),), lead_only=True))
    return (AnnexItem("", "Stated for the section as a whole", found),) if found else ()


def from_recipe(subject: Subject, field: str) -> Statement | None:
    """What the recipe's ``system:`` section states in a field."""
    return said(subject, stated(subject.recipe, field))


def said(subject: Subject, text: str | None) -> Statement | None:
    """A text of the recipe."""
    source = subject.recorded("recipe", "recipe_digest")
    return Statement(literal(text), (source,)) if text and source else None


def from_people(subject: Subject, *asked: Asked) -> tuple[Statement, ...]:
    """Signed statements of people about controls of the EU pack, whole or under a heading, with who signed and when."""
    return tuple(_attested(subject, asked))


def _attested(subject: Subject, asked: Iterable[Asked], *, lead_only: bool = False) -> Iterator[Statement]:
    for each in asked:
        control, heading = (each, None) if isinstance(each, str) else each
        for one in sorted(attestations_for(subject, (control,)), key=lambda found: found.at):
            text = one.text if heading is None else under(one.text, heading, lead_only=lead_only)
            if text is None or why_empty(text) is not None:
                continue
            place = f", under {literal(heading)}" if heading else ""
            who = f"{literal(one.person)} stated for {literal(one.control)}{place}, signed {literal(one.at)}:"
            name = f"attestation {clean(one.control)} by key {clean(one.key_id)[:16]}"
            yield Statement(f"{who}\n\n{quoted(text.strip())}", (Source(name, sha256_json(one.to_json())),))


def under(text: str, heading: str, *, lead_only: bool = False) -> str | None:
    """The text under a Markdown heading (or a line of its own that ends with a colon), None where there is no such heading.

    It goes on to the next heading that is not deeper; with ``lead_only`` to the next heading of any depth.
    """
    kept: list[str] | None = None
    level = 0
    for line in text.splitlines():
        depth, title = _heading(line)
        if title and _plain(title) == _plain(heading) and kept is None:
            kept, level = [], depth
        elif kept is not None:
            if depth and (lead_only or depth <= level):
                break
            kept.append(line)
    return None if kept is None else "\n".join(kept)


def _heading(line: str) -> tuple[int, str]:
    """Depth and title of a heading; a line that ends with a colon is deeper than every Markdown heading."""
    found = _MARKDOWN_HEADING.match(line)
    if found:
        return len(found.group(1)), found.group(2)
    bare = line.strip().strip("*")
    return (7, bare[:-1]) if bare.endswith(":") and len(bare) <= _LONGEST_HEADING else (0, "")


def _plain(title: str) -> str:
    """A heading without its number, marks and case."""
    return re.sub(r"^\W*(?:\d+[.)]?\s*)*\W*|\W+$", "", title).casefold()
