"""The audit unknown_demographics: against every allocation of the unknown rows, enumerated."""

from itertools import product

import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, UsageError
from rai_audits.fairness.group_rates import measure as group_rates
from rai_audits.fairness.unknowns import highest_case, lowest_case, measure

TASK = TaskInfo(classes=("0", "1"), positive="1", favourable="1", threshold=None, groups={"g": ("a", "b")})


def context(counts, groups=("a", "b"), smallest=1):
    """``counts`` gives (selected, not selected) of each group."""
    rows = [
        {"group:g": group, "prediction": said, "label": "1", "split": "test"}
        for group, both in counts.items()
        for said, many in (("1", both[0]), ("0", both[1]))
        for _ in range(many)
    ]
    task = TaskInfo(TASK.classes, "1", "1", None, {"g": groups})
    options = {"min_group_rows": smallest}
    return AuditContext(predictions=pd.DataFrame(rows), task=task, artifacts=None, options=options)


def pick(output, metric, group, reference=None):
    [item] = [i for i in output.measurements if (i.metric, i.group, i.reference) == (metric, group, reference)]
    return item


def ways(total, groups):
    return [split for split in product(range(total + 1), repeat=groups) if sum(split) == total]


@pytest.mark.parametrize(
    "counts",
    [
        {"a": (2, 3), "b": (4, 1), "unknown": (2, 3)},
        {"a": (1, 1), "b": (3, 0), "c": (2, 2), "unknown": (3, 2)},
        {"a": (0, 4), "b": (1, 2), "unknown": (1, 0)},
    ],
)
def test_bounds_are_those_of_every_allocation(counts):
    known = tuple(name for name in counts if name != "unknown")
    output = measure(context(counts, known))
    won, lost = counts.get("unknown", (0, 0))
    for a, b in ((a, b) for a in known for b in known if a != b):
        ratios = []
        for given, withheld in product(ways(won, len(known)), ways(lost, len(known))):
            rate = {
                name: (counts[name][0] + x) / (sum(counts[name]) + x + y)
                for name, x, y in zip(known, given, withheld, strict=True)
            }
            ratios.append(rate[a] / rate[b] if rate[b] else float("inf"))
        assert pick(output, "impact_ratio_lowest", a, b).value == pytest.approx(min(ratios))
        highest = pick(output, "impact_ratio_highest", a, b)
        if max(ratios) == float("inf"):
            assert highest.status == "not_estimable"
        else:
            assert highest.value == pytest.approx(max(ratios))


def test_without_unknown_rows_there_is_nothing_to_bound():
    assert lowest_case((30, 50), (40, 50), (0, 0)) == highest_case((30, 50), (40, 50), (0, 0)) == (30, 50, 40, 50)
    (only,) = measure(context({"a": (30, 20), "b": (40, 10)})).measurements
    assert (only.status, only.reason) == ("not_applicable", "no row of unknown group")


def test_one_unknown_row_hardly_moves_the_ratio_and_its_bounds():
    given = context({"a": (3000, 2000), "b": (4000, 1000), "unknown": (1, 0)})
    plain = pick(group_rates(given), "impact_ratio", "a", "b")
    for metric in ("impact_ratio_lowest", "impact_ratio_highest"):
        item = pick(measure(given), metric, "a", "b")
        assert (item.value, item.low, item.high) == pytest.approx((plain.value, plain.low, plain.high), rel=1e-3)
        assert item.bound("lower", 0.05).value == pytest.approx(plain.bound("lower", 0.05).value, rel=1e-3)
        assert item.bound("upper", 0.05, "holm").value == pytest.approx(
            plain.bound("upper", 0.05, "holm").value, rel=1e-3
        )


def test_what_has_no_number():
    output = measure(context({"a": (3, 2), "b": (0, 5), "unknown": (1, 1)}))
    assert pick(output, "impact_ratio_highest", "a", "b").status == "not_estimable"
    assert pick(output, "impact_ratio_lowest", "a", "b").value == pytest.approx((3 / 6) / (1 / 6))
    gone = measure(context({"a": (30, 20), "unknown": (10, 10)}, smallest=10))
    assert pick(gone, "impact_ratio_lowest", "b").reason == "fewer rows than a comparison needs"
    assert gone.facts["unknown_rows"] == {"g": 20}
    with pytest.raises(UsageError, match="favourable"):
        plain = context({"a": (1, 1)})
        measure(
            AuditContext(
                predictions=plain.predictions, task=TaskInfo(("0", "1"), "1", None, None, {"g": ()}), artifacts=None
            )
        )
