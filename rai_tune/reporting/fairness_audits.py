"""Audits of fairness beyond the rates of single groups, whole and in the order in which they matter, for a screen. Stable API.

``fairness_audits`` says of each audit that a reader may look for what it found, that it found nothing, that it stopped with an error, or that it
was not run and what would run it: silence never stands for "nothing found".
"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from rai_tune.reporting.audit_words import AUDITS
from rai_tune.reporting.chapters import audit_title, chapters
from rai_tune.reporting.fairness_drawing import Listed, chart_of, laid_out, listed_rows
from rai_tune.reporting.suppression import shown
from rai_tune.reporting.text import clean, named, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rai_tune.core import AuditResult
    from rai_tune.reporting.charts import DotChart
    from rai_tune.reporting.inputs import ReportInputs
    from rai_tune.reporting.model import Chapter, Grid, MeasureRow

MOST_ROWS = 20_000
"""Rows of one table that are prepared for the screen, which shows them a page at a time."""

ORDER = (
    "intersections",
    "paired_swaps",
    "slice_discovery",
    "four_fifths",
    "ll144",
    "base_vs_tuned",
    "score_fairness",
    "simpson",
    "unknown_demographics",
    "inequality",
)
"""Audits that a reader may look for, in the order of showing; without a result they are said not to have been run."""

_SOMETIMES = ("regression_gaps",)
_FIRST = ("mitigation_effect",)
"""Audits of some runs, shown before all others where they ran."""
_WHOLE = frozenset({"slice_discovery", "ll144", "inequality"})
_JOINS = (" x ", " & ")
State = Literal["measured", "nothing", "failed", "absent"]


@dataclass(frozen=True)
class FairnessAudit:
    """One audit. ``chapter`` is None unless it measured something; ``charts`` belong to its tables of the same place, None for none.

    ``listed`` are measurements that are drawn beside their own table and are not in the chapter's rows. ``sentence`` says what the audit asks, or why there is nothing to show.
    """

    audit: str
    title: str
    state: State
    sentence: str
    chapter: Chapter | None
    charts: tuple[DotChart | None, ...] = ()
    listed: tuple[Listed, ...] = ()
    others: tuple[str, ...] = ()
    """Attributes that it measured and that are left out here, see ``about``."""


@dataclass(frozen=True)
class Meant:
    """The two classes that must stand beside every table of rates; empty where the task names none."""

    positive: str
    favourable: str

    @property
    def sentence(self) -> str:
        """Both in one sentence."""
        favourable = f"Favourable: '{self.favourable}'" if self.favourable else "No favourable outcome is named"
        positive = f"positive: '{self.positive}'" if self.positive else "no positive class is named"
        return f"{favourable}; {positive}."


def meant(inputs: ReportInputs) -> Meant:
    """Positive and favourable of a run: as the data recorded them, else as the recipe names them."""
    spec = inputs.recipe.data
    return Meant(
        clean(inputs.data.get("positive") or spec.positive or ""),
        clean(inputs.data.get("favourable") or spec.favourable or ""),
    )


def fairness_audits(inputs: ReportInputs) -> tuple[FairnessAudit, ...]:
    """Every audit of ``ORDER``, small cells hidden, the absent ones last."""
    told = shown(inputs)
    results = {result.audit: result for result in told.results}
    found = {chapter.audit: chapter for chapter in chapters(told.results, MOST_ROWS)}
    names = [
        *(name for name in _FIRST if name in results),
        *ORDER,
        *(name for name in _SOMETIMES if name in results),
    ]
    favourable = meant(inputs).favourable or "favoured"
    audits = [_audit(name, results.get(name), found.get(name), favourable) for name in names]
    return tuple(sorted(audits, key=lambda each: each.state == "absent"))


def measuring(inputs: ReportInputs, *, parent: str | None) -> tuple[str, str]:
    """What would run the audits that are absent: a sentence, and a command that can be pasted (empty where there is none)."""
    state, run_id = str(inputs.run.get("state", "unknown")), str(inputs.run.get("id", "RUN"))
    if state != "completed":
        return f"The run is {clean(state)}; audits run once a model has made its predictions.", ""
    if not inputs.recipe.data.groups:
        return "These audits compare groups: name group columns in the recipe (data.groups) and start a new run.", ""
    if parent is not None:
        return "An audit of what is in use runs the audits that the recipe of its model names (audits.include).", ""
    return (
        "This runs every audit of the suite on the stored predictions. What follows is a re-decision, since the choice of audits came after "
        "the first look; audits named in the recipe (audits.include) run with the run.",
        f"raitune audit {shlex.quote(run_id)} --suite fairness",
    )


def about(audit: FairnessAudit, attribute: str) -> FairnessAudit:
    """What an audit found about one attribute, as ``GroupTable`` names it, and its crossings, beside what concerns no attribute.

    Audits in ``_WHOLE`` stay whole: a bias audit by law is one table, and slices and benefit know no attribute.
    """
    if audit.chapter is None or audit.audit in _WHOLE:
        return audit
    chapter = audit.chapter
    kept = [
        (grid, chart) for grid, chart in zip(chapter.grids, audit.charts, strict=True) if _concerns(grid, attribute)
    ]
    rows = tuple(row for row in chapter.rows if _is_about(row.value.ref.attribute, attribute))
    measured = {name for grid in chapter.grids if (name := _attribute(grid)) is not None}
    measured |= {row.value.ref.attribute for row in chapter.rows if row.value.ref.attribute is not None}
    others = sorted(named(name) for name in measured if not _is_about(name, attribute))
    return replace(
        audit,
        chapter=replace(chapter, grids=tuple(grid for grid, _ in kept), rows=rows),
        charts=tuple(chart for _, chart in kept),
        others=tuple(others),
    )


def _concerns(grid: Grid, attribute: str) -> bool:
    return _is_about(_attribute(grid), attribute)


def _attribute(grid: Grid) -> str | None:
    return next((cell.ref.attribute for row in grid.rows for cell in row.cells if cell is not None), None)


def _is_about(name: str | None, attribute: str) -> bool:
    """Whether an attribute of a measurement is the one that is looked at, a crossing with it, or none at all."""
    if name is None or named(name) == attribute:
        return True
    parts = {named(part) for joiner in _JOINS for part in name.split(joiner)}
    return attribute in parts


def _audit(name: str, result: AuditResult | None, chapter: Chapter | None, favourable: str) -> FairnessAudit:
    title = audit_title(name)
    asks = AUDITS[name].meaning
    if result is None:
        return FairnessAudit(name, title, "absent", asks, None)
    if result.status != "ok":
        reason = sentence(result.reason or "no reason recorded").rstrip(".")
        return FairnessAudit(name, title, "failed", f"The audit stopped with an error: {reason}.", None)
    if chapter is None:
        return FairnessAudit(name, title, "nothing", sentence(f"{asks} {_searched(result.facts)}".strip()), None)
    if name == "slice_discovery":
        chapter = _slices(chapter, result.facts)
    chapter = replace(chapter, grids=tuple(laid_out(grid) for grid in chapter.grids))
    listed = tuple(listed_rows(name, chapter.rows, favourable))
    told = {row.value.ref.metric for each in listed for row in each.rows}
    chapter = replace(chapter, rows=tuple(row for row in chapter.rows if row.value.ref.metric not in told))
    return FairnessAudit(
        audit=name,
        title=title,
        state="measured",
        sentence=chapter.sentence,
        chapter=chapter,
        charts=tuple(chart_of(grid, favourable) for grid in chapter.grids),
        listed=listed,
    )


def _slices(chapter: Chapter, facts: Mapping[str, Any]) -> Chapter:
    """Slices with the largest difference first, and how many were looked at."""

    def size(row: MeasureRow) -> float:
        return -abs(row.value.estimate) if row.value.estimate is not None else math.inf

    words = f"{chapter.sentence} {_searched(facts)}".strip()
    return replace(chapter, sentence=sentence(words), rows=tuple(sorted(chapter.rows, key=size)))


def _searched(facts: Mapping[str, Any]) -> str:
    """How much was searched, and the correction for it; empty for an audit that does not search."""
    tested, confirmed = facts.get("tested"), facts.get("confirmed")
    if not isinstance(tested, int) or not isinstance(confirmed, int):
        return ""
    level = facts.get("false_discovery_rate")
    share = f" at {100 * level:g} % false discoveries (Benjamini-Hochberg)" if isinstance(level, float) else ""
    halves = [facts.get(name) for name in ("rows_to_find", "rows_to_test")]
    on = (
        f", found on {halves[0]:,} rows and tested on {halves[1]:,} others"
        if all(isinstance(n, int) for n in halves)
        else ""
    )
    return f"{tested:,} slices tested{on}; {confirmed:,} confirmed{share}."
