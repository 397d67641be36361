"""The winner's curse: how much better the chosen trial looks on the rows it was chosen on than on rows that nobody chose on.

Expected before the test rows are opened, by choosing on one half of the validation rows and looking at the other half, many times; a positive number
means that validation flatters. After they are opened the audit ``selection`` measures it. Stable API: ``expected_curse``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from rai_tune.search.choosing import Direction

    Rows = NDArray[np.int64]

REPEATS = 50


def expected_curse(
    rows: int,
    strata: Sequence[object],
    choose_on: Callable[[Rows], int | None],
    value_on: Callable[[int, Rows], Mapping[str, float | None]],
    directions: Mapping[str, Direction],
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> dict[str, float]:
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
    return {name: float(np.mean(values)) / math.sqrt(2) for name, values in found.items() if values}


def _halves(rows: int, strata: Sequence[object], generator: np.random.Generator) -> tuple[Rows, Rows]:
    order = generator.permutation(rows)
    by_stratum: dict[object, list[int]] = {}
    for place in order.tolist():
        by_stratum.setdefault(strata[place], []).append(place)
    # Every second row of each stratum; an odd one goes to either half in turn.
    dealt = [place for places in by_stratum.values() for place in places]
    return np.asarray(dealt[0::2], dtype=np.int64), np.asarray(dealt[1::2], dtype=np.int64)
