"""From a recipe's ``data`` part to rows with roles: the one way in for training (``prepare``) and scoring (``prepare_frame``).

Stable API. Both are deterministic: the same rows, recipe and seed give the same ids, splits and digests, whatever the row order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from rai_tune.core import UsageError
from rai_tune.data import groups as grouping
from rai_tune.data import notes as noting
from rai_tune.data.cells import Column, need_column, read_columns
from rai_tune.data.identity import content_digests, json_line, lines_digest, row_ids
from rai_tune.data.labels import check_favourable, choose_positive, read_labels
from rai_tune.data.prepared import UNKNOWN, PreparedData, PreparedRows
from rai_tune.data.source import read_source
from rai_tune.data.splits import split_rows
from rai_tune.data.text import Texts, build_texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rai_tune.recipe.schema import DataSpec


def prepare(data: DataSpec, seed: int, base_dir: Path) -> PreparedData:
    """Read, check, split and describe the rows of a recipe; paths are relative to ``base_dir``.

    Raises ``UsageError`` naming the file, row or field of anything that a person has to put right. What is only worth
    knowing (small groups, duplicates across splits, missing cells) is in ``notes`` and ``counts``.
    """
    table = read_source(data.source, base_dir)
    columns = read_columns(table.frame, table.origin)
    labels = read_labels(columns, data, table.origin)
    classes = tuple(sorted(set(labels)))
    positive = choose_positive(classes, data)
    favourable = check_favourable(classes, data)
    groups = grouping.read_groups(columns, data, table.origin)
    contents = content_digests(columns)
    ids = row_ids(columns, contents, data.id, table.origin)
    weights = _weights(columns, data, table.origin)
    texts = build_texts(columns, data, table.origin)
    splits = split_rows(columns, data, ids, labels, groups, seed, table.origin)

    roles: dict[str, Any] = {"row_id": ids, "split": splits, "label": labels}
    if weights is not None:
        roles["weight"] = weights
    rows = _table(roles, texts, groups, columns)
    counts = {
        **noting.content_counts(columns, texts),
        **noting.table_counts(rows, groups),
        "overlaps": noting.overlap_counts(rows),
    }
    notes = (
        *noting.content_notes(counts, texts.columns, templated=texts.segments is not None),
        *noting.recipe_notes(columns, data),
        *noting.split_notes(counts, classes),
        *noting.group_notes(rows, groups, counts, data, positive),
        *noting.overlap_notes(counts["overlaps"]),
    )
    return PreparedData(
        rows=rows,
        origin=table.origin,
        classes=classes,
        positive=positive,
        favourable=favourable,
        groups=grouping.all_groups(data, groups),
        group_columns=grouping.group_columns(data),
        columns_in_text=texts.columns,
        seen_by_model=grouping.seen_by_model(data, texts.columns),
        source_digest=table.digest,
        data_digest=_data_digest(classes, positive, favourable, rows, contents, groups),
        test_digest=_test_digest(rows),
        notes=notes,
        counts=counts,
    )


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
