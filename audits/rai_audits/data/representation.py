"""Who is in the data, split by split: shares of groups and of labels, as plain counts first.

Use it from the data audit. ``unknown`` is counted and is never a group. Stable within this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_audits.core import Measurement, undefined
from rai_audits.quality.measure import measured_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_audits.core import AuditContext

UNKNOWN = "unknown"
PREFIX = "group:"


@dataclass(frozen=True)
class GroupCounts:
    """Rows of one attribute: ``rows[split][group]`` and ``labels[split][group][class]``. ``groups`` leaves ``unknown`` out."""

    attribute: str
    groups: tuple[str, ...]
    rows: dict[str, dict[str, int]]
    labels: dict[str, dict[str, dict[str, int]]]


def count_groups(context: AuditContext, attribute: str, splits: Sequence[str]) -> GroupCounts:
    """Count rows and labels of every declared or seen group in every split."""
    predictions = context.predictions
    column = predictions[PREFIX + attribute].astype(object).fillna(UNKNOWN).astype(str)
    seen = sorted(set(column) - {UNKNOWN})
    declared = [group for group in context.task.groups.get(attribute, ()) if group != UNKNOWN]
    groups = tuple(dict.fromkeys([*declared, *seen]))
    table = predictions.groupby(["split", column, predictions["label"].astype(str)], observed=True).size().to_dict()
    labels = {
        split: {
            group: {name: int(table.get((split, group, name), 0)) for name in context.task.classes}
            for group in (*groups, UNKNOWN)
        }
        for split in splits
    }
    rows = {split: {group: sum(counts.values()) for group, counts in cells.items()} for split, cells in labels.items()}
    return GroupCounts(attribute=attribute, groups=groups, rows=rows, labels=labels)


def representation(context: AuditContext, audit: str, counts: GroupCounts) -> Iterator[Measurement]:
    """Share of each split's rows in each group, and the share whose group is unknown."""
    for split, cells in counts.rows.items():
        total = sum(cells.values())
        for group in counts.groups:
            if cells[group] == 0:
                yield undefined(
                    "not_estimable", _absent(counts.attribute, group, split), audit=audit, metric="representation",
                    method="wilson", n=total, n_pos=0, n_neg=total, confidence=context.confidence,
                    attribute=counts.attribute, group=group, split=split,
                )  # fmt: skip
                continue
            yield measured_rate(
                context, cells[group], total, audit=audit, metric="representation", empty="",
                attribute=counts.attribute, group=group, split=split,
            )  # fmt: skip
        yield measured_rate(
            context, cells[UNKNOWN], total, audit=audit, metric="unknown_share", empty=f"split {split!r} has no rows",
            attribute=counts.attribute, split=split,
        )  # fmt: skip


def label_rates(context: AuditContext, audit: str, counts: GroupCounts) -> Iterator[Measurement]:
    """Share of the positive label (of every label when no class is positive) and of the favourable one, by group and split."""
    task = context.task
    wanted = [("label_rate", name) for name in ((task.positive,) if task.positive else task.classes)]
    if task.favourable:
        wanted.append(("favourable_label_rate", task.favourable))
    for split, cells in counts.rows.items():
        for group in counts.groups:
            for metric, name in wanted:
                yield measured_rate(
                    context, counts.labels[split][group][name], cells[group], audit=audit, metric=metric,
                    empty=_absent(counts.attribute, group, split), attribute=counts.attribute, group=group,
                    split=split, label=name, positive=task.positive, favourable=task.favourable,
                )  # fmt: skip


def presence_notes(counts: GroupCounts, eval_split: str) -> Iterator[str]:
    """Plain sentences about groups that are missing somewhere."""
    for group in counts.groups:
        present = [split for split, cells in counts.rows.items() if cells[group] > 0]
        absent = [split for split in counts.rows if split not in present]
        named = f"group {group!r} of {counts.attribute!r}"
        if not present:
            yield f"Declared {named} has no rows at all."
        elif present == [eval_split] and absent:
            yield f"The model never saw {named} in training: it occurs only in {eval_split!r}."
        else:
            for split in absent:
                yield f"No row of split {split!r} is in {named}."


def _absent(attribute: str, group: str, split: str) -> str:
    return f"no row of split {split!r} is in group {group!r} of {attribute!r}"
