"""The blocks of a printed report: frozen values with finished literal text, which PDF, HTML and Markdown render alike. Stable API.

Text fields are never markup. A cell says what it is (a number with its interval, a gap, a state, a digest), a renderer only how that
looks. Every chart has its sentence, and the table of the same numbers stands beside it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rai_tune.reporting.model import Fact, Shown

DASH = "–"
Align = Literal["left", "right"]


@dataclass(frozen=True)
class Cell:
    """One cell: its text and smaller lines below. ``state`` is an outcome, drawn as a sign beside ``icon`` and word; ``gap`` are words for a missing number."""

    text: str
    below: tuple[str, ...] = ()
    state: str = ""
    icon: str = ""
    code: bool = False
    gap: bool = False


@dataclass(frozen=True)
class Column:
    """Head of a column. ``wide`` takes the room that is left."""

    head: str
    align: Align = "left"
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """``caption`` says what it holds; ``titled`` prints it above the table where no heading says the same."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    titled: bool = False
    notes: tuple[str, ...] = ()
    block: str = "table"


@dataclass(frozen=True)
class Paragraph:
    """``lead`` is printed before the text, in bold; ``state`` and ``icon`` belong to the lead."""

    text: str
    lead: str = ""
    state: str = ""
    icon: str = ""
    small: bool = False
    block: str = "paragraph"


@dataclass(frozen=True)
class Bullets:
    """Short lines, one below the other."""

    items: tuple[str, ...]
    block: str = "bullets"


@dataclass(frozen=True)
class Quote:
    """A person's own words, line by line."""

    lines: tuple[str, ...]
    block: str = "quote"


@dataclass(frozen=True)
class Mark:
    """One lane of a chart. ``text`` and ``interval`` stand beside it; without an estimate only the words do."""

    name: str
    text: str
    interval: str
    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Line:
    """A vertical line: where both sides are equal, or a policy's threshold."""

    value: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A dot per mark with its interval, or a bar. ``sentence`` is its alternative text and its caption; low and high end the axis."""

    sentence: str
    unit: str
    marks: tuple[Mark, ...]
    lines: tuple[Line, ...] = ()
    from_zero: bool = False
    bars: bool = False
    block: str = "chart"


@dataclass(frozen=True)
class Verdict:
    """The verdict in a frame: word, sentence, and what decided it, with notices."""

    outcome: str
    word: str
    icon: str
    sentence: str
    reasons: tuple[tuple[str, str], ...]
    more: str
    notices: tuple[str, ...]
    block: str = "verdict"


Block = Table | Paragraph | Bullets | Quote | Chart | Verdict


@dataclass(frozen=True)
class Section:
    """A chapter (level 1) or a part of one (2 and 3), with its blocks; parts follow as sections of their own."""

    title: str
    level: int
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Paper:
    """One document. ``cover`` is page one, whose title is ``title``; ``about`` the small line under it; ``mark`` the line over it.

    ``subject`` ("Run lending-4c205286") is printed on every page; ``contents`` asks for a table of contents after page one;
    ``numbered`` for numbers before the titles of chapters.
    """

    mark: str
    title: str
    subject: str
    subject_id: str
    about: str
    description: str
    created_at: str
    digest: str
    cover: tuple[Section, ...]
    chapters: tuple[Section, ...]
    contents: bool = True
    numbered: bool = True

    def to_plain(self) -> dict[str, Any]:
        """The same as nested dictionaries and lists of JSON types."""
        return asdict(self)


def number(value: Shown | None) -> Cell:
    """The estimate alone, or the words why there is none."""
    if value is None:
        return Cell(DASH)
    return Cell(value.text, gap=value.estimate is None)


def stacked(value: Shown | None) -> Cell:
    """The estimate with its interval below."""
    if value is None:
        return Cell(DASH)
    return Cell(value.text, (value.interval,) if value.interval else (), gap=value.estimate is None)


def spread(value: Shown | None) -> Cell:
    """The interval alone."""
    return Cell(value.interval if value is not None and value.interval else DASH)


def interval_head(values: Iterable[Shown | None]) -> str:
    """Head of an interval column: ``95 % interval``, from the first value."""
    found = next((value for value in values if value is not None), None)
    return "Interval" if found is None else f"{100 * found.confidence:g} % interval"


def facts_table(caption: str, facts: Sequence[Fact], *, titled: bool = False, code: bool = False) -> tuple[Table, ...]:
    """Two columns of names and texts; nothing without facts. ``code`` prints the texts as digests."""
    if not facts:
        return ()
    rows = tuple((Cell(fact.name), Cell(fact.text or DASH, code=code)) for fact in facts)
    return (Table(caption, (Column("Item"), Column("SHA-256" if code else "Value", wide=True)), rows, titled),)


def note(text: str) -> tuple[Paragraph, ...]:
    """A small paragraph; nothing for an empty text."""
    return (Paragraph(text, small=True),) if text else ()
