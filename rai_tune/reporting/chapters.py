"""Measurements that have no chapter of their own, one short chapter for each audit. Internal to the reporting room.

A chapter on paper holds ``MOST_ROWS`` rows at most and says where the rest is: those about everybody come first, rows without a number
last, and of a difference between two groups only one direction is shown, since the other says the same with the sign turned.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rai_tune.reporting.audit_words import AUDITS, FIRST, METRICS
from rai_tune.reporting.evidence import KNOWN_AUDITS, SWAPS, measure_row, swap_name
from rai_tune.reporting.facts import RULES
from rai_tune.reporting.grids import grids, in_grid
from rai_tune.reporting.model import Chapter, MeasureRow
from rai_tune.reporting.text import clean, named, sentence
from rai_tune.reporting.wording import words_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rai_tune.core import AuditResult, Measurement
    from rai_tune.reporting.model import Grid

MOST_ROWS = 40
_RATIO = "impact_ratio"
_TURNING = frozenset({_RATIO, "impact_ratio_adjusted", "simpson_reversal"})
_SIZE = "group_size"  # every other row of the group has it as its n
Place = tuple[str | None, ...]


def other_rows(results: tuple[AuditResult, ...]) -> tuple[MeasureRow, ...]:
    """Every measurement of audits that the report has no chapter for, such as those of third parties, each named in full."""
    return tuple(
        measure_row(item, METRICS, name=f"{_prefix(item)}{row_name(item)}")
        for result in results
        if result.audit not in KNOWN_AUDITS
        for item in result.measurements
    )


def chapters(results: tuple[AuditResult, ...], most: int = MOST_ROWS) -> tuple[Chapter, ...]:
    """One chapter for each such audit that measured something or failed, in the order of the results; tables and list hold ``most`` rows."""
    return tuple(
        _chapter(result, most) for result in results if result.audit not in KNOWN_AUDITS and result.measurements
    )


def audit_title(audit: str) -> str:
    """The title of an audit in words; one of a third party goes by its registered name."""
    return AUDITS[audit].name if audit in AUDITS else clean(audit)


def row_name(item: Measurement) -> str:
    """What was measured and of whom: ``Ranking within the group: Black (race)``."""
    if item.audit == SWAPS:
        return swap_name(item)
    of = ", ".join(_of(item))
    said = words_for(item.metric, METRICS).name
    return f"{said}: {of}" if of else said


def _prefix(item: Measurement) -> str:
    return "" if item.audit == SWAPS else f"{audit_title(item.audit)}: "


def _of(item: Measurement) -> Iterator[str]:
    if item.group is not None:
        pair = f" against {named(item.reference)}" if item.reference is not None else ""
        place = f" ({named(item.attribute)})" if item.attribute is not None else ""
        yield f"{named(item.group)}{pair}{place}"
    elif item.attribute is not None:
        yield named(item.attribute)
    if item.label is not None:
        yield _label(item.audit, item.label)


def _label(audit: str, label: str) -> str:
    if audit == "simpson":
        return f"within {named(label)}"
    return named(label).replace("_", " ") if audit == "pii" else named(label)


def _chapter(result: AuditResult, most: int) -> Chapter:
    places = {_place(item) for item in result.measurements}
    shown = [
        item
        for item in result.measurements
        if item.metric != _SIZE and not _mirrored(item, places) and not _in_json_only(item)
    ]
    ordered = sorted((item for item in shown if not in_grid(item)), key=_rank)
    tables = grids(result, most)
    rows = tuple(_each_meaning_once(measure_row(item, METRICS, name=row_name(item)) for item in ordered[:most]))
    return Chapter(
        audit=clean(result.audit),
        title=audit_title(result.audit),
        sentence=_sentence(result),
        grids=tables,
        rows=rows,
        left_out=len(result.measurements) - len(rows) - sum(map(_cells, tables)),
    )


def measured(chapter: Chapter) -> int:
    """How many measurements the audit of a chapter made."""
    return len(chapter.rows) + sum(map(_cells, chapter.grids)) + chapter.left_out


def _cells(table: Grid) -> int:
    return sum(cell is not None for row in table.rows for cell in row.cells)


def _rank(item: Measurement) -> tuple[bool, bool, int, bool, float]:
    first = FIRST.get(item.audit, ())
    place = first.index(item.metric) if item.metric in first else len(first)
    lowest_first = item.value if item.metric == _RATIO and item.status == "ok" else 0.0
    return (
        isinstance(item.estimate, str),
        item.attribute is not None,
        place,
        item.label not in {None, "any"},
        lowest_first,
    )


def _each_meaning_once(rows: Iterable[MeasureRow]) -> Iterator[MeasureRow]:
    told: set[str] = set()
    for row in rows:
        yield replace(row, meaning="") if row.meaning in told else row
        told.add(row.meaning)


def _sentence(result: AuditResult) -> str:
    words = [AUDITS[result.audit].meaning] if result.audit in AUDITS else []
    return sentence(" ".join([*words, *_base(result)]))


def _base(result: AuditResult) -> Iterator[str]:
    """How the base was made to decide: without it the changes mean nothing."""
    told = result.facts.get("base")
    if result.audit != "base_vs_tuned" or not isinstance(told, dict):
        return
    threshold = told.get("threshold")
    rule = str(told.get("threshold_rule"))
    cut = f", threshold {threshold:.3g}, {RULES.get(rule, clean(rule))}" if isinstance(threshold, float) else ""
    yield f"Base: {told.get('model')}; {told.get('decides_by')}; {told.get('train_rows')} training rows{cut}."


def _in_json_only(item: Measurement) -> bool:
    """Means of one group for each word or column: on paper their differences and the means over everybody are enough."""
    return item.audit == "global_attributions" and item.group is not None and item.reference is None


def _place(item: Measurement) -> Place:
    return (item.metric, item.attribute, item.group, item.reference, item.label, item.split)


def _mirrored(item: Measurement, places: set[Place]) -> bool:
    """Whether the same difference stands there already with the two groups exchanged."""
    if item.group is None or item.reference is None or item.group < item.reference:
        return False
    turns = "difference" in item.metric or item.metric in _TURNING
    return turns and (item.metric, item.attribute, item.reference, item.group, item.label, item.split) in places
