"""The second look at a table: its rows as the frame that audits read. Internal to this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import UsageError
from rai_audits.fairness.table.cells import UNKNOWN, Coded, coded, group_cells, numbers
from rai_audits.fairness.table.spec import CROSS
from rai_audits.fairness.table.survey import wanted_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from rai_audits.fairness.table.join import Joined
    from rai_audits.fairness.table.meaning import Meaning
    from rai_audits.fairness.table.source import Part, Source
    from rai_audits.fairness.table.spec import TableSpec

SPLIT = "test"


def frames(
    source: Source, spec: TableSpec, joined: Joined | None, meant: Meaning, *, ids: bool
) -> Iterator[pd.DataFrame]:
    """Frames of a table, part by part, with categorical columns.

    Their ``row_id`` is the id column when ``ids`` asks for it, else the number of the row, which costs nothing.
    """
    start = 0
    for part in source.read(wanted_columns(spec, joined)):
        if part.batch.num_rows:
            yield _frame(part, spec, joined, meant, start, ids=ids and spec.row_id is not None)
        start += part.batch.num_rows


def whole_frame(source: Source, spec: TableSpec, joined: Joined | None, meant: Meaning) -> pd.DataFrame:
    """All rows, in an order that depends on their content alone, so that audits that sort or draw find the same rows again."""
    import pandas as pd

    parts = list(frames(source, spec, joined, meant, ids=True))
    frame = pd.concat([_plain(part) for part in parts], ignore_index=True)
    keys = (
        ["row_id"] if spec.row_id is not None else [name for name in frame.columns if name not in ("row_id", "split")]
    )
    frame = frame.sort_values(keys, kind="stable", ignore_index=True)
    if spec.row_id is None:
        width = len(str(len(frame)))
        frame["row_id"] = [f"{place:0{width}d}" for place in range(1, len(frame) + 1)]
    return frame


def unordered_frame(source: Source, spec: TableSpec, joined: Joined | None, meant: Meaning) -> pd.DataFrame:
    """All rows of a long table as compactly as can be: groups stay codes, no row has an id, and the order is that of the files.

    For predicted numbers alone: what is measured of them adds up exactly, in any order.
    """
    import pandas as pd

    parts = [part.drop(columns="row_id") for part in frames(source, spec, joined, meant, ids=False)]
    return pd.concat(parts, ignore_index=True)


def _plain(part: pd.DataFrame) -> pd.DataFrame:
    return part.assign(**{name: part[name].astype("str") for name in part.columns if part[name].dtype == "category"})


def _frame(
    part: Part, spec: TableSpec, joined: Joined | None, meant: Meaning, start: int, *, ids: bool
) -> pd.DataFrame:
    import pandas as pd

    rows = part.batch.num_rows
    named = _ids(part, spec) if ids else np.arange(start + 1, start + rows + 1)
    columns: dict[str, Any] = {"row_id": named, "split": _constant(SPLIT, rows)}
    if spec.value is not None and spec.label is not None:
        columns["value"] = numbers(part, spec.value, "value")
        columns["target"] = numbers(part, spec.label, "label")
    else:
        columns |= _decisions(part, spec, meant)
    groups = _groups(part, spec, joined, meant.task.groups)
    columns |= {f"group:{name}": _categorical(cells) for name, cells in groups.items()}
    if spec.weight is not None:
        columns["weight"] = numbers(part, spec.weight, "weight")
    return pd.DataFrame(columns)


def _ids(part: Part, spec: TableSpec) -> Any:
    cells = coded(part.batch.column(str(spec.row_id)))
    return np.asarray(cells.names, dtype=object)[cells.codes]


def _decisions(part: Part, spec: TableSpec, meant: Meaning) -> dict[str, Any]:
    classes, rows = list(meant.task.classes), part.batch.num_rows
    label = (
        np.full(rows, -1, dtype=np.int64) if spec.label is None else coded(part.batch.column(spec.label)).into(classes)
    )
    columns: dict[str, Any] = {"label": _categorical(Coded(label, classes))}
    scores = None if spec.score is None else numbers(part, spec.score, "score")
    if spec.prediction is not None:
        decided = coded(part.batch.column(spec.prediction)).into(classes)
    else:
        assert scores is not None and spec.threshold is not None
        yes, no = classes.index(str(meant.task.positive)), classes.index(str(meant.negative))
        decided = np.where(scores >= spec.threshold, yes, no)
    columns["prediction"] = _categorical(Coded(decided, classes))
    if scores is not None:
        columns["score"] = scores
        if meant.negative is not None:
            columns[f"score:{meant.task.positive}"] = scores
            columns[f"score:{meant.negative}"] = 1.0 - scores
    return columns


def _groups(
    part: Part, spec: TableSpec, joined: Joined | None, declared: Mapping[str, tuple[str, ...]]
) -> dict[str, Coded]:
    matched = joined.match(part) if joined is not None else None
    groups: dict[str, Coded] = {}
    for name in spec.groups:
        if joined is not None and matched is not None and name in joined.columns:
            cells = joined.groups(name, matched)
        else:
            cells = group_cells(part.batch.column(name))
        names = list(dict.fromkeys([*declared[name], UNKNOWN]))
        groups[name] = Coded(cells.into(names, names.index(UNKNOWN)), names)
    for one, other in spec.crossings:
        groups[CROSS.join((one, other))] = _crossed(groups[one], groups[other])
    return groups


def _crossed(one: Coded, other: Coded) -> Coded:
    """Every pair of groups, and unknown where either is not known."""
    names = [UNKNOWN if UNKNOWN in (a, b) else CROSS.join((a, b)) for a in one.names for b in other.names]
    distinct = list(dict.fromkeys(names))
    if len(distinct) - 1 != (len(one.names) - 1) * (len(other.names) - 1):
        raise UsageError("two crossed groups would have one name: a group is called like two others joined by ' & '")
    place = {name: at for at, name in enumerate(distinct)}
    both = one.codes * len(other.names) + other.codes
    return Coded(np.asarray([place[name] for name in names], dtype=np.int64)[both], distinct)


def _categorical(cells: Coded) -> Any:
    import pandas as pd

    return pd.Categorical.from_codes(cells.codes, categories=pd.Index(cells.names, dtype=object))


def _constant(value: str, rows: int) -> Any:
    return _categorical(Coded(np.zeros(rows, dtype=np.int64), [value]))
