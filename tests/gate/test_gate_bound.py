"""The check ``bound``: three outcomes by bounds worked out by hand, and everything that must not pass."""

from __future__ import annotations

import pytest

from rai_audits.stats.rates import wilson
from rai_tune.gate.checks.reading import rows_to_settle

# One-sided 95 % Wilson bounds, z = 1.6449: centre (p + z^2/2n) / (1 + z^2/n), half width z sqrt(p(1-p)/n + z^2/4n^2) / (1 + z^2/n).
# 90 of 100: centre 0.88947, half width 0.04990. 70 of 100: centre 0.69473, half width 0.07455.
OF_100 = {90: {"lower": 0.8396, "upper": 0.9394}, 70: {"lower": 0.6202, "upper": 0.7693}}


def rate(make, successes: int, **fields):
    ends = OF_100[successes]
    return make.measurement(successes / 100, metric="accuracy", **{**ends, **fields})


def overall(make, threshold: float, direction: str = "at_least", **fields):
    limit = {**make.limit, "value": threshold}
    return make.bound_check(metric="accuracy", over="overall", threshold=limit, direction=direction, **fields)


@pytest.mark.parametrize(
    ("successes", "threshold", "direction", "outcome", "deciding"),
    [
        (90, 0.83, "at_least", "pass", 0.8396),
        (90, 0.8396, "at_least", "pass", 0.8396),
        (90, 0.84, "at_least", "insufficient_evidence", 0.8396),
        (70, 0.76, "at_least", "insufficient_evidence", 0.7693),
        (70, 0.7693, "at_least", "insufficient_evidence", 0.7693),
        (70, 0.77, "at_least", "fail", 0.7693),
        (70, 0.77, "at_most", "pass", 0.7693),
        (70, 0.7693, "at_most", "pass", 0.7693),
        (70, 0.76, "at_most", "insufficient_evidence", 0.7693),
        (90, 0.8396, "at_most", "insufficient_evidence", 0.8396),
        (90, 0.83, "at_most", "fail", 0.8396),
    ],
)
def test_the_bound_decides_and_not_the_point(make, successes, threshold, direction, outcome, deciding):
    found = make.one(overall(make, threshold, direction), make.evidence(make.result(rate(make, successes))))
    assert found.outcome == outcome
    assert found.readings[0].bound == deciding
    assert found.direction == direction


def test_rows_to_settle_is_the_square_root_law():
    # The bound is 0.0604 below the estimate and may be 0.05 below: 100 * (0.0604 / 0.05)^2 = 145.9, rounded up to 150.
    assert rows_to_settle(100, 0.90, 0.8396, 0.85) == 150
    # Confirming a fail: 100 * (0.0693 / 0.04)^2 = 300.2, rounded up to 310.
    assert rows_to_settle(100, 0.70, 0.7693, 0.74) == 310
    assert rows_to_settle(100, 0.90, 0.8396, 0.9 - 1e-6) is None
    # A bound a hair short still asks for more rows than there are.
    assert rows_to_settle(100, 0.90, 0.83999999, 0.84) == 110


@pytest.mark.parametrize(("rate_", "rows", "threshold"), [(0.9, 100, 0.87), (0.7, 60, 0.6), (0.95, 400, 0.94)])
def test_rows_to_settle_agrees_with_the_interval_itself(rate_, rows, threshold):
    lower = float(wilson(rate_ * rows, rows, side="lower").low)
    needed = rows_to_settle(rows, rate_, lower, threshold)
    true = next(n for n in range(1, 10**6) if float(wilson(rate_ * n, n, side="lower").low) >= threshold)
    assert needed == pytest.approx(true, rel=0.3)


def test_insufficient_says_how_many_rows_would_settle_it_and_in_which_direction(make):
    short = make.one(overall(make, 0.85), make.evidence(make.result(rate(make, 90))))
    assert short.settle is not None
    assert "about 150 rows" in short.settle
    assert "confirm that it is at or above 0.85" in short.settle
    worse = make.one(overall(make, 0.74), make.evidence(make.result(rate(make, 70))))
    assert worse.settle is not None
    assert "about 310 rows" in worse.settle
    assert "confirm that it is below 0.74" in worse.settle
    level = make.one(overall(make, 0.9), make.evidence(make.result(rate(make, 90))))
    assert "more rows cannot settle it" in level.settle


def test_a_number_beside_its_threshold_is_written_so_that_they_differ(make):
    item = make.measurement(0.75, metric="accuracy", lower=0.7, upper=0.79996)
    found = make.one(overall(make, 0.8), make.evidence(make.result(item)))
    assert found.outcome == "fail"
    assert "0.79996 is below 0.8" in found.reason


def test_an_unbounded_side_decides_nothing(make):
    for item, threshold in (
        (make.measurement(0.9, metric="accuracy", lower="unbounded", upper="unbounded"), 0.1),
        (make.measurement(0.1, metric="accuracy", lower="unbounded", upper="unbounded"), 0.9),
    ):
        found = make.one(overall(make, threshold), make.evidence(make.result(item)))
        assert found.outcome == "insufficient_evidence"
        assert "set no" in found.settle


def test_a_bound_at_another_level_is_not_read(make):
    seen = make.evidence(make.result(rate(make, 90, alpha=0.10)))
    found = make.one(overall(make, 0.5), seen)
    assert found.outcome == "insufficient_evidence"
    assert "alpha 0.05 was not measured" in found.reason
    assert make.one(overall(make, 0.5, alpha=0.10), seen).outcome == "pass"


def test_too_few_rows_for_min_n_decide_nothing(make):
    seen = make.evidence(make.result(rate(make, 90)))
    assert make.one(overall(make, 0.5, min_n=100), seen).outcome == "pass"
    short = make.one(overall(make, 0.5, min_n=101), seen)
    assert short.outcome == "insufficient_evidence"
    assert "101" in short.settle


def test_bounds_that_contradict_the_estimate_decide_nothing(make):
    for lower, upper in ((0.85, 0.79), (0.85, 0.9)):
        item = make.measurement(0.7, metric="accuracy", lower=lower, upper=upper)
        found = make.one(overall(make, 0.8), make.evidence(make.result(item)))
        assert found.outcome == "insufficient_evidence"
        assert "contradict" in found.reason


def both(make, **first):
    return (
        make.pair("a", "b", 0.9, **{"lower": 0.82, "upper": 0.98, "holm_upper": 1.0, **first}),
        make.pair("b", "a", 1.11, lower=1.02, upper=1.21, holm_upper=1.25),
    )


def test_pairs_pass_without_correction_and_fail_only_with_it(make):
    check = make.bound_check()
    assert make.one(check, make.evidence(make.result(*both(make)))).outcome == "pass"
    low = make.pair("a", "b", 0.7, lower=0.62, upper=0.79, holm_upper=0.81)
    other = make.pair("b", "a", 1.43, lower=1.27, upper=1.61, holm_upper=1.65)
    open_ = make.one(check, make.evidence(make.result(low, other)))
    assert open_.outcome == "insufficient_evidence"
    assert open_.readings[0].bound == 0.81
    worse = make.pair("a", "b", 0.7, lower=0.62, upper=0.78, holm_upper=0.799)
    failed = make.one(check, make.evidence(make.result(worse, other)))
    assert failed.outcome == "fail"
    assert "adjusted for 2 comparisons" in failed.reason


def test_a_pair_whose_adjusted_bound_is_missing_or_too_narrow_cannot_fail(make):
    other = make.pair("b", "a", 1.43, lower=1.27, upper=1.61, holm_upper=1.65)
    bare = make.pair("a", "b", 0.6, lower=0.55, upper=0.65)
    found = make.one(make.bound_check(), make.evidence(make.result(bare, other)))
    assert found.outcome == "insufficient_evidence"
    assert "holm" in found.reason
    narrow = make.pair("a", "b", 0.6, lower=0.55, upper=0.65, holm_upper=0.66, family=1)
    found = make.one(make.bound_check(), make.evidence(make.result(narrow, other)))
    assert found.outcome == "insufficient_evidence"
    assert "2 readings compete" in found.reason


def test_the_only_reading_over_groups_needs_no_correction(make):
    item = make.measurement(0.5, metric="accuracy", lower=0.4, upper=0.6, attribute="race", group="a")
    check = make.bound_check(metric="accuracy", over="groups")
    assert make.one(check, make.evidence(make.result(item), groups={"race": ("a",)})).outcome == "fail"


def test_one_failing_pair_fails_the_control_whatever_else_is_missing(make):
    worse = make.pair("a", "b", 0.7, lower=0.62, upper=0.78, holm_upper=0.79)
    seen = make.evidence(make.result(worse), groups={"race": ("a", "b", "c")})
    assert make.one(make.bound_check(), seen).outcome == "fail"


def test_a_declared_group_without_a_reading_is_named(make):
    seen = make.evidence(make.result(*both(make)), groups={"race": ("a", "b", "c", "unknown")})
    found = make.one(make.bound_check(), seen)
    assert found.outcome == "insufficient_evidence"
    assert "group 'c' of 'race'" in found.reason


def test_a_pair_that_was_left_out_is_named(make):
    found = make.one(make.bound_check(), make.evidence(make.result(both(make)[0])))
    assert found.outcome == "insufficient_evidence"
    assert "group 'b' against 'a' of 'race'" in found.reason


def test_a_group_too_small_for_pairs_leaves_the_rest_undecided(make):
    alone = make.measurement("not_estimable", attribute="race", group="c", n=3)
    seen = make.evidence(make.result(*both(make), alone), groups={"race": ("a", "b", "c")})
    found = make.one(make.bound_check(), seen)
    assert found.outcome == "insufficient_evidence"
    assert "'c'" in found.reason
    assert "not estimable: no rows" in found.reason


def test_of_two_groups_the_one_without_a_partner_is_not_called_missing(make):
    alone = make.measurement("not_estimable", attribute="race", group="a", n=3)
    found = make.one(make.bound_check(), make.evidence(make.result(alone)))
    assert found.outcome == "insufficient_evidence"
    assert "no measurement" not in found.reason


@pytest.mark.parametrize("word", ["not_estimable", "suppressed"])
def test_a_reading_without_a_number_is_insufficient(make, word):
    found = make.one(make.bound_check(), make.evidence(make.result(both(make)[0], make.pair("b", "a", word))))
    assert found.outcome == "insufficient_evidence"
    assert found.readings[1].estimate == word


def test_not_applicable_only_when_every_reading_is(make):
    check = make.bound_check(metric="reliance", over="attributes", direction="at_most")
    gone = make.measurement("not_applicable", metric="reliance", attribute="race", reason="the model never sees it")
    all_gone = make.one(check, make.evidence(make.result(gone)))
    assert (all_gone.outcome, all_gone.reason) == ("not_applicable", "the model never sees it")
    here = make.measurement(0.1, metric="reliance", attribute="sex", lower=0.05, upper=0.2)
    groups = {"race": ("a", "b"), "sex": ("f", "m")}
    mixed = make.one(check, make.evidence(make.result(gone, here), groups=groups))
    assert mixed.outcome == "pass"
    assert [reading.outcome for reading in mixed.readings] == ["not_applicable", "pass"]
    absent = make.one(check, make.evidence(make.result(gone), groups=groups))
    assert absent.outcome == "insufficient_evidence"


def test_unknown_is_shown_and_never_decides(make):
    check = make.bound_check(metric="accuracy", over="groups")
    good = [
        make.measurement(0.9, metric="accuracy", lower=0.85, upper=0.95, attribute="race", group=name) for name in "ab"
    ]
    poor = make.measurement(0.1, metric="accuracy", lower=0.05, upper=0.2, attribute="race", group="unknown")
    found = make.one(check, make.evidence(make.result(*good, poor)))
    assert found.outcome == "pass"
    assert found.readings[-1].outcome == "not_applicable"
    alone = make.one(check, make.evidence(make.result(poor), groups={"race": ("unknown",)}))
    assert alone.outcome == "insufficient_evidence"


def test_named_attributes_must_be_declared(make):
    found = make.one(make.bound_check(attributes=["age"]), make.evidence(make.result(*both(make))))
    assert found.outcome == "insufficient_evidence"
    assert "'age'" in found.reason
    found = make.one(make.bound_check(), make.evidence(make.result(*both(make)), groups={}))
    assert found.reason == "the recipe declares no groups"


def test_columns_and_measurements_without_a_split(make):
    check = make.bound_check(metric="missing_share", over="columns", direction="at_most", split=None)
    columns = [
        make.measurement(0.1, metric="missing_share", lower=0.05, upper=0.2, label=name, split=None) for name in "xy"
    ]
    assert make.one(check, make.evidence(make.result(*columns))).outcome == "pass"
    on_test = make.one({**check, "split": "test"}, make.evidence(make.result(*columns)))
    assert on_test.outcome == "insufficient_evidence"
    assert "no measurement of missing_share (columns) on the test split" in on_test.reason
