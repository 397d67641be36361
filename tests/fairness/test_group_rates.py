"""The audit group_rates: against Fairlearn, against hand-worked tables, and for everything that has no number."""

import time
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import AuditContext, Measurement, TaskInfo, UsageError, canonical_json, load_audit, run_audit
from rai_audits.fairness.describe import bound
from rai_audits.fairness.group_rates import AUDIT, measure
from rai_audits.fairness.spread import spread
from rai_audits.fairness.tallies import Tally
from rai_audits.stats.differences import difference_bound
from rai_audits.stats.rates import wilson
from rai_audits.stats.ratios import ratio_bound

LENDING = TaskInfo(
    classes=("approved", "denied"),
    positive="denied",
    favourable="approved",
    threshold=0.4,
    groups={"race": ("a", "b")},
)


def rows(group, label, prediction, count, split="test"):
    return pd.DataFrame(
        {"split": split, "label": label, "prediction": prediction, "group:race": group}, index=range(count)
    )


def frame_of(*parts):
    frame = pd.concat(parts, ignore_index=True)
    frame.insert(0, "row_id", [f"r{place}" for place in frame.index])
    return frame


def lending_table():
    """Group a: 60 denied-labelled (40 caught), 140 approved-labelled (20 denied). Group b: 30 (12 caught) and 70 (7 denied)."""
    return frame_of(
        rows("a", "denied", "denied", 40),
        rows("a", "denied", "approved", 20),
        rows("a", "approved", "denied", 20),
        rows("a", "approved", "approved", 120),
        rows("b", "denied", "denied", 12),
        rows("b", "denied", "approved", 18),
        rows("b", "approved", "denied", 7),
        rows("b", "approved", "approved", 63),
        rows("a", "denied", "denied", 500, split="train"),
    )


def context(frame, task=LENDING, **more):
    return AuditContext(predictions=frame, task=task, artifacts=None, **more)


def pick(output, metric, attribute="race", group=None, reference=None):
    found = [
        item
        for item in output.measurements
        if (item.metric, item.attribute, item.group, item.reference) == (metric, attribute, group, reference)
    ]
    assert len(found) == 1, (metric, attribute, group, reference, len(found))
    return found[0]


def test_rates_by_hand_with_positive_and_favourable_kept_apart():
    output = measure(context(lending_table()))
    expected = {
        ("selection_rate", "a"): (140, 200),
        ("true_positive_rate", "a"): (40, 60),
        ("false_positive_rate", "a"): (20, 140),
        ("positive_predictive_value", "a"): (40, 60),
        ("accuracy", "a"): (160, 200),
        ("selection_rate", "b"): (81, 100),
        ("true_positive_rate", "b"): (12, 30),
        ("positive_predictive_value", "b"): (12, 19),
    }
    for (metric, group), (k, n) in expected.items():
        item = pick(output, metric, group=group)
        assert (item.value, item.n, item.n_pos, item.n_neg) == (k / n, n, k, n - k)
        assert (item.low, item.high) == pytest.approx((float(wilson(k, n).low), float(wilson(k, n).high)))
        assert (item.split, item.threshold, item.positive, item.favourable) == ("test", 0.4, "denied", "approved")
    overall = pick(output, "selection_rate", attribute=None)
    assert (overall.n_pos, overall.n) == (221, 300)
    assert pick(output, "group_size", group="b").value == 100.0
    assert pick(output, "group_size", attribute=None).value == 300.0


def test_bounds_of_a_rate_at_every_alpha_and_corrected_for_the_groups():
    output = measure(context(lending_table(), alphas=(0.05, 0.01)))
    item = pick(output, "true_positive_rate", group="b")
    for alpha in (0.05, 0.01):
        assert item.bound("lower", alpha).value == float(wilson(12, 30, alpha=alpha, side="lower").low)
        corrected = item.bound("upper", alpha, "holm")
        assert corrected.family == 2
        assert corrected.value == float(wilson(12, 30, alpha=alpha / 2, side="upper").high)


def test_impact_ratio_of_every_ordered_pair_and_the_levels_of_its_bounds():
    output = measure(context(lending_table()))
    item = pick(output, "impact_ratio", group="a", reference="b")
    assert item.value == pytest.approx(0.70 / 0.81)
    assert item.n == 300
    counts = (140, 200, 81, 100)
    assert item.low == pytest.approx(float(ratio_bound(*counts).low))
    assert item.bound("lower", 0.05).value == pytest.approx(float(ratio_bound(*counts, side="lower").low))
    assert item.bound("upper", 0.05).value == pytest.approx(float(ratio_bound(*counts, side="upper").high))
    corrected = item.bound("upper", 0.05, "holm")
    assert corrected.family == 2
    assert corrected.value == pytest.approx(float(ratio_bound(*counts, alpha=0.025, side="upper").high))
    assert item.method == item.bounds[0].method == "score (Miettinen-Nurminen)"
    assert pick(output, "impact_ratio", group="b", reference="a").value == pytest.approx(0.81 / 0.70)


def test_differences_of_every_ordered_pair_and_the_levels_of_their_bounds():
    output = measure(context(lending_table()))
    for metric, counts in {
        "true_positive_rate_difference": (40, 60, 12, 30),
        "false_positive_rate_difference": (20, 140, 7, 70),
        "selection_rate_difference": (140, 200, 81, 100),
    }.items():
        item = pick(output, metric, group="a", reference="b")
        assert item.value == pytest.approx(counts[0] / counts[1] - counts[2] / counts[3])
        assert item.n == counts[1] + counts[3]
        assert item.bound("upper", 0.05).value == pytest.approx(float(difference_bound(*counts, side="upper").high))
        corrected = item.bound("lower", 0.05, "holm")
        assert corrected.value == pytest.approx(float(difference_bound(*counts, alpha=0.025, side="lower").low))
        assert corrected.family == 2


def test_fairlearn_example_of_18_rows():
    # docs/user_guide/assessment/common_fairness_metrics.rst of Fairlearn: 0.25 and 1.0.
    y_true = [0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    y_pred = [0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
    groups = ["b", "b", "a", "b", "b", "c", "c", "c", "a", "a", "c", "a", "b", "c", "c", "b", "c", "c"]
    frame = pd.DataFrame({"split": "test", "label": y_true, "prediction": y_pred, "group:g": groups})
    task = TaskInfo(("0", "1"), "1", "1", None, {"g": ("a", "b", "c")})
    output = measure(context(frame, task, options={"min_group_rows": 1}))
    assert pick(output, "demographic_parity_difference", attribute="g").value == pytest.approx(0.25)
    assert pick(output, "equalized_odds_difference", attribute="g").value == pytest.approx(1.0)
    lowest = min(
        item.value for item in output.measurements if item.metric == "impact_ratio_to_highest" and item.status == "ok"
    )
    assert lowest == pytest.approx(2 / 3)


@pytest.mark.parametrize("weighted", [False, True])
def test_point_estimates_equal_fairlearn(weighted):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # imports of the oracle, not ours
        from fairlearn import metrics as oracle
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "split": "test",
            "label": rng.integers(0, 2, 600),
            "prediction": rng.integers(0, 2, 600),
            "group:g": rng.choice(list("abcd"), 600, p=[0.4, 0.3, 0.2, 0.1]),
        }
    )
    weights = rng.uniform(0.2, 3.0, 600) if weighted else np.ones(600)
    if weighted:
        frame["weight"] = weights
    task = TaskInfo(("0", "1"), "1", "1", None, {"g": tuple("abcd")})
    output = measure(context(frame, task))
    given = {"sensitive_features": frame["group:g"], "sample_weight": weights}
    pair = (frame["label"], frame["prediction"])
    assert pick(output, "demographic_parity_difference", attribute="g").value == pytest.approx(
        oracle.demographic_parity_difference(*pair, **given)
    )
    assert pick(output, "equalized_odds_difference", attribute="g").value == pytest.approx(
        oracle.equalized_odds_difference(*pair, **given)
    )
    found = oracle.MetricFrame(
        metrics={
            "true_positive_rate": oracle.true_positive_rate,
            "false_positive_rate": oracle.false_positive_rate,
            "selection_rate": oracle.selection_rate,
        },
        y_true=pair[0],
        y_pred=pair[1],
        sensitive_features=frame["group:g"],
        sample_params={
            name: {"sample_weight": weights} for name in ("true_positive_rate", "false_positive_rate", "selection_rate")
        },
    ).by_group
    for group in "abcd":
        for metric in found.columns:
            assert pick(output, metric, attribute="g", group=group).value == pytest.approx(found.loc[group, metric])


def test_spread_interval_holds_zero_under_equality_and_covers_a_true_spread():
    rng = np.random.default_rng(9)
    trials = np.full(8, 500)

    def sampled(rates):
        successes = rng.binomial(trials, rates)
        tally = Tally("selection_rate", "rows", successes, trials, successes.astype(float), trials.astype(float))
        return spread([tally], 0.95)

    same = [sampled([0.4] * 8) for _ in range(150)]
    apart = [sampled([0.4] * 7 + [0.6]) for _ in range(150)]
    assert all(item.low <= item.estimate <= item.high for item in [*same, *apart])
    assert np.mean([item.low > 0 for item in same]) <= 0.06
    assert np.mean([item.low <= 0.2 <= item.high for item in apart]) >= 0.94
    assert np.mean([item.low > 0 for item in apart]) == 1.0


def test_a_declared_group_that_is_absent_or_small_leaves_gaps_and_unknown_is_never_compared():
    task = replace(LENDING, groups={"race": ("a", "b", "c", "d", "unknown")})
    frame = frame_of(
        lending_table().drop(columns="row_id"),
        rows("c", "denied", "approved", 3),
        rows("unknown", "approved", "approved", 40),
        rows(None, "approved", "denied", 2),
    )
    output = measure(context(frame, task))
    assert pick(output, "selection_rate", group="d").reason == "no rows in split 'test'"
    assert pick(output, "group_size", group="d").value == 0.0
    small = pick(output, "impact_ratio", group="c")
    assert (small.status, small.n, small.reason) == ("not_estimable", 3, "3 rows, fewer than the 10 that a ratio needs")
    gone = pick(output, "true_positive_rate_difference", group="d")
    assert gone.reason == "no rows, fewer than the 10 that a difference needs"
    assert pick(output, "selection_rate", group="c").n == 3
    unknown = [item for item in output.measurements if "unknown" in (item.group, item.reference)]
    assert {item.metric for item in unknown} == {
        "group_size",
        "selection_rate",
        "true_positive_rate",
        "false_positive_rate",
        "positive_predictive_value",
        "accuracy",
    }
    assert pick(output, "group_size", group="unknown").value == 42.0
    assert all(item.bound("upper", 0.05, "holm") is None for item in unknown)
    assert pick(output, "selection_rate", group="a").bound("upper", 0.05, "holm").family == 3
    assert output.facts == {
        "attributes": {
            "race": {
                "eligible": ["a", "b"],
                "not_eligible": {
                    "c": "3 rows, fewer than the 10 that a comparison needs",
                    "d": "no rows, fewer than the 10 that a comparison needs",
                },
                "unknown_rows": 42,
            }
        }
    }


def test_a_group_without_positives_or_favourable_outcomes_says_so():
    frame = frame_of(
        rows("a", "denied", "denied", 10),
        rows("a", "approved", "approved", 30),
        rows("b", "approved", "denied", 20),
    )
    output = measure(context(frame))
    assert pick(output, "true_positive_rate", group="b").reason == "no positives"
    difference = pick(output, "true_positive_rate_difference", group="a", reference="b")
    assert (difference.status, difference.reason) == ("not_estimable", "no positives in group 'b'")
    assert pick(output, "equalized_odds_difference").reason == "no positives in group 'b'"
    over_none = pick(output, "impact_ratio", group="a", reference="b")
    assert over_none.status == "not_estimable"
    assert "no favourable outcome among the 20 rows of group 'b'" in over_none.reason
    none_over = pick(output, "impact_ratio", group="b", reference="a")
    assert none_over.value == none_over.low == 0.0
    assert none_over.bound("upper", 0.05, "holm").value < 0.8
    assert none_over.method == "exact (Clopper-Pearson, error halved)"


def test_nothing_infinite_or_undefined_is_stored_as_a_number():
    frame = frame_of(
        rows("a", "approved", "approved", 10),
        rows("b", "approved", "denied", 400),
        rows("c", "denied", "approved", 1),
        rows("c", "denied", "denied", 4000),
    )
    output = measure(context(frame, replace(LENDING, groups={"race": ("a", "b", "c")}), alphas=(1e-12,)))
    assert pick(output, "impact_ratio", group="a", reference="c").status == "ok"
    for found in output.measurements:
        canonical_json(found.to_json())
        assert Measurement.model_validate_json(found.model_dump_json()) == found


def test_an_end_that_the_data_does_not_limit_is_a_word():
    item = bound("upper", 0.05, float("inf"), "exact", 6)
    assert (item.value, item.correction, item.family) == ("unbounded", "holm", 6)


def test_one_group_alone_has_nobody_to_be_compared_with():
    output = measure(context(frame_of(rows("a", "denied", "denied", 20)), replace(LENDING, groups={"race": ("a",)})))
    assert (
        pick(output, "impact_ratio", group="a").reason == "a ratio needs two groups with enough rows, and there is one"
    )
    assert pick(output, "demographic_parity_difference").status == "not_estimable"
    assert not [item for item in output.measurements if item.metric == "impact_ratio_to_highest"]


def test_ratio_to_the_highest_group_is_shown_without_bounds():
    output = measure(context(lending_table()))
    item = pick(output, "impact_ratio_to_highest", group="a", reference="b")
    assert item.value == pytest.approx(0.70 / 0.81)
    assert item.bounds == ()
    assert item.method.startswith("shown, not gated")
    assert pick(output, "impact_ratio_to_highest", group="b", reference="b").value == 1.0
    assert pick(output, "demographic_parity_difference").bounds == ()


def test_several_classes_are_one_against_the_rest():
    frame = frame_of(
        rows("a", "x", "x", 5),
        rows("a", "y", "x", 4),
        rows("a", "z", "y", 6),
        rows("b", "y", "y", 7),
        rows("b", "x", "z", 8),
    )
    task = TaskInfo(("x", "y", "z"), "x", "y", None, {"race": ("a", "b")})
    output = measure(context(frame, task))
    assert pick(output, "false_positive_rate", group="a").value == 0.4
    assert pick(output, "selection_rate", group="a").value == 6 / 15
    assert pick(output, "accuracy", attribute=None).value == 12 / 30
    assert pick(output, "true_positive_rate", group="b").value == 0.0


def test_without_positive_or_favourable_only_what_they_do_not_need_is_measured():
    neither = measure(context(lending_table(), replace(LENDING, positive=None, favourable=None)))
    assert {item.metric for item in neither.measurements} == {"group_size", "accuracy", "accuracy_difference"}
    favourable = measure(context(lending_table(), replace(LENDING, positive=None)))
    assert {"selection_rate", "impact_ratio"} <= {item.metric for item in favourable.measurements}
    assert "true_positive_rate" not in {item.metric for item in favourable.measurements}


def test_rows_without_a_label_count_for_selection_only():
    frame = frame_of(lending_table().drop(columns="row_id"), rows("a", None, "approved", 50))
    output = measure(context(frame))
    assert pick(output, "selection_rate", group="a").n == 250
    assert pick(output, "accuracy", group="a").n == 200
    assert pick(output, "false_positive_rate", group="a").n == 140


def test_weights_change_the_rate_and_widen_the_interval_by_the_effective_n():
    frame = lending_table()
    frame["weight"] = np.where(frame["prediction"] == "approved", 3.0, 1.0)
    output = measure(context(frame))
    item = pick(output, "selection_rate", group="a")
    assert item.value == pytest.approx(140 * 3 / (140 * 3 + 60))
    assert (item.n, item.n_pos) == (200, 140)
    effective = 480**2 / (140 * 9 + 60)
    assert item.low == pytest.approx(float(wilson(item.value * effective, effective).low))
    assert "effective n" in item.method
    assert output.facts["effective_n"]["attributes"]["race"]["a"] == pytest.approx(effective)


def test_equal_weights_change_no_number():
    plain = measure(context(lending_table()))
    weighted = measure(context(lending_table().assign(weight=0.3)))
    for one, other in zip(plain.measurements, weighted.measurements, strict=True):
        assert one.value == pytest.approx(other.value, rel=1e-12)
        assert one.low == pytest.approx(other.low, rel=1e-9, abs=1e-12)


def test_intersections_are_attributes_like_any_other():
    frame = lending_table()
    frame["group:sex & race"] = np.where(frame.index % 2 == 0, "f & ", "m & ") + frame["group:race"].astype(str)
    task = replace(LENDING, groups={"race": ("a", "b"), "sex & race": ("f & a", "f & b", "m & a", "m & b")})
    output = measure(context(frame, task))
    pairs = [item for item in output.measurements if item.metric == "impact_ratio" and item.attribute == "sex & race"]
    assert len(pairs) == 12
    assert {item.bound("upper", 0.05, "holm").family for item in pairs} == {12}


@pytest.mark.parametrize("column", ["split", "label", "prediction", "group:race"])
def test_a_missing_column_is_named(column):
    with pytest.raises(UsageError, match=f"'{column}'"):
        measure(context(lending_table().drop(columns=column)))


def test_wrong_options_and_classes_are_named():
    with pytest.raises(UsageError, match="min_group_rows"):
        measure(context(lending_table(), options={"min_group_rows": 0}))
    with pytest.raises(UsageError, match="favourable class 'granted'"):
        measure(context(lending_table(), replace(LENDING, favourable="granted")))


def test_order_of_rows_does_not_change_a_byte():
    frame = lending_table()
    frame["weight"] = np.random.default_rng(1).uniform(0.1, 9.0, len(frame))
    one = measure(context(frame))
    other = measure(context(frame.sample(frac=1, random_state=2)))
    assert [item.model_dump_json() for item in one.measurements] == [
        item.model_dump_json() for item in other.measurements
    ]
    assert one.facts == other.facts


def test_a_hundred_thousand_rows_and_sixteen_groups_take_less_than_a_second():
    rng = np.random.default_rng(0)
    groups = [f"g{place}" for place in range(16)]
    frame = pd.DataFrame(
        {
            "split": "test",
            "label": rng.choice(LENDING.classes, 100_000),
            "prediction": rng.choice(LENDING.classes, 100_000),
            "group:race": rng.choice(groups, 100_000),
        }
    )
    started = time.process_time()
    result = run_audit(AUDIT, context(frame, replace(LENDING, groups={"race": tuple(groups)})), {})
    assert time.process_time() - started < 1.0
    assert result.status == "ok"
    assert sum(item.metric == "impact_ratio" for item in result.measurements) == 240


def test_it_is_found_by_name():
    spec = load_audit("group_rates")
    assert (spec.name, spec.suite, spec.needs_model) == ("group_rates", "fairness", False)
