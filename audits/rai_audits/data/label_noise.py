"""The label noise audit: labels that the model, on rows it did not learn from, confidently contradicts.

Registered as ``label_noise``. It reads the class scores of the evaluated split and of validation; train rows are left out, since a model
repeats the labels it was fitted to. Stable metrics: ``label_noise_rate`` (over all, and per class as label), ``label_suspect_rate``
per group and ``label_suspect_rate_difference`` for all ordered pairs of groups. Leaves the table ``label_suspects``, worst margin
first, by row id and without text. It speaks of suspects: a person must look before a label is called wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit
from rai_audits.data.confident import ConfidentJoint, confident_joint, noise_rates
from rai_audits.fairness.describe import Describer
from rai_audits.fairness.pair_measurements import Comparison, rate_differences
from rai_audits.fairness.tallies import Tally
from rai_audits.quality.measure import Estimate, Gap, measured, measured_rate
from rai_audits.stats.resample import replicate_counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from rai_audits.core import Measurement
    from rai_audits.stats.interval import FloatArray, Side

NAME = "label_noise"
REPLICATES = 2000
UNKNOWN = "unknown"
_IN_SAMPLE = "train"
_METHOD = "confident learning; multinomial count bootstrap, thresholds as estimated"
_SMOOTHING = 0.5


@dataclass(frozen=True)
class _Scored:
    """Out-of-sample rows in order of their id, their label codes, and what the scores say of them."""

    rows: pd.DataFrame
    labels: npt.NDArray[np.int64]
    joint: ConfidentJoint

    @property
    def suspect(self) -> npt.NDArray[np.bool_]:
        """Rows confidently of another class than their label's."""
        found: npt.NDArray[np.bool_] = (self.joint.believed >= 0) & (self.joint.believed != self.labels)
        return found


@audit(NAME, suite="data", ignores_weights=True)
def _label_noise(context: AuditContext) -> AuditOutput:
    table = context.predictions
    columns = [f"score:{name}" for name in context.task.classes]
    rows = table[table["split"].astype(str) != _IN_SAMPLE]
    missing = [name for name in columns if name not in table]
    if missing or rows.empty:
        reason = f"the predictions have no column {missing[0]!r}" if missing else "every row was trained on"
        gap = measured(context, Gap(reason, _METHOD), audit=NAME, metric="label_noise_rate", n=len(rows))
        return AuditOutput(measurements=(gap,))
    scored = _read(context, rows, columns)
    suspects = _suspects(context, scored)
    return AuditOutput(
        measurements=(*_rates(context, scored), *_by_group(context, scored)),
        artifacts={"label_suspects": context.artifacts.put_table("label_suspects", suspects)} if len(suspects) else {},
        facts=_facts(context, scored),
    )


AUDIT = _label_noise


def _read(context: AuditContext, rows: pd.DataFrame, columns: list[str]) -> _Scored:
    rows = rows.sort_values("row_id", key=lambda ids: ids.astype(str), kind="stable", ignore_index=True)
    codes = {name: code for code, name in enumerate(context.task.classes)}
    labels = rows["label"].astype(str).map(codes)
    if labels.isna().any():
        row = rows.loc[labels.isna()].iloc[0]
        raise UsageError(
            f"predictions: label {str(row['label'])!r} of row {row['row_id']!r} is none of {list(context.task.classes)}"
        )
    chance = rows[columns].to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~((chance >= 0) & (chance <= 1)).all(axis=1))
    if wrong.size:
        raise UsageError(f"predictions: scores of row {rows['row_id'].iloc[int(wrong[0])]!r} are not probabilities")
    given = np.asarray(labels.to_numpy(), dtype=np.int64)
    return _Scored(rows, given, confident_joint(given, chance))


def _rates(context: AuditContext, scored: _Scored) -> Iterator[Measurement]:
    classes = context.task.classes
    rows = np.bincount(scored.labels, minlength=len(classes)).astype(np.float64)
    counts = scored.joint.counts
    shape = counts.shape

    def statistic(cells: FloatArray) -> FloatArray:
        return noise_rates(cells.reshape(*cells.shape[:-1], *shape), rows)

    points = statistic(counts.reshape(-1))
    draws = replicate_counts(counts.reshape(-1), statistic, REPLICATES, context.seed, smoothing=_SMOOTHING)
    for place, name in enumerate((*classes, None)):
        n = int(counts.sum() if name is None else counts[place].sum())
        suspects = n - int(np.trace(counts) if name is None else counts[place, place])
        value = _value(float(points[place]), draws[:, place], name)
        yield measured(
            context, value, audit=NAME, metric="label_noise_rate", n=n, n_pos=suspects, n_neg=n - suspects, label=name,
        )  # fmt: skip


def _value(point: float, draws: FloatArray, name: str | None) -> Estimate | Gap:
    if np.isnan(point):
        return Gap(
            f"no row is confidently of any class{'' if name is None else f' among those labelled {name!r}'}", _METHOD
        )
    known = draws[~np.isnan(draws)]

    def ends(alpha: float, side: Side) -> tuple[float, float]:
        tail = alpha / 2 if side == "two-sided" else alpha
        low, high = np.quantile(known, [tail, 1 - tail]) if known.size else (0.0, 1.0)
        # Smoothing draws cells that were never seen, which can push an end past a point at the edge.
        return min(float(low), point), max(float(high), point)

    return Estimate(point, ends, _METHOD)


def _by_group(context: AuditContext, scored: _Scored) -> Iterator[Measurement]:
    suspect = scored.suspect
    least = context.options.get("min_group_rows", 10)
    for attribute, declared in context.task.groups.items():
        if f"group:{attribute}" not in scored.rows:
            continue
        cells = scored.rows[f"group:{attribute}"].astype(object).fillna(UNKNOWN).astype(str).to_numpy()
        groups = [name for name in declared if name != UNKNOWN]
        sizes = {group: int((cells == group).sum()) for group in groups}
        for group in groups:
            yield measured_rate(
                context, int((suspect & (cells == group)).sum()), sizes[group], audit=NAME, metric="label_suspect_rate",
                empty="no such row outside train", attribute=attribute, group=group,
            )  # fmt: skip
        eligible = tuple(group for group in groups if sizes[group] >= least)
        small = {
            group: f"{sizes[group]} rows of group {group!r} outside train, fewer than the {least} that"
            for group in groups
            if group not in eligible
        }
        hits = np.array([(suspect & (cells == group)).sum() for group in eligible], dtype=np.int64)
        trials = np.array([sizes[group] for group in eligible], dtype=np.int64)
        tally = Tally("label_suspect_rate", "rows", hits, trials, hits.astype(float), trials.astype(float))
        comparison = Comparison(attribute, eligible, small, sizes)
        for found in rate_differences(Describer(NAME, context, weighted=False), comparison, tally):
            yield found.model_copy(update={"split": None, "threshold": None})


def _suspects(context: AuditContext, scored: _Scored) -> pd.DataFrame:
    at = np.flatnonzero(scored.suspect)
    at = at[np.argsort(scored.joint.margin[at], kind="stable")]
    names = np.asarray(context.task.classes)
    return pd.DataFrame(
        {
            "row_id": scored.rows["row_id"].to_numpy()[at],
            "split": scored.rows["split"].to_numpy()[at],
            "label": names[scored.labels[at]],
            "believed": names[scored.joint.believed[at]],
            "margin": scored.joint.margin[at],
        }
    )


def _facts(context: AuditContext, scored: _Scored) -> dict[str, Any]:
    thresholds = zip(context.task.classes, scored.joint.thresholds.tolist(), strict=True)
    return {
        "rows": {str(name): int(rows) for name, rows in scored.rows["split"].value_counts().sort_index().items()},
        "suspects": int(scored.suspect.sum()),
        "class_thresholds": {name: "not_estimable" if np.isnan(value) else value for name, value in thresholds},
        "confident_joint": scored.joint.counts.astype(int).tolist(),
        "confident_joint_axes": "rows are given labels, columns are believed classes, both in the order of classes",
        "reading": "suspects for a person to look at; a weak model raises the estimate",
    }
