"""The audit from context to measurements, tables and facts."""

import dataclasses
import inspect
import math

import numpy as np
import pandas as pd
import pytest
import torch

from rai_audits.core import UsageError, canonical_json, load_audit, run_audit
from rai_audits.explain import TextModel


def run(context):
    spec = load_audit("explanations")
    assert (spec.suite, spec.needs_model) == ("explain", True)
    return spec.run(context)


def one(output, metric, **where):
    found = [m for m in output.measurements if m.metric == metric and all(getattr(m, k) == v for k, v in where.items())]
    assert len(found) == 1, (metric, where, len(found))
    return found[0]


def test_templated_rows(bert_model, context_of):
    # Random weights learned nothing, so the lines are set where nothing fails: what is shown is the numbers, not the verdict.
    lines = {
        "completeness": 1.0,
        "comprehensiveness": 0.0,
        "sufficiency": 0.0,
        "randomisation": 1.0,
        "edits": 0.0,
        "agreement": 0.0,
    }
    context = context_of(bert_model, documents=20, checks=lines)
    said = []
    output = run(dataclasses.replace(context, progress=lambda *state: said.append(state)))
    tables = context.artifacts
    documents, units = tables["documents"], tables["attributions"]
    assert output.artifacts == {"attributions": "digest-of-attributions", "documents": "digest-of-documents"}
    assert len(documents) == 20
    assert documents.groupby(["label", "group:race"]).size().tolist() == [5, 5, 5, 5]
    assert ("explaining", 20, 20) in said

    special = units[units.unit_kind == "special"].set_index("row_id").attribution
    for kind in ("word", "column"):
        sums = units[units.unit_kind == kind].groupby("row_id").attribution.sum() + special
        change = documents.set_index("row_id").output_change
        gap = (sums - change).abs()
        allowed = np.maximum(0.01 * change.abs(), 0.01) + 1e-6
        ok = documents.set_index("row_id").status == "ok"
        assert (gap[ok] <= allowed[ok]).all()
    assert units.groupby(["row_id", "unit_kind", "position"]).size().max() == 1

    columns = units[units.unit_kind == "column"]
    wide = columns.pivot_table(index="row_id", columns="unit", values="attribution").abs()
    share = wide["afam"] / (wide["afam"] + wide["income"])
    ok_ids = documents[documents.status == "ok"].row_id
    measured = one(output, "column_attribution_share", label="afam")
    assert measured.value == pytest.approx(share[ok_ids].mean())
    assert measured.value + one(output, "column_attribution_share", label="income").value == pytest.approx(1.0)
    assert measured.n == len(ok_ids)
    assert measured.bound("lower", 0.01).value < measured.bound("lower", 0.05).value < measured.value
    assert {m.split for m in output.measurements} == {"test"}

    text = context.rows.set_index("row_id").text
    for unit in units[(units.unit_kind == "word")].itertuples():
        assert text[unit.row_id][unit.start : unit.end] == unit.unit


def test_completeness_measurements_and_facts(bert_model, context_of):
    context = context_of(bert_model)
    output = run(context)
    documents = context.artifacts["documents"]
    error = one(output, "completeness_error")
    assert error.value == pytest.approx(float(documents.completeness_error.median()))
    assert error.low <= error.value <= error.high
    failed = one(output, "completeness_failed_share")
    assert (failed.n, failed.n_pos) == (24, int((documents.status != "ok").sum()))
    assert failed.bound("upper", 0.05).value < failed.bound("upper", 0.01).value
    facts = output.facts
    canonical_json(facts)
    assert facts["target"] == "logit(denied) - logit(approved)"
    assert "padding token" in facts["baseline"]
    assert sum(facts["steps"].values()) == 24
    assert facts["tokens"] == int(documents.tokens.sum())
    words = {entry["word"]: entry for entry in facts["top_words"]}
    assert words["black"]["documents"] == 12
    units = context.artifacts["attributions"]
    black = units[(units.unit_kind == "word") & (units.unit == "black")].attribution
    assert words["black"]["mean_signed"] == pytest.approx(black.mean())
    assert "," not in words


def test_scores_of_another_model_are_noticed(bert_model, context_of):
    context = context_of(bert_model)
    with torch.no_grad():
        logits = [
            bert_model.model.eval()(
                **bert_model.tokenizer(text, return_tensors="pt", return_token_type_ids=False)
            ).logits[0]
            for text in context.rows.text
        ]
    scores = [float(torch.softmax(item, dim=0)[1]) for item in logits]
    own = dataclasses.replace(context, predictions=context.predictions.assign(score=scores))
    assert run(own).facts["largest_score_difference"] < 1e-5
    assert run(context).facts["largest_score_difference"] == pytest.approx(max(abs(s - 0.5) for s in scores), abs=1e-5)


def test_order_of_rows_changes_nothing(bert_model, context_of):
    context = context_of(bert_model, documents=12)
    turned = dataclasses.replace(
        context, predictions=context.predictions.iloc[::-1], rows=context.rows.sample(frac=1.0, random_state=1)
    )
    assert run(context).measurements == run(turned).measurements


def test_free_text_has_words_and_no_columns(bert_model, context_of):
    context = context_of(bert_model, templated=False)
    output = run(context)
    assert not [m for m in output.measurements if m.metric == "column_attribution_share"]
    assert set(context.artifacts["attributions"].unit_kind) == {"word", "special"}
    assert output.facts["fixed_text_share"] == "not_applicable"


def test_constant_model_passes_nothing(bert_model, context_of):
    with torch.no_grad():
        bert_model.model.classifier.weight.zero_()
    context = context_of(bert_model)
    output = run(context)
    assert set(context.artifacts["documents"].status) == {"undefined"}
    assert context.artifacts["documents"].completeness_error.isna().all()
    assert len(context.artifacts["attributions"]) == 0
    assert one(output, "completeness_error").status == "not_estimable"
    assert one(output, "completeness_failed_share").value == 1.0


def test_multi_class_explains_the_recorded_prediction(bert_of, tokenizer, context_of):
    model = TextModel(bert_of(labels=3), tokenizer, ("c", "approved", "denied"))
    context = context_of(model, documents=8)
    task = dataclasses.replace(context.task, classes=("approved", "denied", "c"))
    context = dataclasses.replace(context, task=task)
    output = run(context)
    assert output.facts["target"] == "logit of the predicted class"
    assert set(context.artifacts["documents"].target) == {"logit(approved)"}


def test_empty_split_is_not_estimable(bert_model, context_of):
    output = run(dataclasses.replace(context_of(bert_model), eval_split="validation"))
    assert {m.status for m in output.measurements if m.metric.startswith("completeness")} == {"not_estimable"}


def test_tables_survive_parquet(bert_model, context_of, tmp_path):
    context = context_of(bert_model, documents=6)
    run(context)
    for name, table in context.artifacts.items():
        table.to_parquet(tmp_path / name)
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / name), table)


def test_segments_read_back_from_parquet_work(bert_model, context_of, tmp_path):
    context = context_of(bert_model, documents=6)
    as_lists = context.rows.assign(
        segments=[np.array([np.array(s, dtype=object) for s in cell], dtype=object) for cell in context.rows.segments]
    )
    assert run(dataclasses.replace(context, rows=as_lists)).measurements == run(context).measurements


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": None}, "need the model itself"),
        ({"rows": None}, "need the texts"),
        ({"options": {"documents": 0}}, "'documents' must be a whole number"),
        ({"options": {"steps": "many"}}, "'steps' must be a number"),
    ],
)
def test_bad_contexts_are_named(bert_model, context_of, change, message):
    with pytest.raises(UsageError, match=message):
        run(dataclasses.replace(context_of(bert_model), **change))


def test_classes_must_agree_and_a_crash_is_missing_evidence(tokenizer, bert_of, context_of):
    context = context_of(TextModel(bert_of(), tokenizer, ("no", "yes")))
    result = run_audit(load_audit("explanations"), context, {})
    assert (result.status, result.measurements) == ("error", ())
    assert "are not the task's" in result.reason


def test_no_measurement_is_a_silent_gap(bert_model, context_of):
    for measurement in run(context_of(bert_model, documents=8)).measurements:
        assert measurement.status != "ok" or math.isfinite(measurement.value)
        assert inspect.cleandoc(measurement.method)


@pytest.mark.slow
def test_partition_shap_says_how_much_it_resolved(bert_model, context_of):
    context = context_of(bert_model, documents=8, method="partition_shap", evaluations=12)
    output = run(context)
    resolved = context.artifacts["documents"].resolved
    assert 0 < resolved.mean() < 1
    assert one(output, "resolved_fraction").value == pytest.approx(float(resolved.mean()))
    assert output.facts["method"] == "partition_shap"
    plain = run(context_of(bert_model, documents=8))
    assert not [m for m in plain.measurements if m.metric == "resolved_fraction"]


def test_documents_are_explained_once_for_all_audits_of_a_run(bert_model, context_of):
    context = context_of(bert_model, documents=8)
    said = []
    for name in ("explanations", "identity_reliance", "global_attributions"):
        # Each audit of a run gets a context of its own, with the model wrapped anew.
        own = dataclasses.replace(
            context,
            model=dataclasses.replace(bert_model),
            progress=lambda *told: said.append(told),
        )
        load_audit(name).run(own)
    assert said.count(("explaining", 8, 8)) == 1
    changed = dataclasses.replace(context, options={**context.options, "documents": 6})
    load_audit("global_attributions").run(dataclasses.replace(changed, progress=lambda *told: said.append(told)))
    assert said.count(("explaining", 6, 6)) == 1
