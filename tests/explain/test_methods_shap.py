"""SHAP in both forms: equal to the package run one document at a time, independent of the batch, seeded, and no hang when a model raises."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from shap.explainers import PartitionExplainer

from rai_audits.explain.attributing import attribute_tokens
from rai_audits.explain.attribution import Settings
from rai_audits.explain.encoding import encode_text
from rai_audits.explain.engine import Row, opened
from rai_audits.explain.folding import tokens_by_word
from rai_audits.explain.jobs import Job, measured
from rai_audits.explain.methods import METHODS
from rai_audits.explain.methods.gradient_shap import drawn_points
from rai_audits.explain.methods.partition_shap import (
    MASKS_AT_ONCE,
    TokenMasker,
    content_places,
    masked_ids,
    resolved_share,
)
from rai_audits.explain.methods.partition_tree import partition_tree
from rai_audits.explain.methods.seeding import text_seed

TEXTS = [
    "good",
    "badly films",
    "the film is bad, the loan is good",
    "black applicant, income is low",
    "a loan for the white applicant, income is high. " * 2,
]


def attributed(model, texts=TEXTS, **settings):
    encoded = [encode_text(model, text) for text in texts]
    return attribute_tokens(model, encoded, [None] * len(texts), Settings(**settings))


@pytest.mark.parametrize("evaluations", [30, 2000])
def test_pooled_partition_shap_is_that_of_the_package_one_document_at_a_time(bert_model, evaluations):
    pooled = attributed(bert_model, method="partition_shap", evaluations=evaluations)
    encoded = [encode_text(bert_model, text) for text in TEXTS]
    with opened(bert_model) as engine:
        jobs = measured(engine, [Job(place, text, None) for place, text in enumerate(encoded)])
        for job, found in zip(jobs[1:], pooled[1:], strict=True):
            places, weights = content_places(job), np.asarray(job.weights)

            def model(masks, job=job, places=places, weights=weights):
                return engine.logits([Row(job.encoded.ids, masked_ids(job, places, mask)) for mask in masks]) @ weights

            np.random.seed(text_seed(0, job.encoded.ids))  # noqa: NPY002
            explainer = PartitionExplainer(model, TokenMasker(partition_tree(tokens_by_word(job.encoded))))
            alone = explainer(
                np.zeros((1, len(places))), max_evals=evaluations, batch_size=MASKS_AT_ONCE, silent=True
            ).values[0]
            ours = np.array(found.attributions)[list(places)]
            assert np.abs(ours - alone).max() <= 1e-4 * np.abs(alone).max()
            assert found.evaluations <= evaluations


@pytest.mark.parametrize("method", METHODS)
def test_a_result_does_not_depend_on_the_batch(bert_model, method):
    common = {"method": method, "evaluations": 60, "steps": 16, "max_steps": 16, "samples": 16}
    together = attributed(bert_model, **common, tokens_per_pass=100_000)
    backward = attributed(bert_model, TEXTS[::-1], **common)[::-1]
    for text, found, turned in zip(TEXTS, together, backward, strict=True):
        (alone,) = attributed(bert_model, [text], **common, tokens_per_pass=40)
        scale = np.abs(alone.attributions).max()
        for other in (found, turned):
            assert np.abs(np.subtract(alone.attributions, other.attributions)).max() <= 1e-4 * scale
        assert (alone.evaluations, alone.resolved) == (found.evaluations, found.resolved)


@pytest.mark.parametrize("method", ["gradient_shap", "partition_shap"])
def test_every_row_that_is_ok_sums_to_the_change(bert_model, method):
    for found in attributed(bert_model, method=method, samples=8, max_steps=256):
        error = abs(sum(found.attributions) - found.change)
        assert found.error == pytest.approx(error, abs=1e-9)
        assert (error <= max(0.01 * abs(found.change), 0.01)) == (found.status == "ok")


def test_gradient_shap_draws_more_where_the_sum_is_off_and_fails_at_the_limit(bert_of, tokenizer):
    from rai_audits.explain import TextModel

    model = TextModel(bert_of(spread=1.0), tokenizer, ("approved", "denied"))
    strict = attributed(model, method="gradient_shap", samples=2, tolerance=0.001, max_steps=2)
    assert any(found.status == "failed" and "at 2 steps" in found.reason for found in strict)
    more = attributed(model, method="gradient_shap", samples=2, tolerance=0.001, max_steps=512)
    assert max(found.steps for found in more) > 2
    for found in more:
        assert found.evaluations == 2 * found.steps - 2, "2 + 4 + ... + the last number of samples"


def test_gradient_shap_converges_to_integrated_gradients(bert_model):
    exact = attributed(bert_model, method="integrated_gradients", steps=128, max_steps=128)
    errors = []
    for samples in (16, 256):
        drawn = attributed(bert_model, method="gradient_shap", samples=samples, max_steps=samples)
        errors.append(
            max(
                np.abs(np.subtract(a.attributions, b.attributions)).max() / np.abs(a.attributions).max()
                for a, b in zip(exact, drawn, strict=True)
            )
        )
    assert errors[1] < 0.02
    assert errors[1] < errors[0] / 4, "free draws would only win a factor 4"


def test_draws_belong_to_the_seed_and_the_text():
    first = drawn_points(1, (2, 4, 3), 8)
    assert np.array_equal(first, drawn_points(1, (2, 4, 3), 8))
    assert not np.array_equal(first, drawn_points(2, (2, 4, 3), 8))
    assert not np.array_equal(first, drawn_points(1, (2, 5, 3), 8))
    assert np.array_equal(np.floor(first * 8), np.arange(8)), "one draw in each of 8 stretches"


def test_global_random_numbers_go_on_as_if_nothing_had_run(bert_model):
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    attributed(bert_model, method="partition_shap")
    assert np.random.rand() == expected  # noqa: NPY002


def test_few_evaluations_leave_tokens_unresolved_and_enough_resolve_all(bert_model):
    few = attributed(bert_model, method="partition_shap", evaluations=8)
    enough = attributed(bert_model, method="partition_shap", evaluations=2000)
    assert few[-1].resolved < 1.0
    assert [found.resolved for found in enough] == [1.0] * len(TEXTS)
    assert few[0].resolved == 1.0, "one token has nothing to be told apart from"
    content = np.array(few[-1].attributions)[[not item for item in encode_text(bert_model, TEXTS[-1]).special]]
    _, counts = np.unique(np.round(content, 9), return_counts=True)
    assert few[-1].resolved == pytest.approx((counts == 1).sum() / len(content))
    assert few[-1].status == "ok", "an even split keeps the sum"


def test_resolved_counts_tokens_that_a_mask_told_apart():
    masks = np.array([[True, True, False, False], [True, False, False, False]])
    assert resolved_share(masks) == 0.5
    assert resolved_share(np.zeros((0, 3), dtype=bool)) == 0.0
    assert resolved_share(np.zeros((0, 1), dtype=bool)) == 1.0


def test_the_tree_joins_the_tokens_of_a_word_first_and_halves_the_text():
    tree = partition_tree([(1,), (2, 3), (4,)])
    assert tree.tolist() == [[1, 2, 2, 2], [0, 4, 3, 3], [5, 3, 4, 4]]
    assert partition_tree([(1,)]).shape == (0, 4)
    assert partition_tree([(place,) for place in range(64)]).shape == (63, 4)


class Breaks(torch.nn.Module):
    """Raises at its third pass, when several documents wait."""

    def __init__(self, inner) -> None:
        super().__init__()
        self.inner, self.passes = inner, 0

    def get_input_embeddings(self):
        return self.inner.get_input_embeddings()

    def forward(self, input_ids, attention_mask):
        self.passes += 1
        if self.passes > 6:
            raise ValueError("the model broke")
        return self.inner(input_ids=input_ids, attention_mask=attention_mask)


@pytest.mark.timeout(60)
def test_what_a_model_raises_is_raised_and_no_thread_is_left(bert_of, tokenizer):
    from rai_audits.explain import TextModel

    model = TextModel(Breaks(bert_of()), tokenizer, ("approved", "denied"))
    before = threading.active_count()
    with pytest.raises(ValueError, match="the model broke"):
        attributed(model, TEXTS * 20, method="partition_shap")
    assert threading.active_count() == before


@pytest.mark.timeout(60)
def test_what_a_document_s_own_thread_raises_is_raised_and_ends_the_others():
    from rai_audits.explain.methods.turns import Turn, pooled

    def fine(ask):
        return [ask(np.ones((1, 1), dtype=bool)) for _ in range(5)]

    def broken(ask):
        ask(np.ones((1, 1), dtype=bool))
        raise KeyError("inside")

    before = threading.active_count()
    turns = [Turn(work, 0) for work in (fine, broken, fine)]
    with pytest.raises(KeyError, match="inside"):
        list(pooled(turns, lambda asked: [np.zeros(len(masks)) for _, masks in asked], 3))
    assert threading.active_count() == before
