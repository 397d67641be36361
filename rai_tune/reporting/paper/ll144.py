"""The public summary that 6 RCNY 5-303(a) names for a bias audit under New York City's Local Law 144, and nothing else. Internal.

Fields: date of the most recent bias audit; source and explanation of the data; people of unknown category; for all categories the number of
people, the selection or scoring rate and the impact ratio; the distribution date; for categories left out under 5-301(d) their number and
rate with the justification. Dates and explanations come from signed statements; what nobody stated is printed as "not stated".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.core import UsageError
from rai_tune.gate.content import why_empty
from rai_tune.reporting.documents.annex_parts import under
from rai_tune.reporting.model import Fact
from rai_tune.reporting.numbers import show
from rai_tune.reporting.paper.blocks import (
    Block,
    Cell,
    Column,
    Paragraph,
    Quote,
    Section,
    Table,
    facts_table,
    number,
    stacked,
)
from rai_tune.reporting.paper.full import paper_of
from rai_tune.reporting.people import quoted_lines
from rai_tune.reporting.suppression import shown
from rai_tune.reporting.text import clean, named, sentence
from rai_tune.reporting.view import build_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_tune.core import Measurement
    from rai_tune.gate.decision import Attestation
    from rai_tune.reporting.inputs import ReportInputs
    from rai_tune.reporting.paper.blocks import Paper

POLICY = "nyc-ll144"
NOT_STATED = "not stated"
_KINDS = {
    "ll144_selection_rate": ("ll144_impact_ratio", "Selection rate"),
    "ll144_scoring_rate": ("ll144_scoring_impact_ratio", "Scoring rate"),
}
_DATE = (("LL144-5-303a", "Date of the audit"), ("LL144-5-301a", "Day of the bias audit"))
_DISTRIBUTED = (("LL144-5-303a", "Distribution date"),)
_SOURCE = (
    ("LL144-5-303a", "Source and explanation of the data"),
    ("LL144-5-302a", "Source of the data"),
    ("LL144-5-302a", "Whose use they come from"),
)


def ll144_paper(inputs: ReportInputs) -> Paper:
    """The summary. Raises ``UsageError`` where the audit ``ll144`` measured nothing."""
    told = shown(inputs)
    measured = tuple(
        item
        for result in told.results
        if result.audit == "ll144" and result.status == "ok"
        for item in result.measurements
    )
    if not any(item.metric in _KINDS and item.group is not None for item in measured):
        raise UsageError(
            f"policy {POLICY!r}: run {clean(inputs.run.get('id', 'unknown'))} has no rates by sex or race/ethnicity to publish; "
            "audit ll144 needs group attributes for them"
        )
    view = build_view(inputs)
    parts = [Section("Dates and data", 1, tuple(_dates(inputs, view.data.facts)))]
    parts.append(Section("People of unknown category", 1, (_unknown(measured),)))
    chapters = [Section("Rates and impact ratios", 1, tuple(_gaps(measured, view.suppress_below))), *_tables(measured)]
    chapters.append(Section("Categories left out", 1, tuple(_excluded(measured))))
    title = f"Summary of bias audit results: {view.run_name}"
    words = "6 RCNY 5-303(a), Local Law 144 of 2021"
    return paper_of(view, words, title, tuple(parts), tuple(chapters), contents=False, numbered=False)


def _dates(inputs: ReportInputs, facts: Sequence[Fact]) -> Iterator[Block]:
    recorded = [fact for fact in facts if fact.name in {"Origin", "Rows"}]
    dates = [
        Fact("Date of the most recent bias audit", _one(inputs, _DATE)),
        Fact("Distribution date of the tool", _one(inputs, _DISTRIBUTED)),
    ]
    yield from facts_table("Dates", dates)
    yield Paragraph("", lead="Source and explanation of the data")
    found = [(one, text) for control, heading in _SOURCE for one, text in _stated(inputs, control, heading)]
    if not found:
        yield Paragraph(f"By a person: {NOT_STATED}.")
    for one, text in found:
        yield Quote(quoted_lines(text)[0])
        yield Paragraph(f"Stated by {clean(one.person)} for {clean(one.control)}, signed {clean(one.at)}.", small=True)
    yield from facts_table("The data as the run recorded them", recorded, titled=True)


def _one(inputs: ReportInputs, asked: Sequence[tuple[str, str]]) -> str:
    for control, heading in asked:
        for _, text in reversed(list(_stated(inputs, control, heading))):
            return sentence(text)
    return NOT_STATED


def _stated(inputs: ReportInputs, control: str, heading: str) -> Iterator[tuple[Attestation, str]]:
    """What people signed under a heading for a control of this pack, for this model and the version that decided."""
    decided = {each.policy_digest for each in inputs.decisions if each.policy_id == POLICY}
    for one in sorted(inputs.attestations, key=lambda each: each.at):
        if (one.policy_id, one.control) != (POLICY, control) or one.policy_digest not in decided:
            continue
        if one.model_digest != inputs.run.get("model_digest"):
            continue
        text = (under(one.text, heading) or "").strip()
        # A date is whole in a word or two; only a placeholder states nothing.
        if any(map(str.isalnum, text)) and "placeholder" not in (why_empty(text) or ""):
            yield one, text


def _unknown(measured: Sequence[Measurement]) -> Table:
    wanted = [item for item in measured if item.metric in {"ll144_assessed_rows", "ll144_unknown_rows"}]
    rows = tuple(
        (
            Cell(
                "People assessed"
                if item.attribute is None
                else f"Of these, {named(item.attribute)} not known and in no table"
            ),
            number(show(item)),
        )
        for item in wanted
    )
    return Table(
        "People assessed and of unknown category", (Column("What", wide=True), Column("Number", "right")), rows
    )


def _gaps(measured: Sequence[Measurement], k: int) -> Iterator[Block]:
    yield Paragraph(
        "The impact ratio is the rate of a category over the rate of the category with the highest rate. The law names no smallest ratio."
    )
    if any(item.status == "suppressed" for item in measured):
        yield Paragraph(
            f"Numbers about fewer than {k} people, and those that would give them away, are suppressed here. The rule has no such exception: "
            "whoever publishes this summary takes them from the auditor's own tables."
        )


def _tables(measured: Sequence[Measurement]) -> Iterator[Section]:
    found = {(item.metric, item.attribute, item.group, item.label): item for item in measured}
    for metric, (ratio, words) in _KINDS.items():
        rates = [item for item in measured if item.metric == metric and item.group is not None]
        for attribute, label in dict.fromkeys((item.attribute, item.label) for item in rates):
            own = [item for item in rates if (item.attribute, item.label) == (attribute, label)]
            title = f"{words} by {named(attribute or '')}" + (f", class {named(label)}" if label is not None else "")
            rows = tuple(
                (
                    Cell(named(item.group or "")),
                    Cell(show(item).n_text),
                    stacked(show(item)),
                    _ratio(found.get((ratio, attribute, item.group, label))),
                )
                for item in own
            )
            columns = (
                Column("Category", wide=True),
                Column("Applicants or candidates", "right"),
                Column(words, "right"),
                Column("Impact ratio", "right"),
            )
            yield Section(title, 2, (Table(title, columns, rows),))


def _ratio(item: Measurement | None) -> Cell:
    if item is None:
        return Cell(NOT_STATED, gap=True)
    return Cell("left out", gap=True) if item.status == "not_applicable" else stacked(show(item))


def _excluded(measured: Sequence[Measurement]) -> Iterator[Block]:
    rates = {
        (ratio, item.attribute, item.group, item.label): item
        for item in measured
        for metric, (ratio, _) in _KINDS.items()
        if item.metric == metric
    }
    left = [
        item
        for item in measured
        if item.status == "not_applicable"
        and item.group is not None
        and (item.metric, item.attribute, item.group, item.label) in rates
    ]
    if not left:
        yield Paragraph("No category was left out of the impact ratios.")
        return
    rows = []
    for item in left:
        rate = show(rates[item.metric, item.attribute, item.group, item.label])
        rows.append(
            (
                Cell(f"{named(item.group or '')} ({named(item.attribute or '')})"),
                Cell(rate.n_text),
                stacked(rate),
                Cell(sentence(item.reason or NOT_STATED)),
            )
        )
    columns = (
        Column("Category"),
        Column("Number", "right"),
        Column("Rate", "right"),
        Column("Justification", wide=True),
    )
    yield Table("Categories left out under 6 RCNY 5-301(d)", columns, tuple(rows))
