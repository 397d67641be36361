"""The harmless edits audit: how often a decision changes under an edit that should not matter, overall and per group.

Registered as ``harmless_edits``; it needs the model and the texts. Stable metrics, with the edit's name as label:
``edit_flip_rate`` (over all and per group; label ``any``: at least one edit changes the decision), ``edit_flip_rate_difference``
(all ordered pairs of groups), ``edit_score_shift`` (mean change of the score of the positive class). Each row counts once in every
rate, so rows are independent and the intervals are those of a plain share. Leaves the table ``edits``, without texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit
from rai_audits.core.deciding import cutoffs_of
from rai_audits.core.errors import did_you_mean
from rai_audits.explain.model import TextModel
from rai_audits.fairness.describe import Describer
from rai_audits.fairness.pair_measurements import Comparison, rate_differences
from rai_audits.fairness.tallies import Tally
from rai_audits.quality.measure import Estimate, Gap, measured, measured_rate
from rai_audits.robustness.edits import EDITS, apply_edit
from rai_audits.robustness.options import whole_number
from rai_audits.robustness.scoring import decisions, probabilities

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from rai_audits.core import Measurement
    from rai_audits.stats.interval import Side

NAME = "harmless_edits"
ANY = "any"
DEFAULT_ROWS = 200
UNKNOWN = "unknown"
_PREFIX = "group:"


@dataclass(frozen=True)
class _Tried:
    """One edit on the drawn rows: which texts it changed, which decisions, and how far the score moved (NaN without one)."""

    name: str
    changed: npt.NDArray[np.bool_]
    flipped: npt.NDArray[np.bool_]
    shift: npt.NDArray[np.float64]


@audit(NAME, suite="robustness", needs_model=True, ignores_weights=True)
def _harmless_edits(context: AuditContext) -> AuditOutput:
    """Try ``options['edits']`` on ``options['edit_rows']`` rows of the evaluated split."""
    model = _model(context)
    names = _names(context)
    drawn = _draw(context, whole_number(context.options, "edit_rows", DEFAULT_ROWS, at_least=1))
    if drawn.empty:
        gap = Gap(f"no row of split {context.eval_split!r} has a text", "wilson")
        return AuditOutput(
            measurements=tuple(
                measured(context, gap, audit=NAME, metric="edit_flip_rate", n=0, label=name, split=context.eval_split)
                for name in (*names, ANY)
            )
        )
    scored = _score(context, model, drawn, names)
    return AuditOutput(
        measurements=tuple(_measurements(context, drawn, scored.tried)),
        artifacts={"edits": context.artifacts.put_table("edits", _table(drawn, scored.tried))},
        facts={
            "rows": len(drawn),
            "changed_texts": {item.name: int(item.changed.sum()) for item in scored.tried if item.name != ANY},
            "largest_score_difference": scored.largest_difference,
            "words_kept": "typos spare words that name the row's group, words of three letters or fewer, and first letters",
        },
    )


AUDIT = _harmless_edits


@dataclass(frozen=True)
class _Scored:
    tried: tuple[_Tried, ...]
    largest_difference: float | str


def _model(context: AuditContext) -> TextModel:
    if not isinstance(context.model, TextModel):
        raise UsageError(f"{NAME} needs the model itself, not only its predictions")
    if context.rows is None:
        raise UsageError(f"{NAME} needs the texts of the rows, not only their predictions")
    return context.model


def _names(context: AuditContext) -> tuple[str, ...]:
    given = context.options.get("edits", tuple(EDITS))
    if isinstance(given, str) or not given:
        raise UsageError(f"option 'edits' must be a list of edits ({', '.join(EDITS)}), got {given!r}")
    for name in given:
        if name not in EDITS:
            raise UsageError(f"option 'edits': unknown edit {name!r}.{did_you_mean(str(name), EDITS)}")
    return tuple(dict.fromkeys(given))


def _draw(context: AuditContext, count: int) -> pd.DataFrame:
    """A simple random sample of the split by hashed row id, so that neither row order nor other rows change who is drawn."""
    predictions = context.predictions[context.predictions["split"].astype(str) == context.eval_split]
    assert context.rows is not None  # _model has looked
    rows = predictions.merge(context.rows[["row_id", "text"]], on="row_id", how="inner", validate="one_to_one")
    rows = rows[rows["text"].fillna("").astype(str).str.strip() != ""]
    key = [sha256(f"{context.seed}\nsample\n{row_id}".encode()).hexdigest() for row_id in rows["row_id"].astype(str)]
    return rows.assign(_key=key).sort_values("_key").drop(columns="_key").head(count).reset_index(drop=True)


def _score(context: AuditContext, model: TextModel, drawn: pd.DataFrame, names: Sequence[str]) -> _Scored:
    texts = drawn["text"].astype(str).tolist()
    protected = [_protected(context, row) for row in drawn.to_dict("records")]
    ids = drawn["row_id"].astype(str).tolist()
    edited = {
        name: [
            apply_edit(name, text, row_id=row_id, seed=context.seed, protected=words)
            for text, row_id, words in zip(texts, ids, protected, strict=True)
        ]
        for name in names
    }
    everything = [*texts, *(text for name in names for text in edited[name])]
    found = probabilities(model, everything, lambda done, total: context.progress("harmless edits", done, total))
    size = len(texts)
    own = cutoffs_of(context.task, drawn)
    cutoffs = None if own is None else np.tile(own, len(found) // size)
    decided = decisions(found, model.classes, context.task, cutoffs)
    positive = context.task.positive
    score = found[:, model.classes.index(positive)] if positive in model.classes else np.full(len(found), np.nan)
    tried = []
    for place, name in enumerate(names, start=1):
        part = slice(place * size, (place + 1) * size)
        changed = np.array([new != old for new, old in zip(edited[name], texts, strict=True)])
        tried.append(_Tried(name, changed, changed & (decided[part] != decided[:size]), score[part] - score[:size]))
    some = _Tried(
        ANY,
        np.any([item.changed for item in tried], axis=0),
        np.any([item.flipped for item in tried], axis=0),
        np.full(size, np.nan),
    )
    gap: float | str = "not_applicable"
    if "score" in drawn and positive in model.classes:
        gap = float(np.abs(drawn["score"].to_numpy(dtype=float) - score[:size]).max())
    return _Scored((*tried, some), gap)


def _protected(context: AuditContext, row: dict[Any, Any]) -> frozenset[str]:
    cells = [str(row[_PREFIX + name]) for name in context.task.groups if _PREFIX + name in row]
    return frozenset(word for cell in cells for word in cell.casefold().replace("-", " ").split())


def _measurements(context: AuditContext, drawn: pd.DataFrame, tried: Sequence[_Tried]) -> Iterator[Measurement]:
    for item in tried:
        yield _rate(context, item, np.ones(len(drawn), dtype=bool))
        if item.name != ANY and context.task.positive is not None:
            yield _shift(context, item)
        for attribute in context.task.groups:
            if _PREFIX + attribute in drawn:
                yield from _by_group(context, item, attribute, drawn[_PREFIX + attribute])


def _rate(context: AuditContext, item: _Tried, among: npt.NDArray[np.bool_], **where: Any) -> Measurement:
    rows = item.changed & among
    empty = "no drawn row" + (" of this group" if where else "") + " has a text that the edit changes"
    return measured_rate(
        context, int((item.flipped & rows).sum()), int(rows.sum()), audit=NAME, metric="edit_flip_rate", empty=empty,
        label=item.name, split=context.eval_split, threshold=context.task.stated_threshold, **where,
    )  # fmt: skip


def _shift(context: AuditContext, item: _Tried) -> Measurement:
    """Mean signed change of the score, with Student's interval: rows are independent."""
    from scipy import special

    shift, method = item.shift[item.changed], "mean over rows, Student's t"
    value: Estimate | Gap = Gap("fewer than two drawn rows have a text that the edit changes", method)
    if shift.size > 1:
        mean, error = float(shift.mean()), float(shift.std(ddof=1) / np.sqrt(shift.size))

        def ends(alpha: float, side: Side) -> tuple[float, float]:
            tail = alpha / 2 if side == "two-sided" else alpha
            half = float(special.stdtrit(shift.size - 1, 1 - tail)) * error
            return mean - half, mean + half

        value = Estimate(mean, ends, method)
    return measured(
        context, value, audit=NAME, metric="edit_score_shift", n=int(shift.size), label=item.name,
        split=context.eval_split, positive=context.task.positive,
    )  # fmt: skip


def _by_group(context: AuditContext, item: _Tried, attribute: str, column: pd.Series[Any]) -> Iterator[Measurement]:
    cells = column.astype(object).fillna(UNKNOWN).astype(str).to_numpy()
    groups = [name for name in context.task.groups[attribute] if name != UNKNOWN]
    rows = {group: int((item.changed & (cells == group)).sum()) for group in groups}
    for group in groups:
        yield _rate(context, item, cells == group, attribute=attribute, group=group)
    least = whole_number(context.options, "min_group_rows", 10, at_least=1)
    eligible = tuple(group for group in groups if rows[group] >= least)
    small = {
        group: f"{rows[group]} drawn rows of group {group!r}, fewer than the {least} that"
        for group in groups
        if group not in eligible
    }
    flips = np.array([(item.flipped & (cells == group)).sum() for group in eligible], dtype=np.int64)
    trials = np.array([rows[group] for group in eligible], dtype=np.int64)
    tally = Tally("edit_flip_rate", "edited row", flips, trials, flips.astype(float), trials.astype(float))
    comparison = Comparison(attribute, eligible, small, rows)
    for found in rate_differences(Describer(NAME, context, weighted=False), comparison, tally):
        yield found.model_copy(update={"label": item.name})


def _table(drawn: pd.DataFrame, tried: Sequence[_Tried]) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "row_id": drawn["row_id"].astype(str),
                "edit": item.name,
                "changed_text": item.changed,
                "flipped": item.flipped,
                "score_shift": item.shift,
            }
        )
        for item in tried
        if item.name != ANY
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.drop(columns="score_shift") if table["score_shift"].isna().all() else table
