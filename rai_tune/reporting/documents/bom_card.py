"""The modelCard of the bill of materials: what the model is, what was measured, and what to consider. Internal.

Numbers are written as measured, with all their digits, so that each is found again in the evidence. What nobody stated is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rai_tune.reporting.documents.limits import limits
from rai_tune.reporting.documents.measured import classes_of, repeatable, slice_name
from rai_tune.reporting.documents.names import base_name
from rai_tune.reporting.documents.subject import purpose, stated
from rai_tune.reporting.facts import threshold_text
from rai_tune.reporting.text import named, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.core import Measurement
    from rai_tune.reporting.documents.subject import Subject
    from rai_tune.reporting.model import GroupTable, PairRow

Json = dict[str, Any]


def model_card(subject: Subject, *, data_ref: str) -> Json:
    """The modelCard object; ``data_ref`` is the bom-ref of the data component."""
    return {
        "bom-ref": f"card:{subject.digest('model_digest')}",
        "modelParameters": _parameters(subject, data_ref),
        "quantitativeAnalysis": {"performanceMetrics": [_metric(item) for item in repeatable(subject)]},
        "considerations": _considerations(subject),
    }


def _parameters(subject: Subject, data_ref: str) -> Json:
    recipe = subject.recipe
    found = {fact.name: fact.text for fact in subject.view.system}
    classes = ", ".join(map(named, classes_of(subject)))
    outputs = [f"one of the classes {classes}" if classes else "a class"]
    if recipe.data.positive is not None:
        outputs.append(f"probability of {named(recipe.data.positive)}, 0 to 1")
    return {
        "approach": {"type": "supervised"},
        "task": recipe.task.replace("_", "-"),
        "architectureFamily": "transformer",
        "modelArchitecture": f"{base_name(subject)} with {found.get('Trained on top', 'not recorded')}",
        "datasets": [{"ref": data_ref}],
        "inputs": [{"format": f"text of at most {recipe.model.max_tokens:,} tokens; a longer one is cut"}],
        "outputs": [{"format": each} for each in outputs],
    }


def _metric(item: Measurement) -> Json:
    """One measurement. An end of the interval that the data did not set is left out."""
    ends = {"lowerBound": item.low, "upperBound": item.high}
    interval = {name: _digits(end) for name, end in ends.items() if not isinstance(end, str)}
    body: Json = {"type": f"{item.audit}.{item.metric}", "value": _digits(item.value), "slice": slice_name(item)}
    return {**body, "confidenceInterval": interval} if interval else body


def _digits(value: float) -> str:
    """The shortest digits that read back as the same number."""
    return repr(float(value))


def _considerations(subject: Subject) -> Json:
    recipe = subject.recipe
    users, told, outside = stated(recipe, "intended_users"), purpose(recipe), stated(recipe, "out_of_scope")
    found: Json = {
        "users": [sentence(users)] if users else [],
        "useCases": [sentence(told)] if told else [],
        "technicalLimitations": [*([f"Out of scope: {sentence(outside)}"] if outside else []), *limits(subject)],
        "performanceTradeoffs": list(_tradeoffs(subject)),
        "ethicalConsiderations": list(_risks(subject)),
        "fairnessAssessments": [each for table in subject.view.groups for each in _assessments(table)],
    }
    return {name: value for name, value in found.items() if value}


def _tradeoffs(subject: Subject) -> Iterator[str]:
    if isinstance(subject.real.training.get("threshold"), Mapping):
        cut = threshold_text(subject.real.training)
        yield f"Decision threshold {cut}; another threshold changes every rate given here."
        if cut.startswith("by group"):
            yield "Decision by group: the group of a person must be known when a decision about them is made."


def _risks(subject: Subject) -> Iterator[Json]:
    """Every control that is not met, blocking or warning, as the policy words it."""
    oversight = stated(subject.recipe, "oversight")
    for decision in subject.view.decisions:
        for control in decision.controls:
            if control.outcome in {"fail", "insufficient_evidence"}:
                risk = {"name": f"{control.id} ({decision.policy}), {control.word}: {control.title}. {control.reason}"}
                yield (
                    {**risk, "mitigationStrategy": f"Human oversight, as stated: {sentence(oversight)}"}
                    if oversight
                    else risk
                )


def _assessments(table: GroupTable) -> Iterator[Json]:
    """One for each declared group: what it receives, and the lowest ratio against another group."""
    for row in table.rows:
        rate = row.selection_rate
        got = "not measured" if rate is None else _with_interval(rate.text, rate.interval)
        yield {
            "groupAtRisk": f"{table.attribute}: {row.group}",
            "benefits": f"Share that receives '{table.rate_name}': {got}",
            "harms": _lowest(table, row.group),
        }


def _lowest(table: GroupTable, group: str) -> str:
    """The pair in which the group does worst; pairs without a number come last and are told in words."""
    own: list[PairRow] = [pair for pair in table.pairs if pair.group == group]
    if not own:
        return "No other group to compare with was measured."
    pair = min(own, key=lambda each: each.ratio.estimate if each.ratio.estimate is not None else float("inf"))
    told = _with_interval(pair.ratio.text, pair.ratio.interval)
    return f"Beside the other groups: lowest impact ratio, against {pair.reference}: {told}"


def _with_interval(text: str, interval: str) -> str:
    return f"{text} ({interval})" if interval else text
