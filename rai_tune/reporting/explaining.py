"""The explanation part of the view: what decisions lean on, and the checks that say how far to believe it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.reporting.evidence import EXPLAIN, IDENTITY, facts_of, measure_row, of_audit
from rai_tune.reporting.model import Explanations, Fact, LeanRow, MeasureRow, TestedRow
from rai_tune.reporting.numbers import digits, show
from rai_tune.reporting.text import clean, named, sentence
from rai_tune.reporting.wording import CHECK_NAMES, CHECK_OUTCOMES, EXPLANATION_CHECKS, TRUST

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from rai_tune.core import AuditResult, Measurement
    from rai_tune.recipe.schema import Recipe

_FACT_NAMES = {
    "method_title": "Method",
    "target": "Explained output",
    "baseline": "Baseline",
    "sample": "Sample",
    "fixed_text_share": "Share on fixed template text",
}


def explanations(results: tuple[AuditResult, ...], recipe: Recipe, documents: pd.DataFrame | None) -> Explanations:
    """Columns by share where the text is a template, else the words that weigh most."""
    measured = of_audit(results, EXPLAIN)
    facts = facts_of(results, EXPLAIN)
    checks = [item for item in measured if item.metric in EXPLANATION_CHECKS]
    rows = _columns(measured, recipe) or _words(facts)
    kind = "none" if not rows else ("columns" if rows[0].value is not None else "words")
    verdict, tests = _verdict(facts), _tests(facts)
    word, icon = TRUST[verdict]
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
        facts=(*_facts(facts), *_document_facts(documents)),
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


def _tests(facts: dict[str, Any]) -> tuple[TestedRow, ...]:
    found = _checks(facts).get("checks")
    if not isinstance(found, dict):
        return ()
    names = [name for name in CHECK_NAMES if name in found] + sorted(name for name in found if name not in CHECK_NAMES)
    return tuple(_test(name, found[name]) for name in names if isinstance(found[name], dict))


def _test(name: str, told: dict[str, Any]) -> TestedRow:
    outcome = str(told.get("outcome"))
    word, icon = CHECK_OUTCOMES.get(outcome, CHECK_OUTCOMES["insufficient_evidence"])
    # The caveat about deleted words is said once for all checks that need it.
    said = str(told.get("sentence", "")).split(" Off-distribution", maxsplit=1)[0]
    return TestedRow(CHECK_NAMES.get(name, clean(name)), outcome, word, icon, sentence(said).replace("_", " "))


def _sentence(verdict: str, facts: dict[str, Any], checks: Sequence[Measurement], kind: str) -> str:
    failed = next((item for item in checks if item.metric == "completeness_failed_share"), None)
    if failed is None or isinstance(failed.estimate, str) or kind == "none":
        return "What decisions lean on was not measured, or could not be."
    adds_up = (
        f"The parts add up to the score in all {failed.n:,} explained texts."
        if failed.estimate == 0
        else f"In {show(failed).text} of {failed.n:,} explained texts the parts do not add up; they are left out."
    )
    if verdict == "not_checked":
        return f"{adds_up} No other check was made, so read this as arithmetic, not as reasons."
    return f"{sentence(str(_checks(facts).get('sentence', ''))).replace('_', ' ')} {adds_up}"


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


def _document_facts(documents: pd.DataFrame | None) -> tuple[Fact, ...]:
    """Counts over the explained texts, never their content."""
    if documents is None or not len(documents):
        return ()
    rows = [Fact("Explained texts", f"{len(documents):,}")]
    if "status" in documents.columns:
        counts = documents["status"].astype(str).value_counts()
        rows.append(
            Fact("Of these", ", ".join(f"{int(counts[name]):,} {clean(name)}" for name in sorted(counts.index)))
        )
    if "steps" in documents.columns:
        rows.append(Fact("Path points", f"{int(documents['steps'].min()):,} to {int(documents['steps'].max()):,}"))
    if "truncated" in documents.columns:
        rows.append(Fact("Cut to the model's length", f"{int(documents['truncated'].sum()):,}"))
    return tuple(rows)
