"""The last chapters: training and environment, how to read the numbers, digests, and how to verify. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.model import Fact
from rai_tune.reporting.paper.blocks import Cell, Column, Paragraph, Section, Table, facts_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.reporting.model import ReportView

NOT_LAW = "This report is evidence for controls; it does not state that a law is met."


def closing(view: ReportView) -> Iterator[Section]:
    """Environment, method notes in plain words, digests, ledger."""
    yield from _environment(view)
    notes = tuple(Paragraph(fact.text, lead=f"{fact.name}.") for fact in view.method_notes)
    yield Section("How to read these numbers", 1, (*notes, Paragraph(NOT_LAW)))
    yield from verifying(view)


def verifying(view: ReportView) -> Iterator[Section]:
    """Digests of what the evidence is bound to, the head of the ledger, and how to check both."""
    digests = (*view.digests, Fact("Evidence as a whole", view.evidence_digest))
    words = Paragraph("SHA-256 of what this evidence is bound to.")
    yield Section("Digests", 1, (words, *facts_table("Digests", digests, code=True)))
    head = view.ledger
    if head.text:
        facts = [Fact("Root", head.root), Fact("Evidence statement, which people sign", head.statement)]
        yield Section(
            "Ledger and how to verify",
            1,
            (
                Paragraph(head.text),
                *facts_table("Head of the ledger", [fact for fact in facts if fact.text], code=True),
                Paragraph(head.how),
            ),
        )


def _environment(view: ReportView) -> Iterator[Section]:
    if view.kind == "run":
        nothing = (Paragraph("The environment was not recorded."),)
        yield Section("Environment", 1, facts_table("Environment", view.environment) or nothing)
    if view.packages:
        listed = ", ".join(f"{fact.name} {fact.text}" for fact in view.packages)
        yield Section("Packages", 2, (Paragraph(listed, small=True),))
    if view.kind == "run":
        none = (Paragraph("Training left no record."),)
        yield Section("Training", 2, facts_table("Training", view.training) or none)
    if view.history:
        yield Section("Evaluations during training", 2, (_history(view),))
    if view.audits:
        yield Section("Audits", 2 if view.kind == "run" else 1, facts_table("Audits", view.audits))


def _history(view: ReportView) -> Table:
    heads = ("Step", "Epoch", "Training loss", "Validation loss", "Validation ROC AUC", "Kept")
    return Table(
        "Evaluations during training",
        tuple(Column(head, "right") for head in heads),
        tuple(
            tuple(
                map(Cell, (row.step, row.epoch, row.loss, row.eval_loss, row.eval_roc_auc, "yes" if row.best else ""))
            )
            for row in view.history
        ),
    )
