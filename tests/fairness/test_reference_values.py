"""Published values and peer libraries: Fairlearn and scikit-learn live, AIF360 and Borkan et al. as constants with their source.

AIF360 is not installed (it wants versions of its own), so its constants come from its tests. Its two values of differential fairness
are measured on UCI Adult's test part (``adult.test``, 16,281 rows), which is not among this project's test data. They depend on the data
only through sixteen counts, which are written below: rows, rows labelled above 50K and rows decided above 50K in each cell of white, male and
born in the United States. They were counted once from ``adult.test`` with the features, scaler and liblinear regression of AIF360's
tests/test_differential_fairness.py, scikit-learn 1.9.1.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, load_audit
from rai_audits.stats.inequality import smoothed_epsilon

# Fairlearn docs/user_guide/assessment/common_fairness_metrics.rst.
Y_TRUE = [0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]
Y_PRED = [0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
GROUP = list("bbabbcccaacabccbcc")

# AIF360 tests/test_classification_metric.py, test_generalized_entropy_index and test_theil_index.
FEAT = [0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
LABEL = [1, 0, 0, 1, 0, 0, 1, 0, 1, 1]
TWO_DENIED_TWO_FAVOURED = [1, 0, 0, 0, 1, 1, 1, 0, 1, 0]
SIX_WRONG = [0, 1, 1, 0, 0, 0, 0, 1, 1, 1]

# Cells of (white, male, born in the US), each from no to yes, the last varying fastest.
ADULT_ROWS = [184, 852, 361, 938, 310, 4075, 764, 8797]
ADULT_LABELLED = [18, 58, 103, 177, 31, 483, 171, 2805]
ADULT_DECIDED = [12, 45, 85, 122, 16, 335, 120, 2414]


def audited(name: str, frame: pd.DataFrame, groups: dict[str, tuple[str, ...]], favourable: str | None = "1"):
    task = TaskInfo(classes=("0", "1"), positive="1", favourable=favourable, threshold=0.5, groups=groups)
    frame = frame.assign(split="test", row_id=[f"r{place}" for place in range(len(frame))])
    context = AuditContext(frame, task, artifacts=None, options={"min_group_rows": 1})
    return load_audit(name).run(context).measurements


def pick(measurements, metric: str, group: str | None = None):
    (item,) = [item for item in measurements if item.metric == metric and (group is None or item.group == group)]
    return item


def rows(label, prediction, group) -> pd.DataFrame:
    return pd.DataFrame({"label": label, "prediction": prediction, "group:g": group}).astype(str)


@pytest.mark.parametrize(
    ("metric", "want"),
    [
        ("demographic_parity_difference", 0.25),
        ("demographic_parity_ratio", 2 / 3),
        ("equalized_odds_difference", 1.0),
        ("equalized_odds_ratio", 0.0),
    ],
)
def test_fairlearns_example_live_and_published(metric, want):
    import fairlearn.metrics

    theirs = getattr(fairlearn.metrics, metric)(Y_TRUE, Y_PRED, sensitive_features=GROUP)
    ours = pick(audited("group_rates", rows(Y_TRUE, Y_PRED, GROUP), {"g": ("a", "b", "c")}), metric)
    assert theirs == pytest.approx(want)
    assert ours.value == pytest.approx(want)
    assert ours.low <= want <= ours.high


def test_fairlearns_table_of_the_example():
    """perform_fairness_assessment.rst prints these rates by group."""
    found = audited("group_rates", rows(Y_TRUE, Y_PRED, GROUP), {"g": ("a", "b", "c")})
    printed = {"a": (0.5, 1.0, 0.75, 4), "b": (0.6, 0.0, 0.5, 6), "c": (0.4, 2 / 3, 0.5, 8)}
    for group, want in printed.items():
        metrics = ("true_positive_rate", "false_positive_rate", "selection_rate", "group_size")
        assert [pick(found, metric, group).value for metric in metrics] == pytest.approx(list(want))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_weighted_rates_and_spreads_equal_fairlearn_on_random_rows(seed):
    from fairlearn.metrics import MetricFrame, demographic_parity_ratio, equalized_odds_difference, selection_rate
    from sklearn.metrics import accuracy_score, precision_score, recall_score

    rng = np.random.default_rng(seed)
    group = rng.choice(list("abcd"), 400)
    label, prediction = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    weight = rng.uniform(0.2, 5, 400)
    frame = rows(label, prediction, group).assign(weight=weight)
    found = audited("group_rates", frame, {"g": tuple("abcd")})
    metrics = {
        "selection_rate": selection_rate,
        "true_positive_rate": recall_score,
        "positive_predictive_value": precision_score,
        "accuracy": accuracy_score,
    }
    theirs = MetricFrame(
        metrics=metrics,
        y_true=label,
        y_pred=prediction,
        sensitive_features=group,
        sample_params={metric: {"sample_weight": weight} for metric in metrics},
    ).by_group
    for name, metric in product("abcd", metrics):
        assert pick(found, metric, name).value == pytest.approx(theirs.loc[name, metric])
    given = {"sensitive_features": group, "sample_weight": weight}
    odds, ratio = pick(found, "equalized_odds_difference"), pick(found, "demographic_parity_ratio")
    assert odds.value == pytest.approx(equalized_odds_difference(label, prediction, **given))
    assert ratio.value == pytest.approx(demographic_parity_ratio(label, prediction, **given))


@pytest.mark.parametrize("weighted", [False, True])
def test_quality_by_the_numbers_of_scikit_learn(weighted):
    from sklearn import metrics

    rng = np.random.default_rng(8)
    label = rng.integers(0, 2, 300)
    score = np.round(np.clip(0.3 * label + rng.uniform(0, 0.7, 300), 0, 1), 2)  # rounded, so that scores tie
    prediction = (score >= 0.5).astype(int)
    weight = rng.uniform(0.2, 5, 300) if weighted else None
    frame = rows(label, prediction, ["x"] * 300).assign(score=score)
    frame["score:1"], frame["score:0"] = score, 1 - score
    if weighted:
        frame["weight"] = weight
    found = audited("task_quality", frame, {})
    given = {"sample_weight": weight}
    want = {
        "roc_auc": metrics.roc_auc_score(label, score, **given),
        "average_precision": metrics.average_precision_score(label, score, **given),
        "brier_score": metrics.brier_score_loss(label, score, **given),
        "accuracy": metrics.accuracy_score(label, prediction, **given),
        "balanced_accuracy": metrics.balanced_accuracy_score(label, prediction, **given),
        "macro_f1": metrics.f1_score(label, prediction, average="macro", **given),
        "precision": metrics.precision_score(label, prediction, **given),
        "recall": metrics.recall_score(label, prediction, **given),
    }
    for metric, value in want.items():
        item = pick(found, metric)
        assert item.value == pytest.approx(value), metric
        assert item.low < value < item.high, metric


def test_aif360_entropy_and_theil_indices():
    first = audited("inequality", rows(LABEL, TWO_DENIED_TWO_FAVOURED, FEAT), {"g": ("0", "1", "2")})
    assert pick(first, "generalized_entropy_index").value == pytest.approx(0.2)
    assert pick(first, "theil_index").value == pytest.approx(4 * math.log(2) / 10)
    second = audited("inequality", rows(LABEL, SIX_WRONG, FEAT), {"g": ("0", "1", "2")})
    assert pick(second, "generalized_entropy_index").value == pytest.approx(0.3)


def test_aif360_differential_fairness_on_adult():
    """AIF360 tests/test_differential_fairness.py: 1.53679014653623 of the labels, 1.6434003346776307 of its classifier."""
    assert smoothed_epsilon(ADULT_LABELLED, ADULT_ROWS) == pytest.approx(1.53679014653623, abs=1e-13)
    assert smoothed_epsilon(ADULT_DECIDED, ADULT_ROWS) == pytest.approx(1.6434003346776307, abs=1e-13)


def test_the_audit_gives_the_same_epsilon_on_rows_with_those_counts():
    parts = [
        rows([1] * labelled + [0] * (n - labelled), [1] * decided + [0] * (n - decided), [f"cell {place}"] * n)
        for place, (n, labelled, decided) in enumerate(zip(ADULT_ROWS, ADULT_LABELLED, ADULT_DECIDED, strict=True))
    ]
    cells = tuple(f"cell {place}" for place in range(8))
    found = audited("inequality", pd.concat(parts, ignore_index=True), {"g": cells})
    of_labels = pick(found, "label_differential_fairness_epsilon")
    assert of_labels.value == pytest.approx(1.53679014653623, abs=1e-13)
    assert pick(found, "differential_fairness_epsilon").value == pytest.approx(1.6434003346776307, abs=1e-13)
    assert of_labels.low < of_labels.value < of_labels.high


def biased() -> pd.DataFrame:
    """conversationai/unintended-ml-bias-analysis, model_bias_analysis_test.py, make_biased_dataset."""
    parts = [
        (0, "other", [0.1, 0.2, 0.3]),
        (0, "subgroup", [0.21, 0.31, 0.55]),
        (1, "other", [0.5, 0.8, 0.9]),
        (1, "subgroup", [0.4, 0.6, 0.71]),
    ]
    told = [(label, group, score) for label, group, scores in parts for score in scores]
    frame = rows([each[0] for each in told], [int(each[2] >= 0.5) for each in told], [each[1] for each in told])
    return frame.assign(score=[each[2] for each in told])


def test_borkan_areas_of_the_published_test():
    """Asserted there to one place: subgroup AUC 0.88, negative cross AUC 0.88, positive cross AUC 1.0.

    Their negative cross AUC sets negatives of the subgroup against positives of the others: BPSN of Borkan et al. (2019). The positive one is BNSP.
    """
    from sklearn.metrics import roc_auc_score

    frame = biased()
    found = audited("score_fairness", frame, {"g": ("other", "subgroup")}, favourable=None)
    inside, label = (frame["group:g"] == "subgroup").to_numpy(), (frame["label"] == "1").to_numpy()
    sides = {
        "subgroup_auc": inside,
        "bpsn_auc": (inside & ~label) | (~inside & label),
        "bnsp_auc": (inside & label) | (~inside & ~label),
    }
    published = {"subgroup_auc": 0.88, "bpsn_auc": 0.88, "bnsp_auc": 1.0}
    for metric, chosen in sides.items():
        item = pick(found, metric, "subgroup")
        assert item.value == pytest.approx(published[metric], abs=0.05)
        assert item.value == pytest.approx(roc_auc_score(label[chosen], frame["score"][chosen]))


def test_borkan_areas_equal_scikit_learn_on_random_rows():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(4)
    label, inside = rng.integers(0, 2, 500).astype(bool), rng.uniform(size=500) < 0.3
    score = np.round(rng.uniform(size=500) * 0.6 + 0.3 * label + 0.1 * inside, 2)
    frame = rows(label.astype(int), (score >= 0.5).astype(int), np.where(inside, "in", "out")).assign(score=score)
    found = audited("score_fairness", frame, {"g": ("in", "out")}, favourable=None)
    for metric, chosen in {
        "subgroup_auc": inside,
        "bpsn_auc": inside != label,
        "bnsp_auc": inside == label,
    }.items():
        assert pick(found, metric, "in").value == pytest.approx(roc_auc_score(label[chosen], score[chosen]))
