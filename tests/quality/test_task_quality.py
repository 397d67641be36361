"""The task_quality audit: estimates, intervals, bounds, gaps and facts on real arithmetic."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from rai_audits.core import AuditContext, TaskInfo, UsageError, load_audit, run_audit
from rai_audits.core.digest import canonical_json
from rai_audits.quality import estimates
from rai_audits.quality.one_vs_rest import one_vs_rest_auc
from rai_audits.quality.rows import read_rows
from rai_audits.stats.auc import auc
from rai_audits.stats.rates import wilson

METRICS = {
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "brier_score",
    "macro_f1",
    "precision",
    "recall",
    "roc_auc",
}


def binary_table(n=300, seed=5, split="test"):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.25
    score = np.clip(np.round(0.25 + 0.3 * truth + rng.normal(0, 0.18, n), 2), 0, 1)
    names = np.array(["approved", "denied"])
    return pd.DataFrame(
        {
            "row_id": [f"{split}{i:05d}" for i in range(n)],
            "split": split,
            "label": names[truth.astype(int)],
            "prediction": names[(score >= 0.45).astype(int)],
            "score": score,
            "score:approved": 1 - score,
            "score:denied": score,
        }
    )


def context(table, classes=("approved", "denied"), positive="denied", **more):
    task = TaskInfo(classes=classes, positive=positive, favourable=None, threshold=0.45, groups={})
    return AuditContext(predictions=table, task=task, artifacts=None, **more)


def by_metric(found, split="test"):
    return {item.metric: item for item in found.measurements if item.split == split}


def run(table, **more):
    return load_audit("task_quality").run(context(table, **more))


def test_every_metric_matches_scikit_learn_and_lies_in_its_interval():
    table = binary_table()
    found = by_metric(run(table, alphas=(0.05, 0.01)))
    truth, decided, score = table["label"] == "denied", table["prediction"] == "denied", table["score"]
    expected = {
        "accuracy": sk.accuracy_score(truth, decided),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, decided),
        "macro_f1": sk.f1_score(truth, decided, average="macro"),
        "roc_auc": sk.roc_auc_score(truth, score),
        "average_precision": sk.average_precision_score(truth, score),
        "brier_score": sk.brier_score_loss(truth, score),
        "precision": sk.precision_score(truth, decided),
        "recall": sk.recall_score(truth, decided),
    }
    assert set(found) == METRICS
    for name, value in expected.items():
        item = found[name]
        assert item.value == pytest.approx(value), name
        assert 0 <= item.low < item.value < item.high <= 1
        five, one = item.bound("lower", 0.05).value, item.bound("lower", 0.01).value
        assert one <= item.low <= five < item.value, name
        assert item.value < item.bound("upper", 0.05).value <= item.high <= item.bound("upper", 0.01).value, name
        assert (item.threshold, item.positive, item.group, item.split) == (0.45, "denied", None, "test")


def test_counts_say_what_each_metric_rests_on():
    table = binary_table()
    found = by_metric(run(table))
    positives, decided = int((table["label"] == "denied").sum()), int((table["prediction"] == "denied").sum())
    hits = int((table["label"] == table["prediction"]).sum())
    both = int(((table["label"] == "denied") & (table["prediction"] == "denied")).sum())
    counts = {name: (item.n, item.n_pos, item.n_neg) for name, item in found.items()}
    assert counts["accuracy"] == (300, hits, 300 - hits)
    assert counts["roc_auc"] == counts["brier_score"] == (300, positives, 300 - positives)
    assert counts["precision"] == (decided, both, decided - both)
    assert counts["recall"] == (positives, both, positives - both)


def test_same_seed_same_bytes_whatever_the_order_of_rows():
    table = binary_table()
    shuffled = table.sample(frac=1.0, random_state=3)

    def digest(rows, seed):
        return canonical_json([item.to_json() for item in run(rows, seed=seed).measurements])

    assert digest(table, 7) == digest(shuffled, 7)
    assert digest(table, 7) != digest(table, 8)


def test_accuracy_uses_wilson_and_auc_uses_delong():
    table = binary_table()
    found = by_metric(run(table))
    hits = int((table["label"] == table["prediction"]).sum())
    assert found["accuracy"].low == pytest.approx(float(wilson(hits, 300).low))
    assert found["accuracy"].bound("lower", 0.05).value == pytest.approx(
        float(wilson(hits, 300, alpha=0.05, side="lower").low)
    )
    assert found["roc_auc"].method == "delong, logit scale"


def test_perfect_decisions_do_not_claim_certainty():
    table = binary_table(n=40)
    table["prediction"] = table["label"]
    table["score"] = (table["label"] == "denied").astype(float)
    for name, item in by_metric(run(table)).items():
        best = 0.0 if name == "brier_score" else 1.0
        assert item.value == best
        side = "upper" if name == "brier_score" else "lower"
        bound = item.bound(side, 0.05).value
        assert abs(bound - best) > 0.02, f"{name}: 40 rows cannot prove {best}"


def test_lower_bounds_of_table_metrics_miss_rarely_where_the_plain_bootstrap_fails():
    # 50 rows, 20 % positive, recalls 0.90 and 0.95: percentiles alone put the bound above the truth in 28 % of samples.
    rng, truth, misses = np.random.default_rng(1), (0.9 + 0.95) / 2, 0
    for _ in range(60):
        label = rng.random(50) < 0.2
        right = rng.random(50) < np.where(label, 0.9, 0.95)
        table = pd.DataFrame({"row_id": range(50), "split": "test", "label": np.where(label, "denied", "approved")})
        table["prediction"] = np.where(label == right, "denied", "approved")
        value = estimates.balanced_accuracy(read_rows(context(table), "test"), seed=0)
        misses += value.ends(0.05, "lower")[0] > truth
    assert misses <= 4


@pytest.mark.parametrize("label", ["approved", "denied"])
def test_one_class_rows_leave_gaps_with_the_reason(label):
    table = binary_table()
    table = table[table["label"] == label]
    found = by_metric(run(table))
    for name in ("roc_auc", "average_precision", "balanced_accuracy", "macro_f1"):
        assert found[name].status == "not_estimable"
        assert repr(label) in found[name].reason
    assert found["accuracy"].status == found["brier_score"].status == "ok"
    assert (found["recall"].status == "not_estimable") == (label == "approved")


def test_no_row_decided_positive_leaves_precision_undefined_and_not_zero():
    table = binary_table().assign(prediction="approved")
    found = by_metric(run(table))
    assert found["precision"].estimate == "not_estimable"
    assert (found["precision"].n, found["precision"].n_pos) == (0, 0)
    assert found["recall"].value == 0.0
    assert found["recall"].high > 0


def test_no_test_rows_give_gaps_everywhere():
    found = by_metric(run(binary_table(split="train")))
    assert set(found) == METRICS
    assert {item.status for item in found.values()} == {"not_estimable"}


def test_predictions_without_scores_keep_their_decision_metrics():
    table = binary_table().drop(columns=["score", "score:approved", "score:denied"])
    found = by_metric(run(table))
    gaps = {name for name, item in found.items() if item.status != "ok"}
    assert gaps == {"roc_auc", "average_precision", "brier_score"}
    assert found["roc_auc"].reason == "predictions carry no scores"


def test_scores_that_are_no_probabilities_have_an_auc_and_no_brier_score():
    table = binary_table()
    plain = by_metric(run(table))["roc_auc"]
    found = by_metric(run(table.assign(score=table["score"] * 10 - 5)))
    assert found["roc_auc"].value == pytest.approx(plain.value)
    assert found["brier_score"].reason == "scores are not probabilities"


def test_overfitting_and_the_majority_guess_are_visible():
    test, train = binary_table(), binary_table(n=200, seed=6, split="train")
    train["prediction"] = train["label"]
    validation = binary_table(n=100, seed=7, split="validation")
    output = run(pd.concat([train, validation, test], ignore_index=True))
    assert by_metric(output, "train")["accuracy"].value == 1.0
    assert set(by_metric(output, "validation")) == {"accuracy"}
    facts = output.facts
    assert facts["majority_class"] == "approved"
    assert facts["majority_accuracy"] == pytest.approx((test["label"] == "approved").mean())
    assert facts["positive_rate_decided"] == pytest.approx((test["prediction"] == "denied").mean())
    matrix = sk.confusion_matrix(test["label"], test["prediction"], labels=["approved", "denied"])
    assert facts["confusion_matrix"] == matrix.tolist()
    assert facts["rows"] == {"test": 300, "train": 200, "validation": 100}


def test_without_training_rows_the_majority_guess_is_a_word():
    facts = run(binary_table()).facts
    assert facts["majority_accuracy"] == "not_estimable"
    assert any("no training rows" in note for note in facts["notes"])


class TestSeveralClasses:
    classes = ("high", "low", "medium")

    def table(self, n=240):
        rng = np.random.default_rng(9)
        truth = rng.integers(0, 3, n)
        raw = rng.random((n, 3)) + 0.5 * np.eye(3)[truth]
        scores = raw / raw.sum(axis=1, keepdims=True)
        names = np.array(self.classes)
        table = pd.DataFrame({"row_id": range(n), "split": "test", "label": names[truth]})
        table["prediction"] = names[scores.argmax(axis=1)]
        for code, name in enumerate(self.classes):
            table[f"score:{name}"] = scores[:, code]
        return table

    def test_estimates_match_scikit_learn(self):
        table = self.table()
        found = by_metric(run(table, classes=self.classes, positive=None))
        scores = table[[f"score:{name}" for name in self.classes]].to_numpy()
        assert found["roc_auc"].value == pytest.approx(
            sk.roc_auc_score(table["label"], scores, multi_class="ovr", labels=list(self.classes))
        )
        assert found["macro_f1"].value == pytest.approx(
            sk.f1_score(table["label"], table["prediction"], average="macro")
        )
        assert found["roc_auc"].low < found["roc_auc"].value < found["roc_auc"].high
        assert found["roc_auc"].n_pos is None
        for name in ("average_precision", "precision", "recall"):
            assert found[name].status == "not_applicable"

    def test_a_class_without_test_rows_is_left_out_and_said(self):
        table = self.table()
        table = table[table["label"] != "medium"]
        output = run(table, classes=self.classes, positive=None)
        parts = [sk.roc_auc_score(table["label"] == name, table[f"score:{name}"]) for name in ("high", "low")]
        assert by_metric(output)["roc_auc"].value == pytest.approx(np.mean(parts))
        assert any("'medium'" in note for note in output.facts["notes"])

    def test_two_complementary_classes_give_delongs_variance(self):
        table = binary_table()
        score, label = table["score"].to_numpy(), (table["label"] == "denied").to_numpy()
        macro = one_vs_rest_auc(np.column_stack([1 - score, score]), label.astype(np.int64))
        plain = auc(score[label], score[~label])
        assert macro.estimate == pytest.approx(plain.estimate)
        assert macro.variance == pytest.approx(plain.variance)

    def test_macro_standard_error_is_that_of_repeated_samples(self):
        rng = np.random.default_rng(4)
        areas, errors = [], []
        for _ in range(400):
            truth = rng.integers(0, 3, 150)
            found = one_vs_rest_auc(rng.normal(0, 1, (150, 3)) + 0.9 * np.eye(3)[truth], truth)
            areas.append(found.estimate)
            errors.append(found.variance)
        assert np.sqrt(np.mean(errors)) == pytest.approx(np.std(areas), rel=0.12)


class TestWeights:
    def weighted(self):
        table = binary_table()
        return table.assign(weight=np.random.default_rng(2).uniform(0.2, 3.0, len(table)))

    def test_estimates_match_scikit_learn(self):
        table = self.weighted()
        found = by_metric(run(table))
        truth, decided, weight = table["label"] == "denied", table["prediction"] == "denied", table["weight"]
        expected = {
            "accuracy": sk.accuracy_score(truth, decided, sample_weight=weight),
            "balanced_accuracy": sk.balanced_accuracy_score(truth, decided, sample_weight=weight),
            "macro_f1": sk.f1_score(truth, decided, average="macro", sample_weight=weight),
            "roc_auc": sk.roc_auc_score(truth, table["score"], sample_weight=weight),
            "average_precision": sk.average_precision_score(truth, table["score"], sample_weight=weight),
            "brier_score": sk.brier_score_loss(truth, table["score"], sample_weight=weight),
            "precision": sk.precision_score(truth, decided, sample_weight=weight),
            "recall": sk.recall_score(truth, decided, sample_weight=weight),
        }
        for name, value in expected.items():
            assert found[name].value == pytest.approx(value), name
            assert found[name].low < value < found[name].high, name

    def test_intervals_count_effective_rows(self):
        table = self.weighted()
        output = run(table)
        weight = table["weight"].to_numpy()
        effective = weight.sum() ** 2 / (weight**2).sum()
        assert output.facts["effective_n"]["test"] == pytest.approx(effective)
        point = by_metric(output)["accuracy"].value
        assert by_metric(output)["accuracy"].low == pytest.approx(float(wilson(point * effective, effective).low))

    def test_equal_weights_change_nothing_but_the_word(self):
        plain, same = by_metric(run(binary_table())), by_metric(run(binary_table().assign(weight=2.5)))
        for name in METRICS:
            assert same[name].value == pytest.approx(plain[name].value)
            assert same[name].low == pytest.approx(plain[name].low, abs=1e-9), name
            assert same[name].high == pytest.approx(plain[name].high, abs=1e-9), name

    def test_a_weight_of_zero_is_refused_by_row(self):
        table = binary_table().assign(weight=1.0)
        table.loc[3, "weight"] = 0.0
        with pytest.raises(UsageError, match="test00003"):
            run(table)


def test_a_label_outside_the_classes_is_refused_by_row():
    table = binary_table()
    table.loc[7, "label"] = "withdrawn"
    with pytest.raises(UsageError, match=r"'withdrawn' of row_id 'test00007'"):
        run(table)


def test_a_missing_score_is_refused_by_row():
    table = binary_table()
    table.loc[2, "score"] = np.nan
    with pytest.raises(UsageError, match="score of row_id 'test00002'"):
        run(table)


def test_the_result_survives_canonical_json():
    result = run_audit(load_audit("task_quality"), context(binary_table()), {"predictions": "0" * 64})
    assert result.status == "ok", result.reason
    assert type(result).model_validate(result.to_json()) == result
    assert canonical_json(result.to_json())
