"""One query for all runs says the same as one query for each."""

from rai_tune.workspace import Workspace


def made(workspace, name):
    run = workspace.create_run(name=name, recipe={}, recipe_digest="0" * 64, policies={})
    return run.id


def test_artifacts_of_all_runs_in_one_query(tmp_path):
    workspace = Workspace.open(tmp_path / "w")
    first, second, bare = made(workspace, "one"), made(workspace, "two"), made(workspace, "bare")
    for run_id, name, value in ((first, "data", 1), (first, "audit:x", 2), (second, "data", 3), (second, "data", 4)):
        workspace.attach(run_id, name, workspace.put_json(value), "application/json")
    found = workspace.artifacts_by_run()
    assert found == {run_id: workspace.artifacts(run_id) for run_id in (first, second)}
    assert bare not in found
    assert workspace.read_json(found[second]["data"].digest) == 4
    assert {run_id: set(refs) for run_id, refs in workspace.artifacts_by_run(["audit:x"]).items()} == {
        first: {"audit:x"}
    }
    assert workspace.artifacts_by_run([]) == {}


def test_artifacts_by_the_beginning_of_name_and_digest(tmp_path):
    workspace = Workspace.open(tmp_path / "w")
    first, second = made(workspace, "one"), made(workspace, "two")
    shared, replaced = workspace.put_json({"id": "a"}), workspace.put_json({"id": "b"})
    for run_id in (first, second):
        workspace.attach(run_id, "policy:a", replaced, "application/json")
        workspace.attach(run_id, "policy:a", shared, "application/json")
    workspace.attach(first, "policy%a", workspace.put_json(5), "application/json")
    assert {ref.digest for ref in workspace.artifacts_named("policy:")} == {shared, replaced}
    assert [ref.digest for ref in workspace.artifacts_named("policy:", shared[:8])] == [shared]
    assert workspace.artifacts_named("policy%", "") != ()
    assert workspace.artifacts_named("p%:", "") == ()
    assert workspace.artifacts_named("policy:", "%") == ()


def test_openings_are_counted_by_test_rows(tmp_path):
    workspace = Workspace.open(tmp_path / "w")
    first, second = made(workspace, "one"), made(workspace, "two")
    assert workspace.openings() == {}
    for run_id, rows in ((first, "a" * 64), (second, "a" * 64), (second, "a" * 64), (second, "b" * 64)):
        workspace.open_test_rows(run_id, rows)
    assert workspace.openings() == {"a" * 64: 2, "b" * 64: 1}
