"""Reasons for unfavourable decisions on a linear model, where every attribution and every removal is known."""

import dataclasses
import json

import pytest
import torch

from rai_audits.core import load_audit

WEIGHTS = {"black": 2.0, "white": -1.0, "high": -1.5, "low": 1.25, "good": -0.5, "bad": 3.0}


@pytest.fixture
def linear(bag_model):
    """Log-odds of denied are a sum of word weights; the padding token weighs nothing."""
    module = bag_model.model
    with torch.no_grad():
        module.words.weight.zero_()
        for word, weight in WEIGHTS.items():
            module.words.weight[bag_model.tokenizer.convert_tokens_to_ids(word), 0] = weight
        module.out.weight.zero_()
        module.out.bias.zero_()
        module.out.weight[1, 0] = 1.0
    return bag_model


def decided(context):
    """The context with the decisions that the linear model takes at 0.5."""
    odds = [sum(WEIGHTS.get(word.strip(","), 0.0) for word in text.split()) for text in context.rows.text]
    names = ["denied" if value >= 0 else "approved" for value in odds]
    scores = [float(torch.sigmoid(torch.tensor(value))) for value in odds]
    frame = context.predictions.assign(prediction=names, score=scores)
    return dataclasses.replace(context, predictions=frame)


def one(output, metric, **where):
    found = [m for m in output.measurements if m.metric == metric and all(getattr(m, k) == v for k, v in where.items())]
    assert len(found) == 1, (metric, where, len(found))
    return found[0]


def test_reasons_are_the_columns_that_push_and_never_the_group(linear, context_of):
    context = decided(context_of(linear, documents=24))
    output = load_audit("adverse_action_reasons").run(context)
    table = context.artifacts["reasons"].set_index("row_id")
    denied = context.predictions[context.predictions.prediction == "denied"]
    assert output.facts["unfavourable"] == len(denied)
    texts = context.rows.set_index("row_id").text
    for row_id, factor in zip(table.index, table.itertuples(), strict=True):
        pushing = {"afam": WEIGHTS[texts[row_id].split()[1]], "income": WEIGHTS[texts[row_id].split()[-1]]}
        assert factor.removal_effect == pytest.approx(pushing[factor.factor], abs=1e-4)
        assert factor.attribution == pytest.approx(pushing[factor.factor], abs=1e-4)
        assert factor.confirmed and factor.identity == (factor.factor == "afam")
    black = denied["group:race"].eq("black").sum()
    assert one(output, "prohibited_basis_share").value == pytest.approx(black / len(denied))
    income = sum(WEIGHTS[texts[row_id].split()[-1]] > 0 for row_id in denied.row_id)
    assert one(output, "decisions_with_reasons_share").value == pytest.approx(income / len(denied))
    assert one(output, "reason_frequency", label="income").value == pytest.approx(income / len(denied))
    assert not [m for m in output.measurements if m.metric == "reason_frequency" and m.label == "afam"]
    assert one(output, "reasons_confirmed_share").value == 1.0
    assert one(output, "reason_stability").value == pytest.approx(1.0), (
        "a linear model has the same reasons under every draw"
    )


def test_words_of_free_text_and_the_words_that_name_groups(linear, context_of):
    context = decided(
        context_of(linear, templated=False, documents=24, swap_terms={"race": {"a": ["black"], "b": ["white"]}})
    )
    output = load_audit("adverse_action_reasons").run(context)
    table = context.artifacts["reasons"]
    assert set(table.kind) == {"word"}
    assert set(table[table.identity].factor) == {"black"}
    assert set(table[~table.identity].factor) <= {"low", "bad"}
    assert one(output, "prohibited_basis_share").value > 0


def test_without_a_favourable_outcome_or_an_unfavourable_decision(linear, context_of):
    context = decided(context_of(linear, documents=24))
    task = dataclasses.replace(context.task, favourable=None)
    (gap,) = load_audit("adverse_action_reasons").run(dataclasses.replace(context, task=task)).measurements
    assert (gap.status, gap.reason) == (
        "not_applicable",
        "the task names no favourable outcome, so no decision is unfavourable",
    )
    pleased = dataclasses.replace(context, predictions=context.predictions.assign(prediction="approved"))
    output = load_audit("adverse_action_reasons").run(pleased)
    assert {m.status for m in output.measurements} == {"not_estimable"}
    assert len(context.artifacts["reasons"]) == 0


def test_a_factor_whose_removal_moves_nothing_is_not_given(linear, context_of):
    """Attributions of another model are presented: what does not move this one is not confirmed."""
    context = decided(context_of(linear, documents=24))
    audit = load_audit("adverse_action_reasons")
    audit.run(context)
    predictions, model, made_of, found = context.shared["explained"]
    swapped = []
    for item in found.documents:
        values = [0.5 if not special else 0.0 for special in item.encoded.special]
        tokens = dataclasses.replace(item.tokens, attributions=tuple(values))
        swapped.append(dataclasses.replace(item, tokens=tokens))
    context.shared["explained"] = (predictions, model, made_of, dataclasses.replace(found, documents=tuple(swapped)))
    audit.run(context)
    table = context.artifacts["reasons"]
    assert len(table[~table.confirmed])
    assert (table[~table.confirmed].removal_effect <= 0.01).all()


def rendered(row, changes):
    values = {"afam": row["col:afam"], "income": row["col:income"], **changes}
    text = f"the {values['afam']} applicant, income is {values['income']}"
    return text, ()


def with_columns(context, **options):
    texts = context.rows.text.str.split()
    rows = context.rows.assign(**{"col:afam": texts.str[1], "col:income": texts.str[-1]})

    def group(row, attribute, to):
        return rendered(row, {"afam": to})[0]

    return dataclasses.replace(
        context, rows=rows, options={**context.options, "render_columns": rendered, "render": group, **options}
    )


def test_the_smallest_change_of_columns_turns_the_decision(linear, context_of):
    context = with_columns(decided(context_of(linear, documents=24)), counterfactual_documents=24)
    output = load_audit("minimal_counterfactuals").run(context)
    table = context.artifacts["counterfactuals"].set_index("row_id")
    texts = context.rows.set_index("row_id").text
    for row_id, found in table.iterrows():
        words = texts[row_id].split()
        own = WEIGHTS[words[1]] + WEIGHTS[words[-1]]
        keeps = [WEIGHTS[words[1]] + WEIGHTS[value] for value in ("high", "low", "good", "bad")]
        turns = any((value >= 0) != (own >= 0) for value in keeps)
        assert (found["after"] is not None and isinstance(found["after"], str)) == turns
        if turns:
            (change,) = json.loads(found["changes"])
            assert change.startswith("income = "), "columns that name a group are left as they are"
            assert found["minimal"] and found["size"] == 1
        other = WEIGHTS["white" if words[1] == "black" else "black"] + WEIGHTS[words[-1]]
        assert found["identity_alone"] == ((other >= 0) != (own >= 0))
    share = one(output, "counterfactual_identity_share")
    assert (share.n, share.value) == (24, pytest.approx(table.identity_alone.astype(bool).mean()))
    assert one(output, "counterfactual_size").value == 1.0


def test_words_are_taken_away_from_free_text(linear, context_of):
    context = decided(context_of(linear, templated=False, documents=24, counterfactual_documents=24))
    output = load_audit("minimal_counterfactuals").run(context)
    table = context.artifacts["counterfactuals"].set_index("row_id")
    texts = context.rows.set_index("row_id").text
    for row_id, found in table[table.after.notna()].iterrows():
        own = [WEIGHTS.get(word.strip(","), 0.0) for word in texts[row_id].split()]
        gone = [WEIGHTS.get(word, 0.0) for word in json.loads(found["changes"])]
        assert (sum(own) >= 0) != (sum(own) - sum(gone) >= 0)
    assert one(output, "counterfactual_identity_share").status == "not_estimable"
    assert output.facts["changes"].startswith("words taken away")


def test_a_constant_model_is_never_turned(linear, context_of):
    with torch.no_grad():
        linear.model.out.weight.zero_()
    context = context_of(linear, templated=False, documents=8)
    output = load_audit("minimal_counterfactuals").run(context)
    assert one(output, "counterfactual_found_share").value == 0.0
    assert one(output, "counterfactual_size").status == "not_estimable"


def test_a_word_of_a_longer_identity_term_is_never_given_as_a_reason(bag_model, context_of):
    # The lists hold "black applicant" but not the colour "black" alone; the model reads nothing but the colours.
    module = bag_model.model
    with torch.no_grad():
        module.words.weight.zero_()
        module.out.weight.zero_()
        module.out.bias.zero_()
        for word in ("black", "white"):
            module.words.weight[bag_model.tokenizer.convert_tokens_to_ids(word), 0] = 3.0
        module.out.weight[1, 0] = 1.0
    context = context_of(bag_model, templated=False, documents=24)
    context = dataclasses.replace(context, predictions=context.predictions.assign(prediction="denied"))
    output = load_audit("adverse_action_reasons").run(context)
    values = {item.metric: item.value for item in output.measurements}
    assert values["decisions_with_reasons_share"] == 0.0
    assert values["prohibited_basis_share"] == 1.0
    assert "reason_frequency" not in values
    assert context.artifacts["reasons"]["identity"].all()
