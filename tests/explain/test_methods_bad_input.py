"""Every method on texts and models at the edges: said clearly, never a number that means nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from rai_audits.core import UsageError
from rai_audits.explain import METHODS, TextModel, attribute_texts

EXPLAINING = [name for name in METHODS if name != "random_baseline"]


# The first use of shap imports plotting and more.
@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_texts_at_the_edges(bert_model, method):
    texts = ["", "   ", "good", "zzz qqq", "good film " * 10_000]
    found = attribute_texts(bert_model, texts, positive="denied", method=method, evaluations=60)
    empty, blank, one, unknown, long = found
    for nothing in (empty, blank):
        assert (nothing.status, nothing.words) == ("undefined", ())
        assert "no content tokens" in nothing.reason
    assert one.status == "ok" and one.words[0].unit == "good" and one.words[0].attribution != 0.0
    assert unknown.status == "ok" and [unit.unit for unit in unknown.words[:2]] == ["zzz", "qqq"]
    assert (long.status, long.truncated, long.tokens) == ("ok", True, 64)
    assert len(long.words) == 62 + 1
    assert {item.method for item in found} == {method}


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_model_is_undefined_and_a_broken_one_failed(bert_model, method):
    with torch.no_grad():
        bert_model.model.classifier.weight.zero_()
    (constant,) = attribute_texts(bert_model, ["good film"], positive="denied", method=method)
    assert (constant.status, constant.words) == ("undefined", ())
    with torch.no_grad():
        bert_model.model.classifier.weight.fill_(float("nan"))
    (broken,) = attribute_texts(bert_model, ["good film"], positive="denied", method=method)
    assert (broken.status, broken.words) == ("failed", ())


class Narrow(nn.Module):
    """A model on a machine where more than ``most`` rows do not fit."""

    def __init__(self, inner: nn.Module, most: int) -> None:
        super().__init__()
        self.inner, self.most, self.seen = inner, most, []

    def get_input_embeddings(self) -> nn.Module:
        return self.inner.get_input_embeddings()

    def forward(self, input_ids, attention_mask):
        self.seen.append(len(input_ids))
        if len(input_ids) > self.most:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return self.inner(input_ids=input_ids, attention_mask=attention_mask)


@pytest.mark.slow
@pytest.mark.parametrize("method", EXPLAINING)
def test_a_batch_that_does_not_fit_is_halved_and_tried_again(bert_model, method):
    texts = ["the film is bad, the loan is good", "black applicant", "good films for a white applicant"]
    plain = attribute_texts(bert_model, texts, positive="denied", method=method)
    narrow = TextModel(Narrow(bert_model.model, 3), bert_model.tokenizer, bert_model.classes, max_tokens=64)
    found = attribute_texts(narrow, texts, positive="denied", method=method)
    assert max(narrow.model.seen) > 3, "nothing had to be halved: the test proves nothing"
    for one, two in zip(plain, found, strict=True):
        scale = max(abs(unit.attribution) for unit in one.words)
        assert (
            np.abs([a.attribution - b.attribution for a, b in zip(one.words, two.words, strict=True)]).max()
            <= 1e-4 * scale
        )


@pytest.mark.parametrize("method", EXPLAINING)
def test_the_model_is_left_as_it_was(bert_model, method):
    module = bert_model.model
    module.train()
    module.classifier.weight.requires_grad_(False)
    before = {name: weight.clone() for name, weight in module.named_parameters()}
    attribute_texts(bert_model, ["the film is bad"], positive="denied", method=method)
    assert module.training and not module.classifier.weight.requires_grad
    assert all(torch.equal(before[name], weight) for name, weight in module.named_parameters())
    assert all(weight.grad is None for weight in module.parameters())


@pytest.mark.parametrize("method", EXPLAINING)
def test_a_model_without_word_vectors_is_named(tokenizer, method):
    with pytest.raises(UsageError, match="word embedding layer of Linear"):
        attribute_texts(TextModel(nn.Linear(2, 2), tokenizer, ("a", "b")), ["good"], method=method)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("oclusion", "occlusion"), ("integrated_gradient", "integrated_gradients"), ("shap_partition", "partition_shap")],
)
def test_a_misspelt_method_suggests_the_nearest(bert_model, written, meant):
    with pytest.raises(UsageError, match=f"unknown attribution method '{written}'.*Did you mean '{meant}'"):
        attribute_texts(bert_model, ["good"], method=written)


@pytest.mark.parametrize("method", EXPLAINING)
def test_three_classes_explain_the_predicted_or_the_named_one(bert_of, tokenizer, method):
    model = TextModel(bert_of(labels=3), tokenizer, ("x", "y", "z"))
    (predicted,) = attribute_texts(model, ["good film"], method=method)
    assert predicted.target == f"logit({predicted.prediction})"
    (named,) = attribute_texts(model, ["good film"], method=method, target="y")
    assert named.target == "logit(y)"
