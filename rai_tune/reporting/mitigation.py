"""What a report says of mitigation: each method with what it needs, before and after side by side, and what it cost. Stable API: ``mitigation_view``.

Numbers are those of the audit ``mitigation_effect``, small cells hidden; its tables by group stand in that audit's own chapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rai_tune.reporting.audit_words import METRICS
from rai_tune.reporting.model import BeforeAfter, Fact, MethodRow, MitigationView
from rai_tune.reporting.numbers import show
from rai_tune.reporting.text import clean, named, sentence
from rai_tune.reporting.wording import words_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.core import AuditResult, Measurement

AUDIT = "mitigation_effect"
_QUALITY = ("roc_auc", "balanced_accuracy", "accuracy", "selection_rate")
_SPREADS = ("equalized_odds_difference", "demographic_parity_difference")
_OF_ONE_CLASS = frozenset({"roc_auc", "balanced_accuracy", "equalized_odds_difference"})
"""Measures that are about the positive class against all others, where there are more than two."""
_NAMES = {"roc_auc": "ROC AUC", "selection_rate": "Favourable rate"}
_SOURCES = {
    "trained": "a twin trained in this run: the same recipe, rows, base and seed without mitigation; its weights are not kept",
    "same_model": "the same model, decided by its one threshold: the methods act on decisions alone",
}


def mitigation_view(results: tuple[AuditResult, ...], training: Mapping[str, Any]) -> MitigationView | None:
    """None for a run without mitigation. ``training`` is what the run recorded of its training."""
    told = training.get("mitigation")
    if not isinstance(told, Mapping):
        return None
    methods = tuple(_method(card) for card in told.get("methods", ()))
    result = next((each for each in results if each.audit == AUDIT), None)
    before = result.facts.get("before", {}) if result is not None else {}
    return MitigationView(
        sentence=_sentence(result),
        methods=methods,
        rows=tuple(_rows(result)) if result is not None else (),
        facts=(*_weights(result), *_facts(told, training, before)),
    )


def _method(card: Mapping[str, Any]) -> MethodRow:
    return MethodRow(
        name=clean(card["name"]),
        title=clean(card["title"]),
        does=sentence(card["does"]),
        groups_at_training="yes" if card["groups_at_training"] else "no",
        groups_at_use="yes" if card["groups_at_use"] else "no",
        law=sentence(card["law"]) if card["law"] else "none known here",
        source=sentence(card["source"]),
    )


def _sentence(result: AuditResult | None) -> str:
    if result is None:
        return "What mitigation did was not measured: there is no before to compare with."
    if result.status != "ok":
        reason = sentence(result.reason or "no reason recorded").rstrip(".")
        return f"What mitigation did was not measured: {reason}."
    rows = result.facts.get("rows")
    on = f"the same {rows:,} test rows" if isinstance(rows, int) else "the same test rows"
    return (
        f"With mitigation and without, on {on}, which no model learned from and no threshold was chosen on. A change is with minus without, its "
        "interval paired; a gap below 0 in the last column came nearer, a quality below 0 is the cost."
    )


def _rows(result: AuditResult) -> Iterator[BeforeAfter]:
    """Quality first, then the spreads of each attribute."""
    found: dict[tuple[str, str | None], Measurement] = {
        (item.metric, item.attribute): item for item in result.measurements if item.group is None
    }
    one = result.facts.get("one_against_rest")
    for metric in _QUALITY:
        if (f"{metric}_change", None) in found:
            yield _row(found, metric, None, one)
    attributes = dict.fromkeys(item.attribute for item in result.measurements if item.attribute is not None)
    for attribute in attributes:
        for metric in _SPREADS:
            if (f"{metric}_change", attribute) in found:
                yield _row(found, metric, attribute, one)


def _row(
    found: Mapping[tuple[str, str | None], Measurement], metric: str, attribute: str | None, one: object
) -> BeforeAfter:
    before, after = (found.get((f"{when}_{metric}", attribute)) for when in ("before", "after"))
    words = words_for(f"{metric}_change", METRICS)
    name = _NAMES.get(metric) or words.name.removesuffix(", change")
    if one is not None and metric in _OF_ONE_CLASS:
        name = f"{name} of {named(one)} against the rest"
    return BeforeAfter(
        name=name if attribute is None else f"{name} by {named(attribute)}",
        before=show(before) if before is not None else None,
        after=show(after) if after is not None else None,
        change=show(found[f"{metric}_change", attribute]),
    )


def _weights(result: AuditResult | None) -> Iterator[Fact]:
    if result is not None and result.facts.get("row_weights") == "not used":
        yield Fact("Row weights", "not used here, since intervals are paired: every row counts alike")


def _facts(told: Mapping[str, Any], training: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Fact]:
    source = str(before.get("source", ""))
    if source == "other_run":
        whose = "the twin of run" if before.get("twin") else "run"
        yield Fact(
            "Compared with",
            f"{whose} {clean(before.get('run'))}: the same recipe, rows, base, seed and machine without mitigation",
        )
    elif source in _SOURCES:
        yield Fact("Compared with", _SOURCES[source])
    if before.get("model_digest"):
        yield Fact("Model without mitigation", clean(before["model_digest"], 140))
    if isinstance(told.get("rows_learned_from"), int):
        yield Fact("Rows learned from", f"{told['rows_learned_from']:,}")
    cost = _cost(training, before)
    if cost:
        yield Fact("CPU time of training", cost)


def _cost(training: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    after = training.get("cpu_s")
    if not isinstance(after, int | float):
        return ""
    if before.get("source") == "same_model":
        return f"{after:,.1f} s; nothing is trained a second time"
    plain = before.get("cpu_s")
    if not isinstance(plain, int | float):
        return f"{after:,.1f} s with mitigation"
    parts = f"{after:,.1f} s with mitigation, {plain:,.1f} s without"
    if training.get("resumed_from") is not None or before.get("resumed_from") is not None:
        return f"{parts}, from where one of them was resumed, so the two cannot be compared"
    return f"{parts}: {after / plain:.2f} times" if plain > 0 else parts
