"""The audit of a choice: both sides as the audits measure them, and what validation flattered."""

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import AuditContext, Measurement, TaskInfo, UsageError, load_audit
from rai_audits.quality.chosen import Wanted, measure_wanted
from rai_audits.quality.selection import flattery

WANTED = {
    "roc_auc": Wanted("task_quality", "roc_auc", "maximise"),
    "equalized_odds_difference": Wanted("group_rates", "equalized_odds_difference", "minimise", "attributes"),
    "impact_ratio": Wanted("group_rates", "impact_ratio", "maximise", "pairs"),
}


class Nowhere:
    def put_table(self, name, table):
        raise AssertionError(name)


def context(rows=120, groups=("a", "b"), **options):
    generator = np.random.default_rng(8)
    score = generator.random(2 * rows)
    table = pd.DataFrame(
        {
            "row_id": [str(place) for place in range(2 * rows)],
            "split": ["validation"] * rows + ["test"] * rows,
            "label": np.where(generator.random(2 * rows) < score, "yes", "no"),
            "prediction": np.where(score >= 0.5, "yes", "no"),
            "score": score,
            "score:no": 1 - score,
            "score:yes": score,
            "group:race": generator.choice(["a", "b"], 2 * rows),
            "group:sex": generator.choice(["m", "w"], 2 * rows),
        }
    )
    named = {"race": groups, "sex": ("m", "w")}
    return AuditContext(table, TaskInfo(("no", "yes"), "yes", "no", 0.5, named), Nowhere(), options=options)


def number(value, low, high):
    return Measurement(audit="a", metric="m", estimate=value, low=low, high=high, method="x", n=10)


def test_validation_minus_test_by_hand():
    found = flattery(number(0.85, 0.80, 0.89), number(0.82, 0.78, 0.86), "maximise")
    by_hand = (0.03, 0.03 - np.hypot(0.05, 0.04), 0.03 + np.hypot(0.04, 0.04))
    assert (found.estimate, found.low, found.high) == pytest.approx(by_hand)


def test_a_gap_that_is_larger_on_test_rows_was_flattered():
    found = flattery(number(0.10, 0.05, 0.20), number(0.16, 0.10, 0.24), "minimise")
    # test minus validation: below by hypot(0.16 - 0.10, 0.20 - 0.10), above by hypot(0.24 - 0.16, 0.10 - 0.05)
    by_hand = (0.06, 0.06 - np.hypot(0.06, 0.10), 0.06 + np.hypot(0.08, 0.05))
    assert (found.estimate, found.low, found.high) == pytest.approx(by_hand)


def test_both_sides_are_those_of_the_audits():
    told = {"wanted": WANTED, "expected": {"roc_auc": 0.01}, "facts": {"trials": 5}}
    given = context(selection=told)
    output = load_audit("selection").run(given)
    found = {(item.metric, item.label): item for item in output.measurements}
    assert output.facts == {"trials": 5}
    assert len(found) == 4 * 3
    for split, metric in (("validation", "chosen_on_validation"), ("test", "chosen_on_test")):
        measured = measure_wanted(WANTED, given, split)
        assert measured["roc_auc"].value == found[metric, "roc_auc"].value
        assert found[metric, "roc_auc"].split == split
    curse = found["winners_curse", "roc_auc"]
    assert curse.value == pytest.approx(
        found["chosen_on_validation", "roc_auc"].value - found["chosen_on_test", "roc_auc"].value
    )
    assert found["winners_curse_expected", "roc_auc"].value == 0.01
    assert found["winners_curse_expected", "impact_ratio"].status == "not_estimable"


def test_the_worst_attribute_and_the_worst_pair_count():
    given = context()
    measured = measure_wanted(WANTED, given, "test")
    each = [
        item
        for item in load_audit("group_rates").run(given).measurements
        if item.metric == "equalized_odds_difference" and item.attribute and item.group is None
    ]
    assert len(each) == 2
    assert measured["equalized_odds_difference"].value == max(item.value for item in each)
    assert measured["impact_ratio"].value <= 1


def test_a_group_that_was_not_measured_is_no_number():
    measured = measure_wanted(WANTED, context(groups=("a", "b", "c")), "validation")
    assert measured["impact_ratio"].status == "not_estimable"
    told = {"wanted": {"impact_ratio": WANTED["impact_ratio"]}, "expected": {}, "facts": {}}
    output = load_audit("selection").run(context(groups=("a", "b", "c"), selection=told))
    assert {item.status for item in output.measurements} == {"not_estimable"}


def test_a_run_that_nobody_chose_is_refused():
    with pytest.raises(UsageError, match="was not"):
        load_audit("selection").run(context())
