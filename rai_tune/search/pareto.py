"""Which trials are beaten by none: as good in every objective and better in one. Stable API: ``front``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.search.result import acceptable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rai_tune.search.choosing import Direction
    from rai_tune.search.result import TrialResult


def front(trials: tuple[TrialResult, ...], directions: Mapping[str, Direction]) -> frozenset[int]:
    """Numbers of the trials on the Pareto front of point estimates, among those that are measured and meet their constraints.

    Where no trial meets them, among all that are measured: what is nearest is still worth seeing, and each says what it misses. Trials with
    the same values are on the front together.
    """
    measured = [trial for trial in trials if trial.measured and set(directions) <= set(trial.values)]
    among = acceptable(measured) or measured
    points = {
        trial.number: tuple(
            (trial.values[name].estimate or 0.0) * (-1.0 if direction == "maximise" else 1.0)
            for name, direction in directions.items()
        )
        for trial in among
    }
    return frozenset(
        number for number, own in points.items() if not any(_beats(other, own) for other in points.values())
    )


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(mine <= theirs for mine, theirs in zip(one, other, strict=True))
