"""The data part of the view: origin, splits, groups, overlap, notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rai_tune.reporting.evidence import PROFILE, facts_of, measure_row, of_audit, where
from rai_tune.reporting.model import DataView, Fact, GroupDataRow, MeasureRow, SplitRow
from rai_tune.reporting.numbers import show
from rai_tune.reporting.text import clean, named, sentence
from rai_tune.reporting.wording import DATA_CHECKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.core import AuditResult, Measurement
    from rai_tune.recipe.schema import Recipe

_SPLITS = ("train", "validation", "test")


def data_view(
    results: tuple[AuditResult, ...], recipe: Recipe, data: Mapping[str, Any], training: Mapping[str, Any]
) -> DataView:
    """What is known about the rows. An empty ``data`` mapping gives the recipe's facts alone."""
    measured = of_audit(results, PROFILE)
    notes = [*_texts(data.get("notes")), *_texts(facts_of(results, PROFILE).get("notes"))]
    return DataView(
        facts=_facts(recipe, data),
        splits=_splits(data, training),
        groups=_groups(measured),
        checks=tuple(_check(item) for item in measured if item.metric in DATA_CHECKS and not _dull(item)),
        notes=tuple(dict.fromkeys(sentence(note) for note in notes)),
    )


def _facts(recipe: Recipe, data: Mapping[str, Any]) -> tuple[Fact, ...]:
    spec = recipe.data
    facts = [
        Fact("Origin", sentence(data.get("origin") or spec.source.name or spec.source.path or "not recorded")),
        Fact("Rows", f"{data['rows']:,}" if isinstance(data.get("rows"), int) else "not recorded"),
        Fact("What the model reads", f"column {clean(spec.text)}" if spec.text else "a template over columns"),
        Fact("Label", clean(spec.label)),
        Fact("Positive class", clean(spec.positive or "not named")),
        Fact("Favourable outcome", clean(spec.favourable or "not named")),
        Fact("Groups", ", ".join(clean(group.attribute) for group in spec.groups) or "none declared"),
        Fact("Group columns in the text", "kept out" if spec.hide_groups else "shown on purpose"),
    ]
    return tuple(facts)


def _splits(data: Mapping[str, Any], training: Mapping[str, Any]) -> tuple[SplitRow, ...]:
    splits = data.get("splits")
    if not isinstance(splits, Mapping):
        return ()
    cut = training.get("truncated")
    cut = cut if isinstance(cut, Mapping) else {}
    ordered = sorted(splits, key=lambda name: (_SPLITS.index(name) if name in _SPLITS else len(_SPLITS), str(name)))
    return tuple(
        SplitRow(
            split=clean(name),
            rows=f"{splits[name].get('rows', 0):,}",
            classes=tuple(
                Fact(clean(label), f"{count:,}") for label, count in dict(splits[name].get("classes", {})).items()
            ),
            truncated=f"{cut[name]:,}" if isinstance(cut.get(name), int) else "not recorded",
        )
        for name in ordered
    )


def _groups(measured: Sequence[Measurement]) -> tuple[GroupDataRow, ...]:
    """One row per group, on the evaluated split where several were measured."""
    found: dict[tuple[str, str], dict[str, Measurement]] = {}
    for item in measured:
        if item.attribute is not None and item.group is not None:
            cells = found.setdefault((item.attribute, item.group), {})
            if item.metric not in cells or item.split == "test":
                cells[item.metric] = item
    return tuple(
        GroupDataRow(
            attribute=named(attribute),
            group=named(group),
            representation=show(cells["representation"]) if "representation" in cells else None,
            label_rate=show(cells["label_rate"]) if "label_rate" in cells else None,
            favourable_rate=show(cells["favourable_label_rate"]) if "favourable_label_rate" in cells else None,
        )
        for (attribute, group), cells in found.items()
    )


def _check(item: Measurement) -> MeasureRow:
    row = measure_row(item, DATA_CHECKS)
    place = where(item)
    return measure_row(item, DATA_CHECKS, name=f"{row.name}: {place}") if place else row


def _dull(item: Measurement) -> bool:
    """A column without any missing value, or a group never unknown, says nothing worth a line."""
    return item.metric in {"missing_share", "unknown_share"} and item.estimate == 0


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []
