"""The data and robustness rooms and slice discovery, inside a real run on a template."""

import pytest

from rai_tune import pipeline
from rai_tune.recipe import load_recipe
from rai_tune.reporting.stored import stored_results
from rai_tune.workspace import Workspace

ROOMS = ("near_duplicates", "label_noise", "calibration", "slice_discovery", "harmless_edits")


@pytest.mark.slow
def test_every_room_leaves_a_result(project, tmp_path):
    settings = [f"audits.include=[{', '.join(ROOMS)}]", "training.epochs=1", "audits.robustness.edit_rows=30"]
    workspace = Workspace.open(tmp_path / "w")
    outcome = pipeline.start(pipeline.plan(load_recipe(project / "recipe.yaml", settings)), workspace, lambda *_: None)
    results = {result.audit: result for result in stored_results(workspace, outcome.run_id)}
    assert {name: results[name].reason for name in ROOMS if results[name].status != "ok"} == {}
    assert results["near_duplicates"].measurements[0].status == "not_applicable"
    assert results["harmless_edits"].facts["largest_score_difference"] < 1e-4
    assert {item.label for item in results["harmless_edits"].measurements} >= {"typos", "case", "any"}
    assert results["calibration"].facts["bins"] >= 1
    assert "train" not in results["label_noise"].facts["rows"]
    assert "col:deny" in results["slice_discovery"].facts["left_out"]
