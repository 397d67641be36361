"""Layers kept and a rank for each layer shape what is trained, and a saved model has the same shape again."""

import numpy as np
import pytest
import torch

from rai_tune.core import UsageError
from rai_tune.recipe.schema import ModelSpec
from rai_tune.tasks import load_task
from rai_tune.training.adapters import apply_adapter
from rai_tune.training.base_model import find_base
from rai_tune.training.predicting import predict_logits
from rai_tune.training.saved_model import DecisionFacts, load_saved, manifest_digest, merge_adapter, save_model
from rai_tune.training.structure import check_structure
from rai_tune.training.tokens import load_tokenizer

A_RANK = 4 * (32 + 32) + 2 * (32 + 64)
"""Trained numbers of one rank in one layer of the tiny base: four square layers of width 32, and two between 32 and 64."""
HEAD = 32 * 2 + 2


def model_of(base, **spec):
    made = ModelSpec.model_validate({"base": str(base), **spec})
    loaded = load_task("text_classification").load_base(str(base), ("no", "yes"), made.layers)
    return apply_adapter(loaded, made.adapter)


def trained(model):
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


@pytest.mark.parametrize(
    ("adapter", "layers", "count"),
    [
        ({"layer_ranks": [4, 0]}, None, 4 * A_RANK),
        ({"layer_ranks": [2, 3]}, None, 5 * A_RANK),
        ({"layer_ranks": [0, 1]}, None, A_RANK),
        ({"layer_ranks": [3], "target_modules": ["query", "value"]}, 1, 3 * 2 * 64),
        ({"rank": 2, "target_modules": ["query"]}, 1, 2 * 64),
    ],
)
def test_what_is_trained_by_hand(tiny_base, adapter, layers, count):
    assert trained(model_of(tiny_base, adapter=adapter, layers=layers)) == count + HEAD


def test_each_layer_has_its_rank_and_the_same_scale(tiny_base):
    model = model_of(tiny_base, adapter={"layer_ranks": [2, 8], "alpha": 48.0})
    found = {name: module for name, module in model.named_modules() if name.endswith("attention.self.query")}
    ranks = {
        name.split("layer.")[1][0]: (module.r["default"], module.scaling["default"]) for name, module in found.items()
    }
    # alpha over rank is 48 / 16 for one rank, so it is 3 in every layer.
    assert ranks == {"0": (2, 3.0), "1": (8, 3.0)}


def test_layers_are_kept_from_the_first(tiny_base):
    whole, cut = (
        model_of(tiny_base, adapter={"method": "full"}),
        model_of(tiny_base, adapter={"method": "full"}, layers=1),
    )
    assert (len(whole.bert.encoder.layer), len(cut.bert.encoder.layer)) == (2, 1)
    one, other = (model.bert.encoder.layer[0].intermediate.dense.weight for model in (whole, cut))
    assert torch.equal(one, other)


@pytest.mark.parametrize(
    "spec",
    [
        {"adapter": {"layer_ranks": [2, 0]}},
        {"adapter": {"layer_ranks": [3]}, "layers": 1},
        {"adapter": {"method": "full"}, "layers": 1},
    ],
)
def test_a_saved_model_answers_as_it_did(tiny_base, tmp_path, spec):
    model = model_of(tiny_base, **spec)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(torch.linspace(-0.1, 0.1, weight.numel()).reshape(weight.shape))
    base, tokenizer = find_base(str(tiny_base), None, tmp_path), load_tokenizer(str(tiny_base))
    facts = DecisionFacts(
        "text_classification", ("no", "yes"), "yes", "no", 0.5, "fixed", "text", None, (), 64,
        adapter=spec["adapter"].get("method") != "full", layers=spec.get("layers"),
    )  # fmt: skip
    manifest = save_model(model, tokenizer, facts, base, tmp_path / "model")
    loaded = load_saved(tmp_path / "model", manifest, tmp_path)
    assert loaded.digest == manifest_digest(manifest)
    assert loaded.facts == facts
    ids = [[2, 5, 6, 3], [2, 7, 3]]
    before, after = (predict_logits(each, ids, pad_id=0, batch_size=2, device="cpu") for each in (model, loaded.model))
    assert np.array_equal(before, after)


def test_a_merged_model_has_the_layers_that_were_kept(tiny_base, tmp_path):
    model = model_of(tiny_base, adapter={"layer_ranks": [3]}, layers=1)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(torch.linspace(-0.1, 0.1, weight.numel()).reshape(weight.shape))
    base, tokenizer = find_base(str(tiny_base), None, tmp_path), load_tokenizer(str(tiny_base))
    facts = DecisionFacts(
        "text_classification", ("no", "yes"), "yes", "no", 0.5, "fixed", "text", None, (), 64, adapter=True, layers=1
    )
    loaded = load_saved(tmp_path / "model", save_model(model, tokenizer, facts, base, tmp_path / "model"), tmp_path)
    ids = [[2, 5, 6, 3], [2, 7, 3]]
    before = predict_logits(loaded.model, ids, pad_id=0, batch_size=2, device="cpu")
    merged = load_task("text_classification").load_base(str(merge_adapter(loaded, tmp_path / "merged")), ("no", "yes"))
    assert merged.config.num_hidden_layers == len(merged.bert.encoder.layer) == 1
    after = predict_logits(merged.eval(), ids, pad_id=0, batch_size=2, device="cpu")
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_a_model_that_keeps_all_layers_is_written_as_before(tiny_base, tmp_path):
    base, tokenizer = find_base(str(tiny_base), None, tmp_path), load_tokenizer(str(tiny_base))
    facts = DecisionFacts(
        "text_classification", ("no", "yes"), "yes", "no", 0.5, "fixed", "text", None, (), 64, adapter=True
    )
    save_model(model_of(tiny_base), tokenizer, facts, base, tmp_path / "model")
    assert "layers" not in (tmp_path / "model" / "decision.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"layers": 3}, "keeps 3 layers, and the base .* has 2"),
        ({"adapter": {"layer_ranks": [1, 2, 3]}}, "has 3 ranks, and 2 layers are trained"),
        ({"adapter": {"layer_ranks": [1]}}, "has 1 ranks, and 2 layers are trained"),
    ],
)
def test_what_the_base_does_not_have_is_refused(tiny_base, tmp_path, spec, says):
    base = find_base(str(tiny_base), None, tmp_path)
    with pytest.raises(UsageError, match=says):
        check_structure(ModelSpec.model_validate({"base": str(tiny_base), **spec}), base)


def test_a_module_outside_the_layers_is_refused(tiny_base):
    with pytest.raises(UsageError, match="'classifier' is no linear layer of an encoder layer; there are dense, key"):
        model_of(tiny_base, adapter={"layer_ranks": [1, 1], "target_modules": ["classifier"]})
