"""Blocks of text that are shown as they are: headings, paragraphs, facts, lists, tables, a verdict.

Use ``literal`` wherever a string may come from a data set, a recipe, a policy or an error message; Streamlit's own headers,
captions, metrics and widget labels read Markdown, this does not. Everything becomes ordinary accessible HTML elements
whose text is set by ``textContent``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from rai_tune.review.components.assets import component

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_TABLE_ROWS = 50
"""A longer table is shown a page at a time."""

Tone = Literal["", "pass", "fail", "insufficient", "waiting", "none"]
ColumnKind = Literal["", "number", "wide", "short"]


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 4."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; ``muted`` for what matters less."""

    text: str
    muted: bool = False


@dataclass(frozen=True)
class Banner:
    """A verdict: a word with an icon and a colour, and the sentence that says why."""

    tone: Tone
    icon: str
    word: str
    sentence: str


@dataclass(frozen=True)
class Notice:
    """A line that says how things stand here: smaller than a verdict, and no verdict."""

    tone: Tone
    icon: str
    text: str


@dataclass(frozen=True)
class Back:
    """A link back to the inbox."""

    text: str


@dataclass(frozen=True)
class Facts:
    """Names and texts, side by side; ``code`` sets the texts in a fixed width, ``dense`` sets short ones in columns."""

    rows: tuple[tuple[str, str], ...]
    code: bool = False
    dense: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list without order."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Text with its line breaks and indents, in a fixed width; a long one scrolls. ``label`` names it to who cannot see it."""

    label: str
    text: str


@dataclass(frozen=True)
class Cell:
    """A table cell: text, a smaller second line, a coloured frame beside the words, or a link.

    ``run`` makes the text a link to the page of that run that ``page`` names; ``page`` alone, a link to a page of the workspace.
    ``query`` are further parameters of its address.
    """

    text: str
    note: str = ""
    tone: Tone = ""
    run: str = ""
    page: str = ""
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Links:
    """Links side by side; a cell's text, ``run``, ``page`` and ``query`` count."""

    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A table with a caption. The first column names its row.

    ``columns`` maps the heads to how their cells are set: numbers to the right, ``wide`` for sentences, ``short`` unbroken.
    """

    caption: str
    columns: dict[str, ColumnKind]
    rows: tuple[tuple[Cell, ...], ...] = field(default=())


Block = Heading | Paragraph | Back | Banner | Notice | Facts | Bullets | Code | Links | Table


def literal(key: str, *blocks: Block) -> None:
    """Show blocks one under the other. ``key`` names this place on its page, once."""
    for place, chunk in enumerate(_chunks(blocks)):
        if isinstance(chunk, Table):
            _paged(f"{key}-{place}", chunk)
        else:
            _mount(f"{key}-{place}", chunk)


def _mount(key: str, blocks: Sequence[Block]) -> None:
    """Draw blocks. Their links are followed in the browser (see ``literal.js``)."""
    component("literal")(key=key, data={"blocks": [_plain(block) for block in blocks]})


def _chunks(blocks: Iterable[Block]) -> list[Table | list[Block]]:
    """Runs of blocks that share one component, and long tables by themselves; an empty list leaves nothing behind."""
    chunks: list[Table | list[Block]] = []
    for block in blocks:
        if (isinstance(block, Bullets) and not block.texts) or (isinstance(block, Facts) and not block.rows):
            continue
        if isinstance(block, Table) and len(block.rows) > MAX_TABLE_ROWS:
            chunks.append(block)
        elif chunks and isinstance(chunks[-1], list):
            chunks[-1].append(block)
        else:
            chunks.append([block])
    return chunks


def _plain(block: Block) -> dict[str, Any]:
    if isinstance(block, Table):
        return {
            "kind": "table",
            "caption": block.caption,
            "columns": [{"text": text, "kind": kind} for text, kind in block.columns.items()],
            "rows": [[_filled(vars(cell)) for cell in row] for row in block.rows],
        }
    if isinstance(block, Links):
        return {"kind": "links", "cells": [_filled(vars(cell)) for cell in block.cells]}
    return {"kind": type(block).__name__.lower(), **vars(block)}


def _filled(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell without its empty fields; a table has many of them."""
    return {name: value for name, value in cell.items() if value or name == "text"}


def _paged(key: str, table: Table) -> None:
    """A long table, one page at a time."""
    from rai_tune.review.components.pager import pager

    shown = pager(key, len(table.rows), MAX_TABLE_ROWS)
    _mount(f"{key}-rows", [replace(table, rows=table.rows[shown.start : shown.stop])])
