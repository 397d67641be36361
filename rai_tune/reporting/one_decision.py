"""One explained decision, as JSON and on a terminal of 80 columns. Stable API: ``decision_json``, ``print_decision``.

Signs are written and bars point to a side, so nothing depends on colour. Words and values are data and are shown as literal text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rai_audits.explain.methods import load_method
from rai_tune.reporting.numbers import digits
from rai_tune.reporting.terminal_controls import STYLES
from rai_tune.reporting.text import clean
from rai_tune.reporting.wording import CHECK_OUTCOMES, TRUST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from rai_audits.explain.folding import Unit
    from rai_audits.explain.single import One

SCHEMA = "rai-tune/explanation/v1"
WIDTH = 80
MOST_UNITS = 15
_HALF = 14
_CHECKS = {
    "completeness": "The parts add up",
    "deletion": "Its strongest words move the score",
    "agreement": "Another method agrees",
}


def decision_json(one: One, *, run: str, split: str, threshold: float | None, verdict: str) -> dict[str, Any]:
    """All that was found about one decision, as plain JSON types."""
    found, turned = one.document.attribution, one.counterfactual
    return {
        "schema": SCHEMA,
        "run": run,
        "row": one.document.row_id,
        "split": split,
        "decision": one.decided,
        "label": one.document.label,
        "score": one.document.score,
        "threshold": threshold,
        "groups": dict(one.document.groups),
        "method": one.method,
        "target": found.target,
        "status": found.status,
        "reason": found.reason,
        "output_change": found.output_change,
        "completeness_error": found.completeness_error,
        "truncated": found.truncated,
        "attributions": [
            {
                "kind": unit.kind,
                "unit": unit.unit,
                "start": unit.start,
                "end": unit.end,
                "attribution": unit.attribution,
                "identity": _is_identity(unit, one),
            }
            for unit in (*found.words, *(unit for unit in found.columns if unit.kind == "column"))
        ],
        "checks": [{"name": item.name, "outcome": item.outcome, "sentence": item.sentence} for item in one.checks],
        "explanations_of_the_run": verdict,
        "counterfactual": None
        if turned is None
        else {
            "changes": list(turned.changes),
            "kind": turned.kind,
            "before": turned.before,
            "after": turned.after,
            "minimal": turned.minimal,
            "evaluations": turned.evaluations,
            "identity_alone": turned.identity_alone,
        },
    }


def print_decision(
    one: One, *, run: str, split: str, threshold: float | None, verdict: str, told: str, console: Console | None = None
) -> None:
    """Print one decision: what was decided, what it leans on, the checks, and what would have turned it."""
    out = console or Console(width=WIDTH, highlight=False, markup=False, soft_wrap=False)
    for part in _parts(one, run, split, threshold, verdict, told):
        out.print(part)


def _parts(
    one: One, run: str, split: str, threshold: float | None, verdict: str, told: str
) -> Iterator[RenderableType]:
    document, found = one.document, one.document.attribution
    yield Text(f"Row {clean(document.row_id)} of {run} ({clean(split)}): decided {clean(one.decided)}", style="bold")
    facts = [f"labelled {clean(document.label)}"]
    if document.score is not None:
        cut = "" if threshold is None else f" (threshold {digits(threshold, 'number')})"
        facts.append(f"score {digits(document.score, 'number')}{cut}")
    facts += [f"{clean(name)}: {clean(value)}" for name, value in document.groups.items()]
    yield Text("; ".join(facts), style="dim")
    if found.truncated:
        yield Text(
            f"The text was cut: the model read its first {found.tokens:,} tokens, and nothing is said of the rest."
        )
    yield Text()
    if found.status != "ok":
        yield Text("✗ This decision cannot be explained", style=STYLES["fail"])
        yield Text(f"{clean(found.reason)[:1].upper()}{clean(found.reason)[1:]}.")
    else:
        yield from _leaning(one)
        yield from _checked(one)
    yield from _run_verdict(verdict, told)
    yield from _turned(one)


def _leaning(one: One) -> Iterator[RenderableType]:
    found = one.document.attribution
    yield Text(f"What it leans on, as parts of {clean(found.target)}", style="bold")
    yield Text(load_method(one.method).title, style="dim")
    for heading, kind, units in (("columns", "column", found.columns), ("words", "word", found.words)):
        own = sorted((unit for unit in units if unit.kind == kind), key=lambda unit: -abs(unit.attribution))
        if own:
            yield Text(f"By {heading}, the strongest first")
            yield _bars(own, one)
            if len(own) > MOST_UNITS:
                yield Text(f"  and {len(own) - MOST_UNITS} more, weaker ones (--json has all)", style="dim")
    yield Text()


def _bars(units: list[Unit], one: One) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    for width in (2, 30, 9, 2 * _HALF + 1):
        table.add_column(width=width, no_wrap=True, overflow="ellipsis")
    largest = max(abs(unit.attribution) for unit in units)
    for unit in units[:MOST_UNITS]:
        name = clean(unit.unit) + (" (identity)" if _is_identity(unit, one) else "")
        value = f"{'+' if unit.attribution > 0 else ''}{digits(unit.attribution, 'number')}"
        table.add_row("", Text(name), Text(value, justify="right"), Text(_bar(unit.attribution, largest)))
    return table


def _bar(value: float, largest: float) -> str:
    """To the right of the line what raises the explained number, to the left what lowers it."""
    size = round(_HALF * abs(value) / largest) if largest > 0 else 0
    return f"{('█' * size if value < 0 else ''):>{_HALF}}│{'█' * size if value > 0 else ''}"


def _is_identity(unit: Unit, one: One) -> bool:
    names = one.identity
    return unit.unit in names or (unit.kind == "column" and any(part in names for part in unit.unit.split("+")))


def _checked(one: One) -> Iterator[RenderableType]:
    yield Text("Checks of this explanation", style="bold")
    for check in one.checks:
        word, icon = CHECK_OUTCOMES[check.outcome]
        yield Text(f"  {icon} {_CHECKS.get(check.name, check.name)}: {word}")
        yield _indented(f"{check.sentence[:1].upper()}{check.sentence[1:]}.", 4)
    yield Text()


def _run_verdict(verdict: str, told: str) -> Iterator[RenderableType]:
    word, icon = TRUST.get(verdict, TRUST["not_checked"])
    yield Group(
        Text(f"Explanations of the run as a whole: {icon} {word}", style="bold"),
        Text(f"  {clean(told, 400)}", style="dim"),
    )
    yield Text()


def _turned(one: One) -> Iterator[RenderableType]:
    turned = one.counterfactual
    if turned is None:
        return
    yield Text("What would have turned it", style="bold")
    if turned.after is None:
        yield _indented(f"No change that was tried turns the decision ({turned.evaluations:,} changed texts).")
    else:
        smallest = (
            "the smallest there is among those tried" if turned.minimal else "found, not shown to be the smallest"
        )
        doing = "With" if turned.kind == "columns" else "Without the words"
        changes = ", ".join(clean(change) for change in turned.changes)
        yield _indented(f"{doing} {changes}: {clean(turned.after)}")
        yield _indented(f"({smallest}; {turned.evaluations:,} changed texts)")
        if turned.kind == "words":
            yield _indented("Words were taken away: the model was not trained on texts with gaps.")
    if turned.identity_alone is not None:
        does = "turns" if turned.identity_alone else "does not turn"
        yield _indented(f"Changing nothing but the group {does} the decision.")


def _indented(text: str, by: int = 2) -> Padding:
    return Padding(Text(text, style="dim" if by > 2 else ""), (0, 0, 0, by))
