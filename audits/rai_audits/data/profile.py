"""The data audit: who is in the rows, how labels are spread, what is missing, and what leaks between splits.

Registered as ``data_profile``. It reads labels and groups from the predictions and text and source columns from the rows; without
rows the leakage measures are ``not_estimable``. All shares count rows: row weights are not used here. Stable metrics:
``representation``, ``unknown_share``, ``label_rate``, ``favourable_label_rate``, ``missing_share``,
``duplicate_overlap_share``, ``normalised_overlap_share``, ``conflicting_label_share``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_audits.core import AuditContext, AuditOutput, Measurement, UsageError, audit, undefined
from rai_audits.data.overlap import find_overlaps
from rai_audits.data.representation import PREFIX, count_groups, label_rates, presence_notes, representation
from rai_audits.quality.measure import measured_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from rai_audits.data.overlap import Overlaps

NAME = "data_profile"
PAIR_CAP = 10_000
"""Most lines that the table of overlaps may have; a larger one tells a reader no more."""

_SOURCE_PREFIX = "col:"
_USUAL_SPLITS = ("train", "validation", "test")


@audit(NAME, suite="data", ignores_weights=True)
def _profile(context: AuditContext) -> AuditOutput:
    _check(context)
    splits = split_order(context.predictions["split"], context.eval_split)
    measurements: list[Measurement] = []
    notes: list[str] = []
    group_counts: dict[str, dict[str, dict[str, int]]] = {}
    for attribute in _attributes(context):
        counts = count_groups(context, attribute, splits)
        group_counts[attribute] = counts.rows
        measurements += representation(context, NAME, counts)
        measurements += label_rates(context, NAME, counts)
        notes += presence_notes(counts, context.eval_split)
    class_counts = _class_counts(context, splits)
    notes += _class_notes(class_counts)
    facts: dict[str, Any] = {
        "rows": {split: sum(counts.values()) for split, counts in class_counts.items()},
        "class_counts": class_counts,
        "group_counts": group_counts,
    }
    artifacts: dict[str, str] = {}
    if context.rows is None:
        notes.append("Source rows were not given, so missing values and overlap between splits were not looked at.")
        measurements += _without_rows(context)
    else:
        measurements += _missing(context, context.rows)
        found = find_overlaps(_labelled(context, context.rows), splits)
        measurements += _overlap_measurements(context, found, splits)
        facts["overlaps"] = _overlap_facts(context, found, splits)
        if len(found.pairs):
            artifacts["overlaps"] = context.artifacts.put_table("overlaps", found.pairs.head(PAIR_CAP))
        if len(found.pairs) > PAIR_CAP:
            notes.append(f"The table of overlaps lists the first {PAIR_CAP} of {len(found.pairs)} pairs.")
    facts["notes"] = notes
    return AuditOutput(measurements=tuple(measurements), artifacts=artifacts, facts=facts)


AUDIT = _profile


def split_order(column: pd.Series[str], eval_split: str) -> tuple[str, ...]:
    """Splits that occur: the usual three in their order, then others by name, the evaluated one last."""
    present = set(column.astype(str))
    usual = [name for name in _USUAL_SPLITS if name in present and name != eval_split]
    others = sorted(present - {*usual, eval_split})
    return (*usual, *others, *((eval_split,) if eval_split in present else ()))


def _check(context: AuditContext) -> None:
    predictions, task = context.predictions, context.task
    for column in ("row_id", "split", "label", *(PREFIX + name for name in task.groups)):
        if column not in predictions.columns:
            raise UsageError(f"predictions have no column {column!r}")
    repeated = predictions["row_id"][predictions["row_id"].duplicated()]
    if len(repeated):
        raise UsageError(f"predictions: row_id {str(repeated.iloc[0])!r} occurs more than once")
    strange = sorted(set(predictions["label"].astype(str)) - set(task.classes))
    if strange:
        raise UsageError(f"predictions: label {strange[0]!r} is none of the task's classes {list(task.classes)}")


def _attributes(context: AuditContext) -> tuple[str, ...]:
    columns = [name.removeprefix(PREFIX) for name in context.predictions.columns if name.startswith(PREFIX)]
    return tuple(dict.fromkeys([*context.task.groups, *columns]))


def _class_counts(context: AuditContext, splits: Sequence[str]) -> dict[str, dict[str, int]]:
    predictions = context.predictions
    table = predictions.groupby(["split", predictions["label"].astype(str)], observed=True).size().to_dict()
    return {split: {name: int(table.get((split, name), 0)) for name in context.task.classes} for split in splits}


def _class_notes(class_counts: dict[str, dict[str, int]]) -> Iterator[str]:
    for split, counts in class_counts.items():
        for name, count in counts.items():
            if count == 0:
                yield f"No row of split {split!r} has the label {name!r}."


def _without_rows(context: AuditContext) -> Iterator[Measurement]:
    places = (
        ("duplicate_overlap_share", context.eval_split),
        ("normalised_overlap_share", context.eval_split),
        ("conflicting_label_share", None),
    )
    for metric, split in places:
        yield undefined(
            "not_estimable", "source rows were not given", audit=NAME, metric=metric, method="wilson", n=0,
            confidence=context.confidence, split=split,
        )  # fmt: skip


def _missing(context: AuditContext, rows: pd.DataFrame) -> Iterator[Measurement]:
    """Share of rows, over all splits, in which a source column is null or blank."""
    for name in rows.columns:
        if not str(name).startswith(_SOURCE_PREFIX):
            continue
        column = rows[name]
        blank = column.isna() | column.map(lambda value: isinstance(value, str) and not value.strip())
        yield measured_rate(
            context, int(blank.sum()), len(rows), audit=NAME, metric="missing_share", empty="there are no rows",
            label=str(name).removeprefix(_SOURCE_PREFIX),
        )  # fmt: skip


def _labelled(context: AuditContext, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that have a prediction, with its label and split. Raises ``UsageError`` for a repeated row id."""
    if rows["row_id"].duplicated().any():
        repeated = rows.loc[rows["row_id"].duplicated(), "row_id"].iloc[0]
        raise UsageError(f"rows: row_id {str(repeated)!r} occurs more than once")
    known = context.predictions[["row_id", "split", "label"]]
    return rows[["row_id", "text"]].merge(known, on="row_id", how="inner", validate="one_to_one")


def _overlap_measurements(context: AuditContext, found: Overlaps, splits: Sequence[str]) -> Iterator[Measurement]:
    ids = _ids_of(context, context.eval_split)
    others = [split for split in splits if split != context.eval_split]
    for metric, flags in (("duplicate_overlap_share", found.exact), ("normalised_overlap_share", found.normalised)):
        hits = flags[flags.index.isin(ids)]
        if not others:
            yield undefined(
                "not_estimable", f"there is no split beside {context.eval_split!r} to compare with", audit=NAME,
                metric=metric, method="wilson", n=len(hits), confidence=context.confidence, split=context.eval_split,
            )  # fmt: skip
            continue
        yield measured_rate(
            context, int(hits.sum()), len(hits), audit=NAME, metric=metric,
            empty=f"split {context.eval_split!r} has no rows", split=context.eval_split,
        )  # fmt: skip
    yield measured_rate(
        context, int(found.conflicting.sum()), len(found.conflicting), audit=NAME, metric="conflicting_label_share",
        empty="there are no rows",
    )  # fmt: skip


def _overlap_facts(context: AuditContext, found: Overlaps, splits: Sequence[str]) -> dict[str, Any]:
    """Rows of each split that overlap an earlier one, and how much of the table is listed."""
    later = {split: _ids_of(context, split) for split in splits[1:]}
    return {
        "compared_in_order": list(splits),
        "exact_rows": {split: int(found.exact[found.exact.index.isin(ids)].sum()) for split, ids in later.items()},
        "normalised_rows": {
            split: int(found.normalised[found.normalised.index.isin(ids)].sum()) for split, ids in later.items()
        },
        "conflicting_rows": int(found.conflicting.sum()),
        "pairs_found": len(found.pairs),
        "pairs_listed": min(len(found.pairs), PAIR_CAP),
        "capped": len(found.pairs) > PAIR_CAP,
    }


def _ids_of(context: AuditContext, split: str) -> pd.Series[Any]:
    predictions = context.predictions
    return predictions.loc[predictions["split"] == split, "row_id"]
