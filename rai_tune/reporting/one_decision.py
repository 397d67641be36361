"""One explained decision, as JSON and on a terminal of 80 columns. Stable API: ``decision_json``, ``print_decision``.

Signs are written and bars point to a side, so nothing depends on colour. Words and values are data and are shown as literal text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rai_tune.reporting.decision_form import decision_form, is_identity, signed
from rai_tune.reporting.terminal_controls import STYLES
from rai_tune.reporting.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from rai_audits.explain.single import One
    from rai_tune.reporting.decision_form import DecisionForm, UnitRow

SCHEMA = "rai-tune/explanation/v1"
WIDTH = 80
MOST_UNITS = 15
_HALF = 14


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
                "identity": is_identity(unit, one),
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
    for part in _parts(decision_form(one, split=split, threshold=threshold, verdict=verdict, told=told), run):
        out.print(part)


def _parts(form: DecisionForm, run: str) -> Iterator[RenderableType]:
    yield Text(f"Row {form.row} of {run} ({form.split}): decided {form.decided}", style="bold")
    yield Text("; ".join(f"{fact.name}: {fact.text}" for fact in form.facts), style="dim")
    if form.cut:
        yield Text(form.cut)
    yield Text()
    if form.explained:
        yield from _leaning(form)
        yield from _checked(form)
    else:
        yield Text("✗ This decision cannot be explained", style=STYLES["fail"])
        yield Text(form.reason)
    yield Text(f"Explanations of the run as a whole: {form.icon} {form.word}", style="bold")
    yield Text(f"  {clean(form.told, 400)}", style="dim")
    yield Text()
    if form.turned:
        yield Text("What would have turned it", style="bold")
        yield from (_indented(told) for told in form.turned)


def _leaning(form: DecisionForm) -> Iterator[RenderableType]:
    yield Text(f"What it leans on, as parts of {form.target}", style="bold")
    yield Text(form.method, style="dim")
    for heading, kind in (("columns", "column"), ("words", "word")):
        own = sorted((unit for unit in form.units if unit.kind == kind), key=lambda unit: -abs(unit.attribution))
        if own:
            yield Text(f"By {heading}, the strongest first")
            yield _bars(own)
            if len(own) > MOST_UNITS:
                yield Text(f"  and {len(own) - MOST_UNITS} more, weaker ones (--json has all)", style="dim")
    yield Text()


def _bars(units: list[UnitRow]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    for width in (2, 30, 9, 2 * _HALF + 1):
        table.add_column(width=width, no_wrap=True, overflow="ellipsis")
    largest = max(abs(unit.attribution) for unit in units)
    for unit in units[:MOST_UNITS]:
        name = clean(unit.unit) + (" (identity)" if unit.identity else "")
        table.add_row(
            "", Text(name), Text(signed(unit.attribution), justify="right"), Text(_bar(unit.attribution, largest))
        )
    return table


def _bar(value: float, largest: float) -> str:
    """To the right of the line what raises the explained number, to the left what lowers it."""
    size = round(_HALF * abs(value) / largest) if largest > 0 else 0
    return f"{('█' * size if value < 0 else ''):>{_HALF}}│{'█' * size if value > 0 else ''}"


def _checked(form: DecisionForm) -> Iterator[RenderableType]:
    yield Text("Checks of this explanation", style="bold")
    for check in form.checks:
        yield Text(f"  {check.icon} {check.name}: {check.word}")
        yield _indented(check.sentence, 4)
    yield Text()


def _indented(text: str, by: int = 2) -> Padding:
    return Padding(Text(text, style="dim" if by > 2 else ""), (0, 0, 0, by))
