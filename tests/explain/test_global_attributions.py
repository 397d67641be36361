"""The global picture on models whose attributions have a closed form, and its error rates under no difference."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import UsageError, canonical_json, load_audit
from rai_audits.explain.unit_means import UnitMean, Use, unit_difference, unit_mean, uses_of


def run(given):
    spec = load_audit("global_attributions")
    assert (spec.suite, spec.needs_model, spec.ignores_weights) == ("explain", True, True)
    output = spec.run(given)
    canonical_json(output.facts)
    return output


def one(output, metric, **where):
    found = [
        item
        for item in output.measurements
        if item.metric == metric
        and all(getattr(item, name) == where.get(name) for name in ("label", "attribute", "group"))
    ]
    assert len(found) == 1, (metric, where, len(found))
    return found[0]


def worth(model):
    """What each token adds to logit(denied) - logit(approved), less what the padding token adds."""
    vectors = model.model.words.weight.detach().double() @ model.model.out.weight.detach().double().T
    values = vectors[:, 1] - vectors[:, 0]
    vocabulary = model.tokenizer.get_vocab()
    return {word: float(values[place] - values[vocabulary["[PAD]"]]) for word, place in vocabulary.items()}


def uses(*values):
    """Uses of one word: (document, value) pairs."""
    return [Use(SimpleNamespace(row_id=name), value) for name, value in values]


def test_words_of_a_linear_model_have_their_own_numbers(bag_model, context_of):
    output, value = run(context_of(bag_model, templated=False)), worth(bag_model)
    for word in ("black", "applicant", "income", "high"):
        assert one(output, "mean_attribution", label=word).value == pytest.approx(value[word], abs=1e-4)
        assert one(output, "mean_absolute_attribution", label=word).value == pytest.approx(abs(value[word]), abs=1e-4)
    sizes = {word: abs(value[word]) for word in output.facts["listed"]}
    assert sorted(sizes, key=lambda word: -sizes[word]) == output.facts["listed"]
    assert one(output, "mean_attribution", label="black").n == 12
    # A word adds the same for everybody, so no difference between groups may be found, whatever the noise of the arithmetic.
    differences = [item for item in output.measurements if item.metric == "attribution_difference_p_value_adjusted"]
    assert differences
    assert output.facts["differences"] == []


def test_columns_by_group_and_their_difference(bag_model, context_of):
    given, value = context_of(bag_model), worth(bag_model)
    output = run(given)
    assert output.facts["listed"] == sorted(
        ["afam", "income"], key=lambda name: -one(output, "mean_absolute_attribution", label=name).value
    )
    black = one(output, "mean_attribution", label="afam", attribute="race", group="black")
    assert (black.value, black.n) == (pytest.approx(value["black"], abs=1e-4), 12)
    difference = [
        item for item in output.measurements if item.metric == "attribution_difference" and item.label == "afam"
    ]
    assert [(item.group, item.reference) for item in difference] == [("black", "white")]
    assert difference[0].value == pytest.approx(value["black"] - value["white"], abs=1e-4)
    assert [item["label"] for item in output.facts["differences"]] == ["afam"]
    # The same four incomes in both groups: no difference, and an interval that says so.
    income = next(
        item for item in output.measurements if item.metric == "attribution_difference" and item.label == "income"
    )
    assert income.low < 0 < income.high
    table = given.artifacts["global_attributions"]
    assert set(table.unit_kind) == {"word", "column"}
    assert len(table[(table.unit == "black") & table.attribute.isna()]) == 1


def test_a_word_used_twice_counts_its_document_once(bag_model):
    # Means 1, 2, 6 over the documents, but the mean is over uses: (1 + 1 + 2 + 6) / 4.
    found = unit_mean(uses(("a", 1.0), ("a", 1.0), ("b", 2.0), ("c", 6.0)))
    assert (found.mean, found.documents, found.uses, found.freedom) == (2.5, 3, 4, 2.0)
    residuals = [2 * (1 - 2.5), 2 - 2.5, 6 - 2.5]
    assert found.error == pytest.approx(math.sqrt(1.5 * sum(value**2 for value in residuals)) / 4)
    assert unit_mean(uses(("a", 1.0), ("a", 3.0))) is None
    assert unit_mean(uses(("a", -1.0), ("b", 2.0)), absolute=True).mean == 1.5


def test_welch_by_hand():
    found = unit_difference(UnitMean(3.0, 0.5, 9.0, 10, 10, 0.0), UnitMean(1.0, 1.0, 4.0, 5, 7, 0.0))
    assert (found.mean, found.documents, found.uses) == (2.0, 15, 17)
    assert found.error == pytest.approx(math.sqrt(1.25))
    assert found.freedom == pytest.approx(1.25**2 / (0.25**2 / 9 + 1 / 4))


def test_values_that_do_not_vary_prove_no_more_than_their_number():
    assert unit_mean(uses(*((str(place), 2.0) for place in range(6)))).p_value == 2.0**-5
    assert unit_mean(uses(*((str(place), 0.0) for place in range(6)))).p_value == 1.0


def test_listed_words_have_wider_ends_and_all_are_tested(bert_model, context_of):
    given = context_of(bert_model, templated=False, documents=24)
    every, few = run(given), run(dataclasses.replace(given, options={**given.options, "global_words": 2}))
    assert (len(every.facts["listed"]), few.facts["listed"]) == (10, every.facts["listed"][:2])
    assert few.facts["words_tested"] == every.facts["words_tested"] == 10
    word = few.facts["listed"][0]
    wide, narrow = (one(output, "mean_attribution", label=word) for output in (few, every))
    assert wide.value == narrow.value
    assert wide.low < narrow.low < narrow.high < wide.high
    assert "20% picked of 10 words" in wide.method
    assert one(few, "mean_attribution_p_value_adjusted", label=word) == one(
        every, "mean_attribution_p_value_adjusted", label=word
    )


def test_rare_words_are_counted_not_listed(bert_model, context_of):
    given = context_of(bert_model, templated=False, global_documents=7)
    output = run(given)
    assert output.facts["words_in_too_few_documents"] == 4
    assert not {"high", "low", "good", "bad"} & set(output.facts["listed"])
    none = run(context_of(bert_model, templated=False, global_documents=25))
    assert [(item.metric, item.status) for item in none.measurements] == [
        ("mean_absolute_attribution", "not_estimable")
    ]
    assert none.measurements[0].reason == "no word occurs in 25 of the 24 explained documents that can be relied on"


def test_only_documents_that_can_be_relied_on_count(bert_model, context_of):
    from rai_audits.explain.explained import explained

    given = context_of(bert_model, templated=False)
    documents = explained(given).documents
    broken = dataclasses.replace(
        documents[0], attribution=dataclasses.replace(documents[0].attribution, status="failed")
    )
    held = uses_of([broken, *documents[1:]], "word")["applicant"]
    assert len(held) == len(documents) - 1
    assert documents[0].row_id not in {use.document.row_id for use in held}


def test_order_of_rows_changes_nothing(bert_model, context_of):
    given = context_of(bert_model)
    turned = dataclasses.replace(
        given, predictions=given.predictions.iloc[::-1], rows=given.rows.sample(frac=1.0, random_state=1), shared={}
    )
    first = run(given)
    table = given.artifacts["global_attributions"]
    assert run(turned).measurements == first.measurements
    pd.testing.assert_frame_equal(given.artifacts["global_attributions"], table)


def test_table_survives_parquet_and_an_empty_split_is_said(bert_model, context_of, tmp_path):
    given = context_of(bert_model)
    run(given)
    table = given.artifacts["global_attributions"]
    table.to_parquet(tmp_path / "t")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t"), table)
    empty = run(dataclasses.replace(given, eval_split="validation", shared={}))
    assert [item.status for item in empty.measurements] == ["not_estimable"]


def test_bad_options_are_named(bert_model, context_of):
    with pytest.raises(UsageError, match="'global_documents' must be a whole number of at least 2"):
        run(context_of(bert_model, global_documents=1))


def test_intervals_cover_the_mean_over_uses():
    # Documents use a word one to three times and share a part of its attribution; the truth is 1. 600 draws of 40 documents.
    generator, hits = np.random.default_rng(4), 0
    for _ in range(600):
        shared, times = generator.normal(size=40), generator.integers(1, 4, 40)
        drawn = [
            (str(place), 1 + shared[place] + generator.normal()) for place in range(40) for _ in range(times[place])
        ]
        low, high = unit_mean(uses(*drawn)).ends(0.05)
        hits += low <= 1 <= high
    assert hits / 600 >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 600)
