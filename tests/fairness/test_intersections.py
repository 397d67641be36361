"""The audit intersections: cells by hand, options, and what has no number."""

import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, UsageError
from rai_audits.fairness.pooling import measure
from rai_audits.stats.rates import wilson


def context(**options):
    cells = {("f", "a"): (6, 4), ("f", "b"): (30, 10), ("m", "a"): (2, 1), ("m", "b"): (50, 50), ("m", None): (3, 3)}
    rows = [
        {"group:sex": sex, "group:race": race, "prediction": said, "split": "test"}
        for (sex, race), both in cells.items()
        for said, many in (("1", both[0]), ("0", both[1]))
        for _ in range(many)
    ]
    task = TaskInfo(("0", "1"), "1", "1", None, {"sex": ("f", "m"), "race": ("a", "b", "c")})
    return AuditContext(predictions=pd.DataFrame(rows), task=task, artifacts=None, options=options)


def pick(output, metric, group, reference=None):
    [item] = [i for i in output.measurements if (i.metric, i.group, i.reference) == (metric, group, reference)]
    return item


def test_cells_by_hand():
    output = measure(context())
    raw = pick(output, "selection_rate", "f x b")
    assert (raw.value, raw.n, raw.low) == (0.75, 40, pytest.approx(float(wilson(30, 40).low)))
    pooled = pick(output, "selection_rate_pooled", "m x a")
    assert 0.5 < pooled.value < 2 / 3  # between the common mean and the raw rate of three rows
    assert "pooled" in pooled.method and pooled.bounds == ()
    assert pick(output, "impact_ratio", "m x b", "f x b").value == pytest.approx(0.5 / 0.75)
    assert pick(output, "impact_ratio", "m x a").status == "not_estimable"  # 3 rows
    assert pick(output, "selection_rate", "f x c").reason == "no rows"
    assert output.facts["crossings"]["sex x race"]["unknown_rows"] == 6


def test_bad_options_are_named():
    with pytest.raises(UsageError, match="'gender' is no group attribute"):
        measure(context(cross=(("gender", "race"),)))
    with pytest.raises(UsageError, match="two or more different"):
        measure(context(cross=(("sex", "sex"),)))
