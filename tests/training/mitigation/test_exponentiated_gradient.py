"""The reduction on a frozen encoder: Fairlearn's classifiers, averaged instead of drawn, as one saved head."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from rai_tune.core import UsageError
from rai_tune.planning import plan
from rai_tune.recipe import load_recipe
from rai_tune.recipe.mitigation import MitigationSpec
from rai_tune.training.mitigation import TrainingRows, load_method
from rai_tune.training.mitigation.base import Embedded
from rai_tune.training.mitigation.exponentiated_gradient import PENALTIES, reduced


def biased(rows, seed):
    """Two features; the second tells the group, and the labels of group b are more often positive at the same first feature."""
    draw = np.random.default_rng(seed)
    group = draw.random(rows) < 0.4
    first = draw.normal(size=rows)
    labels = draw.random(rows) < expit(1.5 * first + 1.6 * group - 0.8)
    features = np.stack([first, group + draw.normal(0, 0.3, rows)], axis=1)
    return features, labels.astype(np.int64), group.astype(np.int64)


def rows_of(features, labels, groups):
    return Embedded(
        TrainingRows(
            frame=pd.DataFrame({"row_id": np.arange(len(labels)).astype(str)}), labels=labels, groups=groups, group_names=("a", "b"),
            attributes=("race",), classes=("no", "yes"), positive="yes", favourable="yes", seed=3,
        ),
        features,
    )  # fmt: skip


def method_for(constraint, max_iter=50):
    settings = {"constraint": constraint, "eps": 0.02, "max_iter": max_iter}
    return load_method("exponentiated_gradient").make(
        MitigationSpec(method="exponentiated_gradient", exponentiated_gradient=settings)
    )


def fitted(constraint, seed=0, max_iter=50, **classes):
    method = method_for(constraint, max_iter)
    train, validation = rows_of(*biased(800, seed)), rows_of(*biased(400, seed + 100))
    return method, method.fit_head(train, validation, {"no": 1.0, "yes": 1.0, **classes}), train, validation


def probabilities(head, features):
    return expit(((features - head.mean) / head.spread) @ head.weight.T + head.bias) @ head.chances


def gap(decided, labels, groups, constraint):
    parts = [np.ones(len(labels), bool)] if constraint == "demographic_parity" else [labels == 1, labels == 0]
    return max(abs(decided[part & (groups == 0)].mean() - decided[part & (groups == 1)].mean()) for part in parts)


@pytest.mark.slow
@pytest.mark.parametrize("constraint", ["equalized_odds", "demographic_parity"])
def test_averaged_decisions_are_near_those_that_fairlearn_expects(constraint):
    for seed in range(3):
        method, head, train, validation = fitted(constraint, seed)
        features = (train.features - head.mean) / head.spread
        names = np.asarray(["a", "b"])[train.rows.groups]
        spec = MitigationSpec(
            method="exponentiated_gradient", exponentiated_gradient={"constraint": constraint, "eps": 0.02}
        )
        costs = {"fn": 1.0, "fp": 1.0}
        facts = method.facts()
        assert facts["inverse_penalty"] in PENALTIES
        own = reduced(features, train.rows.labels, names, facts["inverse_penalty"], spec.exponentiated_gradient, costs)
        expected = own._pmf_predict((validation.features - head.mean) / head.spread)[:, 1]
        averaged = probabilities(head, validation.features) >= 0.5
        distance = np.abs(averaged - expected).mean()
        assert facts["validation"]["mean_distance_from_expected_decisions"] == pytest.approx(distance, abs=1e-9)
        labels, groups = validation.rows.labels, validation.rows.groups
        of = {
            "averaged": gap(averaged, labels, groups, constraint),
            "expected": gap(expected, labels, groups, constraint),
            "plain": gap(plain(train, validation), labels, groups, constraint),
        }
        # Measured over these seeds: distance at most 0.062; gaps of averaged and expected decisions at most 0.025 apart.
        assert distance < 0.08
        assert abs(of["averaged"] - of["expected"]) < 0.04, of
        assert of["averaged"] < 0.7 * of["plain"], of


def plain(train, validation):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1.0).fit(train.features, train.rows.labels).predict(validation.features) == 1


def test_class_weights_shift_the_decisions():
    _, even, _, validation = fitted("demographic_parity", max_iter=10)
    _, wary, _, _ = fitted("demographic_parity", max_iter=10, yes=5.0)
    means = [float((probabilities(head, validation.features) >= 0.5).mean()) for head in (even, wary)]
    assert means[1] > means[0] + 0.1


def test_rows_of_unknown_group_are_left_out_and_counted():
    features, labels, groups = biased(400, 1)
    groups[:50] = -1
    labels[:50] = 1  # would pull every score up if they were learned from
    method = method_for("demographic_parity", max_iter=10)
    validation, even = rows_of(*biased(400, 100)), {"no": 1.0, "yes": 1.0}
    head = method.fit_head(rows_of(features, labels, groups), validation, even)
    assert method.facts()["rows_without_known_group_left_out"] == 50
    again = method.fit_head(rows_of(features[50:], labels[50:], groups[50:]), validation, even)
    assert method.facts()["rows_without_known_group_left_out"] == 0
    np.testing.assert_allclose(probabilities(head, features), probabilities(again, features), atol=1e-9)


def test_one_who_always_answers_the_same_is_kept_as_a_sure_line():
    from sklearn.dummy import DummyClassifier

    from rai_tune.training.mitigation.exponentiated_gradient import _line

    for answer, says in ((1, 1.0), (0, 0.0)):
        constant = DummyClassifier(strategy="constant", constant=answer).fit(np.zeros((2, 3)), [answer, answer])
        coefficients, intercept = _line(constant, 3)
        assert not coefficients.any()
        assert float(expit(intercept)) == pytest.approx(says, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model.adapter": {"method": "lora"}}, "set model.adapter.method to frozen"),
        ({"mitigation.method": ["exponentiated_gradient", "logit_pairing"]}, "logit_pairing acts on the Trainer"),
        ({"data.positive": None}, "set data.positive"),
    ],
)
def test_what_it_cannot_learn_from_is_refused_when_planned(project, change, says):
    settings = {"model.adapter": {"method": "frozen"}, "mitigation.method": "exponentiated_gradient", **change}
    with pytest.raises(UsageError, match=says):
        plan(load_recipe(project / "recipe.yaml", [f"{key}={json.dumps(value)}" for key, value in settings.items()]))


def test_rows_of_known_group_with_one_label_are_refused_when_planned(project):
    table = pd.read_csv(project / "rows.csv", dtype=str)
    table.loc[table["deny"] == "no", "race"] = ""
    table.to_csv(project / "rows.csv", index=False)
    settings = {
        "model.adapter": {"method": "frozen"},
        "mitigation": {"method": "exponentiated_gradient", "attributes": ["race"]},
    }
    with pytest.raises(UsageError, match="of them are labelled 'denied'"):
        plan(load_recipe(project / "recipe.yaml", [f"{key}={json.dumps(value)}" for key, value in settings.items()]))
