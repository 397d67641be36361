"""Thresholds by group: Fairlearn's own chances to nine digits, the best pair of cutoffs by brute force, and draws that hang on the row alone."""

import itertools

import numpy as np
import pandas as pd
import pytest

from rai_tune.core import UsageError
from rai_tune.recipe.mitigation import MitigationSpec
from rai_tune.training.mitigation import TrainingRows, load_method
from rai_tune.training.mitigation.cutoff_search import common_cutoff, curve_of, search
from rai_tune.training.mitigation.drawn_thresholds import drawn_rules, optimizer
from rai_tune.training.postprocessing import ALWAYS, NEVER, POST_FILE, GroupRule, PostProcessing, read_postprocessing

CONSTRAINTS = ["equalized_odds", "demographic_parity"]
OBJECTIVES = ["balanced_accuracy", "accuracy"]


def drawn_data(seed, rows=120, groups=("a", "b", "c"), digits=2):
    draw = np.random.default_rng(seed)
    group = draw.choice(groups, rows, p=np.arange(1, len(groups) + 1) / np.arange(1, len(groups) + 1).sum())
    labels = draw.random(rows) < np.where(group == "a", 0.3, 0.5)
    scores = np.round(np.clip(0.25 + 0.3 * labels + 0.2 * (group == "b") + draw.normal(0, 0.2, rows), 0, 1), digits)
    return scores, labels, group


def rows_of(scores, labels, group, attributes=("race",), weights=None):
    names = tuple(sorted(set(group) - {"unknown"}))
    frame = pd.DataFrame({"row_id": [f"r{place}" for place in range(len(scores))]})
    if weights is not None:
        frame["weight"] = weights
    return TrainingRows(
        frame=frame, labels=labels.astype(np.int64), groups=np.array([names.index(g) if g in names else -1 for g in group]),
        group_names=names, attributes=attributes, classes=("no", "yes"), positive="yes", favourable="no", seed=7,
    )  # fmt: skip


def made(**threshold):
    return load_method("threshold").make(MitigationSpec(method="threshold", threshold=threshold))


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("seed", range(4))
def test_chances_are_those_of_fairlearn(constraint, objective, seed):
    scores, labels, group = drawn_data(seed)
    rules = drawn_rules(scores, labels, list(group), constraint, objective, 100)
    fitted = optimizer(scores, labels, list(group), constraint, objective, 100)
    if constraint == "equalized_odds":
        ignored = [each["p_ignore"] for each in fitted.interpolated_thresholder_.interpolation_dict.values()]
        assert max(ignored) > 0, "some group must be worsened for the case to be covered"
    asked = np.concatenate([scores, np.linspace(0, 1, 201), np.nextafter(scores, 1), np.nextafter(scores, 0)])
    for name in "abc":
        expected = fitted._pmf_predict(asked[:, None], sensitive_features=np.full(len(asked), name, dtype=object))[:, 1]
        found = (asked[:, None] >= np.array(rules[name].cutoffs)) @ np.array(rules[name].chances)
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_draws_come_as_often_as_the_chances_say_and_hang_on_the_row_alone():
    rule = GroupRule((ALWAYS, 0.4, NEVER), (0.1, 0.65, 0.25))
    post = PostProcessing("threshold", "equalized_odds", ("race",), {"a": rule}, 0.5, salt="7")
    rows = pd.DataFrame({"row_id": [f"person {place}" for place in range(20_000)], "group:race": "a"})
    cutoffs = post.cutoffs(rows)
    shares = [np.mean(cutoffs == cutoff) for cutoff in rule.cutoffs]
    np.testing.assert_allclose(shares, rule.chances, atol=0.012)
    order = np.random.default_rng(0).permutation(len(rows))
    assert np.array_equal(post.cutoffs(rows.iloc[order]), cutoffs[order])
    other = PostProcessing("threshold", "equalized_odds", ("race",), {"a": rule}, 0.5, salt="8")
    assert np.mean(other.cutoffs(rows) != cutoffs) > 0.3


def brute(curves, constraint, objective):
    """The largest quality less gap over every combination, computed from counts of rows one by one."""
    best = -np.inf
    positives, negatives = sum(curve.positives for curve in curves), sum(curve.negatives for curve in curves)
    for places in itertools.product(*(range(len(curve.cutoffs)) for curve in curves)):
        hits = [curve.true_positives[place] for curve, place in zip(curves, places, strict=True)]
        wrong = [curve.false_positives[place] for curve, place in zip(curves, places, strict=True)]
        if constraint == "equalized_odds":
            rates = [
                [hit / curve.positives for hit, curve in zip(hits, curves, strict=True)],
                [miss / curve.negatives for miss, curve in zip(wrong, curves, strict=True)],
            ]
        else:
            rates = [[(h + w) / (c.positives + c.negatives) for h, w, c in zip(hits, wrong, curves, strict=True)]]
        right = sum(hits), negatives - sum(wrong)
        if objective == "accuracy":
            quality = sum(right) / (positives + negatives)
        else:
            quality = (right[0] / positives + right[1] / negatives) / 2
        best = max(best, quality - max(max(rate) - min(rate) for rate in rates))
    return best


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(("groups", "grid"), [(("a", "b"), 40), (("a", "b", "c"), 16)])
def test_one_cutoff_a_group_is_the_best_there_is(constraint, objective, groups, grid):
    for seed in range(3):
        scores, labels, group = drawn_data(seed, 90, groups)
        ones = np.ones(len(scores))
        curves = [curve_of(scores[group == g], labels[group == g], ones[group == g], grid) for g in groups]
        near = common_cutoff(scores, labels, ones, grid, objective)
        found = search(curves, constraint, objective, near)
        expected = brute(curves, constraint, objective)
        # With two groups every pair is tried; with three the climb may miss the top by little.
        assert found.quality - found.gap == pytest.approx(expected, abs=1e-9 if len(groups) == 2 else 0.01)


def test_equal_answers_go_to_the_cutoffs_nearest_to_the_common_one():
    # Both groups are told apart without error by any cutoff between .3 and .7: every such pair has quality 1 and gap 0.
    scores = np.array([0.1, 0.3, 0.7, 0.9])
    labels = np.array([False, False, True, True])
    curves = [curve_of(scores, labels, np.ones(4), 10) for _ in range(2)]
    found = search(curves, "equalized_odds", "balanced_accuracy", 0.5)
    assert found.cutoffs == (0.5, 0.5)
    assert (found.gap, found.quality) == (0.0, 1.0)


def test_weights_count():
    scores, labels = np.array([0.2, 0.4, 0.6, 0.8]), np.array([False, True, False, True])
    light = common_cutoff(scores, labels, np.array([1.0, 0.1, 1.0, 1.0]), 10, "accuracy")
    heavy = common_cutoff(scores, labels, np.array([1.0, 1.0, 0.1, 1.0]), 10, "accuracy")
    assert (light, heavy) == (pytest.approx(0.7), pytest.approx(0.3))


@pytest.mark.parametrize("randomised", [True, False])
@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_the_gap_on_validation_rows_shrinks_and_facts_say_what_it_cost(randomised, constraint):
    scores, labels, group = drawn_data(1, 400)
    method = made(randomised=randomised, constraint=constraint)
    post = method.post(scores, rows_of(scores, labels, group))
    facts = method.facts()["validation"]
    assert facts["gap"] < 0.3 * facts["gap_at_common_cutoff"]
    assert facts["balanced_accuracy"] <= facts["balanced_accuracy_at_common_cutoff"] + 1e-9
    assert set(post.rules) == {"a", "b", "c"}
    # Where chances are exact the gap is zero up to the grid; what is drawn is what facts say.
    if randomised:
        assert facts["gap"] < 0.005
        drawn = scores >= post.cutoffs(pd.DataFrame({"row_id": [f"r{i}" for i in range(400)], "group:race": group}))
        expected = sum(
            facts_of["positive_decision_rate"] * facts_of["rows"] for facts_of in method.facts()["groups"].values()
        )
        assert abs(drawn.sum() - expected) < 40
    else:
        rates = method.facts()["groups"]
        for name in "abc":
            own = group == name
            decided = scores[own & labels] >= post.rules[name].cutoffs[0]
            assert rates[name]["true_positive_rate"] == pytest.approx(decided.mean())
            assert rates[name]["rows"] == own.sum()


def test_a_group_with_few_rows_or_one_label_is_decided_by_the_default_and_named():
    scores, labels, group = drawn_data(2, 200)
    group = group.astype(object)
    group[:5], group[5:8] = "few", "unknown"
    labels[group == "c"] = False
    method = made()
    post = method.post(scores, rows_of(scores, labels, group))
    assert set(post.rules) == {"a", "b"}
    assert method.facts()["at_default"] == {
        "c": f"all {(group == 'c').sum()} validation rows have one label",
        "few": "5 validation rows, fewer than 10",
    }
    rows = pd.DataFrame({"row_id": list("vwxyz"), "group:race": ["few", "unknown", "never seen", "c", "a"]})
    assert post.cutoffs(rows).tolist() == [post.default] * 4 + [post.rules["a"].cutoffs[0]]


def test_one_usable_group_is_refused():
    scores, labels, group = drawn_data(2, 60, ("a", "b"))
    with pytest.raises(UsageError, match="two groups with at least 10 validation rows"):
        made().post(scores[group == "a"], rows_of(scores[group == "a"], labels[group == "a"], group[group == "a"]))


@pytest.mark.parametrize("randomised", [True, False])
def test_rules_are_read_back_as_they_were_saved(tmp_path, randomised):
    scores, labels, group = drawn_data(3)
    post = made(randomised=randomised).post(scores, rows_of(scores, labels, group))
    post.save(tmp_path)
    assert read_postprocessing(tmp_path) == post
    assert post.drawn == randomised


@pytest.mark.parametrize("default", ["NaN", '"0.5"', "null"])
def test_a_default_that_is_no_number_is_not_read(tmp_path, default):
    post = PostProcessing("threshold", "equalized_odds", ("race",), {"a": GroupRule((0.4,), (1.0,))}, 0.25)
    post.save(tmp_path)
    text = (tmp_path / POST_FILE).read_text()
    (tmp_path / POST_FILE).write_text(text.replace('"default":0.25', f'"default":{default}'))
    assert default in (tmp_path / POST_FILE).read_text()
    with pytest.raises(UsageError, match="not the post-processing of a model"):
        read_postprocessing(tmp_path)


def test_a_missing_group_column_is_named():
    post = PostProcessing("threshold", "equalized_odds", ("race",), {"a": GroupRule((0.4,), (1.0,))}, 0.5)
    with pytest.raises(UsageError, match="decides by group of 'race'"):
        post.cutoffs(pd.DataFrame({"row_id": ["1"]}))


def test_several_attributes_are_crossed_and_one_unknown_part_is_the_default():
    rules = {"a & man": GroupRule((0.2,), (1.0,)), "a & woman": GroupRule((0.4,), (1.0,))}
    post = PostProcessing("threshold", "equalized_odds", ("race", "sex"), rules, 0.5)
    rows = pd.DataFrame({"group:race": ["a", "a", "a"], "group:sex": ["woman", "man", "unknown"]})
    assert post.cutoffs(rows).tolist() == [0.4, 0.2, 0.5]
    with pytest.raises(UsageError, match="decides by group of 'sex'"):
        post.cutoffs(rows.drop(columns="group:sex"))
