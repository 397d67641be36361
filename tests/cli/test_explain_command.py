"""``raitune explain`` as a person runs it: one decision, its checks, and what would have turned it."""

import json

import pytest


@pytest.mark.slow
def test_one_decision_is_explained(call, project):
    from rai_tune.workspace import Workspace

    code, _, err = call("run", "recipe.yaml", "--set", "audits.include=[data_profile, task_quality, group_rates]")
    assert code in {0, 3, 4}, err
    with Workspace.open(project / ".raitune", create=False) as store:
        predictions = store.read_table(store.artifacts(store.run("latest").id)["predictions"].digest)
    row = predictions[predictions["split"] == "test"].iloc[0]
    code, out, err = call("explain", "latest", "--row", row.row_id)
    assert code == 0, err
    assert f"Row {row.row_id} of small-" in out and f"decided {row.prediction}" in out
    for words in ("By columns, the strongest first", "race (identity)", "Checks of this explanation", "Not checked"):
        assert words in out
    assert max(map(len, out.splitlines())) <= 80

    code, out, err = call("explain", "latest", "--row", row.row_id, "--json")
    body = json.loads(out)
    assert (code, body["schema"], body["row"]) == (0, "rai-tune/explanation/v1", row.row_id)
    assert body["score"] == pytest.approx(row.score)
    for kind in ("word", "column"):
        parts = [item["attribution"] for item in body["attributions"] if item["kind"] in {kind, "special"}]
        assert sum(parts) == pytest.approx(body["output_change"], abs=body["completeness_error"] + 1e-6)
    assert {item["unit"] for item in body["attributions"] if item["identity"] and item["kind"] == "column"} == {"race"}
    assert [item["name"] for item in body["checks"]] == ["completeness", "deletion", "agreement"]
    turned = body["counterfactual"]
    assert turned["before"] == row.prediction
    assert turned["after"] in {None, "approved", "denied"} - {row.prediction}
    assert not any(change.startswith("race") for change in turned["changes"])

    code, out, _ = call("explain", "latest", "--row", row.row_id, "--method", "occlusion", "--json")
    other = json.loads(out)
    assert (code, other["method"], other["checks"][0]["outcome"]) == (0, "occlusion", "not_applicable")

    train = predictions[predictions["split"] == "train"].iloc[0]
    code, out, _ = call("explain", "latest", "--row", train.row_id)
    assert (code, "(train)" in out) == (0, True)

    for arguments, message in {
        ("--row", "nobody"): "decided no row 'nobody'. Ids look like",
        ("--row", row.row_id, "--method", "oclusion"): "Did you mean 'occlusion'",
        ("--row", row.row_id, "--set", "training.epochs=1"): "only settings of the suite",
    }.items():
        code, _, err = call("explain", "latest", *arguments)
        assert (code, message in err) == (2, True), err
    code, _, err = call("explain", "no-such-run", "--row", "1")
    assert code == 2 and "no-such-run" in err
