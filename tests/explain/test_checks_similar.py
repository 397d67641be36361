"""Harmless edits and agreement: words matched by order, and values worked out by hand."""

from dataclasses import replace

import pytest

from rai_audits.core import UsageError
from rai_audits.explain.attributing import attribute_opened
from rai_audits.explain.attribution import Settings
from rai_audits.explain.checks import Case, Options
from rai_audits.explain.checks.agreement import agreement, check_agreement
from rai_audits.explain.checks.case import cosine, rank_correlation
from rai_audits.explain.checks.stability import check_stability, similarity
from rai_audits.explain.checks.work import Work
from rai_audits.explain.encoding import encode_text
from rai_audits.explain.engine import opened
from rai_audits.explain.target import contrast_target
from rai_audits.quality.measure import Gap

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
TEXTS = [f"{first} {second}" for first in TEXTS for second in TEXTS[:3]]


def work_of(model, engine, method="integrated_gradients", change=lambda item: item, **options):
    target, settings = contrast_target(model.classes, "denied"), Settings(method=method)
    encoded = [encode_text(model, text) for text in TEXTS]
    found = attribute_opened(engine, encoded, [target] * len(TEXTS), settings)
    cases = tuple(
        Case(f"r{place}", text, target, change(item))
        for place, (text, item) in enumerate(zip(encoded, found, strict=True))
    )
    return Work(engine, cases, settings, options=Options(**options))


def test_words_of_both_texts_are_matched_in_order():
    before = [("the", 1.0), ("loan", 2.0), ("the", -1.0)]
    after = [("text", 9.0), (":", 3.0), ("the", 1.0), ("loan", 2.0), ("the", -1.0)]
    assert similarity(before, after) == pytest.approx(1.0)
    assert similarity(before, [("the", -1.0), ("loan", -2.0), ("the", 1.0)]) == pytest.approx(-1.0)
    # 1*2 + 2*1 over sqrt(5) sqrt(5): the last word has no partner.
    assert similarity(before, [("the", 2.0), ("loan", 1.0)]) == pytest.approx(0.8)
    assert similarity(before, [("else", 1.0)]) is None
    assert similarity([("the", 0.0)], [("the", 1.0)]) is None


def test_rank_correlation_by_hand_and_where_there_is_none():
    assert rank_correlation([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(0.8)
    assert rank_correlation([1, 1, 2], [1, 2, 3]) == pytest.approx(3**0.5 / 2)
    assert rank_correlation([1, 2], [1, 2]) is None
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None
    assert cosine([0, 0], [1, 1]) is None


def test_agreement_by_hand():
    found = agreement([5.0, -4.0, 3.0, 0.1, 0.2], [5.0, 4.0, 0.3, -0.1, 2.0])
    # Top three of the first: words 0, 1, 2, of which 0 and 2 share the sign; those of the second are 0, 1 and 4.
    assert found.sign == pytest.approx(2 / 3)
    assert found.top == pytest.approx(2 / 3)
    assert found.rank == pytest.approx(0.3)
    assert agreement([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).top is None, "the top three of three words are no choice"
    assert agreement([1.0, 2.0, 3.0], [1.0, 0.0, 3.0]).sign == pytest.approx(2 / 3), "the sign of 0 agrees with nothing"
    twenty = [float(value) for value in range(20)]
    assert agreement(twenty, twenty[::-1]).top == 0.0
    assert agreement([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) is None


def test_edits_that_the_model_cannot_see_say_nothing(bert_model):
    with opened(bert_model) as engine:
        result = check_stability(work_of(bert_model, engine, edits=("case",)))
    assert isinstance(result.key.value, Gap) and result.key.n == 0
    assert result.outcome == "insufficient_evidence"


def test_explanations_that_follow_the_words_survive_edits_and_turned_ones_do_not(bag_model):
    """In a bag of words an edit moves no other word: unknown and added words aside, the cosine is 1."""

    def turned(item):
        return replace(item, attributions=tuple(-value for value in item.attributions))

    with opened(bag_model) as engine:
        kept = check_stability(work_of(bag_model, engine, edits=("paraphrase", "punctuation")))
        lost = check_stability(work_of(bag_model, engine, change=turned, edits=("paraphrase", "punctuation")))
    assert kept.key.value.point == pytest.approx(1.0, abs=1e-5)
    assert kept.outcome == "passed"
    assert lost.key.value.point == pytest.approx(-1.0, abs=1e-5)
    assert lost.outcome == "failed"
    assert {item.label for item in kept.quantities} == {"all edits", "paraphrase", "punctuation"}


def test_two_exact_methods_agree_on_a_bag_of_words(bag_model):
    with opened(bag_model) as engine:
        found = check_agreement(work_of(bag_model, engine))
        back = check_agreement(work_of(bag_model, engine, method="occlusion"))
    assert found.key.label == "occlusion" and back.key.label == "integrated_gradients"
    assert found.key.value.point == pytest.approx(1.0, abs=0.02)
    assert found.outcome == back.outcome == "passed"


def test_a_method_is_not_compared_with_itself(bag_model):
    with opened(bag_model) as engine, pytest.raises(UsageError, match="the method itself"):
        check_agreement(work_of(bag_model, engine, agreement_with="integrated_gradients"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"edits": ("punctation",)}, "punctuation"),
        ({"agreement_with": "oclusion"}, "occlusion"),
        ({"documents": 0}, "documents"),
        ({"low_steps": 1}, "low_steps"),
        ({"random_orders": True}, "random_orders"),
    ],
)
def test_wrong_options_are_refused_by_name(wrong, said):
    with pytest.raises(UsageError, match=said):
        Options(**wrong)
