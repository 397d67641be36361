"""Points and bootstrap intervals of six metrics by group: counts and multinomial draws against Fairlearn's ``MetricFrame(n_boot=...)``.

python benchmarks/fairness_intervals.py [--rows 100000] [--groups 16] [--replicates 1000] [--timed 20] [--repeats 3] [--draws 20000]

Ours and theirs run in one process on one data frame, interleaved; medians are printed. Counting the rows into cells belongs to our time.
MetricFrame's replicates are timed for ``--timed`` of them, and their cost is scaled linearly to ``--replicates``: each replicate is a
resampled frame and a full evaluation, so nothing of it is shared. Then the draws themselves: the largest Kolmogorov-Smirnov distance, over
all metrics and groups, between multinomial draws of the cells and rows drawn with replacement.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rai_audits.fairness.counts import count_partition, group_tables
from rai_audits.stats.resample import BootstrapInterval, bootstrap_counts, replicate_counts

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlearn.metrics import MetricFrame

ATTRIBUTE = "group"
CLASSES = ("0", "1")
METRICS = ("selection_rate", "true_positive_rate", "false_positive_rate", "precision", "accuracy", "f1")
QUANTILES = (0.025, 0.975)
MANY = 10_000
_ROWS_AT_ONCE = 50


def table(rows: int, groups: int, seed: int = 0) -> pd.DataFrame:
    """Labels, decisions and a text column of groups of unequal size; rates differ a little by group."""
    draw = np.random.default_rng(seed)
    share = np.linspace(1, 3, groups)
    group = draw.choice(groups, rows, p=share / share.sum())
    label = (draw.random(rows) < 0.3 + 0.2 * group / groups).astype(np.int64)
    said = (draw.random(rows) < 0.2 + 0.5 * label).astype(np.int64)
    names = np.array([f"group {place:02d}" for place in range(groups)])
    return pd.DataFrame({"label": label, "prediction": said, f"group:{ATTRIBUTE}": names[group]})


def names(frame: pd.DataFrame) -> list[str]:
    return sorted(frame[f"group:{ATTRIBUTE}"].unique())


def six_metrics(cells: np.ndarray) -> np.ndarray:
    """(..., groups * 4) counts of a group's TN, FP, FN, TP to (..., groups, metrics); NaN where undefined."""
    tn, fp, fn, tp = np.moveaxis(cells.reshape(*cells.shape[:-1], -1, 4), -1, 0)
    said, true, rows = tp + fp, tp + fn, tn + fp + fn + tp
    over = np.stack([said, tp, fp, tp, tp + tn, 2 * tp], axis=-1)
    under = np.stack([rows, true, fp + tn, said, rows, said + true], axis=-1)
    return np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)


def our_cells(frame: pd.DataFrame, groups: list[str]) -> np.ndarray:
    """All cells as one multinomial: sizes of groups vary from draw to draw, as they do when rows are drawn from the whole table."""
    return group_tables(count_partition(frame, [ATTRIBUTE], CLASSES), ATTRIBUTE, groups, CLASSES).ravel()


def our_points(frame: pd.DataFrame) -> np.ndarray:
    return six_metrics(our_cells(frame, names(frame)).astype(np.float64))


def our_intervals(frame: pd.DataFrame, replicates: int, seed: int = 0) -> BootstrapInterval:
    return bootstrap_counts(our_cells(frame, names(frame)), six_metrics, replicates, seed)


def their_frame(frame: pd.DataFrame, replicates: int | None = None) -> MetricFrame:
    """The same metrics; with ``replicates`` also MetricFrame's percentile intervals."""
    from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
    from sklearn.metrics import accuracy_score, f1_score, precision_score

    functions = (
        selection_rate,
        true_positive_rate,
        false_positive_rate,
        precision_score,
        accuracy_score,
        f1_score,
    )
    boot = {} if replicates is None else {"n_boot": replicates, "ci_quantiles": list(QUANTILES), "random_state": 0}
    return MetricFrame(
        metrics=dict(zip(METRICS, functions, strict=True)),
        y_true=frame["label"],
        y_pred=frame["prediction"],
        sensitive_features=frame[f"group:{ATTRIBUTE}"],
        **boot,
    )


def their_points(frame: pd.DataFrame) -> np.ndarray:
    return their_frame(frame).by_group.to_numpy(dtype=np.float64)


def row_draws(frame: pd.DataFrame, draws: int, seed: int) -> np.ndarray:
    """Metrics of ``draws`` samples of rows with replacement, (draws, groups, metrics): what the multinomial claims to equal."""
    codes = np.searchsorted(names(frame), frame[f"group:{ATTRIBUTE}"].to_numpy(dtype=str))
    cell = (codes * 4 + 2 * frame["label"].to_numpy() + frame["prediction"].to_numpy()).astype(np.int16)
    width, rng, found = 4 * (int(codes.max()) + 1), np.random.default_rng(seed), []
    for start in range(0, draws, _ROWS_AT_ONCE):
        size = min(_ROWS_AT_ONCE, draws - start)
        rows = rng.integers(0, cell.size, size=(size, cell.size), dtype=np.int32)
        counted = np.stack([np.bincount(cell[sample], minlength=width) for sample in rows])
        found.append(six_metrics(counted.astype(np.float64)))
    return np.concatenate(found)


def largest_distance(frame: pd.DataFrame, draws: int, seed: int = 1) -> float:
    """Largest two-sample Kolmogorov-Smirnov distance over metrics and groups; the largest of a hundred between equal laws is about 2.6 / sqrt(draws)."""
    from scipy.stats import ks_2samp

    ours = replicate_counts(our_cells(frame, names(frame)), six_metrics, draws, seed)
    rows = row_draws(frame, draws, seed + 1)
    shape = (draws, -1)
    return max(
        float(ks_2samp(one, other, method="asymp").statistic)
        for one, other in zip(ours.reshape(shape).T, rows.reshape(shape).T, strict=True)
    )


@dataclass(frozen=True)
class Times:
    """Medians in seconds. ``their_intervals`` is scaled from the replicates that were timed."""

    our_points: float
    their_points: float
    our_intervals: float
    their_intervals: float
    our_many: float


def timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def race(frame: pd.DataFrame, replicates: int, sample: int, repeats: int) -> Times:
    """Interleaved runs, after one of each that is not counted (imports, caches)."""
    our_intervals(frame, 10)
    their_points(frame)
    runs: list[Times] = []
    for _ in range(repeats):
        points, ours = timed(lambda: our_points(frame)), timed(lambda: our_intervals(frame, replicates))
        theirs = timed(lambda: their_points(frame))
        some = timed(lambda: their_frame(frame, sample).by_group_ci)
        scaled = theirs + (some - theirs) / sample * replicates
        runs.append(Times(points, theirs, ours, scaled, timed(lambda: our_intervals(frame, MANY))))
    return Times(*(median(getattr(run, name) for run in runs) for name in Times.__dataclass_fields__))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--groups", type=int, default=16)
    parser.add_argument("--replicates", type=int, default=1_000)
    parser.add_argument("--timed", type=int, default=20, help="replicates of MetricFrame that are really run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--draws", type=int, default=20_000)
    given = parser.parse_args()
    frame = table(given.rows, given.groups)
    apart = float(np.nanmax(np.abs(our_points(frame) - their_points(frame))))
    print(
        f"{given.rows:,} rows, {given.groups} groups, {len(METRICS)} metrics; medians of {given.repeats} interleaved runs"
    )
    print(f"largest difference of a point from MetricFrame's: {apart:.1e}")
    times = race(frame, given.replicates, given.timed, given.repeats)
    print(f"{'':<34}{'ours':>12}{'MetricFrame':>14}{'times':>12}")
    print(
        f"{'points':<34}{times.our_points:>10.4f} s{times.their_points:>12.2f} s{times.their_points / times.our_points:>12,.0f}"
    )
    print(
        f"{f'intervals, {given.replicates:,} replicates':<34}{times.our_intervals:>10.4f} s{times.their_intervals:>12.0f} s"
        f"{times.their_intervals / times.our_intervals:>12,.0f}   (theirs: {given.timed} timed, scaled linearly)"
    )
    print(f"{f'intervals, {MANY:,} replicates':<34}{times.our_many:>10.4f} s")
    distance = largest_distance(frame, given.draws)
    print(f"largest KS distance to rows drawn with replacement, {given.draws:,} draws of each: {distance:.4f}")


if __name__ == "__main__":
    main()
