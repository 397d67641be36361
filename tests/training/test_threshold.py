"""Threshold rules against values worked out by hand."""

import numpy as np
import pytest

from rai_tune.recipe.schema import DecisionSpec
from rai_tune.training.threshold import choose_threshold

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1])
LABELS = np.array([True, False, True, True, False, False, False, False])


def test_fixed_keeps_the_recipe_value():
    chosen = choose_threshold(DecisionSpec(threshold=0.25), SCORES, LABELS)
    assert (chosen.value, chosen.split) == (0.25, None)


def test_match_base_rate_decides_as_many_positive_as_labels():
    chosen = choose_threshold(DecisionSpec(rule="match_base_rate"), SCORES, LABELS)
    assert (chosen.value <= SCORES).sum() == LABELS.sum()


@pytest.mark.parametrize("rule", ["max_f1", "max_youden", "max_accuracy"])
def test_other_rules_agree_with_a_search_over_every_cut(rule):
    from sklearn.metrics import accuracy_score, f1_score, roc_curve

    chosen = choose_threshold(DecisionSpec(rule=rule), SCORES, LABELS).value

    def quality(cut):
        decided = cut <= SCORES
        if rule == "max_f1":
            return f1_score(LABELS, decided)
        if rule == "max_accuracy":
            return accuracy_score(LABELS, decided)
        return decided[LABELS].mean() - decided[~LABELS].mean()

    assert quality(chosen) == pytest.approx(max(quality(cut) for cut in SCORES))
    assert roc_curve(LABELS, SCORES)[2].size > 0


def test_weights_move_the_cut():
    weights = np.array([1, 1, 1, 1, 9, 1, 1, 1], dtype=float)
    labels = LABELS.copy()
    labels[4] = True
    chosen = choose_threshold(DecisionSpec(rule="match_base_rate"), SCORES, labels, weights)
    # 12 of 16 by weight are positive; the cut at 0.4 decides 13, the one at 0.6 only 4.
    assert chosen.value == 0.4


def test_ties_are_decided_together():
    scores = np.array([0.5, 0.5, 0.5, 0.1])
    chosen = choose_threshold(DecisionSpec(rule="match_base_rate"), scores, np.array([True, False, False, False]))
    assert chosen.value == 0.5
