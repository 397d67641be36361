"""Random weights: what is drawn, that it is put back whatever happens, and that explanations blind to the model are found out."""

import copy

import peft
import pytest
import torch
from torch import nn

from rai_audits.core import UsageError
from rai_audits.explain import TextModel
from rai_audits.explain.attributing import attribute_opened
from rai_audits.explain.attribution import Settings
from rai_audits.explain.checks import Case, Options, run_checks
from rai_audits.explain.checks.randomisation import check_randomisation, random_weights
from rai_audits.explain.checks.work import Work
from rai_audits.explain.encoding import encode_text
from rai_audits.explain.engine import opened
from rai_audits.explain.target import contrast_target

# peft 0.21 asks transformers 5.24 for an alias that is to be renamed, while it wraps the model.
_PEFT = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

TEXTS = [
    "good film for the black applicant",
    "bad loan is low income films",
    "the white applicant, income is high.",
    "a badly good loan for the film",
    "high low good bad the a loan for is black white",
    "low income applicant for a bad film is good",
    "films, films: the loan is badly high",
    "is the black loan good or bad",
]


def work_of(model, engine, method="integrated_gradients", texts=TEXTS, **options):
    target, settings = contrast_target(model.classes, "denied"), Settings(method=method)
    encoded = [encode_text(model, text) for text in texts]
    found = attribute_opened(engine, encoded, [target] * len(texts), settings)
    cases = tuple(
        Case(f"r{place}", text, target, item) for place, (text, item) in enumerate(zip(encoded, found, strict=True))
    )
    return Work(engine, cases, settings, options=Options(**options))


def state_of(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(model, before):
    after = model.state_dict()
    return after.keys() == before.keys() and all(torch.equal(after[name], value) for name, value in before.items())


def test_weights_are_taken_from_the_top_down_and_keep_their_size(bert_of):
    model = bert_of()
    before = state_of(model)
    with random_weights(model, 3) as state:
        state.upto(1)
        changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
        assert changed == {"classifier.weight"}  # its bias is all 0 and stays so
        state.upto((len(state.modules) + 1) // 2)
        changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
        assert "bert.encoder.layer.1.output.dense.weight" in changed
        assert not any("embeddings" in name for name in changed)
        head = model.classifier.weight.clone()
        state.upto(len(state.modules))
        assert torch.equal(model.classifier.weight, head), "a weight is drawn once"
        words = model.get_input_embeddings().weight
        old = before["bert.embeddings.word_embeddings.weight"]
        assert not torch.equal(words, old)
        assert float(words.detach().std()) == pytest.approx(float(old.std()), rel=0.15)
    assert same(model, before)


def test_one_seed_draws_the_same_weights(bert_of):
    model = bert_of()
    drawn = []
    for seed in (1, 1, 2):
        with random_weights(model, seed) as state:
            state.upto(len(state.modules))
            drawn.append(model.classifier.weight.clone())
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


@_PEFT
@pytest.mark.parametrize("wrapped", [False, True])
def test_weights_modes_and_flags_are_as_before_also_after_an_exception(bert_of, tokenizer, wrapped, monkeypatch):
    inner = bert_of()
    if wrapped:
        inner = peft.get_peft_model(inner, peft.LoraConfig(r=2, target_modules=["query"], task_type="SEQ_CLS"))
    model = TextModel(inner, tokenizer, ("approved", "denied"), max_tokens=64)
    inner.train()
    before = state_of(inner)
    modes = [module.training for module in inner.modules()]
    flags = [weight.requires_grad for weight in inner.parameters()]
    with opened(model) as engine:
        result = check_randomisation(work_of(model, engine))
    assert result.key.n == len(TEXTS)
    assert same(inner, before)
    with opened(model) as engine:
        work = work_of(model, engine)
        calls = iter([False, True])  # the second stage breaks

        def broken(*_args, **_named):
            if next(calls):
                raise RuntimeError("broken")
            return [None] * len(TEXTS)

        monkeypatch.setattr(Work, "attribute", broken)
        with pytest.raises(RuntimeError, match="broken"):
            check_randomisation(work)
    assert same(inner, before)
    assert [module.training for module in inner.modules()] == modes
    assert [weight.requires_grad for weight in inner.parameters()] == flags


@_PEFT
def test_peft_weights_below_the_wrapper_are_drawn_too(bert_of):
    wrapped = peft.get_peft_model(bert_of(), peft.LoraConfig(r=2, target_modules=["query"], task_type="SEQ_CLS"))
    before = copy.deepcopy(state_of(wrapped))
    with random_weights(wrapped, 0) as state:
        state.upto(len(state.modules))
        changed = {name for name, value in wrapped.state_dict().items() if not torch.equal(value, before[name])}
    assert any("lora_A" in name for name in changed)
    assert any("query.base_layer.weight" in name for name in changed)
    assert any("word_embeddings" in name for name in changed)


def test_attributions_that_do_not_look_at_the_weights_are_rejected(bert_model):
    """Random numbers seeded by the text are the same whatever the model is: the correlation is 1 at every stage."""
    with opened(bert_model) as engine:
        work = work_of(
            bert_model, engine, method="random_baseline", texts=[f"{a} {b}" for a in TEXTS for b in TEXTS[:3]]
        )
        result = check_randomisation(work)
        checks = run_checks(engine, work.cases, work.settings)
    assert result.key.value.point == pytest.approx(1.0)
    assert result.outcome == "failed"
    assert checks.outcome == "not_trusted"


def test_gradients_change_with_the_weights(bert_model):
    with opened(bert_model) as engine:
        result = check_randomisation(work_of(bert_model, engine, randomisation_draws=4))
    assert result.outcome == "passed"
    by_stage = {item.label: item for item in result.quantities if item.metric == "randomisation_similarity"}
    assert set(by_stage) == {"all weights", "upper half", "head"}
    assert abs(by_stage["all weights"].value.point) < 0.35


def test_packed_weights_cannot_be_drawn_and_are_no_pass(tokenizer):
    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.codes = nn.Parameter(torch.zeros(4, dtype=torch.uint8), requires_grad=False)

    with pytest.raises(UsageError, match="codes"), random_weights(Packed(), 0):
        pass
