"""Look-ups over audit results: the few questions that the parts of the view ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.reporting.model import MeasureRow
from rai_tune.reporting.numbers import show
from rai_tune.reporting.text import clean, named
from rai_tune.reporting.wording import SWAPS as SWAP_WORDS
from rai_tune.reporting.wording import Words, words_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.core import AuditResult, Measurement

PROFILE = "data_profile"
QUALITY = "task_quality"
GROUPS = "group_rates"
EXPLAIN = "explanations"
IDENTITY = "identity_reliance"
SWAPS = "paired_swaps"
KNOWN_AUDITS = (PROFILE, QUALITY, GROUPS, EXPLAIN)


def of_audit(results: tuple[AuditResult, ...], audit: str) -> tuple[Measurement, ...]:
    """All measurements of one audit, in the order they were made."""
    return tuple(item for result in results if result.audit == audit for item in result.measurements)


def facts_of(results: tuple[AuditResult, ...], audit: str) -> dict[str, Any]:
    """Facts of one audit; empty when it did not run."""
    return {name: value for result in results if result.audit == audit for name, value in result.facts.items()}


def measure_row(measurement: Measurement, *tables: dict[str, Words], name: str | None = None) -> MeasureRow:
    """A row in plain words. ``name`` replaces the metric's own words."""
    words = words_for(measurement.metric, *tables)
    return MeasureRow(
        name=name or words.name, meaning=words.meaning, split=clean(measurement.split or ""), value=show(measurement)
    )


def where(measurement: Measurement) -> str:
    """Group, pair or label of a measurement in words; empty for one about everything."""
    return ", ".join(_where(measurement))


def swap_name(measurement: Measurement) -> str:
    """Row name of an identity swap: what changed into what, and what is measured."""
    said = words_for(measurement.metric, SWAP_WORDS).name
    if measurement.group is None:
        return f"Swap of {named(measurement.attribute or '')}: {said}"
    return f"Swap of {named(measurement.group)} to {named(measurement.reference or '')}: {said}"


def _where(measurement: Measurement) -> Iterator[str]:
    if measurement.group is not None:
        pair = f" against {named(measurement.reference)}" if measurement.reference is not None else ""
        yield f"{named(measurement.group)}{pair}"
    if measurement.attribute is not None:
        yield named(measurement.attribute)
    if measurement.label is not None:
        yield named(measurement.label)
