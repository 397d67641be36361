"""A model card in the form of a Hugging Face README.md. Stable API: ``model_card_markdown``.

Its words and numbers are those of the run's report: the same view, the same hidden cells. What nobody stated is called empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.documents.card_metadata import front_matter
from rai_tune.reporting.documents.limits import limits
from rai_tune.reporting.documents.markdown import code, literal, table
from rai_tune.reporting.documents.names import data_facts, system_facts
from rai_tune.reporting.documents.subject import NOBODY, purpose, stated, subject_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rai_tune.reporting.documents.subject import Subject
    from rai_tune.reporting.inputs import ReportInputs
    from rai_tune.reporting.model import DecisionView, Fact, GroupTable, MeasureRow, MitigationView, Shown

_EMPTY = f"*{NOBODY[0].upper()}{NOBODY[1:]}.*"
MOST_PAIRS = 20


def model_card_markdown(inputs: ReportInputs) -> bytes:
    """The card in UTF-8. Raises ``UsageError`` when the run has no trained model."""
    subject = subject_of(inputs, "model card")
    return (front_matter(subject) + "\n" + "\n\n".join(_parts(subject)) + "\n").encode()


def _parts(subject: Subject) -> Iterator[str]:
    view, recipe = subject.view, subject.recipe
    yield f"# {literal(recipe.name)}"
    yield f"**{view.headline.icon} {literal(view.headline.word)}.** {literal(view.headline.sentence)}"
    yield f"Run {code(view.run_id)}, {literal(view.state)}, started {literal(view.created_at)}."
    yield from ("## Model", facts_table(system_facts(subject)))
    yield from ("## Intended use", _or_empty(purpose(recipe)))
    yield from ("**Intended users.** " + _or_empty(stated(recipe, "intended_users")),)
    yield from ("## Out of scope", _or_empty(stated(recipe, "out_of_scope")))
    yield from ("## Human oversight", _or_empty(stated(recipe, "oversight")))
    yield from _data(subject)
    yield from ("## Training", facts_table(view.training) if view.training else "Training left no record.")
    yield from _results(subject)
    yield from _groups(subject)
    yield from _mitigation(subject)
    yield from _explanations(subject)
    yield from _decisions(subject)
    yield from ("## Limits", bullets(limits(subject)))
    yield from _verify(subject)


def _or_empty(text: str | None) -> str:
    return literal(text) if text else _EMPTY


def facts_table(facts: Iterable[Fact]) -> str:
    """Names and texts of facts, side by side."""
    return table(("What", "Recorded"), ((literal(fact.name), literal(fact.text)) for fact in facts))


def bullets(sentences: Iterable[str]) -> str:
    """A list of sentences."""
    return "\n".join(f"- {literal(each)}" for each in sentences)


def _data(subject: Subject) -> Iterator[str]:
    data = subject.view.data
    yield from ("## Data", facts_table(data_facts(subject)))
    if data.splits:
        rows = ((literal(each.split), each.rows, _classes(each.classes)) for each in data.splits)
        yield table(("Split", "Rows", "Of each class"), rows)


def _classes(classes: Iterable[Fact]) -> str:
    return ", ".join(f"{literal(each.name)} {each.text}" for each in classes)


def _results(subject: Subject) -> Iterator[str]:
    yield "## Results"
    rows = [row for row in subject.view.quality if row.split == "test"]
    yield measures(rows) if rows else "Nothing about quality on test rows was measured."
    yield f"Intervals in this card are two-sided at {100 * subject.recipe.audits.confidence:g} %."


def measures(rows: Iterable[MeasureRow]) -> str:
    """Named measurements with interval, rows and meaning."""
    head = ("Measure", "Value", "Interval", "n", "Meaning")
    return table(head, ((literal(row.name), *number(row.value), literal(row.meaning)) for row in rows))


def number(value: Shown | None) -> tuple[str, str, str]:
    """Estimate, interval and rows as cells; the words why where there is no number."""
    if value is None:
        return ("", "", "")
    return (literal(value.text), literal(value.interval), literal(value.n_text))


def _groups(subject: Subject) -> Iterator[str]:
    yield "## Groups"
    if not subject.view.groups:
        yield "No group was measured." if subject.recipe.data.groups else "The recipe declares no groups."
    for each in subject.view.groups:
        yield f"### {literal(each.title)}"
        yield literal(each.basis)
        yield group_table(each)
        if each.pairs:
            yield pair_table(each)


def _mitigation(subject: Subject) -> Iterator[str]:
    told = subject.view.mitigation
    if told is None:
        return
    yield "## Mitigation"
    yield literal(told.sentence)
    yield mitigation_methods(told)
    if told.rows:
        yield before_after_table(told)
    if told.facts:
        yield facts_table(told.facts)


def mitigation_methods(told: MitigationView) -> str:
    """Methods with what each needs to know about groups."""
    head = ("Method", "What it does", "Groups at training", "Groups at use", "Where law may forbid it", "Source")
    return table(
        head,
        (
            (
                literal(f"{row.title} ({row.name})"),
                literal(row.does),
                row.groups_at_training,
                row.groups_at_use,
                literal(row.law),
                literal(row.source),
            )
            for row in told.methods
        ),
    )


def before_after_table(told: MitigationView) -> str:
    """Quality and gaps without mitigation, with it, and the change."""
    head = ("Measure", "Without", "With", "Change", "Interval")
    rows = (
        (literal(row.name), number(row.before)[0], number(row.after)[0], *number(row.change)[:2]) for row in told.rows
    )
    return table(head, rows)


def group_table(found: GroupTable) -> str:
    """Rates of the groups of one attribute."""
    head = (
        "Group",
        "Rows",
        f"Share {literal(found.rate_name)}",
        "Interval",
        "True positive rate",
        "False positive rate",
    )
    return table(
        head,
        (
            (
                literal(row.group),
                *number(row.rows)[:1],
                *number(row.selection_rate)[:2],
                *number(row.true_positive_rate)[:1],
                *number(row.false_positive_rate)[:1],
            )
            for row in found.rows
        ),
    )


def pair_table(found: GroupTable) -> str:
    """Impact ratios, the lowest first."""
    head = ("Group against another", "Impact ratio", "Interval", "n")
    rows = [(f"{literal(pair.group)} against {literal(pair.reference)}", *number(pair.ratio)) for pair in found.pairs]
    left = f"\n\n{len(rows) - MOST_PAIRS:,} more pairs are in the report." if len(rows) > MOST_PAIRS else ""
    return table(head, rows[:MOST_PAIRS]) + left


def _explanations(subject: Subject) -> Iterator[str]:
    told = subject.view.explanations
    yield "## Explanations"
    yield f"**{told.icon} {literal(told.word)}.** {literal(told.sentence)}"
    if told.tests:
        rows = ((literal(each.name), f"{each.icon} {each.word}", literal(each.sentence)) for each in told.tests)
        yield table(("Check", "Outcome", "What was found"), rows)
    if told.identity:
        yield "How much of the explained score falls on columns that say who a person is:"
        yield measures(told.identity)


def _decisions(subject: Subject) -> Iterator[str]:
    yield "## Decisions under policies"
    if not subject.view.decisions:
        yield "No policy has decided on this run."
    for decision in subject.view.decisions:
        yield f"### {literal(decision.title)} {literal(decision.version)}: {decision.icon} {literal(decision.word)}"
        yield f"Policy {code(decision.policy)}, sha256 {code(decision.digest)}."
        yield from (literal(note) for note in decision.notes)
        yield controls_table(decision)
    yield "This is evidence for the controls named here. It does not state that a law is met."


def controls_table(decision: DecisionView) -> str:
    """Controls of one decision with their outcome and its reason."""
    head = ("Control", "Reference", "Outcome", "Weight", "Threshold", "Reason")
    return table(
        head,
        (
            (
                f"{literal(each.id)} {literal(each.title)}",
                literal(each.reference),
                f"{each.icon} {literal(each.word)}",
                literal(each.severity),
                literal(f"{each.threshold}, {each.origin}" if each.threshold else ""),
                literal(each.reason),
            )
            for each in decision.controls
        ),
    )


def _verify(subject: Subject) -> Iterator[str]:
    view = subject.view
    yield from ("## How to verify", literal(view.ledger.text))
    if view.ledger.root:
        yield f"Root {code(view.ledger.root)}."
    yield literal(view.ledger.how)
    yield "## Digests"
    rows = [(literal(fact.name), code(fact.text)) for fact in view.digests]
    rows += [("Evidence as a whole", code(view.evidence_digest))]
    rows += [("Evidence statement", code(view.ledger.statement))] if view.ledger.statement else []
    yield table(("Of", "SHA-256"), rows)
