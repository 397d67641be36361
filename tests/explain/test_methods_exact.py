"""Attributions against closed forms: linear models, exact Shapley and Owen values by enumeration, and Captum."""

from itertools import combinations
from math import factorial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from rai_audits.explain import TextModel
from rai_audits.explain.attributing import attribute_tokens
from rai_audits.explain.attribution import Settings
from rai_audits.explain.baseline import baseline_ids
from rai_audits.explain.encoding import encode_text
from rai_audits.explain.engine import Row, opened
from rai_audits.explain.folding import tokens_by_word
from rai_audits.explain.jobs import Job, measured
from rai_audits.explain.methods.partition_shap import content_places, masked_ids
from rai_audits.explain.methods.partition_tree import partition_tree
from rai_audits.explain.target import contrast_target

TEN = "good bad film the a loan for is black white"
TEXTS = ["good", "badly films", "the film is bad, the loan is good", TEN]


class Pairs(nn.Module):
    """Log-odds are a sum over tokens and over pairs of tokens at two places: no three tokens ever interact."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(11)
        self.words = nn.Embedding(30, 6)
        self.out, self.mix = nn.Linear(6, 2), nn.Parameter(torch.randn(6, 6) / 3)

    def get_input_embeddings(self) -> nn.Module:
        return self.words

    def forward(self, input_ids, attention_mask):
        vectors = self.words(input_ids) * attention_mask.unsqueeze(-1)
        total = vectors.sum(dim=1)
        own = torch.einsum("bti,ij,btj->b", vectors, self.mix, vectors)
        crossed = torch.einsum("bi,ij,bj->b", total, self.mix, total) - own
        return SimpleNamespace(logits=self.out(total) + torch.stack([-crossed, crossed], dim=-1))


def attributed(model, texts, **settings):
    encoded = [encode_text(model, text) for text in texts]
    target = contrast_target(model.classes, model.classes[1])
    return attribute_tokens(model, encoded, [target] * len(texts), Settings(**settings))


def game(model, text):
    """Every coalition of content tokens -> explained number, and the places of the tokens."""
    target = contrast_target(model.classes, model.classes[1])
    with opened(model) as engine:
        (job,) = measured(engine, [Job(0, encode_text(model, text), target)])
        places = content_places(job)
        masks = [tuple(bool(number >> place & 1) for place in range(len(places))) for number in range(2 ** len(places))]
        values = engine.logits([Row(job.encoded.ids, masked_ids(job, places, mask)) for mask in masks])
    return dict(zip(masks, (values @ np.asarray(job.weights)).tolist(), strict=True)), job, places


def shapley(worth, count):
    found = []
    for player in range(count):
        others = [place for place in range(count) if place != player]
        total = 0.0
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            for some in combinations(others, size):
                without = tuple(place in some for place in range(count))
                total += weight * (
                    worth[tuple(place in some or place == player for place in range(count))] - worth[without]
                )
        found.append(total)
    return found


def owen(worth, tree, count):
    """Owen values on a binary tree: at each node the two halves split what they add to every coalition already there."""
    members = {place: (place,) for place in range(count)}
    for row, (left, right, *_rest) in enumerate(tree):
        members[count + row] = members[int(left)] + members[int(right)]
    found = np.zeros(count)

    def divide(node, outside, weight):
        if node < count:
            present = tuple(place in outside or place == node for place in range(count))
            found[node] += weight * (worth[present] - worth[tuple(place in outside for place in range(count))])
            return
        left, right = (int(side) for side in tree[node - count][:2])
        for one, other in ((left, right), (right, left)):
            divide(one, outside, weight / 2)
            divide(one, outside | frozenset(members[other]), weight / 2)

    divide(count + len(tree) - 1, frozenset(), 1.0)
    return found


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap", "partition_shap", "occlusion"])
def test_a_linear_model_is_its_own_explanation(bag_model, method):
    module = bag_model.model.requires_grad_(False)
    for text, found in zip(TEXTS, attributed(bag_model, TEXTS, method=method, evaluations=5000), strict=True):
        encoded = encode_text(bag_model, text)
        vectors = module.words.weight[list(encoded.ids)] - module.words.weight[0]
        expected = (vectors @ (module.out.weight[1] - module.out.weight[0])).tolist()
        expected = [0.0 if special else value for value, special in zip(expected, encoded.special, strict=True)]
        if method == "occlusion":
            words = tokens_by_word(encoded)
            for tokens in words:
                assert sum(found.attributions[place] for place in tokens) == pytest.approx(
                    sum(expected[place] for place in tokens), abs=1e-5
                )
        else:
            assert found.attributions == pytest.approx(expected, abs=1e-5)


def test_ten_tokens_that_interact_in_pairs_get_their_exact_shapley_values(tokenizer):
    model = TextModel(Pairs(), tokenizer, ("approved", "denied"))
    worth, _, places = game(model, TEN)
    (found,) = attributed(model, [TEN], method="partition_shap", evaluations=5000)
    assert (len(places), found.resolved) == (10, 1.0)
    assert [found.attributions[place] for place in places] == pytest.approx(shapley(worth, 10), abs=1e-4)


def test_ten_tokens_of_a_transformer_get_their_exact_owen_values(bert_model):
    worth, job, places = game(bert_model, TEN)
    (found,) = attributed(bert_model, [TEN], method="partition_shap", evaluations=5000)
    exact = owen(worth, partition_tree(tokens_by_word(job.encoded)), 10)
    own = [found.attributions[place] for place in places]
    assert found.resolved == 1.0
    assert own == pytest.approx(exact.tolist(), abs=1e-4)
    apart = np.abs(np.array(shapley(worth, 10)) - exact).max()
    assert 0 < apart < np.abs(exact).max(), "beyond pairs the tree matters, which the method says of itself"


def test_integrated_gradients_are_those_of_captum(bert_model):
    from captum.attr import LayerIntegratedGradients

    bert_model.model.eval()

    def explained(ids, mask):
        logits = bert_model.model(input_ids=ids, attention_mask=mask).logits
        return logits[:, 1] - logits[:, 0]

    theirs = LayerIntegratedGradients(explained, bert_model.model.get_input_embeddings())
    for text, found in zip(TEXTS, attributed(bert_model, TEXTS, steps=128, max_steps=128), strict=True):
        encoded = encode_text(bert_model, text)
        ids, blank = torch.tensor([encoded.ids]), torch.tensor([baseline_ids(encoded, 0)])
        values = theirs.attribute(
            ids, baselines=blank, additional_forward_args=(torch.ones_like(ids),), n_steps=400, method="gausslegendre"
        )
        expected = values.sum(dim=-1)[0].detach().numpy()
        assert np.abs(np.subtract(found.attributions, expected)).max() <= 2e-4 * np.abs(expected).max()
