"""Build the one view model that the terminal, the app, the PDF and the exports render. Stable API: ``build_view``.

Small cells are hidden before anything else looks at the results (see ``suppression``). Every displayed measurement comes
from ``numbers.show`` and carries a ``Ref`` to where it is in the evidence.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rai_tune.core import sha256_json
from rai_tune.reporting.chapters import chapters, other_rows
from rai_tune.reporting.chosen import chosen_view
from rai_tune.reporting.controls import decision_view, headline
from rai_tune.reporting.datasets import data_view
from rai_tune.reporting.evidence import QUALITY, measure_row, of_audit
from rai_tune.reporting.explaining import explanations
from rai_tune.reporting.facts import (
    audit_facts,
    digest_facts,
    environment_facts,
    history_rows,
    method_notes,
    package_facts,
    system_facts,
    training_facts,
)
from rai_tune.reporting.fairness import group_tables
from rai_tune.reporting.inputs import ReportInputs
from rai_tune.reporting.ledger import ledger_head
from rai_tune.reporting.mitigation import mitigation_view
from rai_tune.reporting.model import VIEW_SCHEMA, MeasureRow, ReportView
from rai_tune.reporting.next_steps import next_commands
from rai_tune.reporting.people import people_of
from rai_tune.reporting.row_texts import text_rows
from rai_tune.reporting.stated import stated_facts
from rai_tune.reporting.suppression import shown
from rai_tune.reporting.table_view import as_table_view
from rai_tune.reporting.text import clean, sentence
from rai_tune.reporting.wording import QUALITY as QUALITY_WORDS
from rai_tune.reporting.wording import words_for

if TYPE_CHECKING:
    from rai_tune.core import AuditResult, Measurement

__all__ = ["ReportInputs", "ReportView", "build_view", "evidence_digest"]

_QUALITY_ORDER = tuple(QUALITY_WORDS)
_SPLIT_ORDER = ("test", "validation", "train")

NO_LONGER = "No longer so today."
"""Begins the notice that a stored verdict would not be given on the day of the report."""


def build_view(inputs: ReportInputs) -> ReportView:
    """Everything that a report shows about one run, whatever state the run is in, or about a table of predictions."""
    told = shown(inputs)
    digests = digest_facts(inputs.run, inputs.training, inputs.data, inputs.results)
    view = replace(
        _run_view(told),
        digests=digests,
        evidence_digest=evidence_digest(inputs),
        ledger=ledger_head(inputs),
        people=people_of(inputs),
        texts=text_rows(inputs.texts),
    )
    return view if told.table is None else as_table_view(view, told.table)


def _run_view(inputs: ReportInputs) -> ReportView:
    """The view of what may be shown, without digests: those are of everything that was measured."""
    recipe, run, training = inputs.recipe, inputs.run, inputs.training
    results, decisions = inputs.results, inputs.decisions
    verdict = headline(run, decisions)
    said = tuple(f"{NO_LONGER} {clean(each, 400)}" for each in inputs.taken_back)
    verdict = replace(verdict, notices=(*said, *verdict.notices))
    return ReportView(
        schema=VIEW_SCHEMA,
        run_id=clean(run.get("id", "unknown")),
        run_name=clean(run.get("name") or recipe.name, 120),
        state=clean(run.get("state", "unknown")),
        created_at=clean(run.get("created_at", "")),
        purpose=sentence(recipe.purpose),
        headline=verdict,
        system=system_facts(recipe, training),
        quality=_quality(results),
        groups=group_tables(results, recipe),
        explanations=explanations(results, recipe),
        data=data_view(results, recipe, inputs.data, training),
        decisions=tuple(decision_view(decision, recipe.audits.confidence) for decision in decisions),
        other=other_rows(results),
        chapters=chapters(results),
        training=training_facts(recipe, training),
        history=history_rows(training),
        environment=environment_facts(inputs.environment),
        packages=package_facts(inputs.environment),
        digests=(),
        audits=audit_facts(results),
        method_notes=method_notes(recipe, training),
        commands=next_commands(run, recipe, verdict.outcome),
        evidence_digest="",
        suppress_below=recipe.audits.suppress_below,
        stated=stated_facts(recipe),
        mitigation=mitigation_view(results, training),
        search=chosen_view(inputs.selection, results, str(run.get("id", ""))),
    )


def evidence_digest(inputs: ReportInputs) -> str:
    """SHA-256 over the run's digests, every audit result and every decision, small cells included."""
    return sha256_json(
        {
            "run": {key: value for key, value in inputs.run.items() if key == "id" or key.endswith("_digest")},
            "results": [result.to_json() for result in inputs.results],
            "decisions": [decision.to_json() for decision in inputs.decisions],
        }
    )


def _quality(results: tuple[AuditResult, ...]) -> tuple[MeasureRow, ...]:
    """Test first, the measures that speak of scores first."""
    measured = sorted((item for item in of_audit(results, QUALITY) if item.attribute is None), key=_quality_order)
    return tuple(measure_row(item, QUALITY_WORDS, name=_with_label(item)) for item in measured)


def _with_label(item: Measurement) -> str | None:
    if item.label is None:
        return None
    return f"{words_for(item.metric, QUALITY_WORDS).name}, {clean(item.label)}"


def _quality_order(item: Measurement) -> tuple[int, int]:
    split = _SPLIT_ORDER.index(item.split) if item.split in _SPLIT_ORDER else len(_SPLIT_ORDER)
    metric = _QUALITY_ORDER.index(item.metric) if item.metric in _QUALITY_ORDER else len(_QUALITY_ORDER)
    return (split, metric)
