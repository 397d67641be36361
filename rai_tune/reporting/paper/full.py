"""The whole report of a run or of a table of predictions, chapter by chapter. Stable API: ``full_paper``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.paper.blocks import Paper, Section
from rai_tune.reporting.paper.chosen import chosen
from rai_tune.reporting.paper.closing import closing
from rai_tune.reporting.paper.cover import about, cover
from rai_tune.reporting.paper.deciding import controls, people
from rai_tune.reporting.paper.explained import explained, texts
from rai_tune.reporting.paper.groups import fairness
from rai_tune.reporting.paper.measured import data, other, performance, system
from rai_tune.reporting.paper.mitigated import mitigated

if TYPE_CHECKING:
    from rai_tune.reporting.model import ReportView


def full_paper(view: ReportView) -> Paper:
    """Page one with the verdict, then the evidence in the order in which a regulator asks for it."""
    chapters = (
        *system(view),
        *data(view),
        *performance(view),
        *fairness(view),
        *mitigated(view),
        *chosen(view),
        *explained(view),
        *other(view),
        *controls(view),
        *people(view),
        *closing(view),
        *texts(view),
    )
    return paper_of(view, "EVIDENCE REPORT", f"Evidence report: {view.run_name}", cover(view), chapters)


def paper_of(
    view: ReportView, mark: str, title: str, first: tuple[Section, ...], chapters: tuple[Section, ...], **more: bool
) -> Paper:
    """A document about the view's run, bound to its evidence digest."""
    return Paper(
        mark=mark,
        title=title,
        subject="Run" if view.kind == "run" else "Table",
        subject_id=view.run_id,
        about=about(view),
        description=f"{view.headline.word}. {view.headline.sentence}",
        created_at=view.created_at,
        digest=view.evidence_digest,
        cover=first,
        chapters=chapters,
        **more,
    )
