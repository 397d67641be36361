"""Which measurements a document repeats, and how it names what they are about. Internal.

Labels of measurements may be words of the texts that were audited, so a measurement with a label is repeated only where the label is a
class of the task or a column. Small cells arrive suppressed and stay so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.text import named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.core import Measurement
    from rai_tune.reporting.documents.subject import Subject

_OF_WORDS = frozenset({"global_attributions", "plausibility", "slice_discovery", "adverse_action_reasons", "pii"})
"""Audits whose labels are words or values of rows."""


def repeatable(subject: Subject) -> Iterator[Measurement]:
    """Measurements with a number that a document may repeat, in the order of the audits' names."""
    known = _known_labels(subject)
    for result in sorted(subject.told.results, key=lambda each: each.audit):
        if result.status != "ok" or result.audit in _OF_WORDS:
            continue
        yield from (item for item in result.measurements if item.status == "ok" and _is_known(item, known))


def slice_name(item: Measurement) -> str:
    """What a measurement is about: ``split test; race Black against white; label denied``."""
    parts = []
    if item.split is not None:
        parts.append(f"split {named(item.split)}")
    if item.attribute is not None and item.group is None:
        parts.append(named(item.attribute))
    if item.group is not None:
        pair = f" against {named(item.reference)}" if item.reference is not None else ""
        parts.append(f"{named(item.attribute or 'group')} {named(item.group)}{pair}")
    if item.label is not None:
        parts.append(f"label {named(item.label)}")
    return "; ".join(parts) or "all rows"


def classes_of(subject: Subject) -> tuple[str, ...]:
    """Class names of the task: those found in the data, else those that the recipe names."""
    found = subject.real.data.get("classes")
    if isinstance(found, list | tuple) and found:
        return tuple(map(str, found))
    spec = subject.recipe.data
    return tuple(name for name in dict.fromkeys((spec.positive, spec.favourable)) if name)


def _known_labels(subject: Subject) -> frozenset[str]:
    columns = subject.real.data.get("columns_in_text")
    listed = map(str, columns) if isinstance(columns, list | tuple) else ()
    spec = subject.recipe.data
    attributes = (name for group in spec.groups for name in (group.attribute, group.column))
    return frozenset((*classes_of(subject), *listed, *attributes))


def _is_known(item: Measurement, known: frozenset[str]) -> bool:
    return item.label is None or item.label in known
