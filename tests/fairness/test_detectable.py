"""The smallest gap that a table could show: against which group, what it says, and when it says nothing."""

from __future__ import annotations

import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo
from rai_audits.fairness.group_rates import measure
from rai_audits.stats.power import power_of_gap, smallest_detectable_gap


def gaps(counts, *, declared=None, weight=None):
    """``counts`` gives (selected, all) of each group."""
    rows = [
        {"group:race": group, "prediction": said, "label": said, "split": "test"}
        for group, (selected, everyone) in counts.items()
        for said, many in (("yes", selected), ("no", everyone - selected))
        for _ in range(many)
    ]
    frame = pd.DataFrame(rows)
    if weight is not None:
        frame["weight"] = weight(frame)
    task = TaskInfo(("no", "yes"), "yes", "yes", None, {"race": declared or tuple(counts)})
    found = measure(AuditContext(predictions=frame, task=task, artifacts=None)).measurements
    return {item.group: item for item in found if item.metric == "smallest_detectable_gap"}


def test_each_group_is_set_against_the_largest_other_one_whatever_its_rate():
    found = gaps({"white": (752, 817), "Black": (86, 135), "Asian": (60, 60)})
    assert {group: item.reference for group, item in found.items()} == {
        "white": "Black", "Black": "white", "Asian": "white",
    }  # fmt: skip
    black = found["Black"]
    assert black.value == pytest.approx(smallest_detectable_gap(135, 752 / 817, 817))
    # The chance to see exactly this gap is 80 %, and the group's own rate has no part in it.
    assert power_of_gap(black.value, 135, 752 / 817, 817) == pytest.approx(0.8, abs=1e-6)
    assert black.low < black.value < black.high and black.bounds == ()
    assert gaps({"white": (752, 817), "Black": (130, 135)})["Black"].value == black.value
    assert found["Asian"].value > black.value
    assert (black.n, black.n_pos) == (952, 838)


def test_too_few_rows_to_show_anything_is_said_and_not_a_number():
    found = gaps({"white": (80, 800), "Black": (1, 12)})
    assert found["Black"].status == "not_estimable"
    assert "even a rate of 0" in found["Black"].reason


def test_no_comparison_no_gap():
    assert gaps({"white": (80, 800), "Black": (1, 2)}, declared=("white", "Black", "Asian")) == {}


def test_unequal_weights_make_the_gap_larger():
    counts = {"white": (400, 800), "Black": (100, 200)}
    plain, equal = gaps(counts)["Black"], gaps(counts, weight=lambda frame: 2.0)["Black"]
    uneven = gaps(counts, weight=lambda frame: [1.0 + 4 * (place % 2) for place in range(len(frame))])["Black"]
    assert plain.value == pytest.approx(equal.value)
    assert uneven.value > 1.1 * plain.value
    assert "effective n" in uneven.method
