"""One small audited run, looked at from every side. Real training, real audits, a tiny encoder."""

import json
import random

import pandas as pd
import pytest

from rai_tune import auditing, pipeline
from rai_tune.core import IntegrityError, UsageError, sha256_file
from rai_tune.gate import load_policy
from rai_tune.recipe import load_recipe
from rai_tune.reporting.stored import stored_results, stored_table
from rai_tune.workspace import Workspace


def quiet(_what, _done, _total):
    return None


@pytest.fixture(scope="module")
def done(tmp_path_factory, tiny_base):
    from importlib import util

    spec = util.spec_from_file_location("shared_fixtures", str(_conftest()))
    shared = util.module_from_spec(spec)
    spec.loader.exec_module(shared)
    folder = tmp_path_factory.mktemp("done")
    shared.write_csv(folder / "rows.csv", shared.lending_rows())
    (folder / "recipe.yaml").write_text(shared.RECIPE.format(base=tiny_base), encoding="utf-8")
    workspace = Workspace.open(folder / "w")
    outcome = pipeline.start(pipeline.plan(load_recipe(folder / "recipe.yaml")), workspace, quiet)
    return folder, workspace, outcome


def _conftest():
    from pathlib import Path

    return Path(__file__).resolve().parent.parent / "conftest.py"


def test_every_stage_left_its_evidence(done):
    _, workspace, outcome = done
    run = workspace.run(outcome.run_id)
    assert run.state == "completed"
    assert run.verdict == outcome.outcome
    names = set(workspace.artifacts(run.id))
    assert {"context", "data", "training", "environment", "model", "predictions", "rows"} <= names
    assert {
        f"audit:{name}" for name in ("data_profile", "task_quality", "group_rates", "paired_swaps", "explanations")
    } <= names
    assert {result.status for result in stored_results(workspace, run.id)} == {"ok"}


def test_predictions_cover_all_rows_with_both_digests(done):
    _, workspace, outcome = done
    run = workspace.run(outcome.run_id)
    table = stored_table(workspace, run.id, "predictions")
    assert len(table) == 240
    assert set(table["split"]) == {"train", "validation", "test"}
    assert set(table["model_digest"]) == {run.model_digest}
    assert set(table["base_digest"]) == {run.base_digest}
    assert (table["score:approved"] + table["score:denied"]).round(9).eq(1).all()
    threshold = workspace.read_json(workspace.artifacts(run.id)["training"].digest)["threshold"]["value"]
    decided = table["score"].ge(threshold).map({True: "denied", False: "approved"})
    assert decided.tolist() == table["prediction"].tolist()


def test_selection_rate_is_that_of_the_table(done):
    _, workspace, outcome = done
    table = stored_table(workspace, outcome.run_id, "predictions")
    test = table[table["split"] == "test"]
    rates = {
        item.group: item
        for result in stored_results(workspace, outcome.run_id)
        for item in result.measurements
        if item.metric == "selection_rate" and item.attribute == "race"
    }
    for group in ("black", "white"):
        rows = test[test["group:race"] == group]
        assert rates[group].n == len(rows)
        assert rates[group].value == pytest.approx((rows["prediction"] == "approved").mean())
        assert rates[group].favourable == "approved"


def test_swapped_texts_differ_in_the_group_alone_and_the_summary_tells(done):
    from rai_tune.reporting import build_view, report_inputs, summary_text

    _, workspace, outcome = done
    swaps = stored_table(workspace, outcome.run_id, "paired_swaps:swaps")
    predictions = workspace.read_table(workspace.artifacts(outcome.run_id)["predictions"].digest).set_index("row_id")
    assert set(swaps["attribute"]) == {"race"}
    for row in swaps.to_dict("records"):
        assert row["swapped"] == row["text"].replace(row["group"], row["to"])
        before = predictions.loc[row["row_id"]]
        assert row["prediction"] == before["prediction"]
        assert row["score"] == pytest.approx(1 - before["score"], abs=1e-4)
    text = summary_text(build_view(report_inputs(workspace, outcome.run_id)))
    assert "The same text about another group" in text
    assert "sex: decisions that change               not applicable" in text


def test_a_small_test_split_never_passes(done):
    _, _, outcome = done
    assert outcome.outcome != "pass"
    assert any(control.outcome == "insufficient_evidence" for control in outcome.decisions[0].controls)


def test_a_recipe_that_was_changed_in_the_database_is_refused(done):
    from dataclasses import replace

    from rai_tune.stored_run import stored_recipe

    _, workspace, outcome = done
    run = workspace.run(outcome.run_id)
    assert stored_recipe(workspace, run).digest == run.recipe_digest
    data = {**run.recipe["data"], "template": "debt low record clean {{ race }}"}
    with pytest.raises(IntegrityError, match="its stored recipe is not the one that was recorded"):
        stored_recipe(workspace, replace(run, recipe={**run.recipe, "data": data}))


def test_a_policy_applied_later_is_a_redecision(done, tmp_path):
    _, workspace, outcome = done
    assert not outcome.decisions[0].redecision
    changed = tmp_path / "mine.yaml"
    text = load_policy("baseline").path.read_text(encoding="utf-8")
    changed.write_text(text.replace("id: baseline", "id: mine", 1), encoding="utf-8")
    later = pipeline.decide(outcome.run_id, workspace, (load_policy(changed),))
    assert later.decisions[0].redecision


def test_gating_twice_gives_the_same_decision(done):
    _, workspace, outcome = done
    policy = (load_policy("baseline"),)
    first = pipeline.decide(outcome.run_id, workspace, policy).decisions[0]
    second = pipeline.decide(outcome.run_id, workspace, policy).decisions[0]
    assert first.with_digest()["digest"] == second.with_digest()["digest"]


def test_new_rows_get_the_same_scores(done):
    folder, workspace, outcome = done
    stored = stored_table(workspace, outcome.run_id, "predictions").set_index("row_id")
    frame = pd.read_csv(folder / "rows.csv", dtype=str).head(20)
    scored = pipeline.predict(outcome.run_id, workspace, frame.drop(columns=["deny", "sex"]), "rows.csv", quiet)
    assert scored["row_id"].tolist() == frame["id"].tolist()
    assert scored["score"].to_numpy() == pytest.approx(stored.loc[frame["id"], "score"].to_numpy(), abs=1e-6)
    assert scored["prediction"].tolist() == stored.loc[frame["id"], "prediction"].tolist()


def test_new_rows_without_a_column_of_the_template_are_refused(done):
    folder, workspace, outcome = done
    frame = pd.read_csv(folder / "rows.csv", dtype=str).drop(columns=["debt"])
    with pytest.raises(UsageError, match="debt"):
        pipeline.predict(outcome.run_id, workspace, frame, "rows.csv", quiet)


def test_changed_weights_are_not_served(done):
    _, workspace, outcome = done
    weights = workspace.run_dir(outcome.run_id) / "model" / "adapter_model.safetensors"
    before = weights.read_bytes()
    weights.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    try:
        with pytest.raises(IntegrityError, match="adapter_model"):
            pipeline.load_model(workspace, workspace.run(outcome.run_id))
    finally:
        weights.write_bytes(before)


def test_a_lost_model_folder_is_laid_out_again_from_artifacts(done):
    import shutil

    _, workspace, outcome = done
    folder = workspace.run_dir(outcome.run_id) / "model"
    before = {path.name: sha256_file(path) for path in folder.iterdir()}
    shutil.rmtree(folder)
    pipeline.load_model(workspace, workspace.run(outcome.run_id))
    assert {path.name: sha256_file(path) for path in folder.iterdir()} == before


def test_merged_model_scores_alike_without_peft(done, tmp_path):
    import torch
    from transformers import AutoModelForSequenceClassification

    from rai_tune.training.saved_model import merge_adapter
    from rai_tune.training.tokens import tokenize

    _, workspace, outcome = done
    loaded = pipeline.load_model(workspace, workspace.run(outcome.run_id))
    ids = tokenize(loaded.tokenizer, ["debt high record bad black"], 64).ids
    before = loaded.model(input_ids=torch.tensor(ids)).logits.detach()
    merged = AutoModelForSequenceClassification.from_pretrained(merge_adapter(loaded, tmp_path / "merged")).eval()
    assert merged(input_ids=torch.tensor(ids)).logits.detach() == pytest.approx(before, abs=1e-5)
    assert not (tmp_path / "merged" / "adapter_config.json").exists()


@pytest.mark.slow
def test_blind_columns_are_not_applicable_not_zero(tmp_path, tiny_base, done):
    folder, _, _ = done
    sets = [
        "data.template=debt {{ debt }} record {{ record }}",
        "data.hide_groups=true",
        "audits.include=[identity_reliance]",
        "training.epochs=1",
    ]
    workspace = Workspace.open(tmp_path / "w")
    outcome = pipeline.start(pipeline.plan(load_recipe(folder / "recipe.yaml", sets)), workspace, quiet)
    found = {
        item.attribute: item
        for item in stored_results(workspace, outcome.run_id)[0].measurements
        if item.metric == "identity_reliance" and item.group is None
    }
    assert {item.status for item in found.values()} == {"not_applicable"}
    assert found["race"].estimate == "not_applicable"
    control = next(item for item in outcome.decisions[0].controls if item.id == "BASE-08")
    assert control.outcome == "not_applicable"


@pytest.mark.slow
def test_runs_on_the_same_test_rows_are_counted(done, tmp_path, tiny_base):
    folder, _, _ = done
    workspace = Workspace.open(tmp_path / "w")
    planned = pipeline.plan(load_recipe(folder / "recipe.yaml", ["audits.include=[group_rates]", "training.epochs=1"]))
    first = pipeline.start(planned, workspace, quiet)
    second = pipeline.start(planned, workspace, quiet)
    assert first.decisions[0].test_openings == 1
    assert second.decisions[0].test_openings == 2


def test_a_crashed_audit_is_insufficient_evidence(done, tmp_path, monkeypatch):
    from rai_audits.core.plugins import AuditSpec

    folder, _, _ = done

    def broken(_name):
        def crash(_context):
            raise ZeroDivisionError("planted")

        return AuditSpec(name="group_rates", suite="fairness", version="1", run=crash)

    monkeypatch.setattr(auditing, "load_audit", broken)
    workspace = Workspace.open(tmp_path / "w")
    planned = pipeline.plan(load_recipe(folder / "recipe.yaml", ["audits.include=[group_rates]", "training.epochs=1"]))
    outcome = pipeline.start(planned, workspace, quiet)
    result = stored_results(workspace, outcome.run_id)[0]
    assert (result.status, result.measurements) == ("error", ())
    assert outcome.outcome == "insufficient_evidence"
    ratio = next(item for item in outcome.decisions[0].controls if item.id == "BASE-04")
    assert "planted" in json.dumps(ratio.to_json())


def test_nothing_is_written_when_the_recipe_is_wrong(project):
    with pytest.raises(UsageError):
        pipeline.plan(load_recipe(project / "recipe.yaml", ["data.favourable=nobody"]))
    assert not (project / ".raitune").exists()


@pytest.mark.slow
def test_multi_class_runs_through(tmp_path, tiny_base):
    rows = ["text,mood,who"]
    rows += [
        f"the film is {word} {number % 10},{mood},{who}"
        for number in range(60)
        for word, mood in (("good", "up"), ("bad", "down"), ("fair", "flat"))
        for who in ("a", "b")
    ]
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(
        f"data: {{source: {{path: rows.csv}}, text: text, label: mood, favourable: up, groups: [{{column: who}}]}}\n"
        f"model: {{base: {tiny_base}, adapter: {{method: full}}}}\n"
        "training: {epochs: 2, learning_rate: 0.003, threads: 1}\naudits: {explain: {documents: 6}}\n",
        encoding="utf-8",
    )
    workspace = Workspace.open(tmp_path / "w")
    outcome = pipeline.start(pipeline.plan(load_recipe(tmp_path / "recipe.yaml")), workspace, quiet)
    results = stored_results(workspace, outcome.run_id)
    assert {result.status for result in results} == {"ok"}, [result.reason for result in results]
    metrics = {item.metric for result in results for item in result.measurements}
    assert {"selection_rate", "impact_ratio", "roc_auc", "completeness_failed_share"} <= metrics


@pytest.mark.slow
def test_odd_rows_are_said_not_errors(tmp_path, tiny_base):
    """A group of three rows, one without positives, one only in test, and a text of 100,000 words: the run goes on."""
    draw = random.Random(2)
    lines = ["id,text,mood,who,split"]
    for number in range(200):
        word = draw.choice(["good", "bad"])
        split = ("train", "validation", "test", "test")[number % 4]
        lines.append(f"{number},the film is {word} {number % 10},{'up' if word == 'good' else 'down'},a,{split}")
    lines += [
        f"{300 + place},the film is good,up,tiny,{split}" for place, split in enumerate(("train", "train", "test"))
    ]
    lines += [f"{310 + place},the film is bad,down,sad,test" for place in range(12)]
    lines.append(f"400,{'good ' * 100_000},up,a,test")
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(
        "data: {source: {path: rows.csv}, text: text, label: mood, positive: up, favourable: up, id: id,\n"
        "  groups: [{column: who}], split: {column: split}}\n"
        f"model: {{base: {tiny_base}}}\ntraining: {{epochs: 1, threads: 1}}\n"
        "audits: {include: [data_profile, group_rates]}\n",
        encoding="utf-8",
    )
    workspace = Workspace.open(tmp_path / "w")
    planned = pipeline.plan(load_recipe(tmp_path / "recipe.yaml"))
    assert any("sad" in note for note in planned.data.notes)
    outcome = pipeline.start(planned, workspace, quiet)
    training = workspace.read_json(workspace.artifacts(outcome.run_id)["training"].digest)
    assert training["truncated"] == {"train": 0, "validation": 0, "test": 1}
    rates = {
        (item.metric, item.group, item.reference): item
        for result in stored_results(workspace, outcome.run_id)
        for item in result.measurements
        if item.audit == "group_rates"
    }
    assert rates["true_positive_rate", "sad", None].status == "not_estimable"
    assert rates["impact_ratio", "tiny", None].status == "not_estimable"
    assert rates["selection_rate", "tiny", None].n == 1
    assert outcome.outcome == "insufficient_evidence"
