"""The audit four_fifths: the agencies' own example, the rule on whole counts, and where rule and test disagree."""

from fractions import Fraction
from itertools import product
from math import comb

import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, UsageError, load_audit
from rai_audits.fairness.adverse_impact import adverse_impact
from rai_audits.fairness.counts import count_partition
from rai_audits.fairness.four_fifths import measure, measure_counts
from rai_audits.stats.two_rates import fisher


def context(counts, declared=None, favourable="yes"):
    """``counts`` gives (selected, all) of each group of the attribute ``race``."""
    rows = [
        {"group:race": group, "prediction": said, "label": None, "split": "test"}
        for group, (selected, everyone) in counts.items()
        for said, many in (("yes", selected), ("no", everyone - selected))
        for _ in range(many)
    ]
    task = TaskInfo(("no", "yes"), "yes", favourable, None, {"race": declared or tuple(counts)})
    return AuditContext(predictions=pd.DataFrame(rows), task=task, artifacts=None)


def pick(output, metric, group):
    [item] = [item for item in output.measurements if (item.metric, item.group) == (metric, group)]
    return item


def test_the_example_of_question_12_of_the_agencies():
    # Questions and Answers (1979), 12: rates of 60, 45, 48 and 51 % give 75, 80 and 85 %; adverse impact is indicated for the
    # first alone, since 80 % is not below four fifths.
    counts = {"white": (60, 100), "American Indian": (45, 100), "Hispanic": (48, 100), "Black": (51, 100)}
    output = measure(context(counts))
    ratios = {group: pick(output, "four_fifths_ratio", group) for group in counts if group != "white"}
    assert {group: round(item.value, 12) for group, item in ratios.items()} == {
        "American Indian": 0.75,
        "Hispanic": 0.80,
        "Black": 0.85,
    }
    told = output.facts["attributes"]["race"]
    assert told["highest"] == "white"
    assert [item["group"] for item in told["comparisons"] if item["below"]] == ["American Indian"]
    assert all(item.reference == "white" and item.low < item.value < item.high for item in ratios.values())


def test_a_rate_of_exactly_four_fifths_is_never_below_it():
    for n, other_n in product((5, 7, 15, 35), (3, 5, 11, 25)):
        for other_k in range(1, other_n + 1):
            for k in range(n + 1):
                below = Fraction(k, n) < Fraction(4, 5) * Fraction(other_k, other_n)
                assert adverse_impact(k, n, other_k, other_n).below == below


def test_fisher_agrees_with_enumeration():
    k, n, other_k, other_n = 3, 12, 9, 14
    total = k + other_k
    chance = {
        x: comb(n, x) * comb(other_n, total - x) / comb(n + other_n, total)
        for x in range(max(0, total - other_n), min(n, total) + 1)
    }
    as_extreme = sum(p for p in chance.values() if p <= chance[k] * (1 + 1e-9))
    assert fisher(k, n, other_k, other_n) == pytest.approx(as_extreme)


@pytest.mark.parametrize(
    ("counts", "disagreement", "reverses", "crosses"),
    [
        # 1 of 10 against 3 of 20 is two thirds; one different person makes it 2 of 10 against 2 of 20.
        ((1, 10, 3, 20), "below_but_not_significant", True, True),
        # Small numbers: below, not significant; one more selected is still below, but one different person is not a reversal.
        ((2, 20, 8, 20), "below_but_not_significant", False, False),
        # Large numbers: 0.90 of the highest rate, and beyond chance.
        ((4500, 10000, 5000, 10000), "not_below_but_significant", False, False),
        # Both agree that there is an impact, and that there is none.
        ((30, 100, 60, 100), None, False, False),
        ((55, 100, 60, 100), None, False, False),
    ],
)
def test_where_the_rule_and_the_test_disagree(counts, disagreement, reverses, crosses):
    result = adverse_impact(*counts)
    assert result.disagreement == disagreement
    assert (result.one_person_reverses, result.one_person_crosses) == (reverses, crosses)


def test_disagreements_are_listed_and_measured():
    output = measure(context({"a": (3, 20), "b": (1, 10), "c": (3, 20)}))
    assert [(item["group"], item["disagreement"]) for item in output.facts["disagreements"]] == [
        ("b", "below_but_not_significant")
    ]
    assert pick(output, "four_fifths_disagreement", "b").value == 1.0
    assert pick(output, "four_fifths_disagreement", "c").value == 0.0
    raw, adjusted = (pick(output, f"four_fifths_p_value{end}", "b").value for end in ("", "_adjusted"))
    assert raw <= adjusted == 1.0


def test_adjusted_p_values_allow_for_the_choice_of_the_highest_group():
    output = measure(context({"a": (60, 100), "b": (44, 100), "c": (59, 100), "d": (58, 100)}))
    raw, adjusted = (pick(output, f"four_fifths_p_value{end}", "b").value for end in ("", "_adjusted"))
    assert raw == pytest.approx(fisher(44, 100, 60, 100))
    assert adjusted == pytest.approx(6 * raw)


def test_a_group_under_two_percent_is_listed_and_not_judged():
    output = measure(
        context({"a": (300, 490), "b": (200, 500), "c": (0, 10), "unknown": (5, 400)}, ("a", "b", "c", "d"))
    )
    told = output.facts["attributes"]["race"]
    assert told["unknown_rows"] == 400
    assert told["under_two_percent"] == [{"group": "c", "n": 10, "selected": 0, "share": 0.01}]
    small = pick(output, "four_fifths_ratio", "c")
    assert small.status == "not_applicable" and "1607.15(A)(2)" in small.reason
    assert pick(output, "four_fifths_ratio", "d").reason == "no rows"
    at_two = measure(context({"a": (300, 490), "b": (200, 490), "c": (0, 20)}))
    assert pick(at_two, "four_fifths_ratio", "c").value == 0.0


def test_the_highest_rate_never_comes_from_a_group_under_two_percent():
    output = measure(context({"a": (300, 495), "b": (200, 495), "c": (10, 10)}))
    assert output.facts["attributes"]["race"]["highest"] == "a"


def test_what_has_no_number():
    nobody = measure(context({"a": (0, 20), "b": (0, 20)}))
    assert {item.status for item in nobody.measurements} == {"not_estimable"}
    alone = measure(context({"a": (5, 20)}))
    assert pick(alone, "four_fifths_ratio", "a").reason == "a comparison needs two groups"
    with pytest.raises(UsageError, match="favourable"):
        measure(context({"a": (5, 20)}, favourable=None))
    with pytest.raises(ValueError, match="no counts"):
        adverse_impact(3, 2, 1, 1)


def test_counts_give_what_rows_give_and_nothing_is_gated():
    given = context({"a": (30, 60), "b": (20, 60)})
    counts = count_partition(given.predictions, ("race",), given.task.classes)
    assert load_audit("four_fifths").run(given) == measure_counts(given, counts)
    assert all(item.bounds == () for item in measure(given).measurements)
