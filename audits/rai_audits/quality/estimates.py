"""Each quality metric of one split with its interval. Points come from the ``evaluate.Metric`` classes.

Use from the ``task_quality`` audit. With row weights every metric is the weighted one, and intervals count rows at their effective
number (Kish), or weight the rows in the variance. Stable within this package.

Two departures from the textbook percentile bootstrap, both since a gate reads these bounds. A table without errors has
bootstrap replicates without errors, so its lower bound would be 1 after any number of rows: confusion-matrix metrics take
the wider of the plain bootstrap and one with a share of a pseudo-row in every cell. (Simulated misses of a 95 %
lower bound of balanced accuracy, 50 rows, 20 % positive, true recalls 0.90 and 0.95: plain 28 %, smoothed 0.5 %; with
476 rows 4.3 % and 3.7 %.) Average precision is biased upwards in small samples and its bootstrap repeats the bias: it takes the wider of the
bootstrap and the binomial interval over positives of Boyd, Eng and Page (2013), in Wilson's form. (Misses with 60 of
460 rows positive: 7 to 14 %, and 1 to 7 %.)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from rai_audits.quality import confusion, ranking
from rai_audits.quality.brier import are_probabilities, binary_losses, multiclass_losses
from rai_audits.quality.measure import Ends, Estimate, Gap, wilson_ends
from rai_audits.quality.one_vs_rest import one_vs_rest_auc
from rai_audits.quality.registry import quality_metric
from rai_audits.stats.auc import auc, auc_interval
from rai_audits.stats.interval import tail
from rai_audits.stats.ranked import ranked, replicate_rows
from rai_audits.stats.resample import replicate_counts
from rai_audits.stats.weights import effective_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from rai_audits.quality.rows import SplitRows
    from rai_audits.stats.interval import FloatArray, Side

TABLE_REPLICATES = 2_000
ROW_REPLICATES = 1_000

_TABLE_METHOD = "multinomial count bootstrap, wider of plain and smoothed percentiles"
_PRECISION_METHOD = "stratified row bootstrap percentiles, no narrower than wilson over positives"


def accuracy(rows: SplitRows) -> Estimate | Gap:
    """Share of rows decided as labelled, with Wilson's interval."""
    if not len(rows):
        return Gap("the split has no rows", _wilson_method(rows))
    return _share(rows, np.ones(len(rows), dtype=bool), _point("accuracy", rows, rows.decided))


def precision(rows: SplitRows) -> Estimate | Gap:
    """Share of truly positive rows among those decided positive, with Wilson's interval."""
    return _conditional(rows, rows.decided, "no row was decided positive")


def recall(rows: SplitRows) -> Estimate | Gap:
    """Share of rows decided positive among the truly positive, with Wilson's interval."""
    return _conditional(rows, rows.truth, "no row has the positive label")


def balanced_accuracy(rows: SplitRows, seed: int) -> Estimate | Gap:
    """Mean recall over the classes with rows, by count bootstrap."""
    return _from_table(rows, "balanced_accuracy", confusion.balanced_accuracy, seed)


def macro_f1(rows: SplitRows, seed: int) -> Estimate | Gap:
    """Mean F1 over the classes that occur, by count bootstrap."""
    return _from_table(rows, "macro_f1", confusion.macro_f1, seed)


def roc_auc(rows: SplitRows) -> Estimate | Gap:
    """Area under the ROC curve: DeLong's variance on the logit scale; the one-vs-rest macro mean for several classes."""
    method = "delong, logit scale" if rows.binary else "one-vs-rest macro, delong influence values, logit scale"
    gap = _one_class(rows, method) or _score_gap(rows, method)
    if gap:
        return gap
    if rows.binary:
        positive = rows.truth == rows.positive
        found = auc(
            _scores(rows)[positive],
            _scores(rows)[~positive],
            positive_weights=rows.each[positive],
            negative_weights=rows.each[~positive],
        )
        point = _point("roc_auc", rows, _scores(rows), pos_label=rows.positive)
    else:
        found = one_vs_rest_auc(_scores(rows), rows.truth, rows.weights)
        point = _point("roc_auc", rows, _scores(rows))
    if not (0 < found.estimate < 1 and found.variance > 0):
        method = "newcombe score" if rows.binary else "one-vs-rest macro, newcombe score on the smallest class"

    def ends(alpha: float, side: Side) -> Ends:
        interval = auc_interval(found, alpha=alpha, side=side)
        return float(interval.low), float(interval.high)

    return Estimate(point, ends, method)


def average_precision(rows: SplitRows, seed: int) -> Estimate | Gap:
    """Average precision of the positive class; positives and negatives are resampled apart."""
    gap = _binary_only(rows, _PRECISION_METHOD) or _one_class(rows, _PRECISION_METHOD)
    gap = gap or _score_gap(rows, _PRECISION_METHOD)
    if gap:
        return gap
    positive = rows.truth == rows.positive
    sample = ranked(_scores(rows), positive, rows.weights)
    order = ranking.rank(sample.scores, sample.positive)
    values = replicate_rows(
        sample, lambda drawn: ranking.average_precision(order, drawn), ROW_REPLICATES, seed, by_class=True
    )
    point = _point("average_precision", rows, _scores(rows), pos_label=rows.positive)
    trials = effective_rows(rows.each[positive])

    def ends(alpha: float, side: Side) -> Ends:
        low, high = _percentiles(values, alpha, side)
        binomial = wilson_ends(min(point, 1.0) * trials, trials, alpha, side)
        return min(low, binomial[0]), max(high, binomial[1])

    return Estimate(point, ends, _PRECISION_METHOD)


def brier_score(rows: SplitRows) -> Estimate | Gap:
    """Mean squared error of probabilities with Student's interval, kept inside the score's range.

    Where all losses are equal there is no spread to go by; Wilson's interval for a share then stands, which is wide enough
    for any variable of that range and mean.
    """
    method = "student t on row losses"
    gap = (Gap("the split has no rows", method) if not len(rows) else None) or _score_gap(rows, method)
    if gap:
        return gap
    scores = _scores(rows)
    if not are_probabilities(scores):
        return Gap("scores are not probabilities", method)
    if rows.binary:
        losses, worst = binary_losses(scores, rows.truth == rows.positive), 1.0
        point = _point("brier_score", rows, scores, pos_label=rows.positive)
    else:
        losses, worst = multiclass_losses(scores, rows.truth), 2.0
        point = _point("brier_score", rows, scores)
    if float(np.ptp(losses)) == 0.0:
        return Estimate(point, lambda alpha, side: _scaled_wilson(point, worst, rows.effective, alpha, side), "wilson")
    share = rows.each / rows.each.sum()
    spread = float((share**2 * (losses - point) ** 2).sum()) * len(rows) / (len(rows) - 1)
    freedom = max(rows.effective - 1, 1.0)

    def ends(alpha: float, side: Side) -> Ends:
        half = float(stats.t.isf(tail(alpha, side), freedom)) * math.sqrt(spread)
        return max(point - half, 0.0), min(point + half, worst)

    return Estimate(point, ends, method)


def _point(name: str, rows: SplitRows, predictions: npt.NDArray[Any], **options: Any) -> float:
    result = quality_metric(name).compute(
        predictions=predictions, references=rows.truth, sample_weight=rows.weights, **options
    )
    return float(result[name])


def _scores(rows: SplitRows) -> FloatArray:
    scores = rows.scores if rows.binary else rows.class_scores
    if scores is None:
        raise ValueError("predictions carry no scores")
    return scores


def _wilson_method(rows: SplitRows) -> str:
    return "wilson" if rows.weights is None else "wilson on the effective number of rows"


def _share(rows: SplitRows, among: npt.NDArray[np.bool_], point: float) -> Estimate:
    """A weighted share of correct rows among some, with Wilson's interval at the effective number of those."""
    trials = effective_rows(rows.each[among])
    successes = min(max(point, 0.0), 1.0) * trials
    return Estimate(point, lambda alpha, side: wilson_ends(successes, trials, alpha, side), _wilson_method(rows))


def _conditional(rows: SplitRows, of: npt.NDArray[np.int64], empty: str) -> Estimate | Gap:
    gap = _binary_only(rows, _wilson_method(rows))
    if gap:
        return gap
    among = of == rows.positive
    if not among.any():
        return Gap(empty, _wilson_method(rows))
    hits = (rows.truth == rows.decided)[among]
    return _share(rows, among, float(np.average(hits, weights=rows.each[among])))


def _from_table(rows: SplitRows, name: str, statistic: Callable[[FloatArray], FloatArray], seed: int) -> Estimate | Gap:
    """Bootstrap of the rows of the confusion matrix that have any row, over the classes that occur at all.

    With weights each true class is drawn at its effective number of rows and scaled back to its weight.
    """
    gap = _one_class(rows, _TABLE_METHOD)
    if gap:
        return gap
    size, present = len(rows.classes), rows.present
    occurring = np.union1d(present, rows.decided)
    weighted = confusion.confusion_table(rows.truth, rows.decided, size, rows.weights)[np.ix_(present, occurring)]
    effective = np.array([effective_rows(rows.each[rows.truth == code]) for code in present])
    scale = (weighted.sum(axis=1) / effective)[:, None]
    cells = np.rint(weighted / scale)

    def of_cells(drawn: FloatArray) -> FloatArray:
        full = np.zeros((len(drawn), size, size))
        full[:, present[:, None], occurring[None, :]] = drawn.reshape(-1, *cells.shape) * scale
        return statistic(full)

    plain, smooth = (
        replicate_counts(cells.ravel(), of_cells, TABLE_REPLICATES, seed, smoothing=extra)
        for extra in (0.0, 1 / len(occurring))
    )
    point = _point(name, rows, rows.decided)

    def ends(alpha: float, side: Side) -> Ends:
        first, second = _percentiles(plain, alpha, side), _percentiles(smooth, alpha, side)
        return min(*first, *second, point), max(*first, *second, point)

    return Estimate(point, ends, _TABLE_METHOD)


def _percentiles(values: FloatArray, alpha: float, side: Side) -> Ends:
    error = tail(alpha, side)
    low, high = np.nanquantile(values, [error, 1 - error])
    return float(low), float(high)


def _scaled_wilson(point: float, worst: float, trials: float, alpha: float, side: Side) -> Ends:
    low, high = wilson_ends(point / worst * trials, trials, alpha, side)
    return low * worst, high * worst


def _one_class(rows: SplitRows, method: str) -> Gap | None:
    if not len(rows):
        return Gap("the split has no rows", method)
    if len(rows.present) < 2:
        return Gap(f"all {len(rows)} rows have the label {rows.classes[rows.present[0]]!r}", method)
    return None


def _binary_only(rows: SplitRows, method: str) -> Gap | None:
    if not rows.binary:
        return Gap(f"the task has {len(rows.classes)} classes, not two", method, "not_applicable")
    return None if rows.positive is not None else Gap("no class is named as positive", method)


def _score_gap(rows: SplitRows, method: str) -> Gap | None:
    if rows.binary and rows.positive is None:
        return Gap("no class is named as positive", method)
    missing = (rows.scores if rows.binary else rows.class_scores) is None
    return Gap("predictions carry no scores", method) if missing else None
