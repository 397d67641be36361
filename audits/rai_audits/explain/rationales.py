"""Agreement of explanations with human rationales: the definitions of ERASER (DeYoung et al., ACL 2020), as pure functions.

Use for any two labellings of the same tokens. Stable API. Results agree with the published scoring code of ERASER on the same input (``instance_macro`` of hard
rationales on the level of tokens, ``macro`` of partial matches, ``auprc`` of soft scores); means over documents are taken by the caller where ERASER takes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

IOU_THRESHOLD = 0.5


@dataclass(frozen=True)
class Match:
    """Precision, recall and their harmonic mean; 0 where one of them is 0 or has nothing to count."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        if self.precision == 0 or self.recall == 0:
            return 0.0
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def token_match(truth: Sequence[bool], predicted: Sequence[bool]) -> Match:
    """Tokens that both mark, of one document. Raises ``ValueError`` for unlike lengths."""
    _check(truth, predicted)
    both = sum(one and two for one, two in zip(truth, predicted, strict=True))
    return Match(_share(both, sum(predicted)), _share(both, sum(truth)))


def span_match(truth: Sequence[bool], predicted: Sequence[bool], threshold: float = IOU_THRESHOLD) -> Match:
    """Runs of marked tokens of one document: a predicted run counts when its intersection over union with some true run reaches ``threshold``."""
    _check(truth, predicted)
    wanted, given = runs(truth), runs(predicted)
    hits = sum(max((_iou(run, other) for other in wanted), default=0.0) >= threshold for run in given)
    return Match(_share(hits, len(given)), _share(hits, len(wanted)))


def macro_f1(matches: Sequence[Match], *, with_truth: Sequence[bool], with_prediction: Sequence[bool]) -> float:
    """ERASER's macro IOU-F1: the harmonic mean of mean precision (documents that predict) and mean recall (documents with a truth)."""
    precision = [item.precision for item, there in zip(matches, with_prediction, strict=True) if there]
    recall = [item.recall for item, there in zip(matches, with_truth, strict=True) if there]
    return Match(_mean(precision), _mean(recall)).f1


def auprc(truth: Sequence[bool], scores: Sequence[float]) -> float:
    """Area under the precision-recall curve of one document by the trapezoid rule. Raises ``ValueError`` where no token is marked."""
    from sklearn.metrics import auc, precision_recall_curve

    _check(truth, scores)
    if not any(truth):
        raise ValueError("no token is marked, so there is no recall")
    precision, recall, _ = precision_recall_curve([int(item) for item in truth], list(scores))
    return float(auc(recall, precision))


def runs(marked: Sequence[bool]) -> tuple[tuple[int, int], ...]:
    """Start and end (exclusive) of each run of marked tokens."""
    edges = np.diff(np.concatenate([[False], np.asarray(marked, dtype=bool), [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return tuple(zip(starts.tolist(), ends.tolist(), strict=True))


def top_marked(scores: npt.ArrayLike, count: int) -> tuple[bool, ...]:
    """Marks of the ``count`` highest scores; of equal ones the first."""
    values = np.asarray(scores, dtype=np.float64)
    marked = np.zeros(len(values), dtype=bool)
    marked[np.argsort(-values, kind="stable")[:count]] = True
    return tuple(marked.tolist())


def _iou(one: tuple[int, int], two: tuple[int, int]) -> float:
    common = max(0, min(one[1], two[1]) - max(one[0], two[0]))
    return common / ((one[1] - one[0]) + (two[1] - two[0]) - common)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _check(truth: Sequence[bool], other: Sequence[object]) -> None:
    if len(truth) != len(other):
        raise ValueError(f"{len(truth)} true marks for {len(other)} others")
