"""The evaluate.Metric classes: values against scikit-learn, and the promise to work without network or cache."""

import os
import socket
import subprocess
import sys
import textwrap

import evaluate
import numpy as np
import pytest
from sklearn import metrics as sk

from rai_audits.core import UsageError
from rai_audits.quality import (
    Accuracy,
    AveragePrecision,
    BalancedAccuracy,
    BrierScore,
    MacroF1,
    RocAuc,
    known_quality_metrics,
    quality_metric,
)


@pytest.fixture
def rows():
    rng = np.random.default_rng(11)
    truth = rng.integers(0, 3, 400)
    decided = np.where(rng.random(400) < 0.6, truth, rng.integers(0, 4, 400))
    raw = rng.random((400, 3)) + 0.8 * np.eye(3)[truth]
    scores = np.round(raw / raw.sum(axis=1, keepdims=True), 2)
    scores[:, 2] = np.clip(1 - scores[:, 0] - scores[:, 1], 0, 1)
    return {"truth": truth, "decided": decided, "scores": scores, "weights": rng.uniform(0.2, 3.0, 400)}


@pytest.mark.parametrize("weighted", [False, True])
def test_label_metrics_match_scikit_learn(rows, weighted):
    weight = rows["weights"] if weighted else None
    given = {"predictions": rows["decided"], "references": rows["truth"], "sample_weight": weight}
    truth, decided = rows["truth"], rows["decided"]
    assert Accuracy().compute(**given)["accuracy"] == pytest.approx(
        sk.accuracy_score(truth, decided, sample_weight=weight)
    )
    # The decided labels hold a class that never occurs as truth: it counts in F1 and not in recall.
    assert MacroF1().compute(**given)["macro_f1"] == pytest.approx(
        sk.f1_score(truth, decided, average="macro", sample_weight=weight, zero_division=0)
    )
    recalls = sk.recall_score(truth, decided, average=None, labels=[0, 1, 2], sample_weight=weight)
    assert BalancedAccuracy().compute(**given)["balanced_accuracy"] == pytest.approx(recalls.mean())


@pytest.mark.parametrize("weighted", [False, True])
def test_score_metrics_match_scikit_learn(rows, weighted):
    weight = rows["weights"] if weighted else None
    truth, score = (rows["truth"] == 1).astype(int), rows["scores"][:, 1]
    assert len(np.unique(score)) < 100, "the oracle must see ties"
    given = {"predictions": score, "references": truth, "sample_weight": weight}
    assert RocAuc().compute(**given)["roc_auc"] == pytest.approx(sk.roc_auc_score(truth, score, sample_weight=weight))
    assert AveragePrecision().compute(**given)["average_precision"] == pytest.approx(
        sk.average_precision_score(truth, score, sample_weight=weight)
    )
    assert BrierScore().compute(**given)["brier_score"] == pytest.approx(
        sk.brier_score_loss(truth, score, sample_weight=weight)
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_several_classes_match_scikit_learn(rows, weighted):
    weight = rows["weights"] if weighted else None
    given = {"predictions": rows["scores"], "references": rows["truth"], "sample_weight": weight}
    parts = [
        sk.roc_auc_score(rows["truth"] == code, rows["scores"][:, code], sample_weight=weight) for code in range(3)
    ]
    assert RocAuc().compute(**given)["roc_auc"] == pytest.approx(np.mean(parts))
    assert BrierScore().compute(**given)["brier_score"] == pytest.approx(
        sk.brier_score_loss(rows["truth"], rows["scores"], labels=[0, 1, 2], sample_weight=weight, scale_by_half=False)
    )


def test_unweighted_several_classes_equal_the_library_macro_auc(rows):
    ours = RocAuc().compute(predictions=rows["scores"], references=rows["truth"])["roc_auc"]
    assert ours == pytest.approx(sk.roc_auc_score(rows["truth"], rows["scores"], multi_class="ovr"))


def test_names_work_as_labels_and_rows_can_be_added_in_batches():
    metric = Accuracy()
    metric.add_batch(predictions=["denied", "approved"], references=["denied", "denied"])
    metric.add(prediction="approved", reference="approved")
    assert metric.compute() == {"accuracy": pytest.approx(2 / 3)}


def test_positive_label_can_be_zero():
    given = {"predictions": [0.9, 0.2, 0.4], "references": [0, 1, 1]}
    assert RocAuc().compute(**given, pos_label=0) == {"roc_auc": 1.0}
    assert RocAuc().compute(**given) == {"roc_auc": 0.0}


@pytest.mark.parametrize("metric", [RocAuc, AveragePrecision])
def test_one_class_is_an_error_and_not_a_number(metric):
    with pytest.raises(UsageError, match="not estimable"):
        metric().compute(predictions=[0.1, 0.4], references=[0, 0])


def test_bad_inputs_are_named():
    with pytest.raises(UsageError, match="probabilities"):
        BrierScore().compute(predictions=[1.2, -0.4], references=[1, 0])
    with pytest.raises(UsageError, match="positions 0 to 1"):
        RocAuc().compute(predictions=[[0.2, 0.8], [0.5, 0.5]], references=[0, 2])
    with pytest.raises(UsageError, match="above 0"):
        Accuracy().compute(predictions=[1, 0], references=[1, 0], sample_weight=[1, 0])
    with pytest.raises(UsageError, match="one weight for each of 2 rows"):
        Accuracy().compute(predictions=[1, 0], references=[1, 0], sample_weight=[1])


def test_the_registry_gives_each_metric_under_its_own_key_and_suggests_near_names():
    for name in known_quality_metrics():
        metric = quality_metric(name)
        assert isinstance(metric, evaluate.Metric)
        assert metric.name == name
        assert set(metric.compute(predictions=[0, 1, 1], references=[0, 1, 0])) == {name}
    with pytest.raises(UsageError, match="Did you mean 'balanced_accuracy'"):
        quality_metric("balanced_acuracy")


def test_no_socket_is_opened_and_no_folder_made(monkeypatch, tmp_path):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a metric tried to reach the network")

    cache = tmp_path / "metrics"
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(evaluate.config, "HF_METRICS_CACHE", cache)
    for name in known_quality_metrics():
        quality_metric(name).compute(predictions=[0, 1, 1, 0], references=[0, 1, 0, 1])
    assert not cache.exists()


def test_a_cache_on_disk_is_used_when_asked_for(tmp_path):
    metric = Accuracy(keep_in_memory=False, cache_dir=str(tmp_path))
    assert metric.compute(predictions=[1, 0], references=[1, 1]) == {"accuracy": 0.5}
    assert (tmp_path / "accuracy").is_dir()


@pytest.mark.slow
def test_a_fresh_offline_process_computes_and_leaves_its_home_empty(tmp_path):
    script = textwrap.dedent("""
        import socket
        def refuse(*a, **k): raise SystemExit("network")
        socket.create_connection = socket.getaddrinfo = refuse
        socket.socket.connect = refuse
        from rai_audits.quality import RocAuc
        print(RocAuc().compute(predictions=[.1, .4, .3], references=[0, 1, 1]))
    """)
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HOME": str(tmp_path),
        "HF_HOME": str(tmp_path / "hf"),
    }
    environment.pop("XDG_CACHE_HOME", None)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == "{'roc_auc': 1.0}", done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_package_itself_imports_neither_torch_nor_evaluate():
    script = "import sys, rai_audits.quality.audit; print({'torch', 'evaluate', 'datasets'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
