"""ERASER's definitions against values worked out by hand, and the deletion curves against a model asked directly."""

import math

import numpy as np
import pytest
import torch

from rai_audits.explain.attributing import attribute_opened
from rai_audits.explain.attribution import Settings
from rai_audits.explain.checks import OFF_DISTRIBUTION, Case, Options
from rai_audits.explain.checks.case import words_of
from rai_audits.explain.checks.eraser import aopc, ranking, softmax, top_counts
from rai_audits.explain.checks.faithfulness import check_faithfulness, faithfulness_curves
from rai_audits.explain.checks.work import Work
from rai_audits.explain.encoding import encode_text
from rai_audits.explain.engine import opened
from rai_audits.explain.target import class_target, contrast_target
from rai_audits.quality.measure import Gap

TEXTS = [
    "good film for the black applicant",
    "bad loan is low income films",
    "the white applicant, income is high.",
    "a badly good loan",
    "film",
    "high low good bad the a loan for is black white",
    "low income applicant for a bad film is good",
]


def cases_of(model, engine, texts, method="integrated_gradients", target=None):
    target = target or contrast_target(model.classes, "denied")
    encoded = [encode_text(model, text) for text in texts]
    found = attribute_opened(engine, encoded, [target] * len(texts), Settings(method=method))
    return tuple(
        Case(f"r{place}", text, target, item) for place, (text, item) in enumerate(zip(encoded, found, strict=True))
    )


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        (1, (1, 1, 1, 1, 1)),
        (2, (1, 1, 1, 1, 1)),
        (8, (1, 1, 1, 2, 4)),
        (30, (1, 2, 3, 6, 15)),
        (101, (2, 6, 11, 21, 51)),
    ],
)
def test_top_words_are_rounded_up_to_at_least_one(words, counts):
    assert top_counts(words) == counts


def test_a_text_without_words_has_no_top():
    with pytest.raises(ValueError, match="words"):
        top_counts(0)


def test_aopc_by_hand():
    # Falls of 0.1, 0.2, 0.4, 0.6 and 0.8 from a probability of 0.9.
    assert aopc(0.9, [0.8, 0.7, 0.5, 0.3, 0.1]) == pytest.approx(0.42)
    assert aopc(0.5, [0.6, 0.6, 0.5, 0.5, 0.5]) == pytest.approx(-0.04)


def test_ties_are_broken_by_lot_and_not_by_position():
    first = [ranking([0.0, 0.0, 0.0, -1.0], np.random.default_rng(seed))[0] for seed in range(3000)]
    shares = np.bincount(first, minlength=4) / 3000
    assert shares[3] == 0
    assert np.abs(shares[:3] - 1 / 3).max() < 0.04
    assert ranking([0.1, 3.0, -2.0, 1.0], np.random.default_rng(0)) == (1, 3, 0, 2)


def test_softmax_of_large_logits_is_finite():
    assert softmax([[1000.0, 0.0], [0.0, math.log(3)]]).tolist() == [[1.0, 0.0], pytest.approx([0.25, 0.75])]


def probability(model, ids, place):
    row = torch.tensor([ids])
    with torch.no_grad():
        logits = model.model.eval()(input_ids=row, attention_mask=torch.ones_like(row)).logits[0].double()
    return float(torch.softmax(logits, 0)[place]), logits


@pytest.mark.parametrize("fixture", ["bert_model", "bag_model"])
def test_curves_are_those_of_a_model_asked_text_by_text(fixture, request):
    model = request.getfixturevalue(fixture)
    with opened(model) as engine:
        cases = cases_of(model, engine, TEXTS[:1])
        work = Work(engine, cases, Settings(), options=Options(documents=1))
        found = {kind: curves[0] for kind, curves in faithfulness_curves(work).items()}
    case = cases[0]
    ids, words = list(case.encoded.ids), words_of(case.encoded, case.tokens.attributions)
    _, logits = probability(model, ids, 0)
    decided = int(logits.argmax())
    full, _ = probability(model, ids, decided)
    sign = 1 if decided == 1 else -1
    toward = [sign * value for value in words.values]
    alone = [
        full - probability(model, [t for p, t in enumerate(ids) if p not in own], decided)[0] for own in words.tokens
    ]
    assert len(words) == 6 and words.tokens[0] == (1,)
    for name, values in (("method", toward), ("leave_one_out", alone)):
        order = np.argsort(-np.asarray(values))
        less, only = [], []
        for count in (1, 1, 1, 2, 3):  # 1, 5, 10, 20 and 50 % of six words
            top = {p for word in order[:count] for p in words.tokens[word]}
            rest = {p for word in order[count:] for p in words.tokens[word]}
            less.append(full - probability(model, [t for p, t in enumerate(ids) if p not in top], decided)[0])
            only.append(full - probability(model, [t for p, t in enumerate(ids) if p not in rest], decided)[0])
        assert getattr(found["comprehensiveness"], name) == pytest.approx(np.mean(less), abs=1e-5)
        assert getattr(found["sufficiency"], name) == pytest.approx(np.mean(only), abs=1e-5)


def test_a_named_class_that_lost_is_watched_itself(tokenizer, bert_of):
    from rai_audits.explain import TextModel

    model = TextModel(bert_of(labels=3), tokenizer, ("x", "y", "z"), max_tokens=64)
    with opened(model) as engine:
        logits = engine.logits(
            [__import__("rai_audits.explain.engine", fromlist=["Row"]).Row(encode_text(model, TEXTS[0]).ids)]
        )[0]
        lost = int(np.argmin(logits))
        cases = cases_of(model, engine, TEXTS[:1], target=class_target(model.classes, model.classes[lost]))
        curves = faithfulness_curves(Work(engine, cases, Settings()))
    full = softmax(logits)[lost]
    assert curves["comprehensiveness"][0].method < full <= 1 / 3


def test_one_word_texts_are_left_out_and_too_few_documents_are_insufficient(bert_model):
    with opened(bert_model) as engine:
        cases = cases_of(bert_model, engine, ["film"] * 8 + TEXTS[:4])
        results = check_faithfulness(Work(engine, cases, Settings()))
    for result in results:
        assert result.outcome == "insufficient_evidence"
        assert isinstance(result.key.value, Gap) and result.key.n == 4


def test_order_of_documents_and_other_documents_do_not_change_a_curve(bert_model):
    with opened(bert_model) as engine:
        cases = cases_of(bert_model, engine, TEXTS)
        there, back = (faithfulness_curves(Work(engine, order, Settings())) for order in (cases, cases[::-1]))
        alone = faithfulness_curves(Work(engine, cases[:1], Settings()))
    assert there == back
    near = [
        item for item in there["comprehensiveness"] if abs(item.method - alone["comprehensiveness"][0].method) < 1e-5
    ]
    assert near and near[0].random == pytest.approx(alone["comprehensiveness"][0].random, abs=1e-5)


def test_leave_one_out_itself_reaches_all_of_its_advantage(bag_model):
    """A ranking by leave-one-out deletion, presented as the method's, is leave-one-out: the ratio is 1 with no width."""
    from dataclasses import replace

    with opened(bag_model) as engine:
        presented = []
        for case in cases_of(bag_model, engine, [text for text in TEXTS if " " in text]):
            words = words_of(case.encoded, case.tokens.attributions)
            ids = case.encoded.ids
            decided = int(probability(bag_model, ids, 0)[1].argmax())
            full = probability(bag_model, ids, decided)[0]
            values = [0.0] * len(ids)
            for own in words.tokens:
                less = [t for p, t in enumerate(ids) if p not in own]
                drop = full - probability(bag_model, less, decided)[0]
                values[own[0]] = drop if decided == 1 else -drop
            presented.append(replace(case, tokens=replace(case.tokens, attributions=tuple(values))))
        results = check_faithfulness(Work(engine, tuple(presented), Settings(), options=Options(random_orders=20)))
    for result in results:
        assert result.key.value.point == pytest.approx(1.0, abs=1e-6)
        assert result.outcome == "passed"
        assert OFF_DISTRIBUTION.lower() in result.sentence.lower()
