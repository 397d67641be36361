"""A comparison of two runs as plain lines for a terminal, at most 80 columns wide. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.reporting.comparing_view import ChangedAttribute, ComparisonView
    from rai_tune.reporting.model import Shown

_SHOWN = frozenset({"selection_rate", "accuracy"})
_NAME = 34


def comparison_lines(view: ComparisonView) -> Iterator[str]:
    """Rows, changes over everybody, changes by group, and who gains and loses."""
    yield f"Candidate  {view.candidate}"
    yield f"Production {view.production}"
    yield view.rows
    yield ""
    yield view.basis
    if view.positive:
        yield f"Positive, of which the error rates speak, is '{view.positive}'"
    for row in view.overall:
        yield _line(row.name, row.value)
    for attribute in view.attributes:
        yield from _attribute(attribute, view.favourable)
    yield from _flips(view)


def _attribute(attribute: ChangedAttribute, favourable: str) -> Iterator[str]:
    for metric in attribute.metrics:
        if metric.metric not in _SHOWN:
            continue
        yield ""
        name = f"'{favourable}'" if metric.metric == "selection_rate" else metric.name
        yield f"{name} by {attribute.attribute}"
        for row in metric.changes:
            yield _line(row.name, row.value)
        for row in metric.gaps:
            yield _line(f"gap, {row.name}", row.value)


def _flips(view: ComparisonView) -> Iterator[str]:
    if not view.flips:
        return
    yield ""
    yield f"Who gains and who loses '{view.favourable}'"
    yield f"  {'':<34} {'rows':>6} {'gained':>7} {'lost':>6}  McNemar mid-p"
    for flip in view.flips:
        yield f"  {_short(flip.name):<34} {flip.rows:>6} {flip.gained:>7} {flip.lost:>6}  {flip.p_value}"


def _short(name: str) -> str:
    return name if len(name) <= _NAME else name[: _NAME - 1] + "…"


def _line(name: str, value: Shown) -> str:
    count = f"n {value.n_text}" if value.n is not None else ""
    return f"  {_short(name):<34} {value.text:>12}  {value.interval:<20} {count}".rstrip()[:80]
