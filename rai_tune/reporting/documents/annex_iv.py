"""Technical documentation after Annex IV of Regulation (EU) 2024/1689, points 1 to 9, as Markdown.

Stable API: ``annex_iv_markdown``, ``annex_iv_sections``. Headings are in our own words. Each statement names the SHA-256 of what it comes from; what neither the run, nor the recipe, nor a signed
statement of a person fills is called empty, and a placeholder fills nothing. A filled section says that something was stated, not that it
is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.documents import annex_lifecycle, annex_system
from rai_tune.reporting.documents.markdown import code, literal, table
from rai_tune.reporting.documents.subject import NOBODY, subject_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rai_tune.reporting.documents.annex_parts import AnnexItem, AnnexSection, Statement
    from rai_tune.reporting.documents.subject import Source, Subject
    from rai_tune.reporting.inputs import ReportInputs

_SECTIONS = (
    annex_system.general,
    annex_system.development,
    annex_system.functioning,
    annex_system.metrics,
    annex_lifecycle.risks,
    annex_lifecycle.changes,
    annex_lifecycle.standards,
    annex_lifecycle.declaration,
    annex_lifecycle.post_market,
)
_ICONS = {"filled": "●", "partly": "◐", "empty": "○"}


def annex_iv_sections(inputs: ReportInputs) -> tuple[AnnexSection, ...]:
    """The nine sections with their status. Raises ``UsageError`` when the run has no trained model."""
    return _sections(subject_of(inputs, "Annex IV documentation"))


def annex_iv_markdown(inputs: ReportInputs) -> bytes:
    """The document in UTF-8. Raises ``UsageError`` when the run has no trained model."""
    subject = subject_of(inputs, "Annex IV documentation")
    sections = _sections(subject)
    return ("\n\n".join([*_head(subject, sections), *_body(sections), *_tail(subject, sections)]) + "\n").encode()


def _sections(subject: Subject) -> tuple[AnnexSection, ...]:
    return tuple(section(subject) for section in _SECTIONS)


def _head(subject: Subject, sections: Iterable[AnnexSection]) -> Iterator[str]:
    view = subject.view
    yield f"# Technical documentation: {literal(subject.recipe.name)}"
    yield (
        "Evidence for Annex IV, points 1 to 9, of Regulation (EU) 2024/1689 (technical documentation under Art. 11(1)). "
        "It says what a run holds and what people stated; it does not state that a law is met."
    )
    yield f"About run {code(view.run_id)}, {literal(view.state)}, started {literal(view.created_at)}."
    yield f"Model sha256 {code(subject.digest('model_digest'))}."
    yield f"**{view.headline.icon} {literal(view.headline.word)}.** {literal(view.headline.sentence)}"
    yield "## Summary"
    rows = ((str(each.number), each.title, f"{_ICONS[each.status]} {each.status}", _gaps(each)) for each in sections)
    yield table(("No.", "Section", "Status", "Empty parts"), rows)


def _gaps(section: AnnexSection) -> str:
    if section.status == "empty":
        return "all"
    return "; ".join(section.gaps)


def _body(sections: Iterable[AnnexSection]) -> Iterator[str]:
    for section in sections:
        yield f"## {section.number}. {section.title}"
        if section.status == "empty":
            yield f"**Section {NOBODY}.**"
        for each in section.items:
            yield from _item(section, each)


def _item(section: AnnexSection, item: AnnexItem) -> Iterator[str]:
    point = f"{section.number}({item.point}) " if item.point else ""
    yield f"### {point}{item.title}"
    if item.empty:
        yield f"*{NOBODY}{f' ({item.why_empty})' if item.why_empty else ''}*"
    for statement in item.statements:
        yield from (statement.text, _from(statement))


def _from(statement: Statement) -> str:
    return "Source: " + "; ".join(f"{literal(each.name)}, sha256 {code(each.digest)}" for each in statement.sources)


def _tail(subject: Subject, sections: Iterable[AnnexSection]) -> Iterator[str]:
    ledger = subject.view.ledger
    yield "## Sources and how to verify"
    rows = ((literal(each.name), code(each.digest)) for each in _sources(sections))
    yield table(("Source", "SHA-256"), rows)
    yield f"Evidence as a whole {code(subject.view.evidence_digest)}."
    if ledger.statement:
        yield f"Evidence statement, which people sign {code(ledger.statement)}."
    yield literal(ledger.text)
    if ledger.root:
        yield f"Root {code(ledger.root)}."
    yield literal(ledger.how)


def _sources(sections: Iterable[AnnexSection]) -> list[Source]:
    found = {
        source
        for section in sections
        for item in section.items
        for statement in item.statements
        for source in statement.sources
    }
    return sorted(found, key=lambda each: (each.name, each.digest))
