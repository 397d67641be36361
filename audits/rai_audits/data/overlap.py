"""Which texts of one split occur in another, exactly or after normalisation, and which occur with two labels.

Use it to judge leakage: a test row that the model was trained on says nothing about new people. Stable API:
``find_overlaps`` and ``Overlaps``. The table of pairs names rows by id and never carries text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from rai_audits.data.normalise import normalise_text

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = ("row_id", "split", "other_row_id", "other_split", "kind")


@dataclass(frozen=True)
class Overlaps:
    """What was found; all flags are indexed by row id.

    ``exact`` and ``normalised`` hold, for each split but the first, whether a row's text occurs in an *earlier* split of the
    order given (train, validation, test: a test row in either, a validation row in train). ``conflicting`` holds whether its
    normalised text occurs anywhere with another label. ``pairs`` has one line per affected row and kind, with
    the first matching row as its partner.
    """

    exact: pd.Series[bool]
    normalised: pd.Series[bool]
    conflicting: pd.Series[bool]
    pairs: pd.DataFrame


def find_overlaps(rows: pd.DataFrame, splits: Sequence[str]) -> Overlaps:
    """Find overlaps among rows with the columns ``row_id``, ``split``, ``text`` and ``label``.

    ``splits`` is the order in which splits are compared, the one that must be new last. Rows without text (null or blank)
    match nothing. Time and memory grow with the number of rows, not with the number of pairs.
    """
    frame = rows.loc[_has_text(rows["text"]), ["row_id", "split", "text", "label"]].copy()
    frame["rank"] = frame["split"].map({name: place for place, name in enumerate(splits)})
    frame = frame.sort_values(["rank", "row_id"], kind="stable", ignore_index=True)
    frame["normal"] = [normalise_text(text) for text in frame["text"]]

    exact = _first_in_earlier_split(frame, "text")
    normalised = _first_in_earlier_split(frame, "normal")
    conflict = _first_with_other_label(frame)
    pairs = pd.concat(
        [
            _pairs(frame, exact, "exact"),
            _pairs(frame, normalised.where(exact.isna()), "normalised"),
            _pairs(frame, conflict, "conflicting_label"),
        ],
        ignore_index=True,
    )
    every_id = pd.Index(rows["row_id"], name="row_id")
    return Overlaps(
        exact=_flags(frame, exact, every_id),
        normalised=_flags(frame, normalised, every_id),
        conflicting=_flags(frame, conflict, every_id),
        pairs=pairs,
    )


def _has_text(text: pd.Series[str]) -> pd.Series[bool]:
    return text.notna() & (text.fillna("").str.strip() != "")


def _first_in_earlier_split(frame: pd.DataFrame, key: str) -> pd.Series[float]:
    """Position of the first row with the same key, where that row lies in an earlier split; missing elsewhere."""
    position = pd.Series(frame.index, index=frame.index, dtype="float64")
    first = position.groupby(frame[key], sort=False).transform("min")
    first_rank = frame["rank"].groupby(frame[key], sort=False).transform("min")
    return first.where(first_rank < frame["rank"])


def _first_with_other_label(frame: pd.DataFrame) -> pd.Series[float]:
    """Position of the first row with the same normal form and another label; missing where all agree."""
    position = pd.Series(frame.index, index=frame.index, dtype="float64")
    by_label = position.groupby([frame["normal"], frame["label"]], sort=False).transform("min")
    earliest = by_label.groupby(frame["normal"], sort=False).transform("min")
    # A row of the earliest label needs the earliest row of any other label instead.
    runner_up = by_label.where(by_label != earliest).groupby(frame["normal"], sort=False).transform("min")
    return earliest.where(by_label != earliest, runner_up)


def _pairs(frame: pd.DataFrame, partner: pd.Series[float], kind: str) -> pd.DataFrame:
    found = partner.dropna().astype("int64")
    mine, other = frame.loc[found.index], frame.loc[found.to_numpy()]
    return pd.DataFrame(
        {
            "row_id": mine["row_id"].to_numpy(),
            "split": mine["split"].to_numpy(),
            "other_row_id": other["row_id"].to_numpy(),
            "other_split": other["split"].to_numpy(),
            "kind": kind,
        },
        columns=list(COLUMNS),
    )


def _flags(frame: pd.DataFrame, partner: pd.Series[float], every_id: pd.Index[str]) -> pd.Series[bool]:
    hit = set(frame.loc[partner.notna(), "row_id"])
    return pd.Series([row_id in hit for row_id in every_id], index=every_id, dtype=bool)
