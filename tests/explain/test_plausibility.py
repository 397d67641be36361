"""ERASER's agreement with human rationales: worked by hand from its definitions, and the audit on a model whose attributions are known."""

import dataclasses

import pandas as pd
import pytest
import torch

from rai_audits.core import UsageError, load_audit
from rai_audits.explain.rationales import Match, auprc, macro_f1, runs, span_match, token_match, top_marked

YES, NO = True, False
TRUTH = (NO, YES, YES, YES, NO, NO, YES, NO)
PRED = (NO, NO, YES, YES, YES, NO, NO, YES)


def test_token_and_span_matches_by_hand():
    assert token_match(TRUTH, PRED) == Match(2 / 4, 2 / 4)
    assert token_match(TRUTH, PRED).f1 == pytest.approx(0.5)
    assert runs(TRUTH) == ((1, 4), (6, 7))
    # Predicted 2-5 overlaps 1-4 in two of four tokens: IOU exactly one half counts; 7-8 overlaps nothing.
    assert span_match(TRUTH, PRED) == Match(1 / 2, 1 / 2)
    assert span_match(TRUTH, PRED, threshold=0.51) == Match(0.0, 0.0)


def test_empty_sides_are_zero_not_an_error():
    nothing = (NO,) * 8
    for match in (token_match(TRUTH, nothing), span_match(TRUTH, nothing), token_match(nothing, PRED)):
        assert match.f1 == 0.0
    assert runs(nothing) == () and runs((YES,)) == ((0, 1),)
    with pytest.raises(ValueError, match="8 true marks for 7"):
        token_match(TRUTH, PRED[:7])


def test_macro_is_of_mean_precision_and_mean_recall():
    matches = [Match(1.0, 0.5), Match(0.0, 0.0), Match(0.5, 1.0)]
    everywhere = [True] * 3
    assert macro_f1(matches, with_truth=everywhere, with_prediction=everywhere) == pytest.approx(0.5)
    # A document without a prediction has no precision to average, one without a truth no recall.
    assert macro_f1(matches, with_truth=everywhere, with_prediction=[True, False, True]) == pytest.approx(0.6)


def test_auprc_by_hand():
    # Ranks: yes, no, yes, no. Points (recall, precision) with scikit-learn's end point: (1, .5) (1, 2/3) (.5, .5) (.5, 1) (0, 1).
    assert auprc((YES, NO, YES, NO), (0.9, 0.8, 0.7, 0.1)) == pytest.approx(0.5 * (2 / 3 + 0.5) / 2 + 0.5, abs=1e-12)
    assert auprc((YES, YES, NO), (3.0, 2.0, 1.0)) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="no token is marked"):
        auprc((NO, NO), (1.0, 2.0))


def test_equal_scores_take_the_first_words():
    assert top_marked([1.0, 2.0, 2.0, 0.0], 2) == (NO, YES, YES, NO)
    assert top_marked([1.0, 1.0, 1.0], 1) == (YES, NO, NO)


def rationales_of(rows, word):
    return {
        row.row_id: ((start, start + len(word)),) if (start := row.text.find(word)) >= 0 else ()
        for row in rows.itertuples()
    }


def test_a_model_that_reads_the_marked_word_agrees_fully(bag_model, context_of):
    module = bag_model.model
    with torch.no_grad():
        module.words.weight.zero_()
        module.words.weight[bag_model.tokenizer.convert_tokens_to_ids("black"), 0] = 4.0
        module.words.weight[bag_model.tokenizer.convert_tokens_to_ids("white"), 0] = 4.0
        module.out.weight.zero_()
        module.out.weight[0, 0] = 1.0
    context = context_of(bag_model, templated=False, documents=24)
    spans = {
        **rationales_of(context.rows[context.rows.text.str.contains("black")], "black"),
        **rationales_of(context.rows[context.rows.text.str.contains("white")], "white"),
    }
    context = dataclasses.replace(context, options={**context.options, "rationales": spans})
    output = load_audit("plausibility").run(context)
    values = {item.metric: item for item in output.measurements}
    assert values["plausibility_token_f1"].value == pytest.approx(1.0)
    assert values["plausibility_iou_f1"].value == pytest.approx(1.0)
    assert values["plausibility_auprc"].value == pytest.approx(1.0)
    assert output.facts["documents"] == 24
    wrong = dataclasses.replace(
        context, options={**context.options, "rationales": rationales_of(context.rows, "income")}
    )
    other = {item.metric: item for item in load_audit("plausibility").run(wrong).measurements}
    assert other["plausibility_token_f1"].value == 0.0
    assert other["plausibility_auprc"].high < 0.5


def test_few_or_no_rationales(bag_model, context_of):
    context = context_of(bag_model, templated=False, documents=24)
    with pytest.raises(UsageError, match="needs human rationales"):
        load_audit("plausibility").run(context)
    some = dict(list(rationales_of(context.rows, "income").items())[:3])
    output = load_audit("plausibility").run(
        dataclasses.replace(context, options={**context.options, "rationales": some})
    )
    assert {item.status for item in output.measurements} == {"not_estimable"}
    assert isinstance(context.artifacts["plausibility"], pd.DataFrame)
