"""The winner's curse: how much better the chosen trial looks on the rows it was chosen on than on rows that nobody chose on.

Expected before the test rows are opened, by choosing on one half of the validation rows and looking at the other half, many times; measured
after, as validation minus test. Both are signed so that a positive number means that validation flattered.
Stable API: ``expected_curse``, ``measured_curse``, ``Curse``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from rai_tune.search.choosing import Direction
    from rai_tune.search.result import Value

    Rows = NDArray[np.int64]

REPEATS = 50


@dataclass(frozen=True)
class Curse:
    """By how much validation flatters one objective; ``low`` and ``high`` are a two-sided 95 % interval where there is one."""

    estimate: float
    low: float | None = None
    high: float | None = None


def expected_curse(
    rows: int,
    strata: Sequence[object],
    choose_on: Callable[[Rows], int | None],
    value_on: Callable[[int, Rows], Mapping[str, float | None]],
    directions: Mapping[str, Direction],
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> dict[str, Curse]:
    """Choose on random halves of ``rows`` validation rows and evaluate on the other halves; the mean flattery by objective.

    ``choose_on`` picks a trial by some rows (None where it cannot), ``value_on`` measures a trial on some rows. Halves are alike in
    ``strata`` (rows,), such as group and label. Choosing on half the rows flatters by the square root of 2 more than on all of them where
    trials are alike (the spread of the largest of several estimates shrinks with the root of the rows), so the mean is divided by that.
    An objective that could not be measured in any half is left out.
    """
    generator = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in directions}
    for _ in range(repeats):
        first, second = _halves(rows, strata, generator)
        chosen = choose_on(first)
        if chosen is None:
            continue
        seen, unseen = value_on(chosen, first), value_on(chosen, second)
        for name, direction in directions.items():
            one, other = seen.get(name), unseen.get(name)
            if one is not None and other is not None:
                found[name].append(one - other if direction == "maximise" else other - one)
    return {name: Curse(float(np.mean(values)) / math.sqrt(2)) for name, values in found.items() if values}


def measured_curse(validation: Value, test: Value, direction: Direction) -> Curse | None:
    """Validation's flattery against the test rows, with an interval; None where one side has no number.

    The rows of the two differ, so the intervals are joined by square-and-add (Zou and Donner 2008).
    """
    if validation.estimate is None or test.estimate is None:
        return None
    sign = 1.0 if direction == "maximise" else -1.0
    estimate = sign * (validation.estimate - test.estimate)
    ends = (validation.low, validation.high, test.low, test.high)
    if any(end is None for end in ends):
        return Curse(estimate)
    low_1, high_1, low_2, high_2 = (float(end) for end in ends if end is not None)
    below = math.hypot(validation.estimate - low_1, high_2 - test.estimate)
    above = math.hypot(high_1 - validation.estimate, test.estimate - low_2)
    if sign < 0:
        below, above = above, below
    return Curse(estimate, estimate - below, estimate + above)


def _halves(rows: int, strata: Sequence[object], generator: np.random.Generator) -> tuple[Rows, Rows]:
    order = generator.permutation(rows)
    by_stratum: dict[object, list[int]] = {}
    for place in order.tolist():
        by_stratum.setdefault(strata[place], []).append(place)
    # Every second row of each stratum; an odd one goes to either half in turn.
    dealt = [place for places in by_stratum.values() for place in places]
    return np.asarray(dealt[0::2], dtype=np.int64), np.asarray(dealt[1::2], dtype=np.int64)
