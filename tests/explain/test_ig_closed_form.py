"""A linear model over embeddings: each token's attribution is its weight above the padding token's."""

import pytest

from rai_audits.core import UsageError
from rai_audits.explain import TextModel, attribute_texts


def expected(model, token: str) -> float:
    """(embedding - padding embedding) . (weights of denied - weights of approved)."""
    module = model.model.requires_grad_(False)
    ids = model.tokenizer.convert_tokens_to_ids([token, "[PAD]"])
    difference = module.words.weight[ids[0]] - module.words.weight[ids[1]]
    return float(difference @ (module.out.weight[1] - module.out.weight[0]))


def test_word_attributions_match_the_closed_form(bag_model):
    (found,) = attribute_texts(bag_model, ["Good films, BAD"], positive="denied")
    words = {unit.unit: unit.attribution for unit in found.words}
    assert words["Good"] == pytest.approx(expected(bag_model, "good"), rel=1e-4, abs=1e-6)
    assert words["films"] == pytest.approx(expected(bag_model, "film") + expected(bag_model, "##s"), rel=1e-4, abs=1e-6)
    assert words["BAD"] == pytest.approx(expected(bag_model, "bad"), rel=1e-4, abs=1e-6)
    assert words["(special tokens)"] == 0.0
    assert found.output_change == pytest.approx(sum(words.values()), abs=1e-5)
    assert (found.status, found.steps, found.target) == ("ok", 14, "logit(denied) - logit(approved)")


def test_sign_means_toward_the_positive_class(bag_model):
    toward_denied = attribute_texts(bag_model, ["good bad"], positive="denied")[0]
    toward_approved = attribute_texts(bag_model, ["good bad"], positive="approved")[0]
    assert [unit.attribution for unit in toward_denied.words] == pytest.approx(
        [-unit.attribution for unit in toward_approved.words], abs=1e-6
    )


def test_multi_class_explains_the_logit_of_the_predicted_or_a_named_class(tokenizer, bag_of):
    model = TextModel(bag_of(3), tokenizer, ("x", "y", "z"))
    predicted = attribute_texts(model, ["good film"])[0]
    assert predicted.target == f"logit({predicted.prediction})"
    assert predicted.prediction == "xyz"[max(range(3), key=predicted.logits.__getitem__)]
    module, ids = model.model.requires_grad_(False), tokenizer.convert_tokens_to_ids(["film", "[PAD]"])
    named = attribute_texts(model, ["good film"], target="y")[0]
    film = float((module.words.weight[ids[0]] - module.words.weight[ids[1]]) @ module.out.weight[1])
    assert named.words[1].attribution == pytest.approx(film, rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"positive": "denid"}, "Did you mean 'denied'"),
        ({"positive": "denied", "target": "denied"}, "either 'positive' or 'target'"),
        ({"segments": [[(0, 99, "x")]]}, "text 0: segment 0 to 99"),
        ({"segments": []}, "0 lists of segments for 1 texts"),
        ({"steps": 1}, "steps must be at least 2"),
        ({"tolerance": 0.0}, "tolerance must be above 0"),
    ],
)
def test_wrong_arguments_are_named(bag_model, arguments, message):
    with pytest.raises(UsageError, match=message):
        attribute_texts(bag_model, ["good"], **arguments)
