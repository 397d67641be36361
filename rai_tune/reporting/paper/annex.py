"""The Annex IV file as blocks: the same sections, statements and sources as the Markdown document. Internal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rai_tune.reporting.documents.annex_iv import annex_iv_sections
from rai_tune.reporting.documents.subject import NOBODY, subject_of
from rai_tune.reporting.paper.blocks import Block, Bullets, Cell, Column, Paragraph, Quote, Section, Table, Verdict
from rai_tune.reporting.paper.closing import verifying
from rai_tune.reporting.paper.full import paper_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_tune.reporting.documents.annex_parts import AnnexItem, AnnexSection
    from rai_tune.reporting.inputs import ReportInputs
    from rai_tune.reporting.paper.blocks import Paper

_ICONS = {"filled": "●", "partly": "◐", "empty": "○"}
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]#|~$!.)+=-])")
_CELLS = re.compile(r"(?<!\\)\|")
_BARE_MARKS = re.compile(r"(?<!\\)[`*]")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def annex_paper(inputs: ReportInputs) -> Paper:
    """Points 1 to 9. Raises ``UsageError`` for a run without a trained model."""
    subject = subject_of(inputs, "Annex IV documentation")
    sections, view = annex_iv_sections(inputs), subject.view
    head = view.headline
    words = (
        "Evidence for Annex IV, points 1 to 9, of Regulation (EU) 2024/1689 (technical documentation under Art. 11(1)). "
        "It says what a run holds and what people stated; it does not state that a law is met."
    )
    first = (
        Section(
            "Verdict",
            1,
            (Verdict(head.outcome, head.word, head.icon, head.sentence, (), "", head.notices), Paragraph(words)),
        ),
        Section("Sections and what is empty", 2, (_summary(sections),)),
    )
    chapters = tuple(part for section in sections for part in _section(section))
    title = f"Technical documentation: {view.run_name}"
    return paper_of(view, "TECHNICAL DOCUMENTATION", title, first, (*chapters, *verifying(view)), numbered=False)


def _summary(sections: Sequence[AnnexSection]) -> Table:
    return Table(
        "Sections of Annex IV",
        (Column("No."), Column("Section", wide=True), Column("Status"), Column("Empty parts", wide=True)),
        tuple(
            (
                Cell(str(each.number)),
                Cell(each.title),
                Cell(f"{_ICONS[each.status]} {each.status}"),
                Cell("all" if each.status == "empty" else "; ".join(each.gaps) or "–"),
            )
            for each in sections
        ),
    )


def _section(section: AnnexSection) -> Iterator[Section]:
    empty = (Paragraph(f"Section {NOBODY}."),) if section.status == "empty" else ()
    yield Section(f"{section.number}. {section.title}", 1, empty)
    for item in section.items:
        point = f"{section.number}({item.point}) " if item.point else ""
        yield Section(f"{point}{item.title}", 2, tuple(_item(item)))


def _item(item: AnnexItem) -> Iterator[Block]:
    if item.empty:
        yield Paragraph(f"{NOBODY}{f' ({item.why_empty})' if item.why_empty else ''}")
    for statement in item.statements:
        yield from read_back(statement.text, item.title)
        sources = "; ".join(f"{each.name}, sha256 {each.digest}" for each in statement.sources)
        yield Paragraph(f"Source: {sources}", small=True)


def read_back(text: str, caption: str) -> Iterator[Block]:
    """Blocks of the Markdown that ``documents`` writes: tables, quotes, lists and paragraphs, every escape undone."""
    for part in re.split(r"\n\s*\n", text):
        lines = [line for line in part.splitlines() if line.strip()]
        if not lines:
            continue
        if all(line.startswith("|") for line in lines) and len(lines) > 1:
            head, _, *rows = [_split(line) for line in lines]
            # Columns of long texts share the room: a long one beside them would leave them none.
            longest = [max((len(row[place]) for row in rows), default=0) for place in range(len(head))]
            columns = tuple(
                Column(name, wide=length > 36 or length == max(longest))
                for name, length in zip(head, longest, strict=True)
            )
            yield Table(caption, columns, tuple(tuple(map(Cell, row)) for row in rows))
        elif all(line.startswith(">") for line in lines):
            yield Quote(tuple(_plain(line[1:].strip()) for line in lines))
        elif all(line.startswith("- ") for line in lines):
            yield Bullets(tuple(_plain(line[2:]) for line in lines))
        else:
            yield Paragraph(" ".join(_plain(line) for line in lines))


def _split(line: str) -> list[str]:
    return [_plain(cell.strip()) for cell in _CELLS.split(line)[1:-1]]


def _plain(text: str) -> str:
    """The characters that the escapes stand for; our own code spans and bold lose their marks."""
    found = _ESCAPED.sub(lambda match: match[1], _BARE_MARKS.sub("", text))
    for entity, character in _ENTITIES:
        found = found.replace(entity, character)
    return found
