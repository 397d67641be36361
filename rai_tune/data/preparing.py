"""From a recipe's ``data`` part to rows with roles, and the only way: no other code reads a source for a model.

Stable API: ``prepare`` for training, ``prepare_fresh`` for measuring a trained model on other rows, ``prepare_frame`` for scoring. All are deterministic: the same rows, recipe and seed give the same ids, splits and digests, whatever the row order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from rai_tune.core import UsageError
from rai_tune.data import groups as grouping
from rai_tune.data import notes as noting
from rai_tune.data.cells import Column, need_column, read_columns
from rai_tune.data.identity import content_digests, json_line, lines_digest, row_ids
from rai_tune.data.labels import check_favourable, choose_positive, read_known_labels, read_labels
from rai_tune.data.prepared import UNKNOWN, PreparedData, PreparedRows
from rai_tune.data.source import read_source
from rai_tune.data.splits import split_rows
from rai_tune.data.text import Texts, build_texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rai_tune.data.source import SourceTable
    from rai_tune.recipe.schema import DataSpec


@dataclass(frozen=True)
class Task:
    """What labels mean: all classes, the one that TPR and AUC speak of, and the outcome that a person wants."""

    classes: tuple[str, ...]
    positive: str | None
    favourable: str | None


def prepare(data: DataSpec, seed: int, base_dir: Path) -> PreparedData:
    """Read, check, split and describe the rows of a recipe; paths are relative to ``base_dir``.

    Raises ``UsageError`` naming the file, row or field of anything that a person has to put right. What is only worth
    knowing (small groups, duplicates across splits, missing cells) is in ``notes`` and ``counts``.
    """
    table = read_source(data.source, base_dir)
    columns = read_columns(table.frame, table.origin)
    labels = read_labels(columns, data, table.origin)
    classes = tuple(sorted(set(labels)))
    task = Task(classes, choose_positive(classes, data), check_favourable(classes, data))
    read = _read(columns, labels, data, table.origin)
    splits = split_rows(columns, data, read.ids, labels, read.groups, seed, table.origin)
    rows = read.table(splits)
    counts = {**read.counts(rows), "overlaps": noting.overlap_counts(rows)}
    notes = (
        *read.notes(counts),
        *noting.recipe_notes(columns, data),
        *noting.split_notes(counts, classes),
        *noting.group_notes(rows, read.groups, counts, data, task.positive),
        *noting.overlap_notes(counts["overlaps"]),
    )
    return _prepared(table, read, rows, task, grouping.all_groups(data, read.groups), notes, counts)


def prepare_fresh(
    data: DataSpec, base_dir: Path, task: Task, known_groups: Mapping[str, Sequence[str]]
) -> PreparedData:
    """Rows that a trained model never saw, all of them test rows: nothing is learned or chosen on them.

    ``task`` is what the model was trained to tell, ``known_groups`` the groups of the rows that it came from: one of those that is absent
    here stays declared, so that nothing is decided about it. Raises ``UsageError`` as ``prepare`` does, and for a label that the model
    does not know.
    """
    table = read_source(data.source, base_dir)
    columns = read_columns(table.frame, table.origin)
    labels = read_known_labels(columns, data, task.classes, table.origin)
    read = _read(columns, labels, data, table.origin)
    rows = read.table(["test"] * len(labels))
    counts = read.counts(rows)
    seen = grouping.all_groups(data, read.groups)
    groups = {
        name: tuple(sorted({*values, *(group for group in known_groups.get(name, ()) if group != UNKNOWN)}))
        for name, values in seen.items()
    }
    notes = (*read.notes(counts), *noting.fresh_notes(rows, read.groups, counts, task.classes, known_groups))
    return _prepared(table, read, rows, task, groups, notes, counts)


def prepare_frame(frame: pd.DataFrame, data: DataSpec, *, source: str) -> PreparedRows:
    """Ready rows for scoring: they need the columns of the text, not the label or the groups. ``source`` is for messages.

    Without the id column the ids are content digests, as in ``prepare``. Raises ``UsageError`` as ``prepare`` does.
    """
    if frame.empty:
        raise UsageError(f"{source}: there are no rows")
    columns = read_columns(frame, source)
    texts = build_texts(columns, data, source)
    groups = grouping.read_groups(columns, data, source, partial=True)
    ids = row_ids(columns, content_digests(columns), data.id if data.id in columns else None, source)
    counts = {
        **noting.content_counts(columns, texts),
        "unknown": {name: values.count(UNKNOWN) for name, values in groups.items()},
    }
    return PreparedRows(
        rows=_table({"row_id": ids}, texts, groups, columns),
        columns_in_text=texts.columns,
        notes=tuple(noting.content_notes(counts, texts.columns, templated=texts.segments is not None)),
        counts=counts,
    )


@dataclass(frozen=True, eq=False)
class _Read:
    """The columns of a source in their roles, before anybody says which split a row is in."""

    data: DataSpec
    columns: dict[str, Column]
    labels: list[str]
    groups: dict[str, list[str]]
    contents: list[str]
    ids: list[str]
    weights: list[float] | None
    texts: Texts

    def table(self, splits: Sequence[str]) -> pd.DataFrame:
        roles: dict[str, Any] = {"row_id": self.ids, "split": splits, "label": self.labels}
        if self.weights is not None:
            roles["weight"] = self.weights
        return _table(roles, self.texts, self.groups, self.columns)

    def counts(self, rows: pd.DataFrame) -> dict[str, Any]:
        return {**noting.content_counts(self.columns, self.texts), **noting.table_counts(rows, self.groups)}

    def notes(self, counts: Mapping[str, Any]) -> list[str]:
        return noting.content_notes(counts, self.texts.columns, templated=self.texts.segments is not None)


def _read(columns: dict[str, Column], labels: list[str], data: DataSpec, origin: str) -> _Read:
    groups = grouping.read_groups(columns, data, origin)
    contents = content_digests(columns)
    ids = row_ids(columns, contents, data.id, origin)
    weights = _weights(columns, data, origin)
    return _Read(data, columns, labels, groups, contents, ids, weights, build_texts(columns, data, origin))


def _prepared(
    table: SourceTable,
    read: _Read,
    rows: pd.DataFrame,
    task: Task,
    groups: Mapping[str, tuple[str, ...]],
    notes: tuple[str, ...],
    counts: Mapping[str, Any],
) -> PreparedData:
    return PreparedData(
        rows=rows,
        origin=table.origin,
        classes=task.classes,
        positive=task.positive,
        favourable=task.favourable,
        groups=groups,
        group_columns=grouping.group_columns(read.data),
        columns_in_text=read.texts.columns,
        seen_by_model=grouping.seen_by_model(read.data, read.texts.columns),
        source_digest=table.digest,
        data_digest=_data_digest(task.classes, task.positive, task.favourable, rows, read.contents, read.groups),
        test_digest=_test_digest(rows),
        notes=notes,
        counts=counts,
    )


def _table(
    roles: Mapping[str, Any], texts: Texts, groups: Mapping[str, Sequence[str]], columns: Mapping[str, Column]
) -> pd.DataFrame:
    parts: dict[str, Any] = {**roles, "text": texts.texts}
    if texts.segments is not None:
        parts["segments"] = pd.Series(texts.segments, dtype=object)
    parts |= {f"group:{name}": values for name, values in groups.items()}
    parts |= {f"col:{name}": column.series() for name, column in columns.items()}
    return pd.DataFrame(parts)


def _weights(columns: dict[str, Column], data: DataSpec, origin: str) -> list[float] | None:
    if data.weight is None:
        return None
    column = need_column(columns, data.weight, "data.weight", origin)
    weights = []
    for row, cell in enumerate(column.written):
        try:
            weight = math.nan if cell is None else float(cell)
        except ValueError:
            weight = math.nan
        if not (math.isfinite(weight) and weight > 0):
            said = "is empty" if cell is None else f"is {cell!r}"
            raise UsageError(
                f"{origin}, row {row + 1}: the weight column {data.weight!r} {said}; a weight is a finite number above 0"
            )
        weights.append(weight)
    return weights


def _data_digest(
    classes: Sequence[str],
    positive: str | None,
    favourable: str | None,
    rows: pd.DataFrame,
    contents: Sequence[str],
    groups: Mapping[str, Sequence[str]],
) -> str:
    parts: list[Sequence[Any]] = [rows[name].tolist() for name in ("row_id", "split", "label", "text")] + [contents]
    parts += [groups[name] for name in sorted(groups)]
    if "weight" in rows:
        parts.append([repr(weight) for weight in rows["weight"].tolist()])
    lines = sorted(json_line(list(row)) for row in zip(*parts, strict=True))
    return lines_digest([list(classes), positive, favourable, sorted(groups)], lines)


def _test_digest(rows: pd.DataFrame) -> str:
    test = rows[rows["split"] == "test"]
    lines = sorted(
        json_line(list(row)) for row in zip(*(test[name].tolist() for name in ("row_id", "label", "text")), strict=True)
    )
    return lines_digest(["row_id", "label", "text"], lines)
