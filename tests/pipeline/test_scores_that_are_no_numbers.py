"""A score that is no number decides nobody: as NaN it is below every threshold, which would be somebody's outcome."""

import csv
import shutil

import pytest
from safetensors.torch import load_file, save_file

from rai_tune import pipeline, without_mitigation
from rai_tune.core import DivergedError
from rai_tune.recipe import load_recipe
from rai_tune.workspace import Workspace

pytestmark = pytest.mark.slow

FEW = ["audits.include=[task_quality, group_rates]", "training.epochs=1"]


def quiet(*_told):
    return None


def only_run(workspace):
    (run,) = workspace.runs()
    return run


@pytest.fixture
def broken(project, tiny_base):
    """A base whose vector for unknown words is no number, and four test rows with such a word."""
    base = shutil.copytree(tiny_base, project / "broken")
    weights = load_file(base / "model.safetensors")
    name = next(name for name in weights if name.endswith("word_embeddings.weight"))
    weights[name][1] = float("nan")
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    with (project / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for place, row in enumerate(rows):
        row["fold"] = ("test", "validation", "train", "train")[place % 4]
        row["record"] = "unheardof" if place in {0, 4, 8, 12} else row["record"]
    with (project / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return [f"model.base={base}", "data.split={column: fold}", *FEW]


def test_a_run_with_such_scores_is_diverged_and_has_no_verdict(project, broken):
    planned = pipeline.plan(load_recipe(project / "recipe.yaml", broken))
    with Workspace.open(project / "w") as workspace:
        with pytest.raises(DivergedError, match="the model's scores of 4 of "):
            pipeline.start(planned, workspace, quiet)
        run = only_run(workspace)
        assert (run.state, run.verdict) == ("diverged", None)
        assert "not finite numbers" in run.error
        assert not {"predictions", "decisions"} & set(workspace.artifacts(run.id))


def test_a_twin_with_such_scores_is_no_before_and_the_run_goes_on(project, monkeypatch):
    def no_numbers(*_given):
        raise DivergedError("the model's scores of 1 of 60 rows are not finite numbers")

    monkeypatch.setattr(without_mitigation, "_predicted", no_numbers)
    planned = pipeline.plan(load_recipe(project / "recipe.yaml", [*FEW, "mitigation={method: reweigh}"]))
    with Workspace.open(project / "w") as workspace:
        outcome = pipeline.start(planned, workspace, quiet)
        assert workspace.run(outcome.run_id).state == "completed"
        before = workspace.read_json(workspace.artifacts(outcome.run_id)["before"].digest)
        assert (before["status"], before["reason"][:18]) == ("diverged", "the model's scores")
