"""The audit simpson: Berkeley admissions and kidney stones, worked by hand, and coverage of the common difference."""

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, UsageError
from rai_audits.fairness.simpson import measure
from rai_audits.stats.stratified import difference_ends, risk_difference, risk_ratio, strata

# Bickel, Hammel and O'Connell (1975), Science 187, 398-404, as in R's UCBAdmissions: (admitted, rejected) by department.
BERKELEY = {
    "men": [(512, 313), (353, 207), (120, 205), (138, 279), (53, 138), (22, 351)],
    "women": [(89, 19), (17, 8), (202, 391), (131, 244), (94, 299), (24, 317)],
}
# Charig et al. (1986), BMJ 292, 879-882: successes of treatments A and B, small and large stones.
STONES = {"A": [(81, 6), (192, 71)], "B": [(234, 36), (55, 25)]}


def context(table, **options):
    rows = [
        {"group:who": who, "place": str(place), "prediction": said, "split": "test", "n": many}
        for who, cells in table.items()
        for place, both in enumerate(cells)
        for said, many in (("1", both[0]), ("0", both[1]))
    ]
    frame = pd.DataFrame(rows)
    frame = frame.loc[frame.index.repeat(frame["n"])].reset_index(drop=True)
    task = TaskInfo(("0", "1"), "1", "1", None, {"who": tuple(table)})
    return AuditContext(predictions=frame, task=task, artifacts=None, options=options)


def pick(output, metric, group, reference):
    [item] = [i for i in output.measurements if (i.metric, i.group, i.reference) == (metric, group, reference)]
    return item


def test_berkeley_turns_round_within_departments():
    output = measure(context(BERKELEY, control=("place",)))
    marginal = pick(output, "selection_rate_difference_marginal", "men", "women")
    assert marginal.value == pytest.approx(1198 / 2691 - 557 / 1835)
    adjusted = pick(output, "selection_rate_difference_adjusted", "men", "women")
    top = sum((a * (c + d) - c * (a + b)) / (a + b + c + d) for (a, b), (c, d) in zip(*BERKELEY.values(), strict=True))
    bottom = sum((a + b) * (c + d) / (a + b + c + d) for (a, b), (c, d) in zip(*BERKELEY.values(), strict=True))
    assert adjusted.value == pytest.approx(top / bottom)
    assert adjusted.value < 0 < marginal.low
    assert pick(output, "simpson_reversal", "men", "women").value == 1.0
    assert {
        "attribute": "who",
        "group": "men",
        "reference": "women",
        "control": "place",
        "settled": False,
    } in output.facts["reversals"]


def test_kidney_stones_ratio_by_hand():
    output = measure(context(STONES, control=("place",)))
    assert pick(output, "selection_rate_difference_marginal", "A", "B").value == pytest.approx(273 / 350 - 289 / 350)
    ratio = pick(output, "impact_ratio_adjusted", "A", "B")
    assert ratio.value == pytest.approx((81 * 270 / 357 + 192 * 80 / 343) / (234 * 87 / 357 + 55 * 263 / 343))
    assert ratio.low < ratio.value < ratio.high
    assert pick(output, "simpson_reversal", "B", "A").value == 1.0


def test_one_stratum_has_the_known_variances():
    one = strata(30, 100, 20, 80)
    assert risk_ratio(one).variance == pytest.approx(1 / 30 - 1 / 100 + 1 / 20 - 1 / 80)
    assert risk_difference(one).estimate == pytest.approx(0.05)


def test_common_difference_covers():
    rng = np.random.default_rng(17)
    n1, n2, base = np.array([20, 60, 10, 40]), np.array([50, 15, 30, 40]), np.array([0.2, 0.5, 0.7, 0.35])
    held = 0
    for _ in range(1000):
        found = risk_difference(strata(rng.binomial(n1, base + 0.1), n1, rng.binomial(n2, base), n2))
        low, high = difference_ends(found, 0.05, "two-sided")
        held += low <= 0.1 <= high
    assert held >= 930


def test_no_overlap_and_bad_options():
    split = measure(context({"a": [(9, 9), (0, 0)], "b": [(0, 0), (9, 9)]}, control=("place",)))
    assert pick(split, "selection_rate_difference_adjusted", "a", "b").reason == "no stratum holds both groups"
    with pytest.raises(UsageError, match="needs a control"):
        measure(context(STONES))
    with pytest.raises(UsageError, match="no column 'plac'"):
        measure(context(STONES, control=("plac",)))
