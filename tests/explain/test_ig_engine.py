"""The engine on a small BERT: completeness, independence of the batch, and texts at the edges."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import peft
import pytest
import torch
from torch import nn

from rai_audits.core import UsageError
from rai_audits.explain import TextModel, attribute_texts
from rai_audits.explain.attributing import attribute_tokens as integrate
from rai_audits.explain.attribution import Settings
from rai_audits.explain.encoding import encode_text

TEXTS = [
    "good",
    "the film is bad, the loan is good",
    "black applicant",
    "a loan for the white applicant, income is high. " * 4,
    "badly good films",
]


def true_change(model, text: str) -> float:
    """f(text) - f(baseline) for denied minus approved, from ids alone."""
    encoded = encode_text(model, text)
    ids = torch.tensor([encoded.ids])
    blank = torch.tensor([[i if s else 0 for i, s in zip(encoded.ids, encoded.special, strict=True)]])
    model.model.eval()
    with torch.no_grad():
        both = [model.model(input_ids=item, attention_mask=torch.ones_like(item)).logits[0] for item in (ids, blank)]
    return float((both[0][1] - both[0][0]) - (both[1][1] - both[1][0]))


def test_every_text_keeps_completeness_or_is_failed(bert_model):
    results = attribute_texts(bert_model, TEXTS, positive="denied", steps=4, tolerance=0.001)
    for text, found in zip(TEXTS, results, strict=True):
        change = true_change(bert_model, text)
        total = sum(unit.attribution for unit in found.words)
        assert found.output_change == pytest.approx(change, abs=1e-5)
        assert found.completeness_error == pytest.approx(abs(total - change), abs=1e-5)
        within = found.completeness_error <= max(0.001 * abs(change), 0.01)
        assert within == (found.status == "ok")
    assert {found.steps for found in results} - {4}, (
        "no text needed more than the first 4 steps: the test proves nothing"
    )


def test_a_text_that_never_converges_is_failed_with_the_numbers(bert_of, tokenizer):
    model = TextModel(bert_of(spread=1.5), tokenizer, ("approved", "denied"))
    encoded = [encode_text(model, text) for text in TEXTS]
    results = integrate(model, encoded, [None] * len(TEXTS), Settings(steps=2, tolerance=0.001, max_steps=2))
    failed = [found for found in results if found.status == "failed"]
    assert failed
    assert all("logit at 2 steps" in found.reason and found.error > 0.01 for found in failed)


def test_result_does_not_depend_on_the_batch(bert_model):
    encoded = [encode_text(bert_model, text) for text in TEXTS]
    together = integrate(bert_model, encoded, [None] * 5, Settings(steps=16, max_steps=16, tokens_per_pass=100_000))
    for text, found in zip(encoded, together, strict=True):
        (alone,) = integrate(bert_model, [text], [None], Settings(steps=16, max_steps=16, tokens_per_pass=40))
        scale = np.abs(alone.attributions).max()
        assert np.abs(np.subtract(alone.attributions, found.attributions)).max() <= 1e-4 * scale
        assert alone.change == pytest.approx(found.change, rel=1e-4)


def test_weights_and_modes_are_as_before(bert_model):
    module = bert_model.model
    module.train()
    module.bert.encoder.eval()
    module.classifier.weight.requires_grad_(False)
    before = {name: weight.clone() for name, weight in module.named_parameters()}
    attribute_texts(bert_model, ["good film"], positive="denied")
    assert module.training and module.dropout.training and not module.bert.encoder.training
    assert not module.classifier.weight.requires_grad and module.classifier.bias.requires_grad
    assert all(torch.equal(before[name], weight) for name, weight in module.named_parameters())
    assert all(weight.grad is None for weight in module.parameters())
    with torch.no_grad():
        assert attribute_texts(bert_model, ["good film"], positive="denied")[0].status == "ok"


# peft 0.21 asks transformers 5.24 for an alias that is to be renamed, while it wraps the model.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_lora_model_is_explained_like_its_merged_twin(bert_of, tokenizer):
    config = peft.LoraConfig(r=4, target_modules=["query", "value"], task_type="SEQ_CLS", init_lora_weights=False)
    torch.manual_seed(1)
    wrapped = peft.get_peft_model(bert_of(), config)
    texts = ["good film", "the loan is bad"]
    tuned = attribute_texts(TextModel(wrapped, tokenizer, ("a", "b")), texts, positive="b", steps=64)
    merged = attribute_texts(
        TextModel(wrapped.merge_and_unload(), tokenizer, ("a", "b")), texts, positive="b", steps=64
    )
    plain = attribute_texts(TextModel(bert_of(), tokenizer, ("a", "b")), texts, positive="b", steps=64)
    for left, right, base in zip(tuned, merged, plain, strict=True):
        values = [unit.attribution for unit in left.words]
        assert left.status == "ok"
        assert values == pytest.approx([unit.attribution for unit in right.words], rel=1e-3, abs=1e-4)
        assert values != pytest.approx([unit.attribution for unit in base.words], rel=1e-3, abs=1e-4)


def test_constant_model_is_undefined_not_passed(bert_model):
    with torch.no_grad():
        bert_model.model.classifier.weight.zero_()
    (found,) = attribute_texts(bert_model, ["good film"], positive="denied")
    assert (found.status, found.words, found.completeness_error) == ("undefined", (), None)
    assert "does not change" in found.reason


def test_non_finite_model_is_failed(bert_model):
    with torch.no_grad():
        bert_model.model.classifier.weight.fill_(float("nan"))
    (found,) = attribute_texts(bert_model, ["good film"], positive="denied")
    assert (found.status, found.reason, found.words) == ("failed", "the model's output is not a finite number", ())


def test_edge_texts(bert_model):
    texts = ["", "   ", "good", "zzz qqq", "[SEP] good", "[PAD]", "good\u200d é \U0001f600"]
    empty, blank, one, unknown, typed, padding, marks = attribute_texts(bert_model, texts, positive="denied")
    for nothing in (empty, blank):
        assert (nothing.status, nothing.tokens) == ("undefined", 2)
        assert "no content tokens" in nothing.reason
    assert [unit.unit for unit in one.words] == ["good", "(special tokens)"]
    assert one.words[0].attribution == pytest.approx(one.output_change, abs=0.02)
    assert (unknown.status, [unit.unit for unit in unknown.words][:2]) == ("ok", ["zzz", "qqq"])
    assert typed.words[0].unit == "["
    assert sum(unit.attribution for unit in typed.words[:3]) != 0.0, "a typed [SEP] is content, not a special token"
    assert (padding.status, padding.reason[:26]) == ("undefined", "the output does not change")
    assert marks.status == "ok"


def test_tokenizer_without_special_tokens_leaves_an_empty_text_undefined(bag_model):
    class Bare:
        is_fast, pad_token_id = True, 0

        def __call__(self, text, **options):
            return bag_model.tokenizer(text, add_special_tokens=False, **options)

    empty, full = attribute_texts(
        TextModel(bag_model.model, Bare(), bag_model.classes), ["", "good"], positive="denied"
    )
    assert (empty.status, empty.tokens, empty.output_change) == ("undefined", 0, None)
    assert full.status == "ok"


def test_long_text_is_cut_and_said(bert_model):
    long, short = attribute_texts(bert_model, ["good film " * 10_000, "good film"], positive="denied")
    assert (long.truncated, long.tokens, short.truncated) == (True, 64, False)
    assert len(long.words) == 62 + 1, "words beyond the cut are not listed"


def test_positions_derived_from_ids_do_not_break_completeness(tokenizer):
    """RoBERTa counts positions over tokens that are not padding, and the baseline is all padding."""
    from transformers import RobertaConfig, RobertaForSequenceClassification

    torch.manual_seed(2)
    config = RobertaConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        pad_token_id=0,
        initializer_range=0.3,
    )
    model = TextModel(RobertaForSequenceClassification(config), tokenizer, ("a", "b"))
    for found in attribute_texts(model, ["good film", "the loan is bad, good"], positive="b"):
        assert abs(found.output_change) > 0.02
        assert found.relative_error < 0.01


class Twice(nn.Module):
    """Reads its embedding twice, as encoder-decoder models do."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.words, self.out, self.times = nn.Embedding(30, 4), nn.Linear(4, 2), times

    def get_input_embeddings(self):
        return self.words

    def forward(self, input_ids, attention_mask):
        summed = sum((self.words(input_ids).sum(dim=1) for _ in range(self.times)), torch.zeros(len(input_ids), 4))
        return SimpleNamespace(logits=self.out(summed))


@pytest.mark.parametrize("times", [0, 2])
def test_embedding_used_other_than_once_is_refused(tokenizer, times):
    with pytest.raises(UsageError, match=f"uses its word embedding {times} times"):
        attribute_texts(TextModel(Twice(times), tokenizer, ("a", "b")), ["good"], positive="b")


def test_models_and_tokenizers_that_do_not_fit_are_named(bag_model, tokenizer):
    with pytest.raises(UsageError, match="word embedding layer of Linear"):
        attribute_texts(TextModel(nn.Linear(2, 2), tokenizer, ("a", "b")), ["good"])
    with pytest.raises(UsageError, match="not a fast tokenizer"):
        attribute_texts(TextModel(bag_model.model, object(), ("a", "b")), ["good"])
    with pytest.raises(UsageError, match=r"logits of shape \(2, 2\), but 3 classes"):
        attribute_texts(TextModel(bag_model.model, tokenizer, ("a", "b", "c")), ["good"])


def test_importing_the_room_does_not_load_torch():
    code = (
        "import sys, rai_audits.explain; sys.exit(any(n in sys.modules for n in ('torch', 'captum', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
