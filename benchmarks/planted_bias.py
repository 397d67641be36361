"""Applications with planted bias, whose truth is known: every kind of row can be listed, so that every rate and area below is exact.

    python benchmarks/planted_bias.py [--rows planted.csv --seed 0]

Prints what is true of the world, and what can be had in it; with ``--rows`` it also writes a table drawn from it.

The world. Three in four people are local, one in four is a newcomer. Income, debt and record have four levels each, alike in both groups, and make
the merit of an application. Two things stand between merit and approval:

* newcomers of the same merit are approved less often (the logit is lower by ``HARM``);
* the district is a cue that belongs to a group (most newcomers live on the hill, most locals at the river). For locals it goes with approval (the logit
  moves by ``CUE`` either way); for newcomers it means nothing. A model that learns from everyone learns it mostly from the majority, and puts it to the minority.

So a plain model, however good, has a clear gap: with the true probabilities, decided at the threshold that approves as many as were approved, 0.25 in
true positive rate and 0.31 in selection rate; a logistic regression on endless rows has 0.21 and 0.29. Labels of training, validation and test rows are drawn
alike: no shift, and no cleaner labels to be tested on. Whatever takes the bias out therefore pays in AUC. How much is printed, as a line of scores
from the truth to merit alone: half way, the equalized-odds gap is less than a third of what it was (0.08), for 0.6 points of AUC. So a method can halve the gap at no
more than one point; whether one does is what ``mitigation.py`` asks. The constants were chosen by this table alone, before there was a method to run.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]

MINORITY, TIE, CUE, HARM, BASE = 0.25, 0.8, 0.6, 1.2, -0.3
"""Share of newcomers; share of a group that lives in its own district; effects on the logit of approval; and the logit where all is middling."""
WEIGHTS = (1.2, 0.8, 0.8)
"""Effect of one level of income, debt and record on the logit."""
ORIGINS, DISTRICTS = ("local", "newcomer"), ("river", "hill")
LEVELS = {
    "income": ("tiny", "small", "fair", "large"),
    "debt": ("crushing", "heavy", "light", "absent"),
    "record": ("bad", "mixed", "good", "spotless"),
}
TEMPLATE = "{{ origin }} applicant from the {{ district }} income {{ income }} debt {{ debt }} record {{ record }}"
WORDS = ("applicant", "from", "the", *LEVELS, *ORIGINS, *DISTRICTS, *itertools.chain(*LEVELS.values()))
SIZES = {"train": 1_500, "validation": 1_000, "test": 4_000}


@dataclass(frozen=True)
class Cells:
    """Every kind of row: its group (1 is a newcomer), district (1 is the hill), levels, share of all rows, merit and chance of approval."""

    newcomer: npt.NDArray[np.int64]
    hill: npt.NDArray[np.int64]
    levels: npt.NDArray[np.int64]
    share: Floats
    merit: Floats
    chance: Floats


@dataclass(frozen=True)
class Truth:
    """What a score does at the threshold that approves as many as were approved. Gaps are local minus newcomer."""

    auc: float
    true_positive: float
    false_positive: float
    selection: float

    @property
    def equalized_odds(self) -> float:
        """The larger of the two gaps in size, as Fairlearn's ``equalized_odds_difference``."""
        return max(abs(self.true_positive), abs(self.false_positive))


def cells() -> Cells:
    """All 256 kinds of rows."""
    grid = np.array(list(itertools.product((0, 1), (0, 1), range(4), range(4), range(4))))
    newcomer, hill, levels = grid[:, 0], grid[:, 1], grid[:, 2:]
    group = np.where(newcomer == 1, MINORITY, 1 - MINORITY)
    share = group * np.where(newcomer == hill, TIE, 1 - TIE) / 4**3
    merit = (levels - 1.5) @ np.array(WEIGHTS)
    logit = BASE + merit + np.where(newcomer == 1, -HARM, np.where(hill == 1, -CUE, CUE))
    return Cells(newcomer, hill, levels, share, merit, 1 / (1 + np.exp(-logit)))


def planted(seed: int, sizes: dict[str, int] | None = None) -> pd.DataFrame:
    """Rows drawn independently: ``id``, ``origin``, ``district``, ``income``, ``debt``, ``record``, ``approved`` (yes or no), ``split``."""
    import pandas as pd

    sizes = sizes or SIZES
    world, draw = cells(), np.random.default_rng([2_611, seed])
    kinds = draw.choice(len(world.share), size=sum(sizes.values()), p=world.share / world.share.sum())
    approved = draw.random(len(kinds)) < world.chance[kinds]
    columns = {name: np.array(words)[world.levels[kinds, place]] for place, (name, words) in enumerate(LEVELS.items())}
    return pd.DataFrame(
        {
            "id": [f"p{place:05}" for place in range(len(kinds))],
            "origin": np.array(ORIGINS)[world.newcomer[kinds]],
            "district": np.array(DISTRICTS)[world.hill[kinds]],
            **columns,
            "approved": np.where(approved, "yes", "no"),
            "split": np.repeat(list(sizes), list(sizes.values())),
        }
    )


def truth(score: Floats) -> Truth:
    """Exact quantities of a score given to each kind of row; ties at the threshold are approved."""
    world = cells()
    yes, no = world.share * world.chance, world.share * (1 - world.chance)
    tied = np.unique(np.round(score, 9), return_inverse=True)[1]
    above, below = np.bincount(tied, yes), np.bincount(tied, no)
    auc = float(((np.cumsum(below) - below / 2) * above).sum() / (yes.sum() * no.sum()))
    chosen = _approved(score, world.share, float(yes.sum()))
    gaps = []
    for weight in (yes, no, world.share):
        rates = [
            weight[(world.newcomer == group) & chosen].sum() / weight[world.newcomer == group].sum() for group in (0, 1)
        ]
        gaps.append(float(rates[0] - rates[1]))
    return Truth(auc, *gaps)


def _approved(score: Floats, share: Floats, wanted: float) -> npt.NDArray[np.bool_]:
    """Rows with the highest scores, the first time that they make up at least the wanted share."""
    order = np.argsort(-score, kind="stable")
    last = min(int(np.searchsorted(np.cumsum(share[order]), wanted)), len(order) - 1)
    return np.asarray(score >= score[order[last]] - 1e-9)


def base_rates() -> tuple[float, float]:
    """Approved share of locals and of newcomers."""
    world = cells()
    rates = [
        float((world.share * world.chance)[world.newcomer == group].sum() / world.share[world.newcomer == group].sum())
        for group in (0, 1)
    ]
    return rates[0], rates[1]


def scores() -> dict[str, Floats]:
    """Scores whose truth is printed: the true logit, a logistic regression at its limit, and what lies between the truth and merit."""
    world = cells()
    true = np.log(world.chance / (1 - world.chance))
    facts = np.column_stack([world.newcomer, world.hill, world.merit])
    return {
        "true probability": true,
        "logistic regression": _regression(facts, world),
        "the same, group hidden": _regression(facts[:, 1:], world),
        **{f"{part:.0%} of the way to merit": (1 - part) * true + part * world.merit for part in (0.25, 0.5, 0.75)},
        "merit alone": world.merit,
    }


def _regression(facts: Floats, world: Cells) -> Floats:
    """Logits of a logistic regression fitted to endless rows (Newton's method)."""
    design = np.column_stack([np.ones(len(facts)), facts])
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-design @ weights))
        bend = (design * (world.share * fitted * (1 - fitted))[:, None]).T @ design
        weights += np.linalg.solve(bend, design.T @ (world.share * (world.chance - fitted)))
    return np.asarray(design @ weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=Path, help="write a drawn table here, as CSV")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    local, newcomer = base_rates()
    print(f"newcomers {MINORITY:.0%} of rows; approved: {local:.3f} of locals, {newcomer:.3f} of newcomers")
    print(f"{'score':26}{'AUC':>8}{'TPR gap':>9}{'FPR gap':>9}{'selection gap':>15}{'equalized odds gap':>20}")
    for name, score in scores().items():
        one = truth(score)
        print(
            f"{name:26}{one.auc:8.4f}{one.true_positive:+9.3f}{one.false_positive:+9.3f}{one.selection:+15.3f}{one.equalized_odds:20.3f}"
        )
    if options.rows:
        table = planted(options.seed)
        table.to_csv(options.rows, index=False)
        print(f"wrote {len(table):,} rows to {options.rows} (seed {options.seed})")


if __name__ == "__main__":
    main()
