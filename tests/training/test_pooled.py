"""A head fitted on embeddings is a model like any other: scored, saved, loaded and explained, and never loaded as something else."""

import json

import numpy as np
import pytest
import torch
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from rai_audits.explain import TextModel, attribute_texts
from rai_tune.core import UsageError
from rai_tune.tasks import load_task
from rai_tune.tasks.pooled import Head, linear_head, load_pooled, mixture_head, pooled_model
from rai_tune.training.base_model import find_base
from rai_tune.training.predicting import mean_embeddings, predict_logits
from rai_tune.training.saved_model import DecisionFacts, load_saved, merge_adapter, save_model
from rai_tune.training.tokens import load_tokenizer

IDS = [[2, 4, 5, 3], [2, 6, 3], [2, 7, 8, 9, 10, 3], [2, 11, 12, 3], [2, 13, 3], [2, 14, 5, 3]]
TASK = load_task("text_classification")


@pytest.fixture
def encoder(tiny_base):
    return TASK.load_encoder(str(tiny_base))


@pytest.fixture
def embedded(encoder):
    return mean_embeddings(encoder, IDS, pad_id=0, batch_size=2, device="cpu").astype(float)


def scores(model):
    return TASK.probabilities(predict_logits(model, IDS, pad_id=0, batch_size=4, device="cpu"))


def mixture(positive=1):
    draw = np.random.default_rng(4)
    return mixture_head(
        draw.normal(size=(3, 32)), draw.normal(size=3), np.array([0.2, 0.0, 0.8]), positive,
        draw.normal(size=32), draw.uniform(0.5, 2, 32),
    )  # fmt: skip


def test_a_linear_head_scores_as_the_regression_that_it_came_from(encoder, embedded):
    mean, spread = embedded.mean(axis=0), embedded.std(axis=0)
    labels = np.array(["approved", "denied", "approved", "denied", "denied", "approved"])
    fitted = LogisticRegression(C=10.0).fit((embedded - mean) / spread, labels)
    classes = ("denied", "approved")  # not the order of the regression
    head = linear_head(fitted.coef_, fitted.intercept_, list(fitted.classes_), classes, mean, spread)
    expected = fitted.predict_proba((embedded - mean) / spread)
    np.testing.assert_allclose(scores(pooled_model(encoder, head))[:, 0], expected[:, 1], atol=1e-4)


def test_a_mixture_averages_the_probabilities_of_its_classifiers(encoder, embedded):
    head = mixture()
    assert len(head.bias) == 2, "a classifier that is never used is not kept"
    z = ((embedded - head.mean) / head.spread) @ head.weight.T + head.bias
    expected = expit(z) @ np.array([0.2, 0.8])
    found = scores(pooled_model(encoder, head))
    np.testing.assert_allclose(logit(found[:, 1]), logit(expected), atol=1e-3)
    first = pooled_model(encoder, mixture(positive=0))
    np.testing.assert_allclose(scores(first)[:, 0], found[:, 1], atol=1e-6)


def test_a_sure_score_keeps_its_gradient(encoder):
    wide = Head("mixture", np.full((1, 32), 0.01), np.array([60.0]), np.zeros(32), np.ones(32), np.array([1.0]))
    model = pooled_model(encoder, wide)
    vectors = model.get_input_embeddings()(torch.tensor([IDS[0]])).detach().requires_grad_()
    logits = model(inputs_embeds=vectors, attention_mask=torch.ones(1, 4, dtype=torch.long)).logits
    (logits[0, 1] - logits[0, 0]).backward()
    assert float((logits[0, 1] - logits[0, 0]).detach()) == pytest.approx(60.0, abs=1.0)
    assert float(vectors.grad.abs().sum()) > 0


@pytest.fixture
def saved(tiny_base, encoder, tmp_path):
    facts = DecisionFacts(
        task="text_classification", classes=("approved", "denied"), positive="denied", favourable="approved", threshold=0.5,
        threshold_rule="fixed", text="text", template=None, columns=(), max_tokens=16, adapter=False, head="mixture",
    )  # fmt: skip
    base = find_base(str(tiny_base), None, tmp_path)
    model = pooled_model(encoder, mixture())
    manifest = save_model(model, load_tokenizer(str(tiny_base)), facts, base, tmp_path / "model")
    return model, manifest, tmp_path / "model"


def test_it_is_loaded_again_bit_by_bit(saved, tmp_path):
    model, manifest, folder = saved
    assert {"model.safetensors", "pooled.json", "decision.json"} <= set(manifest)
    assert "config.json" not in manifest, "transformers would load the encoder and add a fresh head in silence"
    loaded = load_saved(folder, manifest, tmp_path)
    assert loaded.facts.head == "mixture"
    assert np.array_equal(scores(loaded.model), scores(model))


def test_it_is_explained_by_integrated_gradients(saved, tmp_path):
    _, manifest, folder = saved
    loaded = load_saved(folder, manifest, tmp_path)
    text = TextModel(loaded.model, loaded.tokenizer, loaded.facts.classes, 16)
    (found,) = attribute_texts(text, ["high debt bad record"])
    assert found.status == "ok", found.reason
    assert max(abs(word.attribution) for word in found.words) > 0


def test_it_cannot_be_written_as_a_plain_transformers_model(saved, tmp_path):
    _, manifest, folder = saved
    with pytest.raises(UsageError, match="mixture head"):
        merge_adapter(load_saved(folder, manifest, tmp_path), tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize("change", [{"schema": "other"}, {"head": "deep"}, {"rows": None}, {"encoder": {}}])
def test_a_file_that_is_not_a_head_is_refused(saved, change):
    _, _, folder = saved
    path = folder / "pooled.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UsageError, match=r"pooled\.json: not the head of a model"):
        load_pooled(folder)


def test_a_regression_on_other_classes_is_refused():
    with pytest.raises(UsageError, match="fitted on the classes"):
        linear_head(np.zeros((1, 2)), np.zeros(1), ["a"], ["a", "b"], np.zeros(2), np.ones(2))


def test_a_model_without_a_fitted_head_is_written_as_before(saved):
    from dataclasses import replace

    from rai_tune.training.saved_model import _plain, _read_facts

    _, _, folder = saved
    facts = _read_facts(folder)
    assert facts.head == "mixture"
    assert "head" in _plain(facts)
    assert "head" not in _plain(replace(facts, head=None)), "the digests of earlier models would change"
