"""A printed report as GitHub-flavoured Markdown in UTF-8. Stable API: ``markdown_report``.

Every string is escaped by ``documents.markdown.literal``, so that nothing in data becomes a link, an image, HTML, a heading or a table.
A chart is its sentence: the table beside it has its numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.documents.markdown import code, literal, quoted, table
from rai_tune.reporting.paper.blocks import Bullets, Cell, Chart, Paragraph, Quote, Table, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.reporting.paper.blocks import Block, Paper, Section


def markdown_report(paper: Paper) -> bytes:
    """The document; it ends with one line end."""
    return ("\n\n".join(_parts(paper)) + "\n").encode()


def _parts(paper: Paper) -> Iterator[str]:
    yield f"# {literal(paper.title)}"
    yield f"{literal(paper.mark)}. {literal(paper.subject)} {literal(paper.about)}."
    for section in (*paper.cover, *paper.chapters):
        yield from _section(section)
    yield f"Evidence SHA-256 {code(paper.digest)}."


def _section(section: Section) -> Iterator[str]:
    yield f"{'#' * (section.level + 1)} {literal(section.title)}"
    for block in section.blocks:
        yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Table):
        yield from _table(block)
    elif isinstance(block, Paragraph):
        icon = f"{literal(block.icon)} " if block.icon else ""
        lead = f"**{icon}{literal(block.lead)}** " if block.lead else ""
        yield f"{lead}{literal(block.text)}".strip()
    elif isinstance(block, Bullets):
        yield _bullets(block.items)
    elif isinstance(block, Quote):
        if block.lines:
            yield quoted("\n".join(block.lines))
    elif isinstance(block, Chart):
        yield f"*Chart:* {literal(block.sentence)}"
    else:
        yield from _verdict(block)


def _verdict(block: Verdict) -> Iterator[str]:
    yield f"**{literal(block.icon)} {literal(block.word)}.** {literal(block.sentence)}"
    reasons = [f"- **{literal(title)}**: {literal(reason)}" for title, reason in block.reasons]
    if reasons:
        yield "\n".join(reasons)
    if block.more:
        yield literal(block.more)
    if block.notices:
        yield _bullets(block.notices)


def _bullets(items: tuple[str, ...]) -> str:
    return "\n".join(f"- {literal(item)}" for item in items)


def _table(block: Table) -> Iterator[str]:
    if block.titled:
        yield f"**{literal(block.caption)}**"
    head = [literal(column.head) for column in block.columns]
    yield table(head, [[_cell(cell) for cell in row] for row in block.rows])
    yield from (literal(note) for note in block.notes)


def _cell(cell: Cell) -> str:
    text = code(cell.text) if cell.code else literal(cell.text)
    icon = f"{literal(cell.icon)} " if cell.icon else ""
    return "<br>".join([f"{icon}{text}", *(literal(line) for line in cell.below)])
