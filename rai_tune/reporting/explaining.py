"""The explanation part of the view: what decisions lean on, and the checks that say how far to believe it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.reporting.evidence import EXPLAIN, IDENTITY, facts_of, measure_row, of_audit
from rai_tune.reporting.leaning import RELIANCE_NOTE, picture, reliance, withheld
from rai_tune.reporting.model import Explanations, Fact, LeanRow, MeasureRow, TestedRow
from rai_tune.reporting.numbers import digits, show
from rai_tune.reporting.text import clean, named, sentence
from rai_tune.reporting.wording import CHECK_NAMES, CHECK_OUTCOMES, EXPLANATION_CHECKS, TRUST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.core import AuditResult, Measurement
    from rai_tune.recipe.schema import Recipe

_FACT_NAMES = {
    "method_title": "Method",
    "target": "Explained output",
    "baseline": "Baseline",
    "sample": "Sample",
    "fixed_text_share": "Share on fixed template text",
}


_KEY_METRICS = {
    "completeness": "completeness_recheck_failed_share",
    "comprehensiveness": "comprehensiveness_reached",
    "sufficiency": "sufficiency_reached",
    "randomisation": "randomisation_similarity",
    "harmless_edits": "edit_similarity",
    "agreement": "method_agreement_rank",
}
"""Check -> the metric that it is judged by; of several measurements of it, the one without a label."""


def explanations(results: tuple[AuditResult, ...], recipe: Recipe) -> Explanations:
    """Columns by share where the text is a template, else the words that weigh most.

    Where the explanations failed their checks, no number that is made of attributions is shown, whatever the evidence holds.
    """
    facts = facts_of(results, EXPLAIN)
    verdict = _verdict(facts)
    results = withheld(results) if verdict == "not_trusted" else results
    measured = of_audit(results, EXPLAIN)
    checks = [item for item in measured if item.metric in EXPLANATION_CHECKS]
    rows = _columns(measured, recipe) or (() if verdict == "not_trusted" else _words(facts))
    kind = "none" if not rows else ("columns" if rows[0].value is not None else "words")
    tests = _tests(facts, measured)
    word, icon = TRUST[verdict]
    beside = reliance(results)
    return Explanations(
        kind=kind,
        verdict=verdict,
        word=word,
        icon=icon,
        sentence=_sentence(verdict, facts, checks, kind),
        tests=tests,
        caveat=_capital(sentence(str(_checks(facts).get("masking", "")))) if tests else "",
        rows=rows,
        checks=tuple(measure_row(item, EXPLANATION_CHECKS) for item in checks),
        identity=_identity(of_audit(results, IDENTITY)),
        facts=(*_facts(facts), *_counts(facts)),
        reliance=beside,
        reliance_note=RELIANCE_NOTE if beside else "",
        picture=picture(results, {group.column for group in recipe.data.groups}),
    )


def _columns(measured: Sequence[Measurement], recipe: Recipe) -> tuple[LeanRow, ...]:
    identity = {group.column for group in recipe.data.groups}
    shares = [item for item in measured if item.metric == "column_attribution_share" and item.label is not None]
    shares.sort(key=lambda item: 1.0 if isinstance(item.estimate, str) else -item.estimate)
    return tuple(
        LeanRow(name=named(item.label or ""), text=show(item).text, value=show(item), identity=item.label in identity)
        for item in shares
    )


def _words(facts: dict[str, Any]) -> tuple[LeanRow, ...]:
    listed = facts.get("top_words")
    if not isinstance(listed, list | tuple):
        return ()
    rows = []
    for entry in listed:
        if isinstance(entry, dict) and "word" in entry:
            rows.append(LeanRow(name=clean(entry["word"], 40), text=_weight(entry), value=None, identity=False))
        elif isinstance(entry, str):
            rows.append(LeanRow(name=clean(entry, 40), text="", value=None, identity=False))
    return tuple(rows)


def _weight(entry: dict[str, Any]) -> str:
    weight, count = entry.get("mean_absolute"), entry.get("documents")
    if not isinstance(weight, int | float):
        return ""
    return f"{digits(float(weight), 'number')} logit a use" + (f", in {count} texts" if count is not None else "")


def _identity(measured: Sequence[Measurement]) -> tuple[MeasureRow, ...]:
    return tuple(
        measure_row(
            item,
            name=named(item.attribute or "") + (f": {named(item.group)}" if item.group is not None else ""),
        )
        for item in measured
        if item.metric == "identity_reliance"
    )


def _checks(facts: dict[str, Any]) -> dict[str, Any]:
    found = facts.get("checks")
    return found if isinstance(found, dict) else {}


def _verdict(facts: dict[str, Any]) -> str:
    """The verdict of the audit; a word that is not one of them is no verdict."""
    told = _checks(facts).get("outcome")
    return told if isinstance(told, str) and told in TRUST else "not_checked"


def _tests(facts: dict[str, Any], measured: Sequence[Measurement]) -> tuple[TestedRow, ...]:
    found = _checks(facts).get("checks")
    if not isinstance(found, dict):
        return ()
    names = [name for name in CHECK_NAMES if name in found] + sorted(name for name in found if name not in CHECK_NAMES)
    judged_by = {item.metric: item for item in measured if item.label is None}
    return tuple(
        _test(name, found[name], judged_by.get(_KEY_METRICS.get(name, "")))
        for name in names
        if isinstance(found[name], dict)
    )


def _test(name: str, told: dict[str, Any], judged_by: Measurement | None) -> TestedRow:
    outcome = str(told.get("outcome"))
    word, icon = CHECK_OUTCOMES.get(outcome, CHECK_OUTCOMES["insufficient_evidence"])
    # The caveat about deleted words is said once for all checks that need it.
    said = str(told.get("sentence", "")).split(" Off-distribution", maxsplit=1)[0]
    return TestedRow(
        name=CHECK_NAMES.get(name, clean(name)),
        outcome=outcome,
        word=word,
        icon=icon,
        sentence=sentence(said).replace("_", " "),
        value=None if judged_by is None else show(judged_by),
    )


def _sentence(verdict: str, facts: dict[str, Any], checks: Sequence[Measurement], kind: str) -> str:
    failed = next((item for item in checks if item.metric == "completeness_failed_share"), None)
    told = sentence(str(_checks(facts).get("sentence", ""))).replace("_", " ")
    if verdict == "not_trusted":
        return f"{told} What decisions lean on is therefore not shown.".strip()
    if failed is None or isinstance(failed.estimate, str) or kind == "none":
        return "What decisions lean on was not measured, or could not be."
    adds_up = (
        f"The parts add up to the score in all {failed.n:,} explained texts."
        if failed.estimate == 0
        else f"In {show(failed).text} of {failed.n:,} explained texts the parts do not add up; they are left out."
    )
    if verdict == "not_checked":
        return f"{adds_up} No other check was made, so read this as arithmetic, not as reasons."
    return f"{told} {adds_up}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:].removesuffix(".") + ("." if text else "")


def _facts(facts: dict[str, Any]) -> tuple[Fact, ...]:
    rows = []
    for key, name in _FACT_NAMES.items():
        value = facts.get(key)
        if isinstance(value, float):
            rows.append(Fact(name, digits(value, "percent")))
        elif isinstance(value, str):
            rows.append(Fact(name, sentence(value).replace("_", " ")))
    return tuple(rows)


def _counts(facts: dict[str, Any]) -> tuple[Fact, ...]:
    """Counts over the explained texts, as the audit recorded them: no table of the run is read, nor does any need to be left."""
    count, steps = facts.get("documents"), facts.get("steps")
    if not _is_count(count) or not count:
        return ()
    lost = {name: facts[name] for name in ("failed", "undefined") if _is_count(facts.get(name))}
    rows = [Fact("Explained texts", f"{count:,}")]
    if len(lost) == 2:
        states = {"failed": lost["failed"], "ok": count - sum(lost.values()), "undefined": lost["undefined"]}
        rows.append(Fact("Of these", ", ".join(f"{number:,} {name}" for name, number in states.items() if number)))
    if isinstance(steps, dict) and steps and all(str(key).isdecimal() for key in steps):
        points = [int(key) for key in steps]
        rows.append(Fact("Path points", f"{min(points):,} to {max(points):,}"))
    if _is_count(facts.get("truncated")):
        rows.append(Fact("Cut to the model's length", f"{facts['truncated']:,}"))
    return tuple(rows)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
