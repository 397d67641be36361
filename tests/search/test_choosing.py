"""A rule in words picks the trial that a person would pick by it."""

import pytest

from rai_tune.core import UsageError
from rai_tune.search.choosing import Limit, Prefer, Within, parse_rule, pick
from rai_tune.search.pareto import front
from rai_tune.search.result import TrialResult, Value

DIRECTIONS = {"roc_auc": "maximise", "equalized_odds_difference": "minimise", "adapter_parameters": "minimise"}
SHARES = frozenset({"roc_auc", "equalized_odds_difference"})


def value(estimate, half=0.02):
    return Value(estimate, estimate - half, estimate + half, 100)


def trials(*points):
    return {
        number: {
            "roc_auc": value(area),
            "equalized_odds_difference": value(gap),
            "adapter_parameters": Value(float(size)),
        }
        for number, (area, gap, size) in enumerate(points)
    }


def chosen(text, values):
    return pick(parse_rule(text, DIRECTIONS, SHARES), values, DIRECTIONS)


def test_the_rule_of_the_manual():
    rule = parse_rule("AUC within 0.5 of best,  smallest gap", DIRECTIONS, SHARES)
    assert rule.keep == (Within("roc_auc", 0.005, relative=False),)
    assert rule.prefer == (Prefer("equalized_odds_difference", "minimise"),)
    values = trials((0.80, 0.20, 9), (0.796, 0.10, 9), (0.794, 0.01, 9))
    assert chosen("auc within 0.5 of best, smallest gap", values).number == 1
    assert chosen("auc within 0.6 points of best, smallest gap", values).number == 2
    assert chosen("auc within 0.5 of best, smallest gap", values).kept == (1, 0)


def test_the_margin_itself_is_within():
    assert chosen("auc within 1 of best, smallest gap", trials((0.80, 0.2, 1), (0.79, 0.1, 1))).number == 1


def test_percent_is_of_the_best_and_counts_are_plain_numbers():
    values = trials((0.8, 0.2, 1000), (0.8, 0.1, 1100), (0.8, 0.0, 1101))
    assert chosen("parameters within 10% of best, smallest gap", values).number == 1
    assert chosen("adapter_parameters within 101 of best, smallest gap", values).number == 2
    assert chosen("adapter_parameters at most 1000, smallest gap", values).number == 0
    with pytest.raises(UsageError, match="not counted in points"):
        chosen("parameters within 3 points of best, smallest gap", values)


def test_a_limit_of_a_share_is_one_or_says_so():
    values = trials((0.8, 0.20, 10), (0.7, 0.04, 10))
    for limit in ("0.05", "5 points", "5%", "5points"):
        assert chosen(f"gap at most {limit}, largest auc", values).number == 1
    with pytest.raises(
        UsageError, match=r"lies between 0 and 1 \(100 points\), so 5 is no limit; write '0\.05' or '5 points'"
    ):
        chosen("gap at most 5, largest auc", values)
    with pytest.raises(UsageError, match="not counted in points; write a plain number"):
        chosen("parameters at most 5 points, largest auc", values)


def test_a_gap_of_several_has_to_be_named():
    both = {**DIRECTIONS, "demographic_parity_difference": "minimise"}
    with pytest.raises(UsageError, match="several gaps; say which: equalized_odds_difference, demographic"):
        parse_rule("smallest gap", both, SHARES)


def test_the_bound_decides_and_not_the_point():
    lucky = {"roc_auc": value(0.8), "equalized_odds_difference": value(0.05, 0.20)}
    sure = {"roc_auc": value(0.8), "equalized_odds_difference": value(0.08, 0.02)}
    assert chosen("smallest gap", {0: lucky, 1: sure}).number == 1
    assert chosen("best equalized_odds_difference", {0: lucky, 1: sure}).number == 1


def test_a_second_preference_breaks_a_tie_and_then_the_number():
    values = trials((0.8, 0.1, 20), (0.8, 0.1, 10), (0.8, 0.1, 10))
    assert chosen("smallest gap, smallest parameters", values).kept == (1, 2, 0)


def test_the_best_is_the_best_of_all_trials():
    values = trials((0.90, 0.50, 1), (0.86, 0.10, 1), (0.855, 0.05, 1))
    # Kept by the limit are 1 and 2; the best area of all is 0.90, so neither is within 1 point of it.
    with pytest.raises(UsageError, match="leaves none"):
        chosen("gap at most 0.2, auc within 1 of best, smallest gap", values)
    assert parse_rule("gap at most 0.2, largest auc", DIRECTIONS, SHARES).keep == (
        Limit("equalized_odds_difference", "at most", 0.2),
    )


def test_a_trial_without_a_number_is_left_out():
    values = trials((0.8, 0.2, 1), (0.8, 0.1, 1))
    values[1]["equalized_odds_difference"] = Value(None, status="not_estimable", reason="no rows of a group")
    assert chosen("smallest gap", values).kept == (0,)
    with pytest.raises(UsageError, match="no trial has a number"):
        chosen("smallest gap", {1: values[1]})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auc within half of best, smallest gap", "'half'"),
        ("auc within nan of best, smallest gap", "'nan'"),
        ("auc within 1_0 of best, smallest gap", "'1_0'"),
        ("auc within \u0661 of best, smallest gap", "is not a number"),
        ("auc within -1 of best, smallest gap", "'-1'"),
        ("auc close to best, smallest gap", "'auc close to best'"),
        ("auc within 0.5 of best", "prefers nothing"),
        ("", "prefers nothing"),
        ("smallest equalised_odds_difference", "Did you mean 'equalized_odds_difference'"),
        ("smallest latency", "It measured: roc_auc"),
    ],
)
def test_what_is_no_rule_is_said(text, says):
    with pytest.raises(UsageError, match=says):
        parse_rule(text, DIRECTIONS, SHARES)


def test_the_front():
    points = trials((0.8, 0.2, 5), (0.7, 0.1, 5), (0.7, 0.2, 5), (0.8, 0.2, 5), (0.9, 0.5, 5), (0.95, 0.01, 1))
    made = [TrialResult(number, "complete", f"r{number}", {}, values) for number, values in points.items()]
    made[5] = TrialResult(5, "complete", "r5", {}, points[5], {"p:c": 0.1})  # misses a constraint
    assert front(tuple(made), DIRECTIONS) == {0, 1, 3, 4}


def test_where_no_trial_meets_its_constraints_the_front_is_of_all():
    points = trials((0.8, 0.2, 5), (0.7, 0.3, 5))
    made = [
        TrialResult(number, "complete", f"r{number}", {}, values, {"p:c": 0.1}) for number, values in points.items()
    ]
    assert front(tuple(made), DIRECTIONS) == {0}
