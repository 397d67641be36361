"""What two audits of a change share: the levels it starts from, and who gains or loses the favourable outcome.

Use from audits that compare two sets of decisions about the same rows beside ``compared.compare``. Stable within this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.fairness.describe import WILSON
from rai_audits.fairness.grouped import estimated
from rai_audits.stats.auc import auc, auc_interval
from rai_audits.stats.rates import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import pandas as pd

    from rai_audits.core import Measurement
    from rai_audits.fairness.compared import Flip
    from rai_audits.fairness.describe import Describer
    from rai_audits.stats.interval import Side

    Mask = npt.NDArray[np.bool_]

_MCNEMAR = "McNemar, mid-p"
_LOGIT_DELONG = "logit of DeLong"


def levels(
    describe: Describer, prefix: str, decided: pd.DataFrame, rows: pd.DataFrame, unweighted: str
) -> Iterator[Measurement]:
    """Accuracy and selection rate of some decisions, overall and by group, and their AUC: ``<prefix>_accuracy`` and so on.

    ``decided`` holds decisions and scores, ``rows`` labels and groups, of the same rows in the same order.
    """
    task = describe.context.task
    predicted = decided["prediction"].astype(str).to_numpy()
    label = rows["label"].astype(str).to_numpy()
    outcomes: dict[str, Mask] = {f"{prefix}_accuracy": predicted == label}
    if task.favourable is not None:
        outcomes[f"{prefix}_selection_rate"] = predicted == task.favourable
    everyone: list[tuple[str | None, str | None, Mask]] = [(None, None, np.ones(len(rows), dtype=bool))]
    for attribute, declared in task.groups.items():
        cells = rows[f"group:{attribute}"].astype(str).to_numpy()
        everyone += [(attribute, name, cells == name) for name in sorted({*cells.tolist(), *declared})]
    for metric, hit in outcomes.items():
        for of, group, mine in everyone:
            yield rate(describe, metric, int(hit[mine].sum()), int(mine.sum()), unweighted, of, group)
    if task.positive is not None and "score" in decided:
        scores = decided["score"].to_numpy(dtype=float)
        yield area(describe, f"{prefix}_roc_auc", scores, label == task.positive, unweighted)


def rate(
    describe: Describer,
    metric: str,
    hits: int,
    n: int,
    unweighted: str,
    attribute: str | None,
    group: str | None,
) -> Measurement:
    """A share of rows with Wilson's interval."""
    method = WILSON + unweighted
    where: dict[str, Any] = {"attribute": attribute, "group": group, "n": n}
    if n == 0:
        return describe.gap(metric, "no rows", method=method, **where)

    def ends(error: float, side: Side) -> tuple[float, float]:
        interval = wilson(hits, n, alpha=error, side=side)
        return float(interval.low), float(interval.high)

    return estimated(describe, metric, hits / n, ends, method=method, n_pos=hits, n_neg=n - hits, **where)


def area(
    describe: Describer, metric: str, scores: npt.NDArray[np.float64], positive: Mask, unweighted: str
) -> Measurement:
    """The area under the ROC curve of all rows. ``scores`` and ``positive`` have shape (rows,)."""
    counts: dict[str, Any] = {"n": int(positive.size), "n_pos": int(positive.sum()), "n_neg": int((~positive).sum())}
    method = _LOGIT_DELONG + unweighted
    if min(counts["n_pos"], counts["n_neg"]) == 0:
        return describe.gap(metric, "only one class among the labels", method=method, **counts)
    found = auc(scores[positive], scores[~positive])

    def ends(error: float, side: Side) -> tuple[float, float]:
        interval = auc_interval(found, alpha=error, side=side)
        return float(interval.low), float(interval.high)

    return estimated(describe, metric, found.estimate, ends, method=method, **counts)


def flipped(describe: Describer, flip: Flip, unweighted: str) -> Iterator[Measurement]:
    """Shares of a group's rows that gained and that lost the favourable outcome, and whether one outweighs the other by chance."""
    for metric, count in (("favourable_gained_share", flip.gained), ("favourable_lost_share", flip.lost)):
        yield rate(describe, metric, count, flip.n, unweighted, flip.attribute, flip.group)
    where: dict[str, Any] = {"attribute": flip.attribute, "group": flip.group, "n": flip.n}
    where |= {"n_pos": flip.gained, "n_neg": flip.lost}
    method = _MCNEMAR + unweighted
    if flip.gained + flip.lost == 0:
        yield describe.gap("favourable_flip_p_value", "no decision changed", method=method, **where)
        return
    yield describe.number("favourable_flip_p_value", flip.p_value, flip.p_value, flip.p_value, method=method, **where)
