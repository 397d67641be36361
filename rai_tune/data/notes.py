"""What a person should know about the data: counts, and plain sentences about what is not an error. Internal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rai_tune.data.cells import names_phrase
from rai_tune.data.prepared import SPLITS, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from rai_tune.data.cells import Column
    from rai_tune.data.text import Texts
    from rai_tune.recipe.schema import DataSpec

FEW_ROWS = 10


def content_counts(columns: Mapping[str, Column], texts: Texts) -> dict[str, Any]:
    """Rows, missing cells per column (where any), empty texts, and rows with cells that had to be cleaned."""
    missing = {name: column.written.count(None) for name, column in columns.items()}
    return {
        "rows": len(texts.texts),
        "missing_cells": {name: count for name, count in missing.items() if count},
        "empty_texts": texts.empty,
        "cleaned_rows": len(set().union(*(column.cleaned for column in columns.values()))),
    }


def content_notes(counts: Mapping[str, Any], columns: Sequence[str], *, templated: bool) -> list[str]:
    """Sentences about ``content_counts``."""
    notes = []
    if counts["empty_texts"]:
        notes.append(f"{_rows(counts['empty_texts'])} an empty text.")
    if counts["cleaned_rows"]:
        notes.append(
            f"{_rows(counts['cleaned_rows'])} characters that are not text (NUL or half a pair); they were cleaned."
        )
    missing = counts["missing_cells"]
    notes += [
        f'{_rows(missing[name])} no value in column {name!r}; the template prints "unknown" there.'
        for name in columns
        if templated and name in missing
    ]
    return notes


def table_counts(rows: pd.DataFrame, groups: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Rows per split, per label, and per group, and rows of unknown group."""
    return {
        "splits": {split: int((rows["split"] == split).sum()) for split in SPLITS},
        "labels": _crosstab(rows, "label"),
        "groups": {name: _crosstab(rows, f"group:{name}") for name in groups},
        "unknown": {name: list(values).count(UNKNOWN) for name, values in groups.items()},
    }


def split_notes(counts: Mapping[str, Any], classes: Sequence[str]) -> list[str]:
    """Classes that a split lacks."""
    notes = []
    for split in SPLITS:
        labels = counts["labels"][split]
        lacking = [name for name in classes if not labels.get(name)]
        if len(labels) == 1 and split != "train":
            notes.append(
                f"The {split} split has only the label {next(iter(labels))!r}; rates of other labels are undefined there."
            )
        elif lacking:
            notes.append(f"The {split} split has no row with the label {names_phrase(lacking)}.")
    return notes


def group_notes(
    rows: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    counts: Mapping[str, Any],
    data: DataSpec,
    positive: str | None,
) -> list[str]:
    """Groups that are unknown, new in test, small, without positives, or expected and absent."""
    notes = []
    test = rows[rows["split"] == "test"]
    expected = {spec.attribute: spec.expected for spec in data.groups}
    for name in groups:
        if unknown := counts["unknown"][name]:
            notes.append(f'{name}: {_rows(unknown)} no known group; they are counted as "{UNKNOWN}".')
        split_counts = counts["groups"][name]
        known = {split: {key: n for key, n in split_counts[split].items() if key != UNKNOWN} for split in SPLITS}
        everywhere = {key for split in SPLITS for key in known[split]}
        if absent := sorted(set(expected.get(name, ())) - everywhere):
            notes.append(f"{name}: expected but nowhere in the data: {names_phrase(absent)}.")
        if only := sorted(set(known["test"]) - set(known["train"]) - set(known["validation"])):
            notes.append(f"{name}: only in the test split, so the model never learned from it: {names_phrase(only)}.")
        if gone := sorted(everywhere - set(known["test"])):
            notes.append(f"{name}: no row in the test split, so nothing can be measured: {names_phrase(gone)}.")
        if small := {key: n for key, n in sorted(known["test"].items()) if n < FEW_ROWS}:
            said = [f"{key} ({n})" for key, n in small.items()]
            notes.append(f"{name}: fewer than {FEW_ROWS} rows in the test split: {names_phrase(said)}.")
        if positive is not None:
            having = set(test.loc[test["label"] == positive, f"group:{name}"])
            if lacking := sorted(set(known["test"]) - having):
                notes.append(
                    f"{name}: no row labelled {positive!r} in the test split, so rates among those are undefined: {names_phrase(lacking)}."
                )
    return notes


def fresh_notes(
    rows: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    counts: Mapping[str, Any],
    classes: Sequence[str],
    known_groups: Mapping[str, Sequence[str]],
) -> list[str]:
    """About rows that a trained model is measured on: what they lack of the rows that it came from, and what is new in them."""
    notes = []
    labels = set(rows["label"])
    if lacking := [name for name in classes if name not in labels]:
        notes.append(f"No row has the label {names_phrase(lacking)}; rates among such rows are undefined.")
    for name in groups:
        if unknown := counts["unknown"][name]:
            notes.append(f'{name}: {_rows(unknown)} no known group; they are counted as "{UNKNOWN}".')
        here = {key: n for key, n in counts["groups"][name]["test"].items() if key != UNKNOWN}
        before = {key for key in known_groups.get(name, ()) if key != UNKNOWN}
        if gone := sorted(before - set(here)):
            notes.append(f"{name}: no row here, so nothing can be measured: {names_phrase(gone)}.")
        if new := sorted(set(here) - before):
            notes.append(f"{name}: not among the rows that the model came from: {names_phrase(new)}.")
        if small := [f"{key} ({n})" for key, n in sorted(here.items()) if n < FEW_ROWS]:
            notes.append(f"{name}: fewer than {FEW_ROWS} rows: {names_phrase(small)}.")
    return notes


def recipe_notes(columns: Mapping[str, Column], data: DataSpec) -> list[str]:
    """Names in the recipe for group values that never occur: often a slip of the pen."""
    notes = []
    for spec in data.groups:
        written = set(columns[spec.column].written)
        if unused := sorted(set(spec.values) - {cell for cell in written if cell is not None}):
            notes.append(
                f"{spec.attribute}: the recipe names values that never occur in column {spec.column!r}: {names_phrase(unused)}."
            )
    return notes


def overlap_counts(rows: pd.DataFrame) -> dict[str, int]:
    """Rows of validation and test whose text occurs in an earlier split, as it is and after normalisation."""
    from rai_audits.data.overlap import find_overlaps

    found = find_overlaps(rows, SPLITS)
    by_split = rows["split"].to_numpy()
    counts = {}
    for kind, flags in (("exact", found.exact), ("normalised", found.normalised)):
        for split in SPLITS[1:]:
            counts[f"{kind}_{split}"] = int((flags.to_numpy() & (by_split == split)).sum())
    counts["conflicting"] = int(found.conflicting.sum())
    return counts


def overlap_notes(counts: Mapping[str, int]) -> list[str]:
    """Sentences about ``overlap_counts``."""
    notes = []
    for split, earlier in (("validation", "train"), ("test", "train or validation")):
        exact, normalised = counts[f"exact_{split}"], counts[f"normalised_{split}"]
        if normalised:
            more = f" ({exact:,} letter for letter)"
            notes.append(
                f"{_rows(normalised, split)} a text that is also in {earlier}{more}; results on such rows say little about new ones."
            )
    if counts["conflicting"]:
        notes.append(f"{_rows(counts['conflicting'])} a text that also occurs with another label.")
    return notes


def _crosstab(rows: pd.DataFrame, column: str) -> dict[str, dict[str, int]]:
    pairs = Counter(zip(rows["split"].tolist(), rows[column].tolist(), strict=True))
    return {
        split: {str(value): count for (where, value), count in sorted(pairs.items()) if where == split}
        for split in SPLITS
    }


def _rows(count: int, split: str = "") -> str:
    kind = f"{split} row" if split else "row"
    return f"{count:,} {kind} has" if count == 1 else f"{count:,} {kind}s have"
